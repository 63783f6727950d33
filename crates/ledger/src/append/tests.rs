//! Appending, replaying and what happens when the log fails in between.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::replay::{KnownAt, replay, replay_in_full};
use crate::stream::Given;
use crate::testing::*;
use crate::verify::{Unwatched, verify};
use crate::{Environment, snapshot};
use servanda_core::chain::codec;
use servanda_core::chain::record::{Head, PAYLOAD_LIMIT, SALT_LEN};
use servanda_core::event::{Entry, Kind};
use servanda_core::ndjson;
use servanda_core::ndjson::ReferenceResolver;
use servanda_core::state::{RECORD_LIMIT, State};
use servanda_core::testing::{Choices, FIRST_RECORDED_AT, event, histories};
use servanda_log::dry_run::DryRunLog;
use servanda_log::faulty::{Fault, Faulty};
use servanda_log::memory::MemoryLog;
use servanda_log::{BatchSource, ChunkSink, LogError, Parts as _, Reader, SnapshotCache, Stored};

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
            Ok::<_, Vec<ndjson::LineError>>(Some(Given { place, submission: event.into() }))
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
    let first = Receipt {
        known: true,
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
    let LedgerError::Refused(refusals) = &error else {
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
    assert!(matches!(error, LedgerError::Refused(_)), "{error}");
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
        matches!(&error, LedgerError::Codec { index: 1, .. }),
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
    assert_eq!(ledger.append(Vec::new()).unwrap(), []);
    assert_eq!(ledger.head(), head);
}

#[test]
fn a_ledger_is_created_once_and_by_its_opening() {
    let log = storied().into_log();
    let error = Ledger::create(log, Steady::default(), opening()).err();
    assert!(matches!(error, Some(LedgerError::NotEmpty(head)) if head.count == 13));
    let error = Ledger::create(MemoryLog::default(), Steady::default(), note("hello")).err();
    assert!(matches!(error, Some(LedgerError::Refused(_))));
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
}

/// A log that several ledgers share, with strings to pull.
#[derive(Clone, Default)]
struct Puppet {
    memory: Arc<Mutex<MemoryLog>>,
    strings: Arc<Mutex<Strings>>,
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

    /// Fails if it is told to.
    fn step(&self, name: &'static str) -> Result<(), LogError> {
        if self.strings.lock().unwrap().fail.contains(&name) {
            return Err(lost());
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

/// An error of no particular kind.
fn lost() -> LogError {
    LogError::Io {
        doing: "asking a puppet".to_owned(),
        source: std::io::Error::other("a string was pulled"),
    }
}

impl Log for Puppet {
    fn head(&self) -> Result<Head, LogError> {
        self.step("head")?;
        self.memory.lock().unwrap().head()
    }
    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let (before, after) = self.strings.lock().unwrap().meddle;
        if before > 0 {
            self.pull(|strings| strings.meddle.0 -= 1);
            self.meddle();
        }
        if self.strings.lock().unwrap().lose_batches {
            return Err(AppendError::Uncertain(lost()));
        }
        let appended = self.memory.lock().unwrap().append(expected, source);
        for _ in 0..after {
            self.pull(|strings| strings.meddle.1 -= 1);
            self.meddle();
        }
        let head = appended?;
        if self.strings.lock().unwrap().lose_answers {
            return Err(AppendError::Uncertain(lost()));
        }
        Ok(head)
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.step("read")?;
        self.memory.lock().unwrap().read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        self.memory.lock().unwrap().reader()
    }
    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        Some(self)
    }
}

impl SnapshotCache for Puppet {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        self.memory.lock().unwrap().put_chunks(count, chunks)
    }
    fn counts(&self) -> Result<Vec<u64>, LogError> {
        self.memory.lock().unwrap().counts()
    }
    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.memory.lock().unwrap().load(count)
    }
    fn remove(&self, count: u64) -> Result<(), LogError> {
        self.memory.lock().unwrap().remove(count)
    }
}

/// A ledger with the story in a puppet, and the strings.
fn puppet() -> (Ledger<Puppet>, Puppet) {
    let log = Puppet::default();
    (told(log.clone(), 5), log)
}

