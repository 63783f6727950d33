//! Appending, replaying and what happens when the log fails in between.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::Given;
use crate::replay::{KnownAt, replay, replay_in_full};
use crate::testing::*;
use crate::verify::{Unwatched, verify};
use crate::{Environment, snapshot};
use servanda_core::chain::codec;
use servanda_core::chain::record::{Head, PAYLOAD_LIMIT, SALT_LEN};
use servanda_core::event::{Entry, Event, Kind};
use servanda_core::ndjson;
use servanda_core::ndjson::ReferenceResolver;
use servanda_core::rules::Rule;
use servanda_core::state::{RECORD_LIMIT, State};
use servanda_core::testing::{Choices, FIRST_RECORDED_AT, event, histories};
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::dry_run::DryRunLog;
use servanda_log::faulty::{Fault, Faulty};
use servanda_log::memory::MemoryLog;
use servanda_log::{
    AppendError, BatchSource, ChunkSink, LogError, Parts as _, Reader, SnapshotCache, Stored,
};

mod faults;
mod limits;

/// Whether nothing is wrong with a log.
fn is_sound(log: &impl Log) -> bool {
    verify(log, &mut Unwatched).unwrap().is_sound()
}

/// Appends a history in batches whose sizes a seed chooses; gives the ledger and what it took in.
fn recorded(history: &[Event], seed: u64, snapshot_every: u64) -> (Ledger<MemoryLog>, Vec<Entry>) {
    let mut choices = Choices(seed);
    let (first, mut rest) = history.split_first().unwrap();
    let log = MemoryLog::default();
    let mut ledger = Ledger::create(log, Steady::default(), first.clone())
        .unwrap()
        .snapshot_every(snapshot_every);
    let mut receipts = vec![ledger.receipt(Seq(0)).unwrap()];
    while !rest.is_empty() {
        let (batch, left) = rest.split_at(choices.below(rest.len().min(9) + 1));
        receipts.extend(ledger.append(batch.to_vec()).unwrap());
        rest = left;
    }
    let entries = receipts.iter().zip(history).map(|(receipt, event)| Entry {
        seq: receipt.seq,
        recorded_at: receipt.recorded_at,
        event: event.clone(),
    });
    (ledger, entries.collect())
}

/// The fold of entries.
fn folded(entries: &[Entry]) -> State {
    let mut state = State::default();
    for entry in entries {
        state.apply(entry);
    }
    state
}

