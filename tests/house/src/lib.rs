//! The house test: the rules about the source files that cargo and clippy cannot check.
//!
//! cargo enforces which package may use which. This test reads every source file of the workspace and enforces sizes,
//! the absence of circles between files, and which words may stand where. The tables of the rules come first.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

mod circles;
mod known;
mod scan;

use self::scan::{Source, Word};

/// The most lines of a function, from its `fn` to its closing brace.
const FUNCTION_LINES: usize = 70;

/// The most lines of a file, with its tests.
const FILE_LINES: usize = 600;

/// The most lines of ARCHITECTURE.md: a longer map is not read.
const ARCHITECTURE_LINES: usize = 150;

/// What a visitor expects at the top level.
const TOP_LEVEL: &[&str] = &["Cargo.toml", "src", "tests", "fixtures", "README.md"];

/// The packages: their directory of sources, and the name by which others import them.
const PACKAGES: &[(&str, &str)] = &[
    ("crates/core/src", "servanda_core"),
    ("crates/files/src", "servanda_files"),
    ("crates/http/src", "servanda_http"),
    ("crates/log/src", "servanda_log"),
    ("crates/ledger/src", "servanda_ledger"),
    ("crates/postgres/src", "servanda_postgres"),
    ("crates/report/src", "servanda_report"),
    ("crates/serve/src", "servanda_serve"),
    ("crates/tiles/src", "servanda_tiles"),
    ("crates/witness/src", "servanda_witness"),
    ("src", "servanda"),
];

/// Crates that only these files may name, so that replacing one is a change to them. A row that ends in `/` allows a
/// directory.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    ("bincode", &["crates/core/src/wire.rs"]),
    (
        "blake3",
        &[
            "crates/core/src/chain/record/hash.rs",
            "crates/core/src/chain/lanes.rs",
        ],
    ),
    ("tape_sha256", &["crates/core/src/chain/tree/lanes.rs"]),
    ("sled", &["crates/log/src/sled/"]),
    ("lz4_flex", &["crates/log/src/pack.rs"]),
    ("axum", &["crates/http/src/"]),
    // In the second directory, clients of tests.
    (
        "tokio",
        &[
            "crates/http/src/",
            "crates/tiles/src/objects.rs",
            "crates/witness/src/serve/",
        ],
    ),
    ("object_store", &["crates/tiles/src/objects.rs"]),
    ("reqwest", &["crates/tiles/src/objects.rs"]),
    ("tokio_rustls", &["crates/http/src/"]),
    (
        "rustls",
        &[
            "crates/http/src/tls.rs",
            "crates/postgres/src/",
            "crates/tiles/src/objects.rs",
            "crates/witness/src/ask.rs",
        ],
    ),
    ("sd_notify", &["src/cli/tls.rs"]),
    ("ureq", &["crates/witness/src/ask.rs"]),
    ("inquire", &["src/cli/terminal.rs"]),
    ("postgres", &["crates/postgres/src/"]),
    // In the second file, the test that another maker's reader reads what is written.
    (
        "calamine",
        &[
            "src/intake/table/sheet.rs",
            "crates/report/src/render/xlsx.rs",
        ],
    ),
    ("rust_xlsxwriter", &["crates/report/src/render/xlsx.rs"]),
    ("encoding_rs", &["src/intake/table/"]),
    (
        "unicode_normalization",
        &["crates/core/src/value/unicode.rs"],
    ),
];

/// What the pure core may not use: I/O, the clock, threads, the environment.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::time",
    "Utc::now",
];

/// What opens, reads or writes a file.
const OPENING: &[&str] = &[
    "fs::read",
    "fs::read_to_string",
    "fs::write",
    "File::open",
    "File::create",
    "File::create_new",
    "OpenOptions",
];

/// Where files are opened otherwise than through servanda-files: a package, or a file and its reason. Others ask that
/// package, which looks at a file before it reads it and never writes over what it should not.
const OPENED_IN: &[&str] = &[
    "crates/files/src/",
    // The files of a ledger, locked, read and synced in an order of their own.
    "crates/log/src/",
    // The lock of a directory in which tiles are published: it is never read.
    "crates/tiles/src/directory.rs",
    // The files of a witness, locked and synced in an order of their own.
    "crates/witness/src/cosigned.rs",
    // What the system says of the process.
    "src/cli/interrupt.rs",
    // Drafts that their owner alone can read, each locked by the process that has it.
    "src/desk/draft.rs",
];

