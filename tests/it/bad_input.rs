//! What is wrong is refused with the line and the field, or told with an exit code of its own; and the ledger
//! stays as it was.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{fs, thread};

use servanda_log::directory;

use crate::program::{Scratch, contents};

/// A ledger with a party and a note, and what it holds.
struct Kept {
    scratch: Scratch,
    files: Vec<Vec<u8>>,
    records: String,
}

impl Kept {
    fn new() -> Self {
        let scratch = Scratch::with_ledger();
        let lines = r#"{"event":"party","id":"colombia","kind":"state","name":"Colombia"}
{"event":"note","text":"one"}"#;
        scratch.run_on(&["import", "-"], lines).ok();
        Self {
            files: scratch.kept_files(),
            records: scratch.records(),
            scratch,
        }
    }

    /// Asserts that a run is refused, says all this, and acknowledges nothing.
    #[track_caller]
    fn refuses(&self, words: &[&str], input: impl AsRef<[u8]>, code: i32, says: &[&str]) {
        let outcome = self.scratch.run_on(words, input);
        outcome.fails(code, says);
        assert_eq!(outcome.stdout, "", "{outcome:#?}");
        assert_eq!(self.scratch.kept_files(), self.files, "{outcome:#?}");
    }

    #[track_caller]
    fn refuses_import(&self, input: impl AsRef<[u8]>, says: &[&str]) {
        self.refuses(&["import", "-"], input, 1, says);
    }

    /// Asserts that not a byte of the records changed.
    #[track_caller]
    fn is_as_it_was(&self) {
        assert_eq!(self.scratch.records(), self.records);
        assert_eq!(self.scratch.kept_files(), self.files);
    }
}

