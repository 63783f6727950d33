//! Moved heads, lost answers, and logs that fail at a step.

use super::*;

/// An error of no particular kind.
pub(super) fn lost() -> LogError {
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
        let appended = self.append_all(expected, source);
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
        self.reader().read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(OfPuppet(self.clone()))
    }
    fn is_shared(&self) -> bool {
        true
    }
    fn ask_for_turn(&mut self) {
        self.pull(|strings| strings.turns.0 += 1);
    }
    fn end_turn(&mut self) {
        self.pull(|strings| strings.turns.1 += 1);
    }
    fn streams_from(&self) -> Option<usize> {
        self.streams_from
    }
    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        Some(self)
    }
}

/// Reads what a puppet has.
struct OfPuppet(Puppet);

impl Reader for OfPuppet {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.0.step("read")?;
        self.0.memory.lock().unwrap().read(from, limit)
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

/// A ledger with the story in a puppet, and the strings; and another in one that is given streams.
fn puppets() -> [(Ledger<Puppet>, Puppet); 2] {
    [None, Some(1)].map(|streams_from| {
        let log = Puppet {
            streams_from,
            ..Puppet::default()
        };
        (told(log.clone(), 5), log)
    })
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
    for (mut one, log) in puppets() {
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
        assert!(matches!(error, LedgerError::Refused { .. }), "{error}");
        assert_eq!(other.state(), one.state());
        assert!(is_sound(&log.memory()));
    }
}

#[test]
fn an_append_tries_again_where_the_head_moved_and_gives_up_at_last() {
    for (mut ledger, log) in puppets() {
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
}

/// Others hold back for an append until it is settled what becomes of it, also where that is a refusal.
#[test]
fn an_append_asks_for_a_turn_where_the_head_moved_again_and_again() {
    for (mut ledger, log) in puppets() {
        for (moved, turns) in [(2, (0, 0)), (3, (1, 1)), (5, (3, 1))] {
            log.pull(|strings| {
                strings.turns = (0, 0);
                strings.meddle.0 = moved;
            });
            ledger.append(vec![note("mine")]).unwrap();
            assert_eq!(log.strings.lock().unwrap().turns, turns, "{moved}");
        }
        log.pull(|strings| {
            strings.turns = (0, 0);
            strings.meddle.0 = ATTEMPTS;
        });
        ledger.append(vec![note("never")]).unwrap_err();
        let refused = event(
            Kind::PartyRegistered,
            &[("id", "colombia"), ("kind", "state"), ("name", "C")],
        );
        ledger.append(vec![refused]).unwrap_err();
        assert_eq!(log.strings.lock().unwrap().turns, (ATTEMPTS - 2, 1));
        // A stream that its source gives anew is one more attempt.
        log.pull(|strings| {
            strings.turns = (0, 0);
            strings.meddle.0 = 3;
        });
        for asked in [0, 0, 1] {
            let mut events = vec![given(note("streamed"))].into_iter();
            let error = ledger.append_stream::<()>(|_| Ok(events.next()));
            error.unwrap_err();
            assert_eq!(log.strings.lock().unwrap().turns, (asked, 0));
        }
        let mut events = vec![given(note("streamed"))].into_iter();
        ledger.append_stream::<()>(|_| Ok(events.next())).unwrap();
        assert_eq!(log.strings.lock().unwrap().turns, (1, 1));
        assert!(is_sound(&log.memory()));
    }
}

fn given(event: Event) -> Given {
    Given {
        place: 0,
        submission: event.into(),
        if_irregular: None,
    }
}

#[test]
fn a_lost_answer_is_found_at_the_head() {
    for (mut ledger, log) in puppets() {
        log.pull(|strings| strings.lose_answers = true);
        let receipts = ledger.append(vec![note("once"), note("twice")]).unwrap();
        assert_eq!(receipts[1].link, log.memory().head().unwrap().link);
        assert_eq!(times(&log.memory(), "once"), 1);
    }
}

#[test]
fn a_batch_that_never_arrived_is_told_as_not_appended() {
    for (mut ledger, log) in puppets() {
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
}

/// The head alone does not tell: others append between the append and the question.
#[test]
fn a_lost_answer_is_found_behind_what_others_appended_since() {
    for others in 1..3 {
        for (mut ledger, log) in puppets() {
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
}

#[test]
fn where_the_head_cannot_be_asked_either_the_outcome_is_uncertain() {
    for what in ["head", "read"] {
        for (mut ledger, log) in puppets() {
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
}

/// A refusal that the log's failure must not hide, nor a phantom that it must not leave.
#[test]
fn a_refusal_is_told_where_the_store_fails_after_it() {
    for (mut ledger, log) in puppets() {
        log.pull(|strings| strings.fail.push("read"));
        let error = ledger.append(vec![note("phantom"), opening()]).unwrap_err();
        assert!(matches!(error, LedgerError::Refused { .. }), "{error}");
        log.pull(|strings| strings.fail.clear());
        let receipts = ledger.append(vec![note("real")]).unwrap();
        assert_eq!(receipts[0].seq.0, 13);
        assert!(is_sound(&log.memory()));
    }
}

/// Receipts of known records are read before anything is written: an append that is done does not fail.
#[test]
fn what_cannot_be_read_is_told_before_anything_is_appended() {
    for (mut ledger, log) in puppets() {
        log.pull(|strings| strings.fail.push("read"));
        let events = vec![note("new"), keyed("again", "row 8")];
        let error = ledger.append(events.clone()).unwrap_err();
        assert!(matches!(error, LedgerError::Log(_)), "{error}");
        log.pull(|strings| strings.fail.clear());
        assert_eq!(times(&log.memory(), "new"), 0);
        ledger.append(events).unwrap();
        assert_eq!(times(&log.memory(), "new"), 1);
    }
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
                        differs: false,
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