/// Macros for `src/cli` alone: a library does not own a terminal.
const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Every rule that a single file can break. A new rule is a function and a line here.
const RULES: &[fn(&Source) -> Vec<Offence>] = &[
    long_functions,
    long_file,
    misplaced_crates,
    impure_core,
    printing,
    files_by_another_door,
    flags_below_the_command_line,
];

/// A line and what is wrong there.
type Offence = (usize, String);

#[test]
fn every_file_keeps_the_rules() {
    let mut found = Vec::new();
    for source in sources().unwrap() {
        for (line, what) in RULES.iter().flat_map(|rule| rule(&source)) {
            found.push((format!("{}: {what}", source.path), line));
        }
    }
    let known = |text: &str| known::OFFENCES.iter().any(|known| text.starts_with(known));
    let new = found.iter().filter(|(text, _)| !known(text));
    let new: Vec<String> = new
        .map(|(text, line)| format!("line {line} of {text}"))
        .collect();
    assert!(
        new.is_empty(),
        "{} offences:\n{}\nThe rules stand at the top of tests/house/src/lib.rs.",
        new.len(),
        new.join("\n")
    );
    for known in known::OFFENCES {
        let stands = found.iter().any(|(text, _)| text.starts_with(known));
        assert!(stands, "mended, so leave it out of known.rs: {known}");
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut found = Vec::new();
    let all = sources().unwrap();
    for (dir, name) in PACKAGES {
        let package: Vec<&Source> = all.iter().filter(|s| s.package == *dir).collect();
        found.extend(circles::circles(name, &package));
    }
    let is_of = |circle: &str, known: &str| circle.starts_with(&format!("{known} -> "));
    let new = found
        .iter()
        .filter(|circle| !known::CIRCLES.iter().any(|known| is_of(circle, known)));
    let new: Vec<&str> = new.map(String::as_str).collect();
    assert!(new.is_empty(), "{} circles:\n{}", new.len(), new.join("\n"));
    for known in known::CIRCLES {
        let stands = found.iter().any(|circle| is_of(circle, known));
        assert!(stands, "mended, so leave it out of known.rs: {known}");
    }
}

/// The integration tests are held to the length of a file alone: their tables are long functions.
#[test]
fn integration_tests_are_short_files() {
    let mut left = vec![root().join("tests/it")];
    let mut files = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let inside = fs::read_dir(path).unwrap();
            left.extend(inside.map(|entry| entry.unwrap().path()));
            continue;
        }
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= FILE_LINES, "{} has {lines} lines", path.display());
        files += 1;
    }
    assert!(files > 20);
}

#[test]
fn the_map_stays_short() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let lines = map.lines().count();
    assert!(
        lines <= ARCHITECTURE_LINES,
        "ARCHITECTURE.md has {lines} lines; at most {ARCHITECTURE_LINES} are allowed"
    );
}

#[test]
fn the_top_level_is_complete() {
    for name in TOP_LEVEL {
        assert!(root().join(name).exists(), "{name} is missing");
    }
}

// ---- The rules ----

fn long_functions(source: &Source) -> Vec<Offence> {
    let long = source.functions.iter();
    long.filter(|function| function.lines > FUNCTION_LINES)
        .map(|function| {
            let what = format!(
                "{} has {} lines; at most {FUNCTION_LINES} are allowed",
                function.name, function.lines
            );
            (function.line, what)
        })
        .collect()
}

fn long_file(source: &Source) -> Vec<Offence> {
    if source.lines <= FILE_LINES {
        return Vec::new();
    }
    let what = format!(
        "the file has {} lines; at most {FILE_LINES} are allowed",
        source.lines
    );
    vec![(1, what)]
}

/// The first segment of a path names the crate, so `crate::sled` and `self::sled` are not the crate `sled`.
fn misplaced_crates(source: &Source) -> Vec<Offence> {
    let mut found = Vec::new();
    for (name, homes) in NAMED_ONLY_IN {
        let at_home = homes.iter().any(|home| {
            source.path == *home || home.ends_with('/') && source.path.starts_with(home)
        });
        if at_home {
            continue;
        }
        let named = source
            .paths
            .iter()
            .filter(|path| path.text.split("::").next() == Some(name));
        found.extend(
            named.map(|path| (path.line, format!("{name} outside {}", homes.join(" and ")))),
        );
    }
    found
}

