//! Asserted times: a ledger for an old history, and how its backfill ends.

use super::*;
use crate::replay::{KnownAt, replay, replay_in_full};
use crate::submission::AssertedTimeError;
use crate::testing::*;
use crate::verify::{FindingKind, Unwatched, Verdict, verify};
use crate::{LedgerError, Submission};
use servanda_core::chain::record::{Head, Header, Record};
use servanda_core::state::State;
use servanda_core::testing::FIRST_RECORDED_AT;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::memory::MemoryLog;

const DAY: i64 = 86_400_000_000;

/// So many days before the machine's clock begins.
fn ago(days: i64) -> Instant {
    Instant(FIRST_RECORDED_AT.0 - days * DAY)
}

fn asserted(text: &str, at: Instant) -> Submission {
    Submission {
        event: note(text),
        recorded_at: Some(at),
        recorded_elsewhere: false,
    }
}

fn opened_at(at: Instant) -> Submission {
    Submission {
        event: opening(),
        recorded_at: Some(at),
        recorded_elsewhere: false,
    }
}

/// A ledger whose first record asserts that it was recorded 100 days ago.
fn backfill() -> Ledger<MemoryLog> {
    let (log, machine) = (MemoryLog::default(), Steady::default());
    Ledger::create(log, machine, opened_at(ago(100))).unwrap()
}

fn headers(log: &MemoryLog) -> Vec<Header> {
    let stored = log.read(0, 100).unwrap();
    let opened = stored.iter().map(|stored| Record::open(&stored.sealed));
    opened.map(|record| record.unwrap().header).collect()
}

fn verdict(log: &MemoryLog) -> Verdict {
    verify(log, &mut Unwatched).unwrap()
}

fn refused(ledger: &mut Ledger<MemoryLog>, events: Vec<Submission>) -> (usize, AssertedTimeError) {
    let head = ledger.head();
    let error = ledger.append(events).unwrap_err();
    assert_eq!(ledger.head(), head, "nothing was appended");
    match error {
        LedgerError::AssertedTime { index, source } => (index, source),
        other => panic!("{other}"),
    }
}

#[test]
fn asserted_times_are_recorded_as_such_within_one_batch_too() {
    let mut ledger = backfill();
    let days = [90, 90, 30];
    let receipts = ledger
        .append(days.map(|day| asserted("n", ago(day))).to_vec())
        .unwrap();
    assert!(receipts.iter().all(|receipt| receipt.asserted));
    assert_eq!(receipts[2].recorded_at, ago(30));
    assert!(ledger.is_backfill());

    let log = ledger.into_log();
    let headers = headers(&log);
    let times: Vec<i64> = headers.iter().map(|header| header.recorded_at).collect();
    assert_eq!(times, [100, 90, 90, 30].map(|day| ago(day).0));
    assert!(headers.iter().all(|header| header.asserted));
    // A note may be redacted one day, and has both marks.
    assert_eq!(headers[1].to_bytes()[1], 3);
    let verdict = verdict(&log);
    assert!(verdict.is_sound(), "{:#?}", verdict.findings);
    assert!(verdict.remarks[0].contains("records 0 to 3 are asserted"));

    // What was known on a day goes by the asserted times.
    let known = replay(&log, KnownAt::Time(ago(60))).unwrap().state;
    assert_eq!((known.count(), known.asserted()), (3, 3));
}

#[test]
fn the_first_append_without_a_asserted_time_ends_the_backfill_for_good() {
    let mut ledger = backfill();
    let batch = vec![asserted("old", ago(1)), note("new").into()];
    let receipts = ledger.append(batch).unwrap();
    assert_eq!(
        (receipts[0].asserted, receipts[1].asserted),
        (true, false),
        "a batch may hold the end"
    );
    assert!(receipts[1].recorded_at > ago(0));
    assert!(!ledger.is_backfill());
    let late = asserted("late", receipts[1].recorded_at);
    let ended = (0, AssertedTimeError::Ended);
    assert_eq!(refused(&mut ledger, vec![late.clone()]), ended);

    // Neither opening it again nor a snapshot brings it back.
    let log = ledger.into_log();
    let mut again = Ledger::open(log, Steady::default()).unwrap();
    assert_eq!(again.state().asserted(), 2);
    assert_eq!(refused(&mut again, vec![late]), ended);
    assert!(verdict(again.log()).remarks[0].contains("records 0 to 1 are asserted"));
}

