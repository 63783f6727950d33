//! Logs of changes to a table: played once, and without the rows that are left out, on which no later change rests.

use super::{NOTES, events, import, keyed, said, with_rules};

const LOG: &str =
    "[change_log]\nrow = \"{r}\"\ncolumn = \"{c}\"\nvalue = \"{v}\"\nversion = \"{t}\"\n";

/// Rules whose notes are told apart by the row that changes.
fn rules() -> String {
    let notes = NOTES.replace("{key}", "{id}");
    format!("{LOG}{notes}")
}

const SKIPPING: [&str; 2] = ["--skip-bad", "bad.csv"];

/// What the events of a ledger say, without their places.
fn sayings(scratch: &crate::program::Scratch) -> Vec<String> {
    let fields = ["event", "import_key", "text", "on", "field", "to"];
    let all = events(scratch).into_iter().filter(|event| {
        let kind = event["event"].as_str().unwrap_or_default();
        kind == "note" || kind == "correction"
    });
    let saying = |event: serde_json::Value| fields.map(|field| event[field].to_string()).join(" ");
    all.map(saying).collect()
}

/// A log of changes, imported again or grown, does not live through its changes again.
#[test]
fn a_log_of_changes_is_lived_through_once() {
    let scratch = with_rules(&format!("{LOG}{}", NOTES.replace("{key}", "{text}")));
    let mut table = "t,r,c,v\n1,X,text,x\n1,X,on,2001\n2,X,on,2002\n3,X,on,2003\n".to_owned();
    let first = said(&scratch, "log.csv", &table);
    assert!(
        first.contains("4 events appended (2 new, 2 corrections"),
        "{first}"
    );
    let again = said(&scratch, "log.csv", &table);
    assert!(again.contains("0 events appended"), "{again}");
    table.push_str("4,X,on,2004\n");
    let grown = said(&scratch, "log.csv", &table);
    assert!(
        grown.contains("2 events appended (1 new, 1 correction"),
        "{grown}"
    );
    assert_eq!(
        events(&scratch).pop().unwrap()["to"],
        serde_json::json!(["2004"])
    );
}

/// The changes of Y cannot all be read: none of them is imported, and those of X are as if Y had none.
#[test]
fn a_row_of_the_other_table_is_left_out_with_all_its_changes() {
    const WRONG: &str = "t,r,c,v\n1,X,id,x\n1,Y,id,y\n1,X,text,x\n1,Y,text,y\n1,X,on,2001\n2,Y,on,soon\n3,X,on,2003\n4,Y,text,z\n";
    let scratch = with_rules(&rules());
    scratch.write("log.csv", WRONG);
    import(&scratch, &["log.csv"], &[]).fails(1, &["log.csv:7,9: on: on: `soon` is not a date"]);
    let outcome = import(&scratch, &["log.csv"], &SKIPPING);
    let told = outcome.stderr.clone();
    outcome.ok();
    assert!(
        told.contains("3 events appended (2 new, 1 correction"),
        "{told}"
    );
    assert!(
        told.contains("log.csv:3,5,9: is about `Y`, as line 7 is, which is left out"),
        "{told}"
    );
    assert!(keyed(&scratch, "y").is_null());
    let bad = std::fs::read_to_string(scratch.path("bad.csv")).unwrap();
    assert_eq!(bad.matches(",Y,").count(), 4, "{bad}");
    assert!(!bad.contains(",X,"), "{bad}");

    // Corrected, the bad rows say what the whole log says.
    let mended = with_rules(&rules());
    said(&mended, "log.csv", WRONG.replace("soon", "2002"));
    scratch.write("mended.csv", bad.replace("soon", "2002"));
    import(&scratch, &["mended.csv"], &[]).ok();
    let (mut one, mut other) = (sayings(&scratch), sayings(&mended));
    one.sort();
    other.sort();
    assert_eq!(one, other);
    // And the log, imported again, adds nothing but the file.
    let again = said(&scratch, "log.csv", WRONG.replace("soon", "2002"));
    assert!(
        again.contains("1 event appended (1 new, 0 corrections"),
        "{again}"
    );
}

