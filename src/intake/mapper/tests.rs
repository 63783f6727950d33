use super::*;
use crate::intake::change_log;
use crate::intake::rules::Rules;
use crate::intake::table::{Form, Table};

fn file() -> File {
    File {
        name: "t.csv".into(),
        directory: "d".into(),
        digest: "0123456789abcdef".repeat(4),
    }
}

/// What rules make of a table.
fn made(rules: &str, table: &str) -> Outcome {
    let rules: Rules = rules.parse().unwrap_or_else(|errors| panic!("{errors:#?}"));
    let file = file();
    let table = Table::read("t.csv", table.as_bytes(), &Form::default()).unwrap();
    let job = ImportJob::new(&rules, &file, &table);
    let Some(log) = &rules.change_log else {
        return job.run();
    };
    let mut all = Outcome::default();
    let played = change_log::play(&job, log, |version| {
        let job = ImportJob {
            table: &version.table,
            version: Some(&version.name),
            touched: Some(&version.touched),
            ..job
        };
        all.events.extend(job.run().events);
    });
    all.bad.extend(played.err().unwrap_or_default());
    all
}

/// The import keys in order, without that of the source.
fn keys(outcome: &Outcome) -> Vec<&str> {
    outcome
        .events
        .iter()
        .filter(|made| made.rule.is_some())
        .map(|made| &*made.key)
        .collect()
}

fn remarks(remarks: &[Remark]) -> Vec<String> {
    remarks
        .iter()
        .map(|remark| format!("{}: {}", remark.place, remark.why()))
        .collect()
}

const PARTIES: &str = r#"
[[event]]
event = "agreement"
once = true
gather = ["party"]
import_key = "a"
id = "a"
title = "A"
party = "{who|slug}"

[[event]]
event = "party"
once = true
import_key = "p:{who|slug}"
id = "{who|slug}"
kind = "state"
name = "{who}"
"#;

const ACTS: &str = r#"
[[event]]
event = "participation"
cells = ["*"]
except = ["who", "remark"]
unless = { cell = "none" }
import_key = "{who|slug}:{column|slug}"
agreement = "a"
party = "{who|slug}"
action = "{column|lower}"
on = "{cell}"
"#;

#[test]
fn what_is_made_once_comes_first_and_gathers() {
    let rules = format!("{PARTIES}{ACTS}");
    let outcome = made(
        &rules,
        "who,Signature,Accession\nX,2001,\nY,,2002-03\nX y,none,2003\n",
    );
    assert_eq!(
        keys(&outcome),
        [
            "a",
            "p:x",
            "p:y",
            "p:x-y",
            "x:signature",
            "y:accession",
            "x-y:accession"
        ]
    );
    assert_eq!(
        outcome.events[1].line.fields().get("party"),
        ["x", "y", "x-y"]
    );
    assert_eq!(
        outcome.events[1].line.fields().get("source"),
        ["t-0123456789ab"]
    );
    assert_eq!(
        outcome.events[5].line.fields().get("source"),
        ["t-0123456789ab: line 2, column Signature"]
    );
    assert_eq!(
        remarks(&outcome.skipped),
        ["line 4, column Signature: `none`: no rule takes it"]
    );
    assert_eq!(remarks(&outcome.bad), [""; 0]);
}

/// Rows are read side by side, and an event that rows make together is made for the first of them alone.
#[test]
fn what_a_refused_row_gave_is_given_by_the_next_row_that_gives_it() {
    let rules = format!("{PARTIES}{ACTS}");
    let outcome = made(&rules, "who,Signature\nX,nonsense\nX,2001\nX,nonsense\n");
    assert_eq!(keys(&outcome), ["a", "p:x", "x:signature"]);
    let party = outcome.events[2].line.fields();
    assert_eq!(party.get("source"), ["t-0123456789ab: line 3"]);
    assert_eq!(outcome.together[&Key::from("p:x")], [1]);
    let lines: Vec<usize> = outcome.bad.iter().map(|bad| bad.place.line).collect();
    assert_eq!(lines, [2, 4]);
}

#[test]
fn two_spellings_of_a_party_in_a_list_name_it_once() {
    let rules = r#"
[[event]]
event = "agreement"
import_key = "{No}"
id = "t-{No}"
title = "T"
party = "{Who|split(;)|slug}"
"#;
    let outcome = made(rules, "No,Who\n1,Northland; NORTHLAND ;Southland\n");
    assert_eq!(remarks(&outcome.bad), [""; 0]);
    let made = outcome
        .events
        .iter()
        .find(|made| made.rule.is_some())
        .unwrap();
    assert_eq!(made.line.fields().get("party"), ["northland", "southland"]);
}

