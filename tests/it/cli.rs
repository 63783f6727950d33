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
    check(files, false);
}

/// The commands do the same where each ledger is served by another process: same output, same exit code.
#[test]
#[cfg(all(unix, feature = "serve"))]
fn examples_on_served_ledgers() {
    // What is overwritten comes from the other test.
    if std::env::var_os("TRYCMD").is_none() {
        let mut files = pages("tests/cmd");
        // Help needs no ledger.
        files.retain(|file| !file.ends_with("help.md"));
        check(files, true);
    }
}

/// The pages of a directory that have examples.
fn pages(directory: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join(directory)).unwrap();
    let pages = pages.map(|page| page.unwrap().path());
    pages.filter(|page| has_examples(page)).collect()
}

/// Runs the examples of files.
fn check(mut files: Vec<PathBuf>, is_served: bool) {
    assert!(files.len() > 3, "there are no examples in {files:?}");
    // One after the other, because the tests beside this one measure time. Each in a thread, so that a panic in one
    // file does not hide the others.
    let fails = |file: &PathBuf| {
        let file = file.clone();
        std::thread::spawn(move || run(&file, is_served))
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
fn run(file: &Path, is_served: bool) {
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
    if is_served {
        cases.env("SERVANDA_SERVERS", servers.0.to_string_lossy());
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