/// What is left out stands between two changes of another row, which stay two versions.
#[test]
fn what_is_left_out_joins_no_versions() {
    let scratch = with_rules(&rules());
    scratch.write(
        "log.csv",
        "t,r,c,v\n1,X,id,x\n1,X,text,x\n1,X,on,2001\n2,Y,on,soon\n1,X,on,2002\n",
    );
    let outcome = import(&scratch, &["log.csv"], &SKIPPING);
    let told = outcome.stderr.clone();
    outcome.ok();
    assert!(
        told.contains("3 events appended (2 new, 1 correction"),
        "{told}"
    );
}

/// Nobody knows what later rows rest on a change that does not say what it is about.
#[test]
fn a_change_of_nobody_knows_what_is_not_left_out() {
    for (row, why) in [
        (&b"2,,on,2002\n"[..], "[change_log] row is empty"),
        (b"2,\xff,on,2002\n", "the byte ff is not UTF-8"),
        (b"2,X,on\n", "has 3 cells; the header has 4"),
    ] {
        let scratch = with_rules(&rules());
        let log = [b"t,r,c,v\n1,X,id,x\n1,X,text,x\n", row, b"3,X,on,2003\n"].concat();
        scratch.write("log.csv", log);
        import(&scratch, &["log.csv"], &SKIPPING).fails(
            1,
            &[
                "nothing was appended",
                "log.csv:4: ",
                why,
                "do not say for certain what they change",
            ],
        );
        assert_eq!(events(&scratch).len(), 1);
        assert!(!scratch.path("bad.csv").exists());
    }
    // Bytes that are no text in another column are of a row that is known.
    let scratch = with_rules(&rules());
    let log = b"t,r,c,v\n1,X,id,x\n1,X,text,x\n1,X,on,2001\n2,Y,id,y\n2,Y,text,\xff\n";
    scratch.write("log.csv", log);
    import(&scratch, &["log.csv"], &SKIPPING).ok();
    assert!(keyed(&scratch, "y").is_null() && !keyed(&scratch, "x").is_null());
}

/// The ledger refuses what a change gives: its row is left out, and so is what rests on it.
#[test]
fn a_change_that_the_ledger_refuses_takes_its_row_with_it() {
    let rules = r#"
[[event]]
event = "agreement"
import_key = "a:{No}"
id = "a-{No}"
title = "Agreement {No}"
parties_unknown = "true"
on = "{Signed}"
[[event]]
event = "agreement-status"
when = { Ended = "?*" }
import_key = "e:{No}"
agreement = "a-{No}"
to = "terminated"
on = "{Ended}"
[[event]]
event = "note"
when = { About = "?*" }
import_key = "n:{No}"
text = "See {About}"
about = "a-{About}"
"#;
    let scratch = with_rules(&format!("{LOG}{rules}"));
    scratch.write(
        "log.csv",
        "t,r,c,v\n1,one,No,1\n1,one,Signed,1951\n1,two,No,2\n1,two,Signed,1952\n1,three,No,3\n1,three,Signed,1953\n\
         1,three,About,2\n2,one,Ended,1960\n2,two,Ended,1940\n",
    );
    import(&scratch, &["log.csv"], &[]).fails(1, &["log.csv:10: "]);
    let outcome = import(&scratch, &["log.csv"], &SKIPPING);
    let told = outcome.stderr.clone();
    outcome.ok();
    assert!(
        told.contains("log.csv:4-5: is about `two`, as line 10 is"),
        "{told}"
    );
    for (key, is_there) in [("a:1", true), ("e:1", true), ("a:2", false), ("a:3", false)] {
        assert_eq!(!keyed(&scratch, key).is_null(), is_there, "{key}: {told}");
    }
    let bad = std::fs::read_to_string(scratch.path("bad.csv")).unwrap();
    assert_eq!(bad.lines().count(), 1 + 3 + 3, "{bad}");
    scratch.run(&["verify"]).ok();
}