#[test]
fn an_agreement_has_its_roles_numbers_and_unknown_parties_from_a_table() {
    let rules = r#"
[[event]]
event = "agreement"
import_key = "{No}"
id = "t-{No}"
title = "T"
party = "{Who|slug}"
parties_unknown = "{Unknown}"
role = ["depositary:{Kept|slug}", "mediator:{Between|slug}"]
subject = "{Subject|split(/)}"
identifier = "unts:{UNTS}"
link = "terminates:t-{Ends}"

[[event]]
event = "agreement-status"
when = { Out = "?*" }
import_key = "{No}:out"
agreement = "t-{No}"
to = "terminated"
on = "{Said}"
effective = "{Out}"
"#;
    let table = "No,Who,Unknown,Kept,Between,Subject,UNTS,Ends,Said,Out\n\
                 1,,true,UN,,Trade/Rivers,I-1,,,\n\
                 2,North,,,South,,,1,1960-01-01,1961-01-01\n";
    let outcome = made(rules, table);
    assert_eq!(remarks(&outcome.bad), [""; 0]);
    let events: Vec<_> = outcome
        .events
        .iter()
        .filter(|made| made.rule.is_some())
        .collect();
    let fields = |at: usize, name: &str| events[at].line.fields().get(name).to_vec();
    assert_eq!(fields(0, "parties_unknown"), ["true"]);
    assert_eq!(fields(0, "role"), ["depositary:un"]);
    assert_eq!(fields(0, "subject"), ["Trade", "Rivers"]);
    assert_eq!(fields(0, "identifier"), ["unts:I-1"]);
    assert_eq!(fields(1, "role"), ["mediator:south"]);
    assert_eq!(fields(1, "link"), ["terminates:t-1"]);
    assert_eq!(fields(2, "effective"), ["1961-01-01"]);
    // A row that neither names a party nor says that none is known is refused.
    let outcome = made(
        rules,
        "No,Who,Unknown,Kept,Between,Subject,UNTS,Ends,Said,Out\n1,,,,,,,,,\n",
    );
    assert!(remarks(&outcome.bad)[0].contains("party: is required, unless `parties_unknown`"));
}

#[test]
fn a_row_goes_in_whole_or_not_at_all() {
    let rules = format!("{PARTIES}{ACTS}");
    let outcome = made(
        &rules,
        "who,Signature,Accession,remark\nX,2001,soon,\nY,2001,,why\nZ,1,2\nx,2004,,\nY,2005,,\n,,,\nW,,,\n",
    );
    assert_eq!(
        keys(&outcome),
        ["a", "p:y", "p:x", "p:w", "y:signature", "x:signature"]
    );
    let bad = remarks(&outcome.bad);
    assert!(
        bad[0].starts_with("line 2, column Accession: on: `soon` is not a date"),
        "{bad:#?}"
    );
    assert_eq!(bad[1], "line 4: has 3 cells; the header has 4");
    assert_eq!(
        bad[2],
        "line 6, column Signature: gives the import key `y:signature` again, which line 3 gave (for the participation)"
    );
    assert_eq!(
        remarks(&outcome.skipped),
        [
            "line 7: is empty",
            "line 8: no event: nothing stands under Signature or Accession"
        ]
    );
    assert_eq!(outcome.unused, [("remark".to_owned(), 1)]);
}

#[test]
fn names_that_give_one_id_are_told() {
    let outcome = made(PARTIES, "who\nCôte Or\nCote Or\n");
    assert_eq!(
        remarks(&outcome.bad),
        [
            "line 3: gives `p:cote-or` again with another name: `Cote Or`, and `Côte Or` in line 2; gather = [\"name\"] keeps both (for the party)"
        ]
    );
}

#[test]
fn rows_can_be_left_out_with_a_reason() {
    let rules = format!("[[skip]]\nwhen = {{ who = \"Total*\" }}\nreason = \"a sum\"\n{PARTIES}");
    let outcome = made(&rules, "who\nX\nTotal: 1\n");
    assert_eq!(keys(&outcome), ["a", "p:x"]);
    assert_eq!(remarks(&outcome.skipped), ["line 3: a sum"]);
}

#[test]
fn an_event_for_each_value_of_a_list() {
    let rules = r#"
[let]
round = "{round}"
[[event]]
event = "party"
once = true
each = "who|split(;)"
import_key = "{item|slug}"
id = "{item|slug}"
kind = "state"
name = "{item}"
identifier = "x:{nothing // round? // 'y'}"
"#;
    let outcome = made(
        &rules.replace("nothing // round? // ", ""),
        "who\nX; Y\nY;Z\n",
    );
    assert_eq!(keys(&outcome), ["x", "y", "z"]);
    let outcome = made(&rules.replace("nothing // round?", "round"), "who\nX\n");
    assert_eq!(
        remarks(&outcome.bad),
        ["line 2: [let] round refers to itself (for the party)"]
    );
    let outcome = made(&rules.replace("nothing // round?", "king"), "who\nX\n");
    assert_eq!(
        remarks(&outcome.bad),
        [
            "line 2: nothing is called `king`; its one column is `who`, where `,` is the delimiter (for the party)"
        ]
    );
}