/// How often a note stands in a log.
fn times(log: &MemoryLog, text: &str) -> usize {
    let replayed = replay_in_full(log, KnownAt::Now).unwrap();
    let records = replayed.state.records().flatten();
    records
        .filter(|held| held.recorded() == &note(text))
        .count()
}

#[test]
fn two_ledgers_over_one_store_take_turns() {
    let (mut one, log) = puppet();
    let mut other = Ledger::open(log.clone(), Steady::default()).unwrap();
    for round in 0..3 {
        one.append(vec![note(&format!("one {round}"))]).unwrap();
        let receipts = other.append(vec![note(&format!("other {round}"))]).unwrap();
        assert_eq!(receipts[0].seq.0, 13 + 2 * round + 1);
        assert_eq!(receipts[0].link, other.head().link);
    }
    assert!(is_sound(&log.memory()));
    assert_eq!(other.head(), log.memory().head().unwrap());
    // What the other appended is seen by the rules: the same key is known, the same id is taken.
    one.append(vec![keyed("x", "row 40")]).unwrap();
    let receipts = other.append(vec![keyed("x", "row 40"), note("y")]).unwrap();
    assert_eq!([receipts[0].known, receipts[1].known], [true, false]);
    assert_eq!(receipts[0].seq.0, 19);
    one.append(vec![event(
        Kind::PartyRegistered,
        &[("id", "peru"), ("kind", "state"), ("name", "Peru")],
    )])
    .unwrap();
    let taken = event(
        Kind::PartyRegistered,
        &[("id", "peru"), ("kind", "person"), ("name", "Peru")],
    );
    let error = other.append(vec![taken]).unwrap_err();
    assert!(matches!(error, LedgerError::Refused(_)), "{error}");
    assert_eq!(other.state(), one.state());
    assert!(is_sound(&log.memory()));
}

#[test]
fn an_append_tries_again_where_the_head_moved_and_gives_up_at_last() {
    let (mut ledger, log) = puppet();
    log.pull(|strings| strings.meddle.0 = ATTEMPTS - 1);
    let receipts = ledger.append(vec![note("mine")]).unwrap();
    assert_eq!(receipts[0].seq.0, 13 + ATTEMPTS as u64 - 1);
    assert_eq!(times(&log.memory(), "mine"), 1);

    log.pull(|strings| strings.meddle.0 = ATTEMPTS);
    let error = ledger.append(vec![note("never")]).unwrap_err();
    let now = log.memory().head().unwrap();
    assert!(
        matches!(error, LedgerError::HeadMoved(head) if head == now),
        "{error}"
    );
    assert_eq!(times(&log.memory(), "never"), 0);
    assert_eq!(ledger.head(), now);
    assert_eq!(ledger.state().count(), now.count);
    assert!(is_sound(&log.memory()));
}

#[test]
fn a_lost_answer_is_found_at_the_head() {
    let (mut ledger, log) = puppet();
    log.pull(|strings| strings.lose_answers = true);
    let receipts = ledger.append(vec![note("once"), note("twice")]).unwrap();
    assert_eq!(receipts[1].link, log.memory().head().unwrap().link);
    assert_eq!(times(&log.memory(), "once"), 1);
}

#[test]
fn a_batch_that_never_arrived_is_told_as_not_appended() {
    let (mut ledger, log) = puppet();
    log.pull(|strings| strings.lose_batches = true);
    let error = ledger.append(vec![note("lost")]).unwrap_err();
    assert!(matches!(error, LedgerError::Log(_)), "{error}");
    assert_eq!(ledger.state().count(), 13);
    log.pull(|strings| *strings = Strings::default());
    ledger.append(vec![note("lost")]).unwrap();
    assert_eq!(times(&log.memory(), "lost"), 1);

    // Somebody else's batch of the same size at its place is not it.
    log.pull(|strings| {
        strings.lose_batches = true;
        strings.meddle.0 = 1;
    });
    let error = ledger.append(vec![note("lost again")]).unwrap_err();
    assert!(matches!(error, LedgerError::Log(_)), "{error}");
    assert_eq!(times(&log.memory(), "lost again"), 0);
    assert!(is_sound(&log.memory()));
}

