//! The house test: reads the sources and fails when something stands in the wrong room.
//!
//! The tables come first and are the law. A small scanner follows, which knows just enough Rust to tell code from
//! comments and strings and to read paths. Its own tests, at the end, show that each rule can go red.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Who may import whom: the first row that begins a file's path (under `src/`) speaks for it. A file may always import
/// its own room. A file with no row is refused, so a new room has to be entered here.
const ARROWS: &[(&str, &[&str])] = &[
    ("lib.rs", &[ANYTHING]),
    ("main.rs", &["cli"]),
    ("domain/", &[]),
    ("chain/codec.rs", &["domain"]),
    ("chain/", &[]),
    ("store/", &["chain"]),
    ("ledger/", &["domain", "chain", "store"]),
    ("report/", &["domain"]),
    ("render/", &["report"]),
    ("intake/", &["domain"]),
    ("witness/", &["chain"]),
    (
        "cli/",
        &[
            "domain", "chain", "store", "ledger", "report", "render", "intake", "witness",
        ],
    ),
];

/// In [`ARROWS`]: no import is refused.
const ANYTHING: &str = "*";

/// What a ledger must not know: which store it is given. Any name that contains one of these gives a backend away, also
/// when `store` exports it again; and so does importing everything.
const BACKENDS: &[&str] = &["sled", "journal", "memory", "faulty", "*"];

/// Crates that only these files may name, so that replacing one is a change to them. Tests inside `src/` count too.
/// Our own module `store::sled` is spelled `self::sled` or `crate::store::sled`: a bare `sled::` is the crate.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    ("bincode", &["chain/codec.rs"]),
    ("blake3", &["chain/record.rs", "chain/lanes.rs"]),
    (
        "sled",
        &[
            "store/sled/guard.rs",
            "store/sled/read.rs",
            "store/sled/tests.rs",
            "store/sled/trees.rs",
        ],
    ),
    ("lz4_flex", &["store/pack.rs"]),
    ("axum", &["witness/serve.rs"]),
    ("tokio", &["witness/serve.rs"]),
    ("ureq", &["witness/ask.rs"]),
];

/// Macros for `cli/` alone: a library does not talk to a terminal it may not have.
const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// A map longer than this is no longer read.
const ARCHITECTURE_LINES_MAX: usize = 150;

/// What a visitor expects to find at the top.
const TOP_LEVEL: &[&str] = &["Cargo.toml", "src", "tests", "fixtures"];

#[test]
fn every_source_file_keeps_to_its_room() {
    let src = root().join("src");
    let mut found = Vec::new();
    for file in rust_files(&src).unwrap() {
        let text = fs::read_to_string(&file).unwrap();
        let path = file
            .strip_prefix(&src)
            .unwrap()
            .to_string_lossy()
            .replace('\\', "/");
        for (line, what) in offences(&path, &text) {
            found.push(format!("src/{path}:{line}: {what}"));
        }
    }
    assert!(
        found.is_empty(),
        "out of place:\n{}\nThe rules stand at the top of tests/it/house.rs.",
        found.join("\n")
    );
}

#[test]
fn the_map_stays_short() {
    if let Ok(map) = fs::read_to_string(root().join("ARCHITECTURE.md")) {
        let lines = map.lines().count();
        assert!(
            lines <= ARCHITECTURE_LINES_MAX,
            "ARCHITECTURE.md: {lines} lines, at most {ARCHITECTURE_LINES_MAX} are allowed"
        );
    }
}

#[test]
fn the_top_level_is_complete() {
    for name in TOP_LEVEL {
        assert!(root().join(name).exists(), "{name} is missing");
    }
}

#[test]
fn there_is_a_readme() {
    assert!(root().join("README.md").is_file(), "README.md is missing");
}

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below a directory, in a stable order.
fn rust_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

// ---- The rules ----

/// A line number and what is wrong there.
type Offence = (usize, String);

/// Everything wrong with one file; `path` is relative to `src/`.
fn offences(path: &str, text: &str) -> Vec<Offence> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    // A file of tests alone; its parent declares it under `#[cfg(test)]`.
    if !["tests.rs", "testing.rs"]
        .iter()
        .any(|name| path.ends_with(&format!("/{name}")))
    {
        found.extend(wrong_arrows(path, &without_tests(&tokens)));
    }
    found.extend(misplaced_names(path, &tokens));
    found.sort();
    found.dedup();
    found
}