#[test]
fn a_usual_ledger_takes_no_asserted_time() {
    let mut ledger = Ledger::create(MemoryLog::default(), Steady::default(), opening()).unwrap();
    let ended = (1, AssertedTimeError::Ended);
    let batch = vec![note("now").into(), asserted("n", ago(1))];
    assert_eq!(refused(&mut ledger, batch), ended);
    assert_eq!(ledger.state().asserted(), 0);
    assert!(verdict(ledger.log()).remarks.is_empty());
}

#[test]
fn asserted_times_never_decrease_and_have_passed() {
    let mut ledger = backfill();
    let before = asserted("n", ago(101));
    let backwards = |asserted, before| AssertedTimeError::Backwards { asserted, before };
    assert_eq!(
        refused(&mut ledger, vec![before.clone()]),
        (0, backwards(ago(101), ago(100)))
    );
    assert_eq!(
        refused(
            &mut ledger,
            vec![asserted("n", ago(5)), asserted("n", ago(6))]
        ),
        (1, backwards(ago(6), ago(5)))
    );
    let (index, future) = refused(&mut ledger, vec![asserted("n", ago(-1))]);
    assert!(
        matches!((index, future), (0, AssertedTimeError::Future { asserted, .. }) if asserted == ago(-1))
    );
    let created = Ledger::create(MemoryLog::default(), Steady::default(), opened_at(ago(-1)));
    assert!(matches!(
        created,
        Err(LedgerError::AssertedTime { index: 0, .. })
    ));

    // What is there already under its import key asserts nothing.
    let event = keyed("n", "k");
    let first = Submission {
        event: event.clone(),
        recorded_at: Some(ago(5)),
        recorded_elsewhere: false,
    };
    ledger.append(vec![first]).unwrap();
    let again = Submission {
        event,
        recorded_at: Some(ago(50)),
        recorded_elsewhere: false,
    };
    assert!(ledger.append(vec![again]).unwrap()[0].known);
}

#[test]
fn snapshots_need_not_tell_where_a_backfill_ends() {
    for end in 1..12 {
        let mut ledger = backfill().snapshot_every(1);
        for at in 1..12 {
            let event = match at < end {
                true => asserted("n", ago(50 - at)),
                false => note("n").into(),
            };
            ledger.append(vec![event]).unwrap();
        }
        let asserted = |state: &State| state.asserted();
        assert_eq!(asserted(ledger.state()), end as u64);
        let log = ledger.into_log();
        for known_at in [
            KnownAt::Now,
            KnownAt::Record(Seq(5)),
            KnownAt::Record(Seq(11)),
        ] {
            let (short, full) = (replay(&log, known_at), replay_in_full(&log, known_at));
            assert_eq!(short.unwrap().state, full.unwrap().state);
        }
        assert!(verdict(&log).is_sound());
    }
}

#[test]
fn a_asserted_time_after_the_backfill_is_a_finding() {
    let mut ledger = backfill();
    ledger
        .append(vec![note("a"), note("b"), note("c")])
        .unwrap();
    let stored = ledger.into_log().read(0, 10).unwrap();
    let records: Vec<Record> = stored
        .iter()
        .map(|stored| Record::open(&stored.sealed).unwrap())
        .collect();
    // Whoever writes the chain anew can set the mark, and every link fits.
    let mut head = Head::EMPTY;
    let mut all = Vec::new();
    for mut record in records {
        record.header.asserted |= record.header.seq == 2;
        record.header.prev = head.link;
        head = Head::after(&record.header);
        all.push(record.seal());
    }
    let verdict = verdict(&MemoryLog::of(all, head));
    let found: Vec<_> = verdict
        .findings
        .iter()
        .map(|finding| (finding.kind, finding.records.clone()))
        .collect();
    assert_eq!(found, [(FindingKind::Clock, vec![2])]);
    assert_eq!(verdict.findings[0].found, "an asserted time");
    assert!(verdict.remarks[0].contains("record 0 is asserted"));
}
