//! The house test: what cargo cannot see.

use std::fs;
use std::path::Path;

/// A map longer than this is no longer read.
const ARCHITECTURE_LINES_MAX: usize = 150;

/// What a visitor expects to find at the top.
const TOP_LEVEL: &[&str] = &["Cargo.toml", "src", "tests", "fixtures", "README.md"];

#[test]
fn the_map_stays_short() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let lines = map.lines().count();
    assert!(
        lines <= ARCHITECTURE_LINES_MAX,
        "ARCHITECTURE.md: {lines} lines, at most {ARCHITECTURE_LINES_MAX} are allowed"
    );
}

#[test]
fn the_top_level_is_complete() {
    for name in TOP_LEVEL {
        assert!(root().join(name).exists(), "{name} is missing");
    }
}

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