/// Imports that run against [`ARROWS`].
fn wrong_arrows(path: &str, tokens: &[Token]) -> Vec<Offence> {
    let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| path.starts_with(room)) else {
        return vec![(1, "this file has no row in the table of arrows".to_owned())];
    };
    if allowed.contains(&ANYTHING) {
        return Vec::new();
    }
    let own = path.split('/').next().unwrap_or(path);
    let mut found = Vec::new();
    // What short names stand for, so that `use crate::store; store::sled::open()` is seen too.
    let mut aliases: HashMap<&str, Vec<&str>> = HashMap::new();
    for mention in mentions(tokens) {
        let first = mention.path[0];
        let target = if let Some(target) = from_crate_root(&module_of(path), &mention) {
            target
        } else if let Some(target) = aliases.get(first) {
            [target, &mention.path[1..]].concat()
        } else {
            continue; // another crate, or a name of this file
        };
        let room = *target.first().unwrap_or(&"the crate root");
        if room != own && !allowed.contains(&room) {
            found.push((mention.line, format!("{own} may not import {room}")));
        } else if own == "ledger" && room == "store" && names_a_backend(&target[1..]) {
            let target = target.join("::");
            found.push((
                mention.line,
                format!("a ledger may not know which store: {target}"),
            ));
        } else if let Some(name) = mention.binds {
            aliases.insert(name, target);
        }
    }
    found
}

/// Whether a path below `store` tells which backend is meant.
fn names_a_backend(path: &[&str]) -> bool {
    path.iter()
        .map(|name| name.to_lowercase())
        .any(|name| BACKENDS.iter().any(|backend| name.contains(backend)))
}

/// Printing macros outside `cli/`, and crates named outside their one file.
fn misplaced_names(path: &str, tokens: &[Token]) -> Vec<Offence> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if !path.starts_with("cli/")
            && PRINTING.contains(&token.text)
            && text_at(tokens, at + 1) == "!"
        {
            found.push((token.line, format!("{}! outside cli", token.text)));
        }
    }
    for &(name, homes) in NAMED_ONLY_IN
        .iter()
        .filter(|(_, homes)| !homes.contains(&path))
    {
        // `sled` is also the name of our module, so only a path that begins with it counts; elsewhere every word does.
        let lines: Vec<usize> = if name == "sled" {
            let mentions = mentions(tokens).into_iter();
            mentions
                .filter(|m| m.path[0] == name)
                .map(|m| m.line)
                .collect()
        } else {
            let words = tokens.iter().filter(|token| token.text == name);
            words.map(|token| token.line).collect()
        };
        found.extend(
            lines
                .into_iter()
                .map(|line| (line, format!("{name} outside {}", homes.join(" and ")))),
        );
    }
    found
}

// ---- Paths ----

/// A path in the code: an import, or a name with `::` in it.
#[derive(Debug)]
struct Mention<'a> {
    /// Where it stands.
    line: usize,
    /// Its segments as written, never none; `*` for a glob.
    path: Vec<&'a str>,
    /// The name an import brings into the file.
    binds: Option<&'a str>,
    /// The inline modules around it, which `super` has to leave first.
    inside: Vec<&'a str>,
}

/// Every path in a file, imports first: the order in which aliases can be followed.
fn mentions<'a>(tokens: &[Token<'a>]) -> Vec<Mention<'a>> {
    let mut imports = Vec::new();
    let mut others = Vec::new();
    let mut inside: Vec<(&str, usize)> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < tokens.len() {
        let names = || inside.iter().map(|(name, _)| *name).collect();
        match tokens[at].text {
            "{" => depth += 1,
            "}" => {
                depth = usize::saturating_sub(depth, 1);
                inside.retain(|(_, outer)| *outer < depth);
            }
            "mod" if text_at(tokens, at + 2) == "{" => inside.push((tokens[at + 1].text, depth)),
            // Not `impl Trait + use<'a>`.
            "use" if text_at(tokens, at + 1) != "<" => {
                at += 1;
                let first = imports.len();
                use_tree(tokens, &mut at, &[], &mut imports);
                let inside: Vec<&str> = names();
                for import in &mut imports[first..] {
                    import.inside.clone_from(&inside);
                }
                continue;
            }
            text if is_word(text) && text_at(tokens, at + 1) == "::" => {
                let line = tokens[at].line;
                let mut path = vec![text];
                while text_at(tokens, at + 1) == "::" && is_word(text_at(tokens, at + 2)) {
                    at += 2;
                    path.push(tokens[at].text);
                }
                others.push(Mention {
                    line,
                    path,
                    binds: None,
                    inside: names(),
                });
            }
            _ => {}
        }
        at += 1;
    }
    imports.append(&mut others);
    imports
}