/// What is no event, and what is said about it. Each stands in one line.
const WRONG_LINES: &[(&[u8], &[&str])] = &[
    (
        b"{\"event\":\"note\",\"text\":\"\xff\"}",
        &["line 1: is not UTF-8 from byte 25"],
    ),
    (
        b"{\"event\":\"note\",\"text\":\"a\\u0000b\"}",
        &["line 1: text: ", "U+0000"],
    ),
    (
        b"{\"event\":\"note\",\"text\":\"a\0b\"}",
        &["line 1: is not a JSON object", "control character"],
    ),
    (
        br#"{"event":"note","text":"\u001b[31mred"}"#,
        &["line 1: text: ", "U+001B"],
    ),
    (
        b"{\"event\":\"note\",\"text\":\"\x1b[31mred\"}",
        &["line 1: is not a JSON object"],
    ),
    (
        br#"{"event":"\u001b[31mred","text":"a"}"#,
        &[r"line 1: event: `\u{1b}[31mred` is not one of"],
    ),
    (
        br#"{"event":"note","text":"a","\u001b[31mred":"a"}"#,
        &[r"line 1: \u{1b}[31mred: no such field"],
    ),
    (
        br#"{"event":"note","text":"a","about":"@\u001b[31mred"}"#,
        &[r"import key `\u{1b}[31mred`"],
    ),
    (
        br#"{"event":"note","text":"a","colour":"red"}"#,
        &["line 1: colour: no such field of `note`"],
    ),
    (
        br#"{"event":"note","text":"a","on":"2023-02-30"}"#,
        &["line 1: on: `2023-02-30`", "01 to 28"],
    ),
    (
        br#"{"event":"note","text":"a","on":"10000-01-01"}"#,
        &["line 1: on: ", "0001 to 9999"],
    ),
    (
        br#"{"event":"note","text":"a","by":"nobody"}"#,
        &["line 1: by: no party is called nobody"],
    ),
    (
        br#"{"event":"note","text":"a","about":"nobody"}"#,
        &["line 1: about: ", "nobody"],
    ),
    (
        br#"{"event":"note","text":"a","about":7}"#,
        &["line 1: about: there is no record 7"],
    ),
    (
        br#"{"event":"party","id":"colombia","kind":"state","name":"C"}"#,
        &["line 1: id: colombia already names the party of record 1"],
    ),
    (
        br#"{"event":"party","id":"a/b","kind":"state","name":"A"}"#,
        &["line 1: id: `a/b` is not an id"],
    ),
    (
        br#"{"event":"party","id":"../a","kind":"state","name":"A"}"#,
        &["line 1: id: `../a` is not"],
    ),
    (
        br#"{"event":"party","id":"12","kind":"state","name":"A"}"#,
        &["line 1: id: `12`", "a number"],
    ),
    (
        br#"{"event":"party","id":12,"kind":"state","name":"A"}"#,
        &["line 1: id: `12`", "a number"],
    ),
    (
        br#"{"event":"party","id":"b","kind":"king","name":"A"}"#,
        &["line 1: kind: `king`"],
    ),
    (
        br#"{"event":"king","text":"a"}"#,
        &["line 1: event: `king` is not one of: ledger, party"],
    ),
    (br#"{"text":"a"}"#, &["line 1: event: is required"]),
    (br#"{"event":null,"text":"a"}"#, &["line 1: event: "]),
    (
        br#"{"event":["note","note"],"text":"a"}"#,
        &["line 1: event: takes one word"],
    ),
    (br#"{"event":"note"}"#, &["line 1: text: is required"]),
    (
        br#"{"event":"note","text":""}"#,
        &["line 1: text: is empty"],
    ),
    (
        br#"{"event":"note","text":["a","b"]}"#,
        &["line 1: text: takes one value, got 2"],
    ),
    (
        br#"{"event":"note","text":1.5}"#,
        &["line 1: text: is a number"],
    ),
    (
        br#"{"event":"note","text":{"a":"b"}}"#,
        &["line 1: text: is an object"],
    ),
    (
        br#"{"event":"note","text":[["a"]]}"#,
        &["line 1: text: has a list in a list"],
    ),
    (
        br#"{"event":"note","text":"a","seq":-1}"#,
        &["line 1: seq: is not a record's number"],
    ),
    (
        br#"{"event":"note","text":"a","text":"b"}"#,
        &["line 1: text: stands twice"],
    ),
    (
        br#"{"event":"correction","record":99,"field":"text","to":"b","reason":"c"}"#,
        &["line 1: record: there is no record 99"],
    ),
    (
        br#"{"event":"correction","record":2,"field":"deadline","to":"b","reason":"c"}"#,
        &["line 1: record 2 is a note, which has no field deadline"],
    ),
    (
        br#"{"event":"correction","record":2,"field":"text","to":"one","reason":"c"}"#,
        &["line 1: "],
    ),
    (br#"["event","note"]"#, &["line 1: is not a JSON object"]),
    (br#""note""#, &["line 1: is not a JSON object"]),
    (
        br#"{"event":"note","te"#,
        &["line 1: is not a JSON object: EOF"],
    ),
    (
        br#"{"event":"note","text":"a"} x"#,
        &["line 1: is not a JSON object: trailing"],
    ),
    (
        br#"{"event":"note","text":"a"}{"event":"note","text":"b"}"#,
        &["line 1: is not"],
    ),
    (
        b"event,text\nnote,a\n",
        &["2 errors", "line 1: is not a JSON object", "line 2: "],
    ),
    (b"", &["standard input holds no events"]),
    (b" \n\r\n\n", &["standard input holds no events"]),
];

#[test]
fn wrong_lines_are_refused_by_import() {
    let kept = Kept::new();
    for (line, says) in WRONG_LINES {
        kept.refuses_import(line, says);
    }
    kept.is_as_it_was();
}

#[test]
fn a_good_line_before_a_wrong_one_is_not_appended() {
    let kept = Kept::new();
    let cases = WRONG_LINES
        .iter()
        .filter(|(_, says)| says[0].starts_with("line 1: "));
    for (line, says) in cases.step_by(6) {
        let says: Vec<_> = says
            .iter()
            .map(|part| part.replace("line 1: ", "line 2: "))
            .collect();
        let says: Vec<_> = says
            .iter()
            .map(String::as_str)
            .chain(["nothing was appended"])
            .collect();
        let lines = [b"{\"event\":\"note\",\"text\":\"good\"}\n", *line].concat();
        kept.refuses_import(lines, &says);
    }
    kept.is_as_it_was();
}

#[test]
fn several_errors_are_all_listed_by_line() {
    let kept = Kept::new();
    // Lines that cannot be read do not hide those whose values are wrong, nor the other way round.
    let lines = r#"{"event":"note","text":"a","on":"2023-13"}
{"event":"note","text":"good","import_key":"k"}
{"event":"king"}
{"event":"note","text":"","by":"a b"}

{"event":"note","text":"good","about":"@k"}
{"event":"retraction","record":"@k"}
["#;
    let says = [
        "standard input: 6 errors; nothing was appended",
        "\n  line 1: on: ",
        "\n  line 3: event: ",
        "\n  line 4: text: is empty\n  line 4: by: `a b`",
        "\n  line 7: reason: is required\n  line 8: is not a JSON object",
    ];
    kept.refuses_import(lines, &says);
    let lines = r#"{"event":"note","text":"a","about":"@nobody"}
{"event":"note","text":""}"#;
    kept.refuses_import(
        lines,
        &[
            "2 errors",
            "line 1: about: no record",
            "line 2: text: is empty",
        ],
    );
    // The same for events that the rules refuse.
    let lines = r#"{"event":"note","text":"a","by":"x"}
{"event":"note","text":"good"}
{"event":"note","text":"b","by":"y"}"#;
    kept.refuses_import(
        lines,
        &["2 events refused", "line 1: by: ", "x", "line 3: by: ", "y"],
    );
    kept.is_as_it_was();
}

#[test]
fn a_thousand_errors_are_cut_with_a_count() {
    let kept = Kept::new();
    for wrong in [
        r#"{"event":"king"}"#,
        r#"{"event":"note"}"#,
        r#"{"event":"note","text":"a","by":"x"}"#,
    ] {
        let outcome = kept
            .scratch
            .run_on(&["import", "-"], format!("{wrong}\n").repeat(1000));
        outcome.fails(1, &["1000 ", "line 1: ", "line 100: ", "... and 900 more"]);
        assert!(!outcome.stderr.contains("line 101:"), "{outcome:#?}");
    }
    kept.is_as_it_was();
}

#[test]
fn what_is_too_large_is_refused() {
    let kept = Kept::new();
    let note = |text: &str| format!("{{\"event\":\"note\",\"text\":\"{text}\"}}");
    let line = note(&"x".repeat(5_000_000));
    let says = format!("line 1: has {} bytes; the limit is 1048576", line.len());
    kept.refuses_import(&line, &[&says]);
    kept.refuses_import(format!("{}\n{line}", note("good")), &["line 2: has "]);
    kept.refuses(
        &["record", "note", "--file", "-"],
        &line,
        1,
        &["more than 1048576 bytes"],
    );
    // Without an end of line, and not even JSON.
    kept.refuses_import("x".repeat(5_000_000), &["line 1: has 5000000 bytes"]);

    let long = "x".repeat(70_000);
    let says = ["text: has 70000 bytes; the limit is 32768", "source"];
    kept.refuses_import(note(&long), &["line 1: ", says[0], says[1]]);
    kept.refuses(&["record", "note", "--text", &long], "", 1, &says);
    kept.refuses(&["record", "note", "--file", "-"], note(&long), 1, &says);

    // Each text fits, but not all in one record.
    let text = "x".repeat(30_000);
    let line = format!(
        "{{\"event\":\"note\",\"text\":\"{text}\",\"note\":\"{text}\",\"recorded_by\":\"{text}\"}}"
    );
    kept.refuses_import(
        format!("{}\n{line}", note("good")),
        &["line 2: ", "bytes", "nothing was appended"],
    );
    kept.refuses(&["record", "note", "--file", "-"], &line, 1, &["bytes"]);
    // Deeply nested lists are refused before they are a stack overflow.
    let nested = format!("{{\"event\":\"note\",\"text\":{}", "[".repeat(500_000));
    kept.refuses_import(nested, &["line 1: is not a JSON object", "recursion limit"]);
    kept.is_as_it_was();
}

#[test]
fn what_is_no_file_is_refused() {
    let kept = Kept::new();
    let path = kept.scratch.path(".");
    let empty = kept.scratch.write("empty.ndjson", "");
    let directory = path.to_str().unwrap();
    let cases = [
        (directory, "it is a directory"),
        ("nowhere.ndjson", "cannot read nowhere.ndjson: No such file"),
        (empty.to_str().unwrap(), "empty.ndjson holds no events"),
    ];
    for (file, says) in cases {
        kept.refuses(&["import", file], "", 1, &[says]);
    }
    for (file, says) in [
        (cases[0].0, cases[0].1),
        (cases[1].0, cases[1].1),
        (cases[2].0, "is empty"),
    ] {
        kept.refuses(&["record", "note", "--file", file], "", 1, &[says]);
    }
    let source = [
        "record",
        "source",
        "S1",
        "--kind",
        "article",
        "--title",
        "T",
        "--document",
    ];
    kept.refuses(
        &[&source[..], &["nowhere.pdf"]].concat(),
        "",
        1,
        &["cannot read nowhere.pdf"],
    );
    kept.refuses(
        &[&source[..], &[directory]].concat(),
        "",
        1,
        &["it is a directory"],
    );
    kept.is_as_it_was();
}

#[test]
fn wrong_objects_are_refused_by_record() {
    let kept = Kept::new();
    // What record says has no line: it is one event.
    for (object, says) in WRONG_LINES
        .iter()
        .filter(|(line, _)| line.starts_with(b"{\"event\":\"note\""))
    {
        let says: Vec<_> = says
            .iter()
            .map(|part| part.strip_prefix("line 1: ").unwrap_or(part))
            .collect();
        // Import keys are import's.
        if !object.windows(2).any(|two| two == b"\"@") {
            kept.refuses(&["record", "note", "--file", "-"], object, 1, &says);
        }
    }
    let cases: [(&[u8], &str); 7] = [
        (b"", "standard input is empty"),
        (b"[]", "is not a JSON object"),
        (b"{\"text\":\"a\"}\n{\"text\":\"b\"}", "trailing characters"),
        (b"{\"text\":\"a\nb\"}", "control character"),
        (
            b"{\"event\":\"party\",\"id\":\"b\"}",
            "holds a party, not a note",
        ),
        (b"{\"text\":\"a\",\"text\":\"b\"}", "text: stands twice"),
        (b"{\"event\":\"king\"}", "event: `king`"),
    ];
    for (object, says) in cases {
        kept.refuses(&["record", "note", "--file", "-"], object, 1, &[says]);
    }
    kept.is_as_it_was();
}

#[test]
fn wrong_flags_are_refused_by_record() {
    let kept = Kept::new();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["note", "--text", "a", "--on", "2023-02-30"],
            &["on: `2023-02-30`", "01 to 28"],
        ),
        (
            &["note", "--text", "a", "--on", "10000-01-01"],
            &["on: ", "0001 to 9999"],
        ),
        (&["note", "--text", "\u{1b}[31mred"], &["text: ", "U+001B"]),
        (&["note", "--text", ""], &["text: is empty"]),
        (
            &["note", "--text", "", "--on", "x"],
            &["2 fields are wrong", "text: ", "on: "],
        ),
        (
            &["note", "--text", "a", "--by", "nobody"],
            &["by: no party is called nobody"],
        ),
        (
            &["note", "--text", "a", "--about", "99"],
            &["there is no record 99"],
        ),
        (
            &["party", "colombia", "--kind", "state", "--name", "C"],
            &["id: colombia already names the party"],
        ),
        (
            &["party", "a/b", "--kind", "state", "--name", "A"],
            &["id: `a/b` is not an id"],
        ),
        (
            &["party", "12", "--kind", "state", "--name", "A"],
            &["id: `12`", "add a letter"],
        ),
        (
            &[
                "correction",
                "99",
                "--field",
                "text",
                "--to",
                "b",
                "--reason",
                "c",
            ],
            &["record: there is no record 99"],
        ),
        (
            &[
                "correction",
                "one",
                "--field",
                "text",
                "--to",
                "b",
                "--reason",
                "c",
            ],
            &["record: `one` is not a record number"],
        ),
        (&["retraction", "0", "--reason", "c"], &["error: "]),
        (
            &["status", "C1", "claimed"],
            &["commitment: no commitment is called C1"],
        ),
    ];
    for (words, says) in cases {
        let words = [&["record"], *words].concat();
        kept.refuses(&words, "", 1, says);
    }
    kept.is_as_it_was();
}

#[test]
fn a_byte_order_mark_and_dos_lines_are_read() {
    let kept = Kept::new();
    let lines = "\u{feff}{\"event\":\"note\",\"text\":\"a\"}\r\n\r\n{\"event\":\"note\",\"text\":\"b\"}\r\n";
    kept.scratch.run_on(&["import", "-"], lines).ok();
    let object = "\u{feff}{\r\n  \"text\": \"c\"\r\n}\r\n";
    kept.scratch
        .run_on(&["record", "note", "--file", "-"], object)
        .ok();
    let export = kept.scratch.run(&["export"]).ok();
    assert!(
        !export.contains('\r') && !export.contains("\\r"),
        "{export}"
    );
    assert_eq!(export.lines().count(), 6, "{export}");
    assert!(
        kept.scratch
            .records()
            .starts_with(kept.records.lines().next().unwrap())
    );
}

#[test]
fn what_is_no_ledger_is_told_and_left_alone() {
    let scratch = Scratch::empty();
    scratch
        .run(&["log"])
        .fails(20, &["does not exist", "servanda init"]);
    assert!(!scratch.ledger().exists());
    scratch.write("ledger", "a letter");
    scratch.run(&["log"]).fails(20, &["is not a directory"]);
    scratch
        .run(&["init", "--origin", "x.org"])
        .fails(1, &["is not a directory", "another directory"]);
    assert_eq!(fs::read(scratch.ledger()).unwrap(), b"a letter");
    fs::remove_file(scratch.ledger()).unwrap();

    fs::create_dir(scratch.ledger()).unwrap();
    scratch.run(&["verify"]).fails(20, &["is not a ledger"]);
    assert_eq!(contents(&scratch.ledger()), []);
    scratch.write("ledger/letter.txt", "x");
    scratch.write("ledger/head", "no head of ours");
    let before = contents(&scratch.ledger());
    scratch.run(&["export"]).fails(20, &["is not a ledger"]);
    scratch
        .run(&["init", "--origin", "x.org"])
        .fails(1, &["is not empty", "another directory"]);
    scratch
        .run(&["init", "--origin", "x.org", "--dry-run"])
        .fails(1, &["is not empty"]);
    assert_eq!(contents(&scratch.ledger()), before);
}

#[test]
fn a_ledger_of_another_make_is_told_and_left_alone() {
    let scratch = Scratch::with_ledger();
    let good = fs::read(scratch.ledger().join("servanda")).unwrap();
    let newer = "servanda ledger\nformat 3\nstore sled\n";
    fs::write(scratch.ledger().join("servanda"), newer).unwrap();
    let before = contents(&scratch.ledger());
    for words in [
        &["log"][..],
        &["verify"],
        &["record", "note", "--text", "a"],
    ] {
        scratch.run(words).fails(20, &["has format 3", "newer"]);
    }
    assert_eq!(scratch.run(&["init", "--origin", "x.org"]).code, Some(1));
    assert_eq!(contents(&scratch.ledger()), before);
    // A marker that is none beside the files of a ledger is damage.
    for (marker, says) in [
        (
            "servanda ledger\nformat 1\nstore stone\n",
            "the store \"stone\"",
        ),
        ("servanda ledger\nformat one\nstore sled\n", "second line"),
        ("a letter of that name\n", "first line"),
        ("", "first line"),
    ] {
        fs::write(scratch.ledger().join("servanda"), marker).unwrap();
        let verdict = scratch.run(&["verify"]);
        assert!(
            verdict.code == Some(10) && verdict.stdout.contains(says),
            "{verdict:#?}"
        );
        for words in [&["log"][..], &["record", "note", "--text", "a"]] {
            scratch.run(words).fails(10, &[says, "servanda recover"]);
        }
        assert_eq!(scratch.run(&["init", "--origin", "x.org"]).code, Some(1));
        scratch.run(&["recover", "--into", "salvaged"]).ok();
        scratch.run(&["verify", "--ledger", "salvaged"]).ok();
        fs::remove_dir_all(scratch.path("salvaged")).unwrap();
        assert_eq!(
            fs::read_to_string(scratch.ledger().join("servanda")).unwrap(),
            marker
        );
    }
    fs::write(scratch.ledger().join("servanda"), good).unwrap();
    scratch.run(&["verify"]).ok();
    let again = scratch.run(&["init", "--origin", "x.org"]);
    again.fails(1, &["is a ledger already"]);
}

/// Copies a ledger, so that damage to the copy can be tried.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for (path, bytes) in contents(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        if path.is_dir() {
            fs::create_dir(target).unwrap();
        } else {
            fs::write(target, bytes).unwrap();
        }
    }
}

type Damage = fn(&Path);

#[test]
fn damage_is_exit_code_10_and_nothing_is_appended_to_it() {
    let original = Scratch::with_ledger();
    let lines =
        "{\"event\":\"note\",\"text\":\"one of many, of some length, that fills a file\"}\n"
            .repeat(400);
    original.run_on(&["import", "-"], lines).ok();
    let damages: [(&str, Damage); 8] = [
        ("a garbage head", |dir| {
            fs::write(dir.join("head"), [0xa5; 8192]).unwrap()
        }),
        ("an empty head", |dir| {
            fs::write(dir.join("head"), "").unwrap()
        }),
        ("no head", |dir| fs::remove_file(dir.join("head")).unwrap()),
        ("no records", |dir| {
            fs::remove_dir_all(dir.join("records")).unwrap()
        }),
        ("no db", |dir| {
            fs::remove_file(dir.join("records/db")).unwrap()
        }),
        ("an empty db", |dir| set_len(&dir.join("records/db"), 0)),
        ("a db cut near its start", |dir| {
            set_len(&dir.join("records/db"), 5_000)
        }),
        ("a db cut so that it opens with less", |dir| {
            set_len(&dir.join("records/db"), 30_000);
            for (path, _) in contents(&dir.join("records")) {
                if path
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with("snap.")
                {
                    fs::remove_file(path).unwrap();
                }
            }
        }),
    ];
    for (what, damage) in damages {
        let damaged = Scratch::empty();
        copy(&original.ledger(), &damaged.ledger());
        damage(&damaged.ledger());
        for words in [
            &["verify"][..],
            &["log"],
            &["record", "note", "--text", "a"],
            &["verify"],
        ] {
            let outcome = damaged.run(words);
            assert_eq!(outcome.code, Some(10), "{what}: {outcome:#?}");
            assert!(
                words == ["verify"] || outcome.stdout.is_empty(),
                "{what}: {outcome:#?}"
            );
            let advised =
                outcome.stderr.contains("copy") || outcome.stderr.contains("servanda verify");
            assert!(advised, "{what}: {outcome:#?}");
        }
        damaged
            .run(&["init", "--origin", "x.org"])
            .fails(1, &["is a ledger already"]);
    }
    original.run(&["verify"]).ok();
}

fn set_len(path: &Path, length: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    assert!(file.metadata().unwrap().len() > length);
    file.set_len(length).unwrap();
}

/// An export into a pipe that nobody reads holds its ledger, for it cannot end.
#[test]
fn a_ledger_in_use_is_told_with_who_uses_it() {
    let scratch = Scratch::with_ledger();
    let lines = format!(
        "{{\"event\":\"note\",\"text\":\"{}\"}}\n",
        "x".repeat(10_000)
    )
    .repeat(30);
    scratch.run_on(&["import", "-"], lines).ok();
    let mut export = scratch.servanda();
    // A global option before the command must not be taken for the command.
    export
        .args(["--quiet", "export", "--raw"])
        .stdout(Stdio::piped());
    let mut export = export.spawn().unwrap();
    let mut stdout = BufReader::new(export.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();

    let began = Instant::now();
    let refused = scratch.run(&["record", "note", "--text", "a", "--wait", "0"]);
    let holder = format!("in use by pid {}, servanda export, since 2", export.id());
    refused.fails(21, &[&holder, "--wait SECONDS"]);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    scratch
        .run(&["verify", "--wait", "0"])
        .fails(21, &[&holder]);
    scratch
        .run(&["init", "--origin", "x.org"])
        .fails(1, &["is a ledger already"]);

    let reader = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).map(|_| rest)
    });
    let waited = scratch.run(&["record", "note", "--text", "a", "--wait", "5"]);
    waited.ok();
    assert!(export.wait().unwrap().success());
    let rest = reader.join().unwrap().unwrap();
    assert!(
        String::from_utf8(rest)
            .unwrap()
            .contains("\"head\":{\"count\":31,")
    );
}