/// The head alone does not tell: others append between the append and the question.
#[test]
fn a_lost_answer_is_found_behind_what_others_appended_since() {
    for others in 1..3 {
        let (mut ledger, log) = puppet();
        log.pull(|strings| {
            strings.lose_answers = true;
            strings.meddle.1 = others;
        });
        let receipts = ledger.append(vec![note("once")]).unwrap();
        assert_eq!(receipts[0].seq.0, 13);
        assert_eq!(times(&log.memory(), "once"), 1);
        assert_eq!(log.memory().records().len(), 14 + others);
        log.pull(|strings| strings.lose_answers = false);
        ledger.append(vec![note("after")]).unwrap();
        assert!(is_sound(&log.memory()));
    }
}

#[test]
fn where_the_head_cannot_be_asked_either_the_outcome_is_uncertain() {
    for what in ["head", "read"] {
        let (mut ledger, log) = puppet();
        log.pull(|strings| {
            strings.lose_answers = true;
            strings.meddle.1 = 1;
            strings.fail.push(what);
        });
        let error = ledger.append(vec![note("perhaps")]).unwrap_err();
        assert!(matches!(error, LedgerError::Uncertain(_)), "{error}");
        // Nothing is shown that nobody vouches for.
        assert_eq!(ledger.state().count(), 0);
        let error = ledger.append(vec![note("next")]).unwrap_err();
        assert!(matches!(error, LedgerError::Log(_)), "{error}");

        log.pull(|strings| *strings = Strings::default());
        ledger.append(vec![note("next")]).unwrap();
        assert_eq!(times(&log.memory(), "perhaps"), 1);
        assert_eq!(times(&log.memory(), "next"), 1);
        assert!(is_sound(&log.memory()));
        let reopened = Ledger::open(log, Steady::default()).unwrap();
        assert_eq!(ledger.state(), reopened.state());
    }
}

/// A refusal that the log's failure must not hide, nor a phantom that it must not leave.
#[test]
fn a_refusal_is_told_where_the_store_fails_after_it() {
    let (mut ledger, log) = puppet();
    log.pull(|strings| strings.fail.push("read"));
    let error = ledger.append(vec![note("phantom"), opening()]).unwrap_err();
    assert!(matches!(error, LedgerError::Refused(_)), "{error}");
    log.pull(|strings| strings.fail.clear());
    let receipts = ledger.append(vec![note("real")]).unwrap();
    assert_eq!(receipts[0].seq.0, 13);
    assert!(is_sound(&log.memory()));
}

/// Receipts of known records are read before anything is written: an append that is done does not fail.
#[test]
fn what_cannot_be_read_is_told_before_anything_is_appended() {
    let (mut ledger, log) = puppet();
    log.pull(|strings| strings.fail.push("read"));
    let events = vec![note("new"), keyed("again", "row 8")];
    let error = ledger.append(events.clone()).unwrap_err();
    assert!(matches!(error, LedgerError::Log(_)), "{error}");
    log.pull(|strings| strings.fail.clear());
    assert_eq!(times(&log.memory(), "new"), 0);
    ledger.append(events).unwrap();
    assert_eq!(times(&log.memory(), "new"), 1);
}

/// Checks what an append left behind, whatever became of it.
fn check_outcome(
    outcome: &Result<Vec<Receipt>, LedgerError>,
    before: &MemoryLog,
    after: &MemoryLog,
    size: usize,
    what: &str,
) {
    let added = after.records().len() - before.records().len();
    assert!(added == 0 || added == size, "{what}: {added} of {size}");
    match outcome {
        Ok(receipts) => {
            assert_eq!(added, size, "{what}");
            let ledger = Ledger::open(after.clone(), Steady::default()).unwrap();
            for receipt in receipts {
                let found = ledger.receipt(receipt.seq).unwrap();
                assert_eq!(
                    found,
                    Receipt {
                        known: false,
                        ..*receipt
                    },
                    "{what}"
                );
            }
        }
        Err(LedgerError::Uncertain(_)) => {}
        Err(error) => assert_eq!(added, 0, "{what}: {error}"),
    }
    if !after.records().is_empty() {
        assert!(is_sound(after), "{what}");
    }
}

