//! What the rules ask of a source file, read with syn.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// A source file.
pub struct Source {
    /// The directory of its package's sources.
    pub package: &'static str,
    /// Its path in the repository.
    pub path: String,
    pub lines: usize,
    /// Whether it holds only tests and what they share.
    pub is_test: bool,
    pub functions: Vec<Function>,
    /// Every path in the code, `use` trees spread out; a single word in a `use` counts too.
    pub paths: Vec<Word>,
    /// Each name that a `pub use` gives to others, with the path behind it.
    pub exports: Vec<(String, String)>,
    pub macros: Vec<Word>,
    /// Every string in the code. Comments are none, but for those in macros, which may become text.
    pub literals: Vec<Word>,
}

pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

/// A piece of code with its line.
pub struct Word {
    pub line: usize,
    pub text: String,
    pub in_test: bool,
}

/// File names that hold only tests and what they share.
const TEST_FILES: &[&str] = &[
    "tests.rs",
    "testing.rs",
    "conformance.rs",
    "faulty.rs",
    "oracle.rs",
];

impl Source {
    /// Reads a file. Panics where it is no Rust: then nothing else compiles either.
    pub fn read(package: &'static str, path: &str, text: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let mut source = Self {
            package,
            path: path.to_owned(),
            lines: text.lines().count(),
            is_test: TEST_FILES.contains(&name) || path.contains("/tests/"),
            functions: Vec::new(),
            paths: Vec::new(),
            exports: Vec::new(),
            macros: Vec::new(),
            literals: Vec::new(),
        };
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut reader = Reader {
            source: &mut source,
            in_test: false,
            inside: Vec::new(),
        };
        reader.visit_file(&file);
        source
    }
}

struct Reader<'s> {
    source: &'s mut Source,
    in_test: bool,
    /// The inline modules around the code, which `super` leaves first.
    inside: Vec<String>,
}

impl Reader<'_> {
    fn word(&self, line: usize, text: String) -> Word {
        Word {
            line,
            text,
            in_test: self.in_test,
        }
    }

    fn path(&mut self, line: usize, segments: &[String]) {
        let mut segments = segments;
        let mut inside = self.inside.len();
        // In an inline module the first `super`s lead back to the file.
        while inside > 0 && segments.first().is_some_and(|s| s == "super") {
            segments = &segments[1..];
            inside -= 1;
        }
        let stays = segments
            .first()
            .is_some_and(|s| s == "super" || s == "self");
        if inside > 0 && stays {
            return;
        }
        let word = self.word(line, segments.join("::"));
        self.source.paths.push(word);
    }

    fn use_tree(&mut self, tree: &syn::UseTree, prefix: &[String], is_public: bool) {
        let line = tree.span().start().line;
        let mut path = prefix.to_vec();
        let bound = match tree {
            syn::UseTree::Path(one) => {
                path.push(one.ident.to_string());
                return self.use_tree(&one.tree, &path, is_public);
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(tree, prefix, is_public);
                }
                return;
            }
            syn::UseTree::Name(one) => {
                if one.ident != "self" {
                    path.push(one.ident.to_string());
                }
                path.last().cloned()
            }
            syn::UseTree::Rename(one) => {
                path.push(one.ident.to_string());
                Some(one.rename.to_string())
            }
            syn::UseTree::Glob(_) => {
                path.push("*".to_owned());
                None
            }
        };
        if is_public && let Some(bound) = bound {
            self.source.exports.push((bound, path.join("::")));
        }
        self.path(line, &path);
    }

    /// What stands in a macro is not parsed: its words are read as they stand.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut run: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            let line = token.span().start().line;
            match token {
                TokenTree::Ident(word) if colons == 2 || run.is_empty() => {
                    run.push(word.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Ident(word) => {
                    self.end_run(line, &mut run);
                    run.push(word.to_string());
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !run.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => {
                    self.end_run(line, &mut run);
                    // `#[doc = "..."]` is what a comment becomes.
                    if group.delimiter() != Delimiter::Bracket || !is_comment(&group.stream()) {
                        self.tokens(group.stream());
                    }
                }
                TokenTree::Literal(literal) => {
                    self.end_run(line, &mut run);
                    if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                        let word = self.word(line, text.value());
                        self.source.literals.push(word);
                    }
                }
                TokenTree::Punct(_) => self.end_run(line, &mut run),
            }
            colons = 0;
        }
        self.end_run(0, &mut run);
    }

    fn end_run(&mut self, line: usize, run: &mut Vec<String>) {
        if run.len() > 1 {
            self.path(line, run);
        }
        run.clear();
    }
}

fn is_comment(tokens: &TokenStream) -> bool {
    let first = tokens.clone().into_iter().next();
    matches!(first, Some(TokenTree::Ident(word)) if word == "doc")
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = match &attribute.meta {
            syn::Meta::Path(path) => return path.is_ident("test"),
            syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string(),
            _ => return false,
        };
        // `cfg(test)` and `cfg(any(test, ...))`, but not `cfg(not(test))`.
        text == "test" || text.starts_with("any") && text.contains("test")
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            _ => &Vec::new(),
        };
        let before = self.in_test;
        self.in_test |= is_for_tests(attributes);
        visit::visit_item(self, item);
        self.in_test = before;
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_some() {
            self.inside.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.inside.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_public = !matches!(item.vis, syn::Visibility::Inherited) && self.inside.is_empty();
        self.use_tree(&item.tree, &[], is_public);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let before = self.in_test;
        self.in_test |= is_for_tests(&item.attrs);
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
        self.in_test = before;
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
            self.path(path.span().start().line, &segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let line = item.span().start().line;
        if let Some(name) = item.path.segments.last() {
            let word = self.word(line, name.ident.to_string());
            self.source.macros.push(word);
        }
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        let word = self.word(literal.span().start().line, literal.value());
        self.source.literals.push(word);
    }

    // Comments and attributes say nothing to users.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

impl Reader<'_> {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (
            signature.fn_token.span().start().line,
            block.span().end().line,
        );
        self.source.functions.push(Function {
            name: signature.ident.to_string(),
            line: first,
            lines: last - first + 1,
        });
    }
}
