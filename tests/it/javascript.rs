//! docs/verify.js, the third verifier: it comes to the verdicts of docs/verify.py, and reads the same golden vectors.
//!
//! Without node these tests are skipped, with a line that says so; never where `CI` is true.

use std::process::Command;
use std::sync::Once;

use crate::format::{Ran, piped, root};

/// Node with a script of this repository; none where there is no node.
pub(super) fn node(script: &str) -> Option<Command> {
    static SAID: Once = Once::new();
    let there = Command::new("node").arg("--version").output();
    if there.is_ok_and(|output| output.status.success()) {
        let mut command = Command::new("node");
        command.arg(root().join(script));
        return Some(command);
    }
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "these tests need node on the PATH"
    );
    SAID.call_once(|| eprintln!("SKIPPED: there is no node, so docs/verify.js is not tried"));
    None
}

/// Runs docs/verify.js.
pub(super) fn verify_js(args: &[&str], input: &str) -> Option<Ran> {
    let mut command = node("docs/verify.js")?;
    command.args(args);
    Some(piped(command, input))
}

/// What two verifiers must agree on, of the lines that one said: where each finding is and of which kind, but of
/// signatures only whether there are any, because one that is bad may be named once or for each record that calls for it;
/// and what was counted and checked.
fn gist(said: &str) -> (Vec<String>, bool, Option<&str>) {
    let is_verdict = |line: &&str| line.starts_with("sound; ") || line.starts_with("BROKEN, ");
    let findings = said.lines().filter(|line| !is_verdict(line));
    let named = findings.map(|line| line.splitn(3, ": ").take(2).collect::<Vec<_>>().join(": "));
    let (signatures, mut others): (Vec<_>, Vec<_>) =
        named.partition(|name| name.ends_with(": signature"));
    others.sort();
    let verdict = said.lines().find(is_verdict);
    let counted = verdict.and_then(|line| {
        let from = line.find("records: ")?;
        line[from..].split(". Not checked: ").next()
    });
    (others, !signatures.is_empty(), counted)
}

/// How what one verifier said differs from what the other said.
pub(super) fn difference(python: (i64, &str), javascript: (i64, &str)) -> Option<String> {
    let is_refused = matches!(python.0, 1 | 2);
    let is_alike = python.0 == javascript.0 && (is_refused || gist(python.1) == gist(javascript.1));
    let told = |(code, said): (i64, &str)| format!("{code}\n{said}");
    (!is_alike).then(|| {
        let (python, javascript) = (told(python), told(javascript));
        format!("verify.py {python}\nverify.js {javascript}")
    })
}

#[test]
fn the_javascript_verifier_reads_the_golden_vectors() {
    let Some(command) = node("tests/it/javascript/golden.js") else {
        return;
    };
    let ran = piped(command, "");
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_difference_between_verifiers_is_found() {
    let one = "record 3: link: a\nBROKEN, findings: 1; records: 4; no head. Not checked: x";
    let other = "record 3: link: b\nBROKEN, findings: 2; records: 4; no head. Not checked: y";
    assert_eq!(difference((10, one), (10, other)), None);
    assert_eq!(difference((2, "usage"), (2, "another")), None);
    assert!(difference((10, one), (11, one)).is_some());
    for (from, to) in [
        ("link", "clock"),
        ("record 3", "record 2"),
        ("link", "signature"),
        ("records: 4", "records: 5"),
    ] {
        assert!(
            difference((10, one), (10, &other.replace(from, to))).is_some(),
            "{to}"
        );
    }
}