/// Creates, appends one, appends several, opens again and appends, with one step of it failing. Gives
/// whether that step was reached.
fn live_with_a_fault(step: u64, fault: Fault) -> bool {
    let what = |doing: &str| format!("{doing}, step {step}, {fault:?}");
    let mut log = Faulty::new(MemoryLog::default());
    log.fail_after(step, fault);
    let mut ledger = match Ledger::create(log, Steady::default(), opening()) {
        Ok(ledger) => ledger.snapshot_every(2),
        // The log is gone with the error; what a second try on what it left gives is seen below.
        Err(error) => {
            assert!(step < 3, "{}: {error}", what("creating"));
            return true;
        }
    };
    let batches = [
        vec![note("one")],
        vec![note("two"), note("three"), keyed("four", "row 1")],
        vec![keyed("four", "row 1")],
        vec![note("five"), note("six")],
    ];
    let mut expected = 1;
    for (at, batch) in batches.iter().enumerate() {
        let size = if at == 2 { 0 } else { batch.len() };
        for attempt in 0.. {
            let before = ledger.log().inner().clone();
            let outcome = ledger.append(batch.clone());
            let after = ledger.log().inner();
            let doing = what(&format!("batch {at}, attempt {attempt}"));
            check_outcome(&outcome, &before, after, size, &doing);
            let done = after.records().len() - before.records().len() == size;
            if outcome.is_ok() || (done && size > 0) {
                break;
            }
            assert!(attempt == 0, "{doing}: only one step fails");
        }
        expected += size;
        assert_eq!(ledger.head().count as usize, expected, "{}", what("append"));
        let reopened = Ledger::open(ledger.log().inner().clone(), Steady::default()).unwrap();
        assert_eq!(ledger.state(), reopened.state(), "{}", what("append"));
    }
    let reached = ledger.log().steps() > step;
    let memory = ledger.log().inner().clone();
    if !reached {
        // Opening reads; a fault in it is an error and nothing else.
        for opening_step in 0.. {
            let mut log = Faulty::new(memory.clone());
            log.fail_after(opening_step, fault);
            match Ledger::open(log, Steady::default()) {
                Err(error) => assert!(matches!(error, LedgerError::Log(_)), "{error}"),
                Ok(ledger) => {
                    assert_eq!(ledger.head(), memory.head().unwrap());
                    assert!(opening_step > 3);
                    break;
                }
            }
        }
    }
    reached
}

#[test]
fn whatever_step_fails_a_batch_is_whole_or_not_at_all() {
    for fault in [Fault::Before, Fault::After] {
        let steps = (0..)
            .take_while(|step| live_with_a_fault(*step, fault))
            .count();
        assert!(steps >= 9, "{steps}");
    }
}

#[test]
fn a_ledger_whose_creation_failed_is_empty_or_whole() {
    for fault in [Fault::Before, Fault::After] {
        for step in 0..6 {
            let log = Puppet::default();
            let mut faulty = Faulty::new(log.clone());
            faulty.fail_after(step, fault);
            let created = Ledger::create(faulty, Steady::default(), opening());
            let left = log.memory();
            match (&created, left.records().len()) {
                (Ok(_), 1) => assert!(is_sound(&left)),
                (Err(LedgerError::Log(_)), 0) => {
                    Ledger::create(left, Steady::default(), opening()).unwrap();
                }
                (_, count) => panic!("{fault:?} {step}: {count}, {:?}", created.err()),
            }
        }
    }
}