/// Reads one branch of a `use` tree at `at`, up to the `,`, `}` or `;` that ends it.
fn use_tree<'a>(
    tokens: &[Token<'a>],
    at: &mut usize,
    prefix: &[&'a str],
    imports: &mut Vec<Mention<'a>>,
) {
    let mut path = prefix.to_vec();
    let mut binds = None;
    let line = tokens.get(*at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(*at) {
        match token.text {
            "," | "}" | ";" => break,
            "{" => {
                *at += 1;
                while !matches!(text_at(tokens, *at), "}" | ";" | "") {
                    use_tree(tokens, at, &path, imports);
                    *at += usize::from(text_at(tokens, *at) == ",");
                }
                *at += usize::from(text_at(tokens, *at) == "}");
                return;
            }
            "as" => {
                *at += 1;
                binds = tokens.get(*at).map(|token| token.text);
            }
            "::" | "$" => {}
            segment => path.push(segment),
        }
        *at += 1;
    }
    // `a::{self}` is `a`.
    if path.len() > 1 {
        path.pop_if(|last| *last == "self");
    }
    if let Some(last) = path.last() {
        imports.push(Mention {
            line,
            binds: binds.or(Some(last)),
            path,
            inside: Vec::new(),
        });
    }
}

/// The path of the module a file holds: `chain/mod.rs` is `chain`, `chain/tree.rs` is `chain::tree`.
fn module_of(path: &str) -> Vec<&str> {
    let path = path.trim_end_matches(".rs");
    path.split('/')
        .filter(|name| !matches!(*name, "mod" | "lib" | "main"))
        .collect()
}

/// A path counted from the crate root, or nothing if it does not lead there.
fn from_crate_root<'a>(file: &[&'a str], mention: &Mention<'a>) -> Option<Vec<&'a str>> {
    let here = [file, &mention.inside].concat();
    let supers = mention
        .path
        .iter()
        .skip_while(|s| **s == "self")
        .take_while(|s| **s == "super")
        .count();
    let (base, rest) = match mention.path[0] {
        "crate" | "servanda" => (&here[..0], &mention.path[1..]),
        first @ ("self" | "super") => {
            let skip = supers + usize::from(first == "self");
            (
                &here[..here.len().saturating_sub(supers)],
                &mention.path[skip..],
            )
        }
        _ => return None,
    };
    Some([base, rest].concat())
}

// ---- Tokens ----

/// A word or a mark of the code.
#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    /// Where it stands, counted from 1.
    line: usize,
    /// What it says.
    text: &'a str,
}

/// The text of a token, or nothing past the end.
fn text_at<'a>(tokens: &[Token<'a>], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text)
}

/// Whether a token is a word: an identifier, a keyword or a number.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// The tokens without the items marked `#[cfg(test)]`.
fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if MARK
            .iter()
            .enumerate()
            .all(|(i, mark)| text_at(tokens, at + i) == *mark)
        {
            at = end_of_item(tokens, at + MARK.len());
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// Where the item at `at` is over: after its `;` or its closing brace.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < tokens.len() {
        match tokens[at].text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" if depth == 0 => return at, // it closes what is around the item
            "}" if depth == 1 => return at + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Splits source text into tokens; comments, strings and character literals are dropped.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest)
            .or_else(|| string(rest))
            .or_else(|| character(rest));
        let len = skipped.unwrap_or_else(|| match first {
            ':' if rest.starts_with("::") => 2,
            _ if is_word(rest) => word(rest),
            _ => first.len_utf8(),
        });
        let (token, after) = rest.split_at(len);
        if skipped.is_none() && !first.is_whitespace() {
            let text = token.strip_prefix("r#").unwrap_or(token);
            tokens.push(Token { line, text });
        }
        line += token.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The length of the word that begins the text; `r#type` is one word.
