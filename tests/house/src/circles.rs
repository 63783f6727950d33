//! Circles between the files of a package.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::Source;

/// A module: the names from the root of its package.
type Module = Vec<String>;

/// The files of a package, by the modules that they hold.
struct Package<'s> {
    name: &'s str,
    files: BTreeMap<Module, &'s Source>,
}

/// Every circle in a package's imports, as a list of files that ends where it begins. Tests do not count, and neither
/// does a module's declaration: only what a file uses of another.
pub fn circles(name: &str, sources: &[&Source]) -> Vec<String> {
    let files = sources.iter().filter(|source| !source.is_test);
    let package = Package {
        name,
        files: files.map(|source| (module_of(source), *source)).collect(),
    };
    let imports: BTreeMap<&str, BTreeSet<&str>> = package
        .files
        .iter()
        .map(|(module, source)| (source.path.as_str(), package.imports(module, source)))
        .collect();
    let mut found = Vec::new();
    let mut done = BTreeSet::new();
    for file in imports.keys() {
        if !done.contains(file)
            && let Some(circle) = way_back(&imports, file)
        {
            done.extend(circle.iter().copied());
            found.push(circle.join(" -> "));
        }
    }
    found
}

/// The shortest way from a file back to itself.
fn way_back<'s>(
    imports: &BTreeMap<&'s str, BTreeSet<&'s str>>,
    start: &'s str,
) -> Option<Vec<&'s str>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = vec![start];
    while !next.is_empty() {
        let mut further = Vec::new();
        for file in next {
            for &target in &imports[file] {
                if target == start {
                    let mut way = vec![start, file];
                    while let Some(&before) = came_from.get(way[way.len() - 1]) {
                        way.push(before);
                    }
                    if file == start {
                        way.pop();
                    }
                    way.reverse();
                    way.push(start);
                    way.dedup();
                    return Some(way);
                }
                if target != start && !came_from.contains_key(target) {
                    came_from.insert(target, file);
                    further.push(target);
                }
            }
        }
        next = further;
    }
    None
}

/// `src/lib.rs` holds the root, `src/a/mod.rs` and `src/a.rs` hold `a`.
fn module_of(source: &Source) -> Module {
    let inside = source.path[source.package.len() + 1..].trim_end_matches(".rs");
    let names = inside
        .split('/')
        .filter(|name| !matches!(*name, "mod" | "lib"));
    names.map(str::to_owned).collect()
}

impl<'s> Package<'s> {
    /// The other files that a file uses.
    fn imports(&self, module: &Module, source: &Source) -> BTreeSet<&'s str> {
        let paths = source.paths.iter().filter(|path| !path.in_test);
        paths
            .filter_map(|path| self.file_of(module, &path.text, 0))
            .filter(|path| *path != source.path)
            .collect()
    }

    /// The file that a path leads to from a module; none where it leads out of the package. Names that a module only
    /// hands on lead to where they come from.
    fn file_of(&self, from: &Module, path: &str, depth: usize) -> Option<&'s str> {
        let mut segments = path.split("::").peekable();
        let mut at: Module = match segments.peek()? {
            &"crate" => Vec::new(),
            &"self" | &"super" => from.clone(),
            name if *name == self.name => Vec::new(),
            // A child's name; or another crate's, or a name of this file.
            name if self.files.contains_key(&child(from, name)) => from.clone(),
            _ => return None,
        };
        if matches!(segments.peek(), Some(&("crate" | "self")))
            || segments.peek() == Some(&self.name)
        {
            segments.next();
        }
        while segments.peek() == Some(&"super") {
            segments.next();
            at.pop();
        }
        while let Some(name) = segments.next() {
            if self.files.contains_key(&child(&at, name)) {
                at.push(name.to_owned());
                continue;
            }
            let exported = self
                .files
                .get(&at)?
                .exports
                .iter()
                .find(|(bound, _)| bound == name);
            return match exported {
                Some((_, behind)) if depth < 8 => {
                    let rest: Vec<&str> = segments.collect();
                    let behind = [&[behind.as_str()][..], &rest].concat().join("::");
                    self.file_of(&at, &behind, depth + 1)
                }
                _ => self.files.get(&at).map(|source| source.path.as_str()),
            };
        }
        self.files.get(&at).map(|source| source.path.as_str())
    }
}

fn child(module: &Module, name: &str) -> Module {
    let mut child = module.clone();
    child.push(name.to_owned());
    child
}
