//! The roles of `docs/engines.md`: who may do what on the database.

use super::{OnServer, lines, server};

/// The statements that the document gives, between its first two fences of SQL.
fn roles() -> String {
    let document = include_str!("../../../docs/engines.md");
    let begin = document.split("```sql\n").nth(1).unwrap();
    begin.split("```").next().unwrap().to_owned()
}

#[test]
fn each_role_does_its_part_and_no_other() {
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    ledger.scratch.write("lines", lines(3));
    ledger.run(&["import", "lines"]).ok();
    ledger.sql(
        &roles()
            .replace("servanda.", &format!("{}.", ledger.schema))
            .replace("SCHEMA servanda", &format!("SCHEMA {}", ledger.schema)),
    );
    let note = ["record", "note", "--text", "mine"];
    ledger.run_as("recorder", &note).ok();
    ledger.run_as("reader", &["log"]).ok();
    ledger.run_as("reader", &["verify"]).ok();
    ledger
        .run_as("reader", &note)
        .fails(1, &["permission denied"]);
    let redact = ["redact", "5", "--reason", "r", "--authority", "a"];
    let outcome = ledger.run_as("recorder", &redact);
    assert_ne!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.stderr.contains("permission denied"), "{outcome:#?}");
    ledger.run_as("eraser", &["redact", "--finish"]).ok();
    for role in ["recorder", "reader"] {
        let mut client = ledger.server.client();
        let schema = &ledger.schema;
        client
            .batch_execute(&format!("SET ROLE {role}; SET search_path = {schema}"))
            .unwrap();
        for statement in [
            "UPDATE records SET sealed = ''",
            "DELETE FROM records",
            "TRUNCATE records",
            "DELETE FROM heads",
            "UPDATE heads SET link = link",
            "DROP TABLE records",
            "ALTER TABLE records ADD more int",
            "CREATE TABLE more ()",
        ] {
            let error = client.batch_execute(statement).unwrap_err();
            let code = error.code().unwrap().code();
            assert_eq!(code, "42501", "{role}: {statement}: {error}");
        }
    }
    ledger.run(&["verify"]).ok();
}
