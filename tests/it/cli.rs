//! The examples: every command in README.md and in `tests/cmd/*.md` is run, and its exit code and what it
//! prints must be what stands there.
//!
//! `TRYCMD=overwrite cargo test --test it examples` writes what they print now into the files; look at the
//! difference before it is committed. A new example needs only its `$ servanda ...` line for that.
//!
//! Each file has a scratch directory of its own, in which its commands run one after the other: the ledger
//! `commission` and links to `fixtures/` and `docs/` lie in it. `tests/cmd/servanda.sh` says what else is special.

use std::path::{Path, PathBuf};

#[test]
fn examples() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    let pages = std::fs::read_dir(root.join("tests/cmd")).unwrap();
    files.extend(
        pages
            .map(|page| page.unwrap().path())
            .filter(|page| page.extension().is_some_and(|extension| extension == "md")),
    );
    assert!(files.len() > 1, "there are no examples in tests/cmd");
    // One after the other, for the tests beside this one go by the clock; each in a thread, so that a panic in one
    // file does not hide the others.
    let fails = |file: &PathBuf| {
        let file = file.clone();
        std::thread::spawn(move || run(&file)).join().is_err()
    };
    files.retain(fails);
    assert!(
        files.is_empty(),
        "not as it stands in {files:?}; if it is meant so: TRYCMD=overwrite cargo test --test it examples"
    );
}

/// Runs the examples of a file.
fn run(file: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // trycmd passes over programs that it does not know, and would pass over a misspelt one too.
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
    cases.run();
}