fn impure_core(source: &Source) -> Vec<Offence> {
    if source.package != "crates/core/src" || source.is_test {
        return Vec::new();
    }
    let paths = source.paths.iter().filter(|path| !path.in_test);
    paths
        .filter(|path| IMPURE.iter().any(|name| has_segments(&path.text, name)))
        .map(|path| (path.line, format!("{} in the pure core", path.text)))
        .collect()
}

/// Whether a path contains these segments in a row.
fn has_segments(path: &str, segments: &str) -> bool {
    format!("::{path}::").contains(&format!("::{segments}::"))
}

fn files_by_another_door(source: &Source) -> Vec<Offence> {
    let is_open = OPENED_IN.iter().any(|path| source.path.starts_with(path));
    if is_open || source.is_test {
        return Vec::new();
    }
    let paths = source.paths.iter().filter(|path| !path.in_test);
    paths
        .filter(|path| OPENING.iter().any(|name| has_segments(&path.text, name)))
        .map(|path| (path.line, format!("{} beside servanda-files", path.text)))
        .collect()
}

fn printing(source: &Source) -> Vec<Offence> {
    if source.path.starts_with("src/cli/") {
        return Vec::new();
    }
    let macros = source.macros.iter();
    macros
        .filter(|name| PRINTING.contains(&name.text.as_str()))
        .map(|name| (name.line, format!("{}! outside src/cli", name.text)))
        .collect()
}

/// A library does not know how it is called: advice is data below the command line, and words in `src/cli`.
fn flags_below_the_command_line(source: &Source) -> Vec<Offence> {
    if source.package == "src" || source.is_test {
        return Vec::new();
    }
    let literals = source.literals.iter().filter(|literal| !literal.in_test);
    literals
        .filter(|literal| names_a_flag(&literal.text))
        .map(|literal| {
            (
                literal.line,
                format!("a flag or a command line: {:?}", literal.text),
            )
        })
        .collect()
}

/// Whether a text names a flag such as `--by` or a command such as `servanda record`.
fn names_a_flag(text: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase());
    let flag = text.match_indices("--").any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let begins = before.is_none_or(|c| c.is_whitespace() || "`'\"([|".contains(c));
        begins && is_letter(text[at + 2..].chars().next())
    });
    let command = text.match_indices("servanda ").any(|(at, name)| {
        const COMMANDS: &[&str] = &[
            "init",
            "record",
            "redact",
            "import",
            "export",
            "log",
            "show",
            "list",
            "report",
            "verify",
            "recover",
            "compact",
            "acknowledge",
            "key",
        ];
        let word = text[at + name.len()..]
            .split(|c: char| !c.is_alphanumeric())
            .next();
        // "servanda record v1" begins what is hashed and signed.
        let is_context = text[at..].split_whitespace().nth(2) == Some("v1");
        !is_context && word.is_some_and(|word| COMMANDS.contains(&word))
    });
    flag || command
}

// ---- The files ----

/// The repository.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("the package lies two levels below the repository")
}

