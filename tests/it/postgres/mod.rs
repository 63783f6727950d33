//! Ledgers on a real PostgreSQL server, as users have them: by the command line.

mod appends;
mod backups;
mod cut;
mod failover;
mod manual;
mod rights;
#[cfg(feature = "serve")]
mod serving;
mod standbys;
mod tampering;
mod tls;

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use servanda_postgres::testing::Server;

use crate::program::{Outcome, Scratch, run};

/// A ledger on a server, and a directory for the files of commands.
struct OnServer<'a> {
    server: &'a Server,
    schema: String,
    scratch: Scratch,
}

static LEDGERS: AtomicU32 = AtomicU32::new(0);

impl<'a> OnServer<'a> {
    /// A schema without a ledger.
    fn empty(server: &'a Server) -> Self {
        Self {
            server,
            schema: format!("l{}", LEDGERS.fetch_add(1, Ordering::Relaxed)),
            scratch: Scratch::empty(),
        }
    }

    /// A new ledger.
    fn with_ledger(server: &'a Server) -> Self {
        let this = Self::empty(server);
        this.run(&["init", "--origin", "example.org/test"]).ok();
        this
    }

    fn url_of(&self, user: &str) -> String {
        self.server.url(user, &format!("schema={}", self.schema))
    }

    /// The program on the ledger, as a user of the server.
    fn servanda_as(&self, user: &str) -> Command {
        servanda_on(&self.scratch, &self.url_of(user))
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> Outcome {
        self.run_as("postgres", words)
    }

    #[track_caller]
    fn run_as(&self, user: &str, words: &[&str]) -> Outcome {
        let mut command = self.servanda_as(user);
        command.args(words);
        run(command, b"")
    }

    /// Runs SQL as the superuser, in the ledger's schema.
    fn sql(&self, statements: &str) {
        let schema = &self.schema;
        let statements = format!("SET search_path = {schema}; {statements}");
        self.server.client().batch_execute(&statements).unwrap();
    }

    /// How many records the ledger has.
    fn count(&self) -> usize {
        self.run(&["export", "--raw"]).ok().lines().count() - 1
    }
}

/// The program on a ledger, with nothing of this machine's user.
fn servanda_on(scratch: &Scratch, url: &str) -> Command {
    let mut command = scratch.servanda();
    command
        .env("SERVANDA_LEDGER", url)
        .env("XDG_CACHE_HOME", scratch.path("cache"))
        .env("HOME", scratch.path("home"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command
}

/// Ends a writer, also where its test fails meanwhile.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A server of the test's own; none, and a word about it, where PostgreSQL is not installed.
fn server() -> Option<Server> {
    let server = Server::start(&[]);
    if server.is_none() {
        eprintln!("SKIPPED: PostgreSQL is not installed");
    }
    server
}

/// A party, an agreement, two commitments, what became of one, and notes.
fn lines(notes: usize) -> String {
    let mut lines: String = [
        r#""event":"party","id":"p","kind":"state","name":"P""#,
        r#""event":"agreement","id":"a","title":"A","party":["p"]"#,
        r#""event":"commitment","id":"c1","agreement":"a","text":"t","debtor":["p"]"#,
        r#""event":"commitment","id":"c2","agreement":"a","text":"t","debtor":["p"]"#,
    ]
    .iter()
    .enumerate()
    .map(|(at, line)| format!("{{{line},\"import_key\":\"{at}\"}}\n"))
    .collect();
    for note in 0..notes {
        lines.push_str(&format!(
            "{{\"event\":\"note\",\"text\":\"note {note}\",\"import_key\":\"n{note}\"}}\n"
        ));
    }
    lines
}

#[test]
fn a_whole_session() {
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::empty(&server);
    ledger
        .run(&["log"])
        .fails(20, &["there is no ledger at postgres://"]);
    ledger.run(&["init", "--origin", "example.org/test"]).ok();
    ledger
        .run(&["init", "--origin", "example.org/other"])
        .fails(1, &["is a ledger already"]);
    ledger.scratch.write("lines", lines(9_000));
    ledger.run(&["import", "lines"]).ok();
    ledger.run(&["import", "lines"]).ok();
    let note = ledger.run(&["record", "note", "--text", "by hand"]).ok();
    assert!(note.contains("record 9005"), "{note}");
    let dry = ["record", "note", "--text", "never", "--dry-run"];
    ledger.run(&dry).ok();
    for words in [
        &["log", "--limit", "3"][..],
        &["show", "c1"],
        &["list", "parties"],
        &["report", "status"],
        &["checkpoint"],
        &["verify"],
        &["verify", "--chain"],
    ] {
        ledger.run(words).ok();
    }
    ledger.run(&["compact"]).fails(1, &["cannot be compacted"]);
    let words = ["redact", "9005", "--reason", "too much"];
    let words = [&words[..], &["--authority", "a court"]].concat();
    ledger.run(&words).ok();
    let raw = ledger.run(&["export", "--raw"]).ok();
    assert!(!raw.contains("by hand"));
    let verdict = ledger.run(&["verify"]).ok();
    assert!(verdict.contains("9007"), "{verdict}");

    // To a directory, and back to a server.
    let to = |words: &[&str]| ledger.run(words);
    to(&["copy", &ledger.url_of("postgres"), "local"]).ok();
    let back = ledger.server.url("postgres", "schema=back");
    to(&["copy", "local", &back]).ok();
    to(&["copy", "local", &back]).fails(1, &["is a ledger already"]);
    for place in ["local", &back] {
        assert_eq!(to(&["export", "--raw", "--ledger", place]).ok(), raw);
    }
}

#[test]
fn what_is_wrong_with_an_address_is_told_without_its_password() {
    let scratch = Scratch::empty();
    for (code, address, says) in [
        (
            1,
            "postgres://anna:hunter2@127.0.0.1:1/db",
            "a password does not belong into an address",
        ),
        (
            1,
            "postgres://127.0.0.1:1/db?schema=No",
            "is not made of small letters",
        ),
        (1, "postgres://127.0.0.1:1/db?nonsense=1", "nonsense"),
        (
            23,
            "postgres://127.0.0.1:1/db",
            "connecting to 127.0.0.1:1/db",
        ),
    ] {
        let outcome = scratch.run(&["log", "--wait", "0", "--ledger", address]);
        outcome.fails(code, &["error: ", says]);
        assert!(!outcome.stderr.contains("hunter2"), "{outcome:#?}");
    }
}
