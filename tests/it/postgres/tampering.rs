//! What somebody does who has all rights on the database. `docs/threats.md` names each.

use super::{OnServer, lines, server};

#[test]
fn tampering_with_rows_is_found() {
    let Some(server) = server() else {
        return;
    };
    let swap = "UPDATE records SET seq = -5 WHERE seq = 3; \
        UPDATE records SET seq = 3 WHERE seq = 4; UPDATE records SET seq = 4 WHERE seq = -5";
    for (what, sql, says) in [
        ("a row deleted", "DELETE FROM records WHERE seq = 5".to_owned(), "record 5"),
        (
            "a byte changed",
            "UPDATE records SET sealed = set_byte(sealed, 150, get_byte(sealed, 150) # 1) WHERE seq = 6".to_owned(),
            "record 6",
        ),
        ("rows swapped", swap.to_owned(), "record 3"),
        ("the tail lost", "DELETE FROM records WHERE seq > 15".to_owned(), "16"),
        (
            "a row put behind the head",
            "INSERT INTO records SELECT 25, sealed FROM records WHERE seq = 1".to_owned(),
            "25",
        ),
        ("the heads lost", "DELETE FROM heads".to_owned(), "heads"),
    ] {
        let ledger = OnServer::with_ledger(&server);
        ledger.scratch.write("lines", lines(20));
        ledger.run(&["import", "lines"]).ok();
        ledger.run(&["verify"]).ok();
        ledger.sql(&sql);
        let outcome = ledger.run(&["verify"]);
        assert_eq!(outcome.code, Some(10), "{what}: {outcome:#?}");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(says), "{what}: {outcome:#?}");
    }
}

/// A chain alone cannot show it; the checkpoint that the user saw last does.
#[test]
fn an_older_dump_is_told_from_the_ledger() {
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    ledger.scratch.write("lines", lines(20));
    ledger.run(&["import", "lines"]).ok();
    ledger.sql("CREATE TABLE old_records AS TABLE records; CREATE TABLE old_heads AS TABLE heads");
    ledger
        .run(&["record", "note", "--text", "after the dump"])
        .ok();
    ledger.run(&["verify"]).ok();
    ledger.sql(
        "TRUNCATE records; TRUNCATE heads; \
        INSERT INTO records TABLE old_records; INSERT INTO heads TABLE old_heads",
    );
    let verdict = ledger.run(&["verify"]);
    assert_eq!(verdict.code, Some(10), "{verdict:#?}");
    assert!(verdict.stdout.contains("only 25 records"), "{verdict:#?}");
    ledger
        .run(&["record", "note", "--text", "n"])
        .fails(10, &["its tail was cut, or it is an older copy"]);
}