#[test]
fn a_lock_held_by_the_library_is_respected() {
    let scratch = Scratch::with_ledger();
    let held = directory::open(
        &scratch.ledger(),
        Duration::ZERO,
        "an archive's own program",
    )
    .unwrap();
    let holder = format!(
        "in use by pid {}, an archive's own program",
        std::process::id()
    );
    for words in [&["log"][..], &["verify"], &["export"], &["import", "-"]] {
        let words = [words, &["--wait", "0"]].concat();
        let outcome = scratch.run_on(&words, "{\"event\":\"note\",\"text\":\"a\"}");
        outcome.fails(21, &[&holder]);
    }
    drop(held);
    scratch.run(&["verify", "--wait", "5"]).ok();
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let scratch = Scratch::with_ledger();
    let note = format!("{{\"event\":\"note\",\"text\":\"{}\"}}\n", "x".repeat(2000));
    scratch.run_on(&["import", "-"], note.repeat(200)).ok();
    let commands: [&[&str]; 9] = [
        &["log"],
        &["export"],
        &["export", "--raw"],
        &["verify"],
        &["list", "parties"],
        &["--help"],
        &["completions", "bash"],
        &["log", "--format", "json"],
        &["log", "--format", "csv"],
    ];
    for words in commands {
        let mut command = scratch.servanda();
        command
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Gone before the first line.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{words:?}: {stderr}");
        assert!(!stderr.contains("error"), "{words:?}: {stderr}");
    }
}