#[test]
fn a_log_of_changes_is_played_back() {
    let rules = format!(
        "[change_log]\nrow = \"{{r}}\"\ncolumn = \"{{c}}\"\nvalue = \"{{v}}\"\nversion = \"{{t}}\"\nrecorded_at = \"{{version}}-01-01T00:00:00Z\"\n{PARTIES}{ACTS}"
    );
    let log = "t,r,c,v\n2001,X,who,X\n2001,X,Signature,2001\n2002,Y,who,Y\n2003,Y,Signature,2002\n2003,X,Signature,2003\n";
    let outcome = made(&rules, log);
    assert_eq!(
        keys(&outcome),
        [
            "a",
            "p:x",
            "x:signature",
            "a",
            "p:y",
            "a",
            "p:x",
            "p:y",
            "x:signature",
            "y:signature"
        ]
    );
    let last = outcome.events.last().unwrap();
    assert_eq!(
        last.line.fields().get("source"),
        ["t-0123456789ab: line 5, column Signature"]
    );
    let recorded_at = last.line.recorded_at.map(|time| time.to_string());
    assert_eq!(recorded_at.as_deref(), Some("2003-01-01T00:00:00.000000Z"));
    let outcome = made(&rules, "t,r,c,v\n2001,X,who,X\n,X,Signature,2001\n");
    assert_eq!(
        remarks(&outcome.bad),
        ["line 3: [change_log] version is empty"]
    );
}

/// What a row gives is no more than what its cells have: one wrong cell is told once, with all events that need it.
#[test]
fn a_wrong_cell_is_told_once() {
    let rules = r#"
[dates]
formats = ["%d/%m/%Y"]
[[event]]
event = "agreement"
import_key = "a:{No}"
id = "a-{No}"
title = "A"
party = "x"
on = "{Signed|date}"
[[event]]
event = "agreement-status"
import_key = "f:{No}"
agreement = "a-{No}"
to = "{To}"
on = "{Signed|date}"
[[event]]
event = "note"
import_key = "n:{Signed|date}"
text = "a"
"#;
    let outcome = made(
        rules,
        "No,Signed,To\n1,soon,in-force\n2,01/02/2003,nowhere\n",
    );
    let bad = remarks(&outcome.bad);
    assert_eq!(
        bad[0],
        "line 2, column Signed: `soon` is no date of the form %d/%m/%Y (for the agreement, the agreement-status, the note)"
    );
    assert!(
        bad[1].starts_with("line 3, column To: to: `nowhere` is not one of"),
        "{bad:#?}"
    );
    assert!(bad[1].ends_with("(for the agreement-status)"), "{bad:#?}");
    assert_eq!(bad.len(), 2);
    let outcome = made(rules, "No,Signed,Signed\n1,2,3\n");
    let bad = remarks(&outcome.bad);
    assert!(
        bad[0].starts_with("line 2: several columns are called `Signed`"),
        "{bad:#?}"
    );
}

/// A list of a JSON document is a list, and spellings that are folded are kept as further names.
#[test]
fn spellings_are_kept_as_names() {
    let rules = r#"
[map.towns]
fold_case = true
other = "keep"
[map.towns.values]
"stadt nord" = "Stadt Nord"
[[event]]
event = "party"
once = true
each = "who"
gather = ["name"]
import_key = "p:{item|towns|slug}"
id = "{item|towns|slug}"
kind = "organ"
name = ["{item|towns}", "{item}"]
"#;
    let outcome = made(
        rules,
        "who\nSTADT NORD\u{1f}S\u{fc}d\nStadt nord\nStadt Nord\n",
    );
    let names: Vec<Vec<String>> = outcome.events[1..]
        .iter()
        .map(|made| made.line.fields().get("name").to_vec())
        .collect();
    assert_eq!(
        names,
        [
            vec!["Stadt Nord", "STADT NORD", "Stadt nord"],
            vec!["S\u{fc}d"]
        ]
    );
    assert_eq!(outcome.together[&Key::from("p:stadt-nord")], [0, 1, 2]);
}

/// A row whose rules made something is not told as skipped.
#[test]
fn a_row_that_gave_an_event_is_not_skipped() {
    let rules = r#"
[[event]]
event = "party"
once = true
import_key = "p:{Who|slug}"
id = "{Who|slug}"
kind = "state"
name = "{Who}"
[[event]]
event = "agreement"
once = true
import_key = "a:{No}"
id = "a-{No}"
title = "Agreement {No}"
party = "{Who|slug}"
[[event]]
event = "agreement-status"
when = { Force = "?*" }
import_key = "f:{No}"
agreement = "a-{No}"
to = "in-force"
"#;
    let table = "No,Who,Force\n1,Northland,15/12/1951\n2,Southland,\n";
    let outcome = made(rules, table);
    assert_eq!(remarks(&outcome.skipped), [""; 0]);
    let outcome = made(
        &rules.replace("once = true\n", "when = { No = \"1\" }\n"),
        table,
    );
    assert_eq!(
        remarks(&outcome.skipped),
        ["line 3: no event: the conditions of no rule hold"]
    );
}
