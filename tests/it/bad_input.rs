//! What is wrong is refused with the line and the field, or told with an exit code of its own; and the ledger
//! stays as it was.

mod ledgers;

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
            &["by: no party is called `nobody`"],
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
            &["record: nothing here is called `one`"],
        ),
        (&["retraction", "0", "--reason", "c"], &["error: "]),
        (
            &["status", "C1", "claimed"],
            &["commitment: no commitment is called `C1`"],
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