/// Every source file of the packages.
fn sources() -> io::Result<Vec<Source>> {
    let mut all = Vec::new();
    for (dir, _) in PACKAGES {
        for file in rust_files(&root().join(dir))? {
            let path = file.strip_prefix(root()).unwrap_or(&file);
            let path = path.to_string_lossy().replace('\\', "/");
            all.push(Source::read(dir, &path, &fs::read_to_string(&file)?));
        }
    }
    Ok(all)
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

// ---- That each rule can fail ----

/// The lines at which a file with this text breaks the rules.
fn offences(path: &str, text: &str) -> Vec<usize> {
    let package = PACKAGES.iter().find(|(dir, _)| path.starts_with(dir));
    let source = Source::read(package.unwrap().0, path, text);
    RULES
        .iter()
        .flat_map(|rule| rule(&source))
        .map(|(line, _)| line)
        .collect()
}

#[test]
fn each_rule_finds_its_offence_and_nothing_else() {
    let long = format!("fn f() {{\n{}}}", "    g();\n".repeat(FUNCTION_LINES - 1));
    let cases: &[(&str, &str, &[usize])] = &[
        ("src/cli/a.rs", &long, &[1]),
        ("src/cli/a.rs", &long.replacen("    g();\n", "", 1), &[]),
        ("src/cli/a.rs", &"// x\n".repeat(FILE_LINES + 1), &[1]),
        ("src/cli/a.rs", &"// x\n".repeat(FILE_LINES), &[]),
        (
            "crates/log/src/head.rs",
            "use crate::sled;\nuse sled::Db;",
            &[2],
        ),
        (
            "crates/log/src/head.rs",
            "fn f() { let d: sled::Db; }",
            &[1],
        ),
        ("crates/log/src/sled/a.rs", "use sled::Db;", &[]),
        ("crates/core/src/a.rs", "use std::{fmt, fs};", &[1]),
        (
            "crates/core/src/a.rs",
            "fn f() { chrono::Utc::now(); }",
            &[1],
        ),
        (
            "crates/core/src/a.rs",
            "#[cfg(test)]\nmod tests { use std::fs; }",
            &[],
        ),
        ("crates/core/src/tests.rs", "use std::fs;", &[]),
        (
            "crates/ledger/src/a.rs",
            "fn f() {\n    println!(\"x\");\n}",
            &[2],
        ),
        (
            "crates/ledger/src/a.rs",
            "// println!(x)\nfn f() { let _ = \"print!\"; }",
            &[],
        ),
        ("src/cli/a.rs", "fn f() { println!(\"use --by\"); }", &[]),
        (
            "src/cli/a.rs",
            "use std::fs;\nfn f() { fs::write(a, b); }",
            &[2],
        ),
        (
            "crates/witness/src/a.rs",
            "use std::fs::{File, OpenOptions};\nfn f() { File::open(a); }",
            &[1, 2],
        ),
        ("crates/files/src/a.rs", "fn f() { std::fs::read(a); }", &[]),
        (
            "src/cli/a.rs",
            "fn f() { files::read(a); std::fs::read_dir(b); }",
            &[],
        ),
        (
            "crates/core/src/a.rs",
            "const A: &str = \"with --by PARTY\";",
            &[1],
        ),
        (
            "crates/core/src/a.rs",
            "fn f() { g!(h(\"`--by`\")); }",
            &[1],
        ),
        (
            "crates/core/src/a.rs",
            "const A: &str = \"servanda record note\";",
            &[1],
        ),
        (
            "crates/core/src/a.rs",
            "const A: &str = \"servanda record v1\"; const B: &str = \"a--b\";",
            &[],
        ),
        (
            "crates/core/src/a.rs",
            "/// See --by.\nconst A: &str = \"a--b\";",
            &[],
        ),
    ];
    for (path, text, lines) in cases {
        assert_eq!(offences(path, text), *lines, "{path}: {text}");
    }
}

#[test]
fn circles_are_found_through_modules_and_exports() {
    let circles = |files: &[(&str, &str)]| {
        let read = |(path, text): &(&str, &str)| Source::read("src", path, text);
        let sources: Vec<Source> = files.iter().map(read).collect();
        circles::circles("servanda", &sources.iter().collect::<Vec<_>>())
    };
    let lib = "pub mod a; pub mod b;";
    let two = [
        ("src/lib.rs", lib),
        ("src/a.rs", "use crate::b::B;"),
        ("src/b.rs", "use super::a::A;"),
    ];
    assert_eq!(circles(&two), ["src/a.rs -> src/b.rs -> src/a.rs"]);
    let by_an_export = [
        ("src/lib.rs", "mod a; mod b; pub use b::B;"),
        ("src/a.rs", "fn f() -> crate::B {}"),
        ("src/b.rs", "fn f() { super::a::g() }"),
    ];
    assert_eq!(circles(&by_an_export), ["src/a.rs -> src/b.rs -> src/a.rs"]);
    let fine = [
        ("src/lib.rs", "mod a; mod b; pub use b::B;"),
        (
            "src/a.rs",
            "#[cfg(test)] mod tests { use crate::b; } pub fn g() {}",
        ),
        ("src/b.rs", "use crate::a::g; use std::a;"),
    ];
    assert!(circles(&fine).is_empty());
    let in_a_macro = [
        ("src/lib.rs", lib),
        ("src/a.rs", "m! { f() => crate::b::g() }"),
        ("src/b.rs", "use crate::a;"),
    ];
    assert_eq!(circles(&in_a_macro).len(), 1);
}

#[test]
fn words_carry_their_lines() {
    let source = Source::read("src", "src/a.rs", "fn f() {\n    a::b(\"c\");\n}");
    let lines = |words: &[Word]| words.iter().map(|word| word.line).collect::<Vec<_>>();
    assert_eq!(lines(&source.paths), [2]);
    assert_eq!(lines(&source.literals), [2]);
    let names: BTreeMap<&str, usize> = source
        .functions
        .iter()
        .map(|f| (f.name.as_str(), f.lines))
        .collect();
    assert_eq!(names, BTreeMap::from([("f", 3)]));
}
