//! A primary that waits for a standby which is not there, and somebody who does not want to wait.

use std::process::{Child, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use servanda_postgres::testing::Server;

use super::OnServer;

/// What the standby is started with: it waits for no other.
const ALONE: &[&str] = &["synchronous_standby_names="];

/// A primary whose commits wait for a standby, and that standby.
fn pair() -> Option<(Server, Server)> {
    let Some(primary) = Server::start(&["synchronous_standby_names=s1"]) else {
        eprintln!("SKIPPED: PostgreSQL is not installed");
        return None;
    };
    let standby = primary.standby("s1", ALONE);
    Some((primary, standby))
}

/// Kills a standby, and waits until the primary knows it: its processes may outlive the first of them for a moment.
fn kill(primary: &Server, standby: &mut Server) {
    standby.kill();
    let mut client = primary.client();
    while client
        .query_opt("SELECT FROM pg_stat_replication", &[])
        .unwrap()
        .is_some()
    {
        thread::sleep(Duration::from_millis(20));
    }
}

/// The process of the server, other than this one, that waits for the standby.
fn waiting(primary: &Server, other_than: i32) -> i32 {
    let mut client = primary.client();
    let asked = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid <> $1";
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(row) = client.query_opt(asked, &[&other_than]).unwrap() {
            return row.get(0);
        }
        assert!(Instant::now() < end, "nobody waits for the standby");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Does something to a process of the server.
fn tell(primary: &Server, does: &str, process: i32) {
    let asked = format!("SELECT {does}($1)");
    primary.client().execute(&asked, &[&process]).unwrap();
}

fn spawn(ledger: &OnServer<'_>, words: &[&str]) -> Child {
    ledger
        .servanda_as("postgres")
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn says(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// It is said that the record may be lost, also where it is asked for again; and once a standby has it, that it is there.
#[test]
fn an_append_whose_wait_was_cancelled_is_not_acknowledged() {
    let Some((primary, mut standby)) = pair() else {
        return;
    };
    let ledger = OnServer::with_ledger(&primary);
    ledger.scratch.write("lines", super::lines(1));
    kill(&primary, &mut standby);
    for _ in 0..2 {
        let child = spawn(&ledger, &["import", "lines"]);
        tell(&primary, "pg_cancel_backend", waiting(&primary, 0));
        let output = child.wait_with_output().unwrap();
        let said = says(&output);
        assert_eq!(output.status.code(), Some(22), "{said}");
        assert!(said.contains("not confirmed by another"), "{said}");
        assert!(said.contains("hint: do not record it again"), "{said}");
    }
    standby.crash(ALONE);
    ledger.run(&["import", "lines"]).ok();
    assert_eq!(ledger.count(), 6);
    assert!(standby.received() > 0);
    ledger.run(&["verify"]).ok();
}

/// Where the connection ends while the server waits, the program waits on by itself.
#[test]
fn an_append_whose_connection_ended_waits_for_the_standby_all_the_same() {
    let Some((primary, mut standby)) = pair() else {
        return;
    };
    let ledger = OnServer::with_ledger(&primary);
    kill(&primary, &mut standby);
    let mut child = spawn(&ledger, &["record", "note", "--text", "alone"]);
    let first = waiting(&primary, 0);
    tell(&primary, "pg_terminate_backend", first);
    waiting(&primary, first);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(child.try_wait().unwrap(), None, "it was acknowledged");
    standby.crash(ALONE);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", says(&output));
    let log = ledger.run(&["log"]).ok();
    assert_eq!(log.matches("alone").count(), 1, "{log}");
    ledger.run(&["verify"]).ok();
}
