//! The examples: the test runs every command in README.md, `docs/*.md` and `tests/cmd/*.md`, and compares its exit code
//! and its output.
//!
//! `TRYCMD=overwrite cargo test --test it examples` writes the present output into the files; read the difference before
//! you commit it. A new example needs only its `$ servanda ...` line.
//!
//! Each file has a scratch directory of its own, in which its commands run one after the other. The directory has the
//! ledger `commission` and links to `fixtures/` and `docs/`. `tests/cmd/servanda.sh` lists what else is special.

use std::path::{Path, PathBuf};

#[test]
fn examples() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    for directory in ["docs", "tests/cmd"] {
        files.extend(pages(directory));
    }
    check(files, &|_| Place::Directory);
}

/// The commands do the same where each ledger is served by another process: same output, same exit code.
#[test]
#[cfg(all(unix, feature = "serve"))]
fn examples_on_served_ledgers() {
    // What is overwritten comes from the other test.
    if std::env::var_os("TRYCMD").is_none() {
        check(pages_with_ledgers(), &|_| Place::Served);
    }
}

/// What is different where PostgreSQL keeps the ledgers: commands of these pages, and why.
#[cfg(feature = "postgres")]
const ONLY_IN_DIRECTORIES: &[(&str, &str, &str)] = &[
    (
        "compact.md",
        "compact",
        "what PostgreSQL keeps is not compacted",
    ),
    (
        "compact.md",
        "compact --dry-run",
        "what PostgreSQL keeps is not compacted",
    ),
    (
        "compact.md",
        "compact --format csv -q",
        "what PostgreSQL keeps is not compacted",
    ),
    (
        "refusals.md",
        "log",
        "a schema is not a directory that does not exist",
    ),
    (
        "refusals.md",
        "verify",
        "a schema is not a directory that does not exist",
    ),
    (
        "refusals.md",
        "--ledger elsewhere record note --text Lost",
        "a schema is not a directory that does not exist",
    ),
];

/// The commands do the same where PostgreSQL keeps each ledger: same output, same exit code.
#[test]
#[cfg(feature = "postgres")]
fn examples_on_postgres() {
    if std::env::var_os("TRYCMD").is_some() {
        return;
    }
    let Some(server) = servanda_postgres::testing::Server::start(&[]) else {
        eprintln!("SKIPPED: PostgreSQL is not installed");
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let mut files = pages_with_ledgers();
    for file in &mut files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let differs = |command: &str| {
            let mut all = ONLY_IN_DIRECTORIES.iter();
            all.any(|(page, whole, _)| *page == name && command == *whole)
        };
        let text = without(&std::fs::read_to_string(&*file).unwrap(), differs);
        *file = scratch.path().join(name);
        std::fs::write(&file, text).unwrap();
    }
    check(files, &|file| {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let name = name.to_lowercase().replace('-', "_");
        Place::Database(server.url("postgres", &format!("schema={name}_")))
    });
}

/// A page without some of its commands and what they print.
#[cfg(feature = "postgres")]
fn without(page: &str, differs: impl Fn(&str) -> bool) -> String {
    let mut is_left_out = false;
    let lines = page.lines().filter(|line| {
        if let Some(command) = line.strip_prefix("$ servanda ") {
            is_left_out = differs(command);
        } else if line.starts_with("```") {
            is_left_out = false;
        }
        !is_left_out
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// The transcripts in `tests/cmd` that ask ledgers: all but the one of the help.
fn pages_with_ledgers() -> Vec<PathBuf> {
    let mut files = pages("tests/cmd");
    files.retain(|file| !file.ends_with("help.md"));
    files
}

/// Where the ledgers of a page are.
enum Place {
    /// In directories, as the page says.
    Directory,
    /// In directories, each served by another process.
    #[cfg(all(unix, feature = "serve"))]
    Served,
    /// In schemas of a database: the beginning of their URLs.
    #[cfg(feature = "postgres")]
    Database(String),
}

/// The pages of a directory that have examples.
fn pages(directory: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join(directory)).unwrap();
    let pages = pages.map(|page| page.unwrap().path());
    pages.filter(|page| has_examples(page)).collect()
}

/// Runs the examples of files. `place` says where the ledgers of a file are.
fn check(mut files: Vec<PathBuf>, place: &dyn Fn(&Path) -> Place) {
    assert!(files.len() > 3, "there are no examples in {files:?}");
    // One after the other, because the tests beside this one measure time. Each in a thread, so that a panic in one
    // file does not hide the others.
    let fails = |file: &PathBuf| {
        let file = file.clone();
        let place = place(&file);
        std::thread::spawn(move || run(&file, place))
            .join()
            .is_err()
    };
    files.retain(fails);
    assert!(
        files.is_empty(),
        "other output than in {files:?}; if that is intended: TRYCMD=overwrite cargo test --test it examples"
    );
}

/// Whether a file is a page with examples.
fn has_examples(page: &Path) -> bool {
    page.extension().is_some_and(|extension| extension == "md")
        && std::fs::read_to_string(page)
            .unwrap()
            .contains("```console\n$ ")
}

/// Runs the examples of a file.
fn run(file: &Path, place: Place) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // trycmd ignores programs that it does not know, and would ignore a misspelt one too.
    let text = std::fs::read_to_string(file).unwrap();
    for line in text.lines().filter(|line| line.starts_with("$ ")) {
        assert!(
            line.starts_with("$ servanda "),
            "{}: only servanda can be run: {line}",
            file.display()
        );
    }
    let scratch = tempfile::tempdir().unwrap();
    for name in ["fixtures", "docs"] {
        std::os::unix::fs::symlink(root.join(name), scratch.path().join(name)).unwrap();
    }
    let servers = Servers(scratch.path().with_extension("servers"));
    let cases = trycmd::TestCases::new();
    cases
        .case(file)
        .register_bin(
            "servanda",
            trycmd::schema::Bin::Path(root.join("tests/cmd/servanda.sh")),
        )
        .env("SERVANDA_BIN", env!("CARGO_BIN_EXE_servanda"))
        .env("SERVANDA_SCRATCH", scratch.path().to_string_lossy())
        .env("SERVANDA_LEDGER", "commission")
        .env(
            "XDG_STATE_HOME",
            scratch.path().join("state").to_string_lossy(),
        )
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .env("TZ", "UTC");
    match place {
        Place::Directory => {}
        #[cfg(all(unix, feature = "serve"))]
        Place::Served => {
            cases.env("SERVANDA_SERVERS", servers.0.to_string_lossy());
        }
        #[cfg(feature = "postgres")]
        Place::Database(url) => {
            cases.env("SERVANDA_POSTGRES", url);
        }
    }
    cases.run();
}

/// The file in which the script notes the servers that it starts: a process id a line. They end with this.
struct Servers(PathBuf);

impl Drop for Servers {
    fn drop(&mut self) {
        let noted = std::fs::read_to_string(&self.0).unwrap_or_default();
        for pid in noted.lines() {
            // It may have ended.
            let _ = std::process::Command::new("kill")
                .args(["-9", pid])
                .stderr(std::process::Stdio::null())
                .status();
        }
        let _ = std::fs::remove_file(&self.0);
    }
}