fn word(text: &str) -> usize {
    let raw = text.strip_prefix("r#").unwrap_or(text);
    let end = raw
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(raw.len());
    text.len() - raw.len() + end
}

/// The length of the comment that begins the text, if one does. Block comments nest.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    text.strip_prefix("/*")?;
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let pair = text.as_bytes().get(at..at + 2).unwrap_or_default();
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return Some(at);
        }
    }
    Some(text.len())
}

/// The length of the string that begins the text, if one does: plain, byte, C, or raw with any number of `#`.
fn string(text: &str) -> Option<usize> {
    let body = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - body.len();
    if prefix > 1 {
        return None; // a word such as `bc`
    }
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let inner = raw[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = inner
            .find(&close)
            .map_or(inner.len(), |end| end + close.len());
        return Some(text.len() - inner.len() + end);
    }
    let inner = body.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    Some(end.map_or(text.len(), |end| prefix + 1 + end + 1))
}

/// The length of the character literal that begins the text, if one does; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let first = inner.chars().next()?;
    // The character after a backslash may itself be a quote.
    let from = if first == '\\' { 2 } else { first.len_utf8() };
    let end = from + inner.get(from..)?.find('\'')?;
    (first == '\\' || end == from).then_some(end + 2)
}

// ---- The scanner's own tests ----

/// The lines at which a file with this text would be flagged.
fn flagged(path: &str, text: &str) -> Vec<usize> {
    let found = offences(path, text).into_iter();
    found.map(|(line, _)| line).collect()
}

/// Checks a list of cases, one a line: the file, a bar, its whole text, which is wrong (once) or not.
fn check(cases: &str, wrong: bool) {
    for case in cases.trim().lines() {
        let (path, text) = case.trim().split_once(" | ").unwrap();
        let found = offences(path, text);
        assert_eq!(found.len(), usize::from(wrong), "{case}: {found:?}");
    }
}

#[test]
fn arrows_that_run_the_right_way_pass() {
    let fine = "
        domain/rules.rs | use crate::domain::event::Event; use super::id::Id; use std::fmt;
        domain/mod.rs | pub mod id; pub use self::id::Id; pub(crate) fn f() { id::parse() }
        chain/codec.rs | use crate::{chain::record::Link, domain::{self, event::Event},};
        chain/tree.rs | use super::record::Link; mod inner { use super::super::record; }
        store/mod.rs | use crate::chain::Link; pub mod sled; pub use self::sled::SledStore;
        ledger/append.rs | use crate::{domain::Event, chain::codec, store::{Store, Appended}};
        ledger/append.rs | #[cfg(test)] mod tests { use crate::store::memory::Memory; }
        ledger/append.rs | #[cfg(test)] #[allow(x)] use crate::store::faulty::Faulty;
        report/due.rs | use crate::domain::Register;
        render/csv.rs | use crate::report::Table;
        intake/rules.rs | use crate::domain::Event;
        cli/verify.rs | use crate::{store::sled::SledStore, ledger, render, intake, report};
        main.rs | fn main() -> ExitCode { servanda::cli::run() }
        lib.rs | pub mod cli; pub use crate::store::sled::SledStore;
    ";
    check(fine, false);
}