/// A log with one snapshot of several.
fn with_snapshot(log: &MemoryLog, kept: u64) -> MemoryLog {
    let log = log.clone();
    for count in log.counts().unwrap() {
        if count != kept {
            log.remove(count).unwrap();
        }
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_was_appended_is_what_is_replayed(history in histories(1..70), seed: u64, every in 1u64..8) {
        let (ledger, entries) = recorded(&history, seed, every);
        let seqs: Vec<u64> = entries.iter().map(|entry| entry.seq.0).collect();
        prop_assert_eq!(seqs, (0..history.len() as u64).collect::<Vec<_>>());
        let state = folded(&entries);
        prop_assert_eq!(ledger.state(), &state);
        prop_assert!(ledger.state().records().eq(state.records()));
        prop_assert!(is_sound(ledger.log()));

        let log = ledger.log();
        let full = replay_in_full(log, KnownAt::Now).unwrap();
        prop_assert_eq!(&full.state, &state);
        prop_assert!(full.state.records().eq(state.records()));
        prop_assert_eq!(full.head, ledger.head());
        prop_assert_eq!(full.last_recorded, ledger.last_recorded);
        for count in log.counts().unwrap() {
            let log = with_snapshot(log, count);
            prop_assert!(snapshot::newest(&log, KnownAt::Now).unwrap().is_some());
            let resumed = replay(&log, KnownAt::Now).unwrap();
            prop_assert_eq!(&resumed.state, &state);
            prop_assert!(resumed.state.records().eq(state.records()));
            prop_assert_eq!(resumed.head, full.head);
            prop_assert_eq!(resumed.last_recorded, full.last_recorded);
        }
    }

    #[test]
    fn what_was_known_is_what_the_first_records_give(history in histories(1..40), seed: u64, every in 1u64..8) {
        let (ledger, entries) = recorded(&history, seed, every);
        let log = ledger.log();
        for entry in &entries {
            let known = replay(log, KnownAt::Record(entry.seq)).unwrap();
            let end = entry.seq.0 as usize + 1;
            prop_assert_eq!(known.state, folded(&entries[..end]));
            prop_assert_eq!(known.head.count, end as u64);
            for (micros, known_then) in [(-1, false), (0, true), (1, true)] {
                let time = Instant(entry.recorded_at.0 + micros);
                let known = replay(log, KnownAt::Time(time)).unwrap();
                let upto = entries.iter().filter(|other| other.recorded_at <= time).count();
                prop_assert_eq!(upto > entry.seq.0 as usize, known_then);
                prop_assert_eq!(known.state, folded(&entries[..upto]));
            }
        }
    }

    #[test]
    fn what_is_exported_can_be_imported(history in histories(1..60), seed: u64) {
        let (ledger, _) = recorded(&history, seed, 100);
        let mut lines = String::new();
        for held in ledger.state().records().flatten() {
            let recorded = Entry { event: held.recorded().clone(), ..held.entry.clone() };
            let line = serde_json::Value::Object(ndjson::entry_to_json(&recorded));
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        let again = Steady::from(Instant(FIRST_RECORDED_AT.0 * 2));
        let mut imported = Ledger::create(MemoryLog::default(), again, history[0].clone()).unwrap();
        let mut resolver = ReferenceResolver::default();
        let mut lines = ndjson::Lines::new(lines.as_bytes(), ndjson::Defaults::default());
        let streamed = imported.append_stream(|present| {
            let of_its_ledger = |line: &ndjson::Line| matches!(line.parsed, ndjson::ParsedLine::OfItsLedger);
            let Some(line) = lines.by_ref().map(Result::unwrap).find(|line| !of_its_ledger(line)) else {
                return Ok(None);
            };
            let place = line.number;
            let event = resolver.event(line, |key| present.keyed(key), present.next())?;
            Ok::<_, Vec<ndjson::LineError>>(Some(Given { place, submission: event.into(), if_irregular: None }))
        });
        prop_assert_eq!(streamed.unwrap().appended, history.len() - 1);
        // The times of recording are others, and all else is the same.
        let mut expected = State::default();
        for held in ledger.state().records().flatten() {
            let recorded_at = imported.state().held(held.entry.seq).unwrap().entry.recorded_at;
            expected.apply(&Entry { event: held.recorded().clone(), seq: held.entry.seq, recorded_at });
        }
        prop_assert_eq!(imported.state(), &expected);
        let events = |state: &State| -> Vec<_> {
            let events = state.records().map(|held| held.map(|held| held.entry.event.clone()));
            events.collect()
        };
        prop_assert_eq!(events(imported.state()), events(ledger.state()));
        prop_assert!(imported.state().count() == 1 || imported.head() != ledger.head());
    }
}

#[test]
fn a_known_import_key_gives_the_first_receipt_and_appends_nothing() {
    let mut ledger = storied();
    // Record 8 has other words than these.
    let first = Receipt {
        known: true,
        differs: true,
        ..ledger.receipt(Seq(8)).unwrap()
    };
    let before = ledger.log().records().to_vec();
    for events in [
        vec![keyed("again", "row 8")],
        vec![keyed("again", "row 8"), keyed("and again", "row 8")],
    ] {
        let receipts = ledger.append(events.clone()).unwrap();
        assert_eq!(receipts, vec![first; events.len()]);
    }
    assert_eq!(ledger.log().records(), before);

    // New and known ones in one batch, and one key twice.
    let events = vec![
        keyed("new", "row 20"),
        keyed("again", "row 8"),
        note("no key"),
        keyed("new, again", "row 20"),
    ];
    let receipts = ledger.append(events.clone()).unwrap();
    let seqs: Vec<u64> = receipts.iter().map(|receipt| receipt.seq.0).collect();
    assert_eq!(seqs, [13, 8, 14, 13]);
    let known: Vec<bool> = receipts.iter().map(|receipt| receipt.known).collect();
    assert_eq!(known, [false, true, false, true]);
    assert_eq!(receipts[0].link, receipts[3].link);
    assert_eq!(receipts[1], first);
    assert_eq!(receipts[2].link, ledger.head().link);
    assert_eq!(ledger.head().count, 15);

    let mut ledger = Ledger::open(ledger.into_log(), Steady::default()).unwrap();
    let again = ledger.append(vec![events[0].clone(), events[1].clone()]);
    assert_eq!(
        again.unwrap(),
        [
            Receipt {
                known: true,
                differs: false,
                ..receipts[0]
            },
            first
        ]
    );
    assert_eq!(ledger.head().count, 15);
    assert!(is_sound(ledger.log()));
}

#[test]
fn a_refused_batch_changes_nothing_and_every_refusal_is_told() {
    let mut ledger = storied();
    let log = ledger.log().clone();
    let (state, head) = (ledger.state().clone(), ledger.head());
    let unknown = event(
        Kind::StatusChanged,
        &[("commitment", "C9"), ("to", "active")],
    );
    let party = |id| {
        event(
            Kind::PartyRegistered,
            &[("id", id), ("kind", "state"), ("name", id)],
        )
    };
    let error = ledger
        .append(vec![
            note("fine"),
            unknown.clone(),
            party("peru"),
            party("peru"),
            keyed("fine", "row 30"),
            opening(),
        ])
        .unwrap_err();
    let LedgerError::Refused {
        listed: refusals, ..
    } = &error
    else {
        panic!("{error}")
    };
    let told: Vec<(usize, String)> = refusals
        .iter()
        .map(|refusal| (refusal.index, refusal.rejection.rule.to_string()))
        .collect();
    let expected = [(1, "known"), (3, "unique-id"), (5, "opened-once")];
    assert_eq!(told, expected.map(|(at, rule)| (at, rule.to_owned())));
    assert_eq!(error.to_string(), "3 events refused");
    assert_eq!(ledger.log().records(), log.records());
    assert_eq!(ledger.log().head().unwrap(), head);
    assert_eq!(
        ledger.log().cache().unwrap().counts().unwrap(),
        log.counts().unwrap()
    );
    assert_eq!(ledger.state(), &state);
    assert_eq!(ledger.head(), head);
    // Nothing of it stays: neither id nor key is taken.
    let receipts = ledger.append(vec![party("peru"), keyed("fine", "row 30")]);
    assert!(receipts.unwrap().iter().all(|receipt| !receipt.known));
}

#[test]
fn an_event_may_rest_on_one_before_it_in_its_batch() {
    let mut ledger = storied();
    let about = |about| event(Kind::Noted, &[("text", "on it"), ("about", about)]);
    ledger.append(vec![note("it"), about("13")]).unwrap();
    let error = ledger.append(vec![about("16"), note("it")]).unwrap_err();
    assert!(matches!(error, LedgerError::Refused { .. }), "{error}");
}

#[test]
fn a_payload_may_be_as_long_as_the_limit_and_no_longer() {
    let of_length = |length: usize| {
        let text = "x".repeat(32 * 1024);
        let made = |rest: usize| {
            event(
                Kind::Noted,
                &[("text", text.as_str()), ("note", &"y".repeat(rest))],
            )
        };
        let overhead = codec::encode(&made(30_000)).unwrap().payload.len() - 30_000;
        made(length - overhead)
    };
    let mut ledger = storied();
    let longest = of_length(PAYLOAD_LIMIT);
    assert_eq!(
        codec::encode(&longest).unwrap().payload.len(),
        PAYLOAD_LIMIT
    );
    ledger.append(vec![longest.clone()]).unwrap();
    let before = (ledger.head(), ledger.state().clone());
    let too_long = of_length(PAYLOAD_LIMIT + 1);
    let error = ledger.append(vec![note("fine"), too_long]).unwrap_err();
    assert!(
        matches!(&error, LedgerError::Refused { listed, .. }
            if listed[0].index == 1 && listed[0].rejection.rule == Rule::Size),
        "{error}"
    );
    assert_eq!((ledger.head(), ledger.state().clone()), before);
    assert!(is_sound(ledger.log()));
    let reopened = Ledger::open(ledger.into_log(), Steady::default()).unwrap();
    let held = reopened.state().held(Seq(13)).unwrap();
    assert_eq!(held.recorded(), &longest);
}

#[test]
fn no_events_are_no_append() {
    let mut ledger = storied();
    let head = ledger.head();
    assert_eq!(ledger.append(Vec::<Event>::new()).unwrap(), []);
    assert_eq!(ledger.head(), head);
}

#[test]
fn a_ledger_is_created_once_and_by_its_opening() {
    let log = storied().into_log();
    let error = Ledger::create(log, Steady::default(), opening()).err();
    assert!(matches!(error, Some(LedgerError::NotEmpty(head)) if head.count == 13));
    let error = Ledger::create(MemoryLog::default(), Steady::default(), note("hello")).err();
    assert!(matches!(error, Some(LedgerError::Refused { .. })));
}

/// The machine's clock may be set back; the ledger's never goes.
#[test]
fn the_clock_never_goes_backwards() {
    let ledger = storied();
    let last = ledger.last_recorded;
    let early = Steady::from(Instant(5));
    let mut ledger = Ledger::open(ledger.into_log(), early).unwrap();
    let receipts = ledger.append(vec![note("later")]).unwrap();
    assert_eq!(receipts[0].recorded_at, last);
    assert!(is_sound(ledger.log()));
}

/// A clock that is wrong once would stay in the ledger for good, because recorded times never go back.
#[test]
fn a_clock_that_jumps_needs_somebody_who_says_that_it_is_right() {
    let day = 24 * 60 * 60 * 1_000_000;
    let ledger = storied();
    let last = ledger.last_recorded;
    let at = |days: i64| Steady::from(Instant(last.0 + days * day));
    let mut ledger = Ledger::open(ledger.into_log(), at(365)).unwrap();
    ledger.append(vec![note("after a year")]).unwrap();
    let log = ledger.into_log();
    let head = log.head().unwrap();
    let mut ledger = Ledger::open(log, at(365 + 367)).unwrap();
    let error = ledger.append(vec![note("after more")]).unwrap_err();
    assert!(matches!(error, LedgerError::ClockJump { .. }), "{error}");
    let streamed = ledger.append_stream::<()>(|_| Ok(None));
    assert!(streamed.is_err());
    assert_eq!(ledger.log().head().unwrap(), head);
    let mut ledger = ledger.trusting_the_clock();
    ledger.append(vec![note("after more")]).unwrap();
    assert!(is_sound(ledger.log()));
}

/// Environment whose randomness runs out.
struct Dry(u8);

impl Environment for Dry {
    fn now(&self) -> Instant {
        FIRST_RECORDED_AT
    }
    fn salt(&mut self) -> Result<[u8; SALT_LEN], std::io::Error> {
        self.0 = self.0.checked_sub(1).ok_or(std::io::ErrorKind::Other)?;
        Ok([self.0; SALT_LEN])
    }
}

#[test]
fn without_randomness_nothing_is_appended() {
    let mut ledger = Ledger::create(MemoryLog::default(), Dry(2), opening()).unwrap();
    let before = ledger.state().clone();
    let error = ledger.append(vec![note("one"), note("two")]).unwrap_err();
    assert!(matches!(error, LedgerError::Entropy(_)), "{error}");
    assert_eq!(ledger.state(), &before);
    assert_eq!(ledger.log().records().len(), 1);
}

// ---- Stores that others use too, and stores that fail ----

/// What a [`Puppet`] does when it is called.
#[derive(Default)]
struct Strings {
    /// Calls that fail: `head`, `read`.
    fail: Vec<&'static str>,
    /// Whether the answer to an append is lost once it is done.
    lose_answers: bool,
    /// Whether an append is lost on its way, so that nobody knows of it.
    lose_batches: bool,
    /// How often somebody else appends a note before an append, and after it.
    meddle: (usize, usize),
    /// How often a turn was asked for, and how often one was ended.
    turns: (usize, usize),
}

/// A log that several ledgers share, with strings to pull.
#[derive(Clone, Default)]
struct Puppet {
    memory: Arc<Mutex<MemoryLog>>,
    strings: Arc<Mutex<Strings>>,
    streams_from: Option<usize>,
}

impl Puppet {
    /// What lies in it.
    fn memory(&self) -> MemoryLog {
        self.memory.lock().unwrap().clone()
    }

    /// Pulls the strings.
    fn pull(&self, pull: impl FnOnce(&mut Strings)) {
        pull(&mut self.strings.lock().unwrap());
    }

    /// Appends what a source gives, which may ask for records meanwhile.
    fn append_all(
        &self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let mut memory = self.memory();
        let head = memory.append(expected, source)?;
        *self.memory.lock().unwrap() = memory;
        Ok(head)
    }

    /// Fails if it is told to.
    fn step(&self, name: &'static str) -> Result<(), LogError> {
        if self.strings.lock().unwrap().fail.contains(&name) {
            return Err(faults::lost());
        }
        Ok(())
    }

    /// Somebody else appends a note.
    fn meddle(&self) {
        let mut memory = self.memory.lock().unwrap();
        let mut other = Ledger::open(memory.clone(), Steady::default()).unwrap();
        other.append(vec![note("somebody else's")]).unwrap();
        *memory = other.into_log();
    }
}
