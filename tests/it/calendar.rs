//! Calendars, read by a program of other makers: python-icalendar, which `tests/all.sh` installs and names in
//! `SERVANDA_ICALENDAR`.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::program::Scratch;

/// What python-icalendar reads in a calendar; none where it is not installed.
fn read(calendar: &str) -> Option<Value> {
    let installed = std::env::var_os("SERVANDA_ICALENDAR");
    let Some(installed) = installed.filter(|path| Path::new(path).is_dir()) else {
        println!("SKIPPED: SERVANDA_ICALENDAR names no directory with python-icalendar");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/read_calendar.py");
    let mut python = Command::new("python3");
    python.args([OsStr::new("-B"), script.as_os_str()]);
    python.env("PYTHONPATH", installed).stdout(Stdio::piped());
    let output = assert_cmd::Command::from_std(python)
        .write_stdin(calendar)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// A ledger with a deadline, one that is over, and a meeting every three months.
fn history() -> Scratch {
    let scratch = Scratch::empty();
    scratch
        .run(&[
            "init",
            "--origin",
            "example.org/towns",
            "--purpose",
            "The two towns",
        ])
        .ok();
    let lines = [
        json!({"event": "party", "id": "ash", "kind": "state", "name": ["Ash"]}),
        json!({"event": "party", "id": "birch", "kind": "state", "name": ["Birch"]}),
        json!({"event": "agreement", "id": "A1", "title": "Accord", "party": ["ash", "birch"], "on": "2024-01-15"}),
        json!({"event": "commitment", "id": "C1", "agreement": "A1", "text": "Repair the bridge, its pier; and the road", "debtor": ["ash"], "creditor": ["birch"], "deadline": "2024-06-30", "on": "2024-01-15"}),
        json!({"event": "commitment", "id": "C2", "agreement": "A1", "text": "Open the pass", "debtor": ["ash"], "creditor": ["birch"], "deadline": "2024-03", "on": "2024-01-15"}),
        json!({"event": "commitment", "id": "C3", "agreement": "A1", "text": "Meet", "debtor": ["ash"], "creditor": ["birch"], "deadline": "RRULE:FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1;UNTIL=20301231T000000Z", "on": "2024-01-15"}),
        json!({"event": "status", "commitment": "C2", "to": "released", "by": ["birch"], "on": "2024-02-01"}),
    ];
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let import = scratch.write("towns.ndjson", lines.join("\n"));
    scratch.run(&["import".as_ref(), import.as_os_str()]).ok();
    scratch
}

#[test]
fn a_calendar_says_to_others_what_the_report_says() {
    let scratch = history();
    let ask = |format: &str| {
        let due = ["report", "due", "--as-of", "2024-02-15", "--format", format];
        scratch.run(&due).ok()
    };
    let Some(found) = read(&ask("ics")) else {
        return;
    };
    assert_eq!(found["name"], "Deadlines of The two towns");
    assert_eq!(found["errors"], json!([]));
    let expected = json!([
        {
            "uid": "C1.deadline@example.org/towns", "days": ["2024-06-30"], "lasts": 1,
            "status": "CONFIRMED", "alarms": [-7],
            "summary": "C1: Repair the bridge, its pier; and the road",
        },
        {
            "uid": "C2.deadline@example.org/towns", "days": ["2024-03-31"], "lasts": 1,
            "status": "CANCELLED", "alarms": [], "summary": "C2: Open the pass",
        },
        {
            "uid": "C3.occurrences@example.org/towns",
            "days": ["2024-04-01", "2024-07-01", "2024-10-01", "2025-01-01"], "lasts": 1,
            "status": "CONFIRMED", "alarms": [-7], "summary": "C3: Meet",
        },
    ]);
    assert_eq!(found["events"], expected);
    // The report has the same next day.
    assert!(ask("json").contains("2024-04-01"), "{}", ask("json"));
}