#[test]
fn arrows_that_run_the_wrong_way_are_flagged() {
    let wrong = "
        domain/rules.rs | use crate::chain::Link;
        domain/rules.rs | use servanda::chain::Link;
        domain/rules.rs | use super::super::chain::Link;
        domain/rules.rs | use self::super::super::chain::Link;
        domain/mod.rs | use super::chain::Link;
        domain/mod.rs | use super::*;
        domain/mod.rs | use crate as all;
        domain/mod.rs | mod inner { use super::super::chain::Link; }
        domain/mod.rs | mod inner {} use super::chain::Link;
        domain/mod.rs | fn f() { crate::chain::seal() }
        domain/mod.rs | fn f() -> Vec<crate::chain::Link> {}
        domain/mod.rs | macro_rules! m { () => { $crate::chain::seal() } }
        domain/mod.rs | macro_rules! m { () => { use $crate::chain::seal; } }
        domain/mod.rs | struct S { #[cfg(test)] f: u8 } use crate::chain::Link;
        domain/mod.rs | #[cfg(test)] mod tests; use crate::chain::Link;
        domain/mod.rs | #[cfg(test)] mod tests { fn f() { {} } } use crate::chain::Link;
        chain/record.rs | use crate::domain::Event;
        store/mod.rs | use crate::domain::Event;
        store/mod.rs | use crate::{chain::Link, ledger::append};
        ledger/mod.rs | use crate::store::{Store, sled::SledStore};
        ledger/mod.rs | use crate::store::SledStore;
        ledger/mod.rs | use crate::store::*;
        ledger/mod.rs | use crate::store; fn f() { store::memory::Memory::new() }
        ledger/mod.rs | use crate::{store as s}; fn f() { s::faulty::Faulty::new() }
        ledger/mod.rs | use crate::report::Report;
        report/due.rs | use crate::render::Table;
        render/csv.rs | use crate::domain::Event;
        intake/rules.rs | use crate::ledger::append;
        intake/rules.rs | use crate::cli::Args;
        main.rs | fn main() { servanda::ledger::append() }
        attic/box.rs | fn f() {}
    ";
    check(wrong, true);
}

#[test]
fn each_offence_has_its_line() {
    let text =
        "//! Docs\nuse crate::{\n  domain::Event,\n  chain::Link,\n};\n\nuse crate::cli::Args;\n";
    assert_eq!(flagged("report/due.rs", text), [4, 7]);
}

#[test]
fn printing_belongs_to_the_cli() {
    for name in PRINTING {
        let text = format!("fn f() {{\n    {name}!(\"x\");\n}}");
        assert_eq!(flagged("ledger/append.rs", &text), [2], "{text}");
        assert_eq!(flagged("cli/verify.rs", &text), [0; 0], "{text}");
    }
    let fine = "
        ledger/append.rs | fn println() { let _ = \"print!(x)\"; writeln!(out, \"x\") }
        ledger/append.rs | // println!(x)
        ledger/append.rs | /// dbg!(x)
    ";
    check(fine, false);
}

#[test]
fn a_crate_is_named_in_its_own_file_only() {
    let wrong = "
        chain/record.rs | use bincode::Encode;
        domain/event.rs | #[derive(bincode::Encode)] struct S;
        chain/tree.rs | fn f() -> blake3::Hash {}
        lib.rs | pub use blake3;
        store/mod.rs | use sled::Db;
        store/mod.rs | use ::sled::Db;
        store/mod.rs | use sled;
        store/mod.rs | use {sled as s, std::fmt};
        cli/mod.rs | fn f() { sled::open(p) }
    ";
    check(wrong, true);
    let fine = "
        chain/codec.rs | use bincode::Encode;
        chain/record.rs | use blake3::Hash; // not bincode
        chain/lanes.rs | use blake3::platform::Platform;
        store/sled/trees.rs | use sled::Db;
        store/mod.rs | pub mod sled;
        cli/mod.rs | use crate::store::sled::SledStore; fn f() { let sled = \"bincode\"; }
        lib.rs | //! Hashed by blake3, kept by `sled::Db`.
    ";
    check(fine, false);
}

#[test]
fn comments_and_literals_are_no_code() {
    let cases = [
        ("a // b\nc /* d /* e */ f */ g", "a c g"),
        (
            r##"a "b \" c" d r#"e " f"# g b"h" i br"j\" k"##,
            "a d g i k",
        ),
        (r"a 'b' '\'' '\u{63}' d 'é' e", "a d e"),
        ("&'a b, 'c: loop", "& ' a b , ' c : loop"),
        ("a::r#type", "a :: type"),
        ("a /* no end", "a"),
        ("a \"no end", "a"),
    ];
    for (text, expected) in cases {
        let words: Vec<&str> = tokens(text).iter().map(|token| token.text).collect();
        assert_eq!(words.join(" "), expected, "{text}");
    }
}