#[test]
fn a_ledger_has_no_more_records_than_it_can() {
    let mut ledger = storied();
    ledger.record_limit = 15;
    let is_full = |outcome: &Outcome| matches!(outcome, Err(LedgerError::Full { limit: 15 }));
    let two = [note("the last but one"), note("the last of all")];
    let before = (ledger.head(), ledger.state().clone());
    let outcome = ledger.append([&two[..], &two].concat());
    assert!(is_full(&outcome), "{outcome:?}");
    assert_eq!((ledger.head(), ledger.state()), (before.0, &before.1));
    // Of requests that share a write, those that there is room for are appended.
    let requests = [&two[..1], &two, &two[1..]];
    let requests = requests.map(|events| events.iter().cloned().map(Submission::from).collect());
    let outcomes = ledger.append_group(&requests).unwrap();
    let taken: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, true]);
    assert!(is_full(&outcomes[1]), "{outcomes:?}");
    assert_eq!(ledger.head().count, 15);
    let outcome = ledger.append(vec![note("one more")]);
    assert!(is_full(&outcome), "{outcome:?}");
    // What is known needs no room.
    assert!(
        ledger
            .append(vec![keyed("a witness spoke", "row 8")])
            .unwrap()[0]
            .known
    );
    assert!(is_sound(ledger.log()));
}

/// More records than their numbers have bits for.
#[test]
fn a_ledger_that_is_too_long_is_not_read() {
    let head = Head {
        count: RECORD_LIMIT + 1,
        ..Head::EMPTY
    };
    let error = Ledger::open(MemoryLog::of(Vec::new(), head), Steady::default()).err();
    let is_too_long =
        |error: &LedgerError| matches!(error, LedgerError::TooLong(count) if *count == head.count);
    assert!(error.as_ref().is_some_and(is_too_long), "{error:?}");
}

#[test]
fn a_rehearsal_changes_nothing() {
    let log = storied().into_log();
    let before = (
        log.records().to_vec(),
        log.head().unwrap(),
        log.counts().unwrap(),
    );
    let rehearsal = DryRunLog::new(Puppet {
        memory: Arc::new(Mutex::new(log)),
        ..Puppet::default()
    })
    .unwrap();
    let mut ledger = Ledger::open(rehearsal, Steady::default())
        .unwrap()
        .snapshot_every(1);
    let receipts = ledger.append(vec![note("one"), keyed("two", "row 8")]);
    let seqs: Vec<u64> = receipts
        .unwrap()
        .iter()
        .map(|receipt| receipt.seq.0)
        .collect();
    assert_eq!(seqs, [13, 8]);
    assert!(ledger.append(vec![opening()]).is_err());
    // What was rehearsed can be read, and rested upon.
    let about = event(Kind::Noted, &[("text", "on it"), ("about", "13")]);
    ledger.append(vec![about]).unwrap();
    assert!(is_sound(ledger.log()));
    assert_eq!(ledger.head().count, 15);
    let log = ledger.into_log().into_inner();
    assert_eq!(log.head().unwrap(), before.1);
    assert_eq!(log.counts().unwrap(), before.2);
    let records: Vec<Sealed> = log
        .read(0, 100)
        .unwrap()
        .into_iter()
        .map(|stored| stored.sealed)
        .collect();
    assert_eq!(records, before.0);
}

#[test]
fn a_snapshot_that_is_of_no_use_keeps_no_new_one_away() {
    let mut ledger = Ledger::create(MemoryLog::default(), Steady::default(), opening())
        .unwrap()
        .snapshot_every(1);
    let newest = |log: &MemoryLog| log.counts().unwrap().pop().unwrap();
    while ledger.head().count < 40 || newest(ledger.log()) != ledger.head().count {
        ledger.append(vec![note("one more")]).unwrap();
    }
    let count = ledger.head().count;
    let log = ledger.into_log();
    let appended_to = |log: MemoryLog| {
        let ledger = Ledger::open(log, Steady::default()).unwrap();
        let mut ledger = ledger.snapshot_every(1);
        ledger.append(vec![note("one more")]).unwrap();
        newest(ledger.log())
    };
    assert_eq!(appended_to(log.clone()), count);
    // As another version wrote it.
    let mut bytes = log.load(count).unwrap().unwrap();
    bytes[0] -= 1;
    log.put(count, &bytes).unwrap();
    for older in log.counts().unwrap() {
        if older != count {
            log.remove(older).unwrap();
        }
    }
    assert_eq!(appended_to(log), count + 1);
}
