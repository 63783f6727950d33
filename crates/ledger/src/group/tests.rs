use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Barrier, Mutex};

use super::*;
use crate::replay::{KnownAt, replay_in_full};
use crate::testing::{Steady, keyed, note, opening, told as story_told};
use crate::verify::{Unwatched, verify};
use servanda_core::chain::record::{Head, Record};
use servanda_core::event::{Event, Kind};
use servanda_core::testing::event;
use servanda_log::faulty::{Fault, Faulty};
use servanda_log::memory::MemoryLog;
use servanda_log::{AppendError, BatchSource, LogError, Reader, Stored};

const THREADS: usize = 16;

fn ledger() -> Ledger<MemoryLog> {
    Ledger::create(MemoryLog::default(), Steady::default(), opening()).unwrap()
}

/// A log in memory that is given streams from so many records on, and panics after so many appends.
struct Peculiar {
    memory: MemoryLog,
    streams_from: Option<usize>,
    appends_left: usize,
}

impl Log for Peculiar {
    fn head(&self) -> Result<Head, LogError> {
        self.memory.head()
    }
    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let left = self.appends_left.checked_sub(1);
        self.appends_left = left.expect("this panic is part of a test");
        self.memory.append(expected, source)
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.memory.read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        self.memory.reader()
    }
    fn streams_from(&self) -> Option<usize> {
        self.streams_from
    }
}

fn peculiar(streams_from: Option<usize>, appends_left: usize) -> Ledger<Peculiar> {
    let log = Peculiar {
        memory: MemoryLog::default(),
        streams_from,
        appends_left,
    };
    Ledger::create(log, Steady::default(), opening()).unwrap()
}

/// Lets so many threads do something at the same time, each with an appender of its own.
fn together<T: Send, S: Log + 'static>(
    group: &Group<S>,
    act: impl Fn(usize, &Appender<S>) -> Vec<T> + Sync,
) -> Vec<T> {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let appender = group.appender();
                let (start, act) = (&start, &act);
                scope.spawn(move || {
                    start.wait();
                    act(number, &appender)
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn links(log: &impl Log) -> Vec<String> {
    let stored = log.read(0, usize::MAX).unwrap();
    let link = |stored: &Stored| {
        Record::open(&stored.sealed)
            .unwrap()
            .header
            .link()
            .to_string()
    };
    stored.iter().map(link).collect()
}

/// Parties that all threads want to register: one wins each, the others are refused; notes of one and of several
/// events between them.
#[test]
fn sixteen_threads_append_and_each_is_told_its_own() {
    let group = Group::new(ledger()).unwrap();
    let party = |id: &str| {
        event(
            Kind::PartyRegistered,
            &[("id", id), ("kind", "state"), ("name", id)],
        )
    };
    let outcomes = together(&group, |number, appender| {
        let mut told = Vec::new();
        for round in 0..12 {
            let id = format!("P{round}");
            // A refused request of two leaves nothing of its first.
            let both = vec![note(&format!("of {number}")), party(&id)];
            told.push(appender.append(both));
            told.push(appender.append(vec![note(&format!("{number} in {round}"))]));
        }
        told
    });
    let ledger = group.close().unwrap();
    let links = links(ledger.log());
    let mut seen = BTreeSet::new();
    let mut refused = 0;
    for outcome in outcomes {
        match outcome {
            Ok(receipts) => {
                let in_a_row = receipts
                    .windows(2)
                    .all(|pair| pair[0].seq.0 + 1 == pair[1].seq.0);
                assert!(in_a_row, "{receipts:?}");
                for receipt in receipts {
                    assert!(seen.insert(receipt.seq), "{} was given twice", receipt.seq);
                    assert_eq!(links[receipt.seq.0 as usize], receipt.link.to_string());
                }
            }
            Err(GroupError::Refused(LedgerError::Refused { listed, .. })) => {
                assert_eq!(listed.len(), 1);
                assert_eq!(listed[0].index, 1);
                refused += 1;
            }
            Err(other) => unreachable!("{other}"),
        }
    }
    assert_eq!(refused, 12 * (THREADS - 1));
    assert_eq!(seen.len(), THREADS * 12 + 2 * 12);
    assert_eq!(ledger.head().count as usize, 1 + seen.len());
    // The rules accept the records in this order, one after the other.
    assert!(verify(ledger.log(), &mut Unwatched).unwrap().is_sound());
    let replayed = replay_in_full(ledger.log(), KnownAt::Now).unwrap();
    assert_eq!(replayed.head, ledger.head());
}

#[test]
fn each_request_is_a_batch_of_its_own() {
    let group = Group::new(ledger()).unwrap();
    let receipts = together(&group, |_, appender| {
        vec![
            appender
                .append(vec![note("one"), note("two"), note("three")])
                .unwrap(),
        ]
    });
    let ledger = group.close().unwrap();
    let stored = ledger.log().read(0, usize::MAX).unwrap();
    for receipts in receipts {
        let remaining = receipts.iter().map(|receipt| {
            let record = Record::open(&stored[receipt.seq.0 as usize].sealed).unwrap();
            record.header.remaining
        });
        assert_eq!(remaining.collect::<Vec<_>>(), [2, 1, 0]);
    }
}

#[test]
fn an_import_key_goes_into_one_record_whoever_brings_it() {
    let group = Group::new(ledger()).unwrap();
    let receipts = together(&group, |number, appender| {
        let keys = (0..20).map(|row| format!("row {}", (row + number) % 20));
        keys.map(|key| {
            let receipts = appender.append(vec![keyed("a row", &key)]).unwrap();
            (key, receipts[0])
        })
        .collect()
    });
    let mut records = BTreeMap::new();
    let mut new = 0;
    for (key, receipt) in receipts {
        let first = *records.entry(key).or_insert(receipt);
        assert_eq!((first.seq, first.link), (receipt.seq, receipt.link));
        assert_eq!(first.recorded_at, receipt.recorded_at);
        new += usize::from(!receipt.known);
    }
    assert_eq!(new, 20);
    assert_eq!(group.close().unwrap().head().count, 21);
}

/// What many threads append at once is what one appends alone, in the order that the chain has, whether it is written as
/// one batch or while it is checked.
#[test]
fn a_group_gives_the_records_that_single_appends_give() {
    let requests: Vec<Vec<Event>> = vec![
        vec![note("one")],
        vec![keyed("two", "k"), note("three")],
        vec![event(
            Kind::Corrected,
            &[
                ("record", "77"),
                ("field", "text"),
                ("to", "x"),
                ("reason", "y"),
            ],
        )],
        vec![keyed("two again", "k")],
        vec![],
        vec![note("four")],
    ];
    let mut alone = ledger();
    let mut grouped = ledger();
    let mut streamed = peculiar(Some(1), usize::MAX);
    let singly: Vec<_> = requests
        .iter()
        .map(|events| alone.append(events.clone()))
        .collect();
    let submitted: Vec<Vec<Submission>> = requests
        .into_iter()
        .map(|events| events.into_iter().map(Submission::from).collect())
        .collect();
    let together = grouped.append_group(submitted.clone()).unwrap();
    let meanwhile = streamed.append_group(submitted).unwrap();
    assert_eq!(
        (singly.len(), singly.len()),
        (together.len(), meanwhile.len())
    );
    for (single, (one, other)) in singly.iter().zip(together.iter().zip(&meanwhile)) {
        let places = |outcome: &Outcome| {
            let receipts = outcome.as_ref().ok()?.iter();
            Some(
                receipts
                    .map(|receipt| (receipt.seq, receipt.known))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(places(single), places(one));
        assert_eq!(places(single), places(other));
    }
    assert_eq!(streamed.state(), grouped.state());
    assert_eq!(
        streamed.checkpoint().unwrap(),
        grouped.checkpoint().unwrap()
    );
    assert!(verify(streamed.log(), &mut Unwatched).unwrap().is_sound());
    assert_eq!(alone.head().count, grouped.head().count);
    assert!(verify(grouped.log(), &mut Unwatched).unwrap().is_sound());
    // Both go on from there.
    assert_eq!(
        grouped.append(vec![note("five")]).unwrap()[0].seq,
        alone.append(vec![note("five")]).unwrap()[0].seq
    );
}

#[test]
fn a_write_that_fails_fails_for_all_of_the_group_and_the_next_one_goes_on() {
    for fault in [Fault::Before, Fault::After] {
        let mut ledger = story_told(Faulty::new(MemoryLog::default()), 1000);
        let before = ledger.head().count;
        let requests: Vec<Vec<Submission>> = (0..3)
            .map(|at| vec![note(&format!("note {at}")).into()])
            .collect();
        ledger.log.fail_after(0, fault);
        let outcome = ledger.append_group(requests);
        let there = ledger.head().count - before;
        match fault {
            Fault::Before | Fault::Amid | Fault::Silent => {
                assert!(matches!(outcome, Err(LedgerError::Log(_))), "{outcome:?}");
                assert_eq!(there, 0);
            }
            // The answer was lost; the ledger looked, and found it.
            Fault::After => assert_eq!((outcome.unwrap().len(), there), (3, 3)),
        }
        let receipts = ledger.append(vec![note("after")]).unwrap();
        assert_eq!(receipts[0].seq.0, before + there);
        assert!(verify(ledger.log(), &mut Unwatched).unwrap().is_sound());
    }
}

#[test]
fn a_committer_that_gives_up_is_told_to_all() {
    let ledger = peculiar(None, 1);
    let group = Group::new(ledger).unwrap();
    let outcomes = Mutex::new(Vec::new());
    together(&group, |_, appender| {
        let outcome = appender.append(vec![note("a")]);
        outcomes.lock().unwrap().push(outcome);
        Vec::<()>::new()
    });
    let outcomes = outcomes.into_inner().unwrap();
    let lost = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(GroupError::Lost)));
    assert!(lost.count() >= 1);
    let known =
        |outcome: &Result<_, _>| matches!(outcome, Err(GroupError::Lost | GroupError::Closed));
    assert!(outcomes.iter().all(known), "{outcomes:?}");
    let late = group.appender().append(vec![note("b")]);
    assert!(matches!(late, Err(GroupError::Closed)), "{late:?}");
    assert!(matches!(group.close(), Err(GroupError::Lost)));
}

#[test]
fn closing_finishes_what_was_asked_for_and_refuses_the_rest() {
    let group = Group::new(ledger()).unwrap();
    let appender = group.appender();
    let others = group.appender();
    let receipts = appender.append(vec![note("a")]).unwrap();
    let ledger = group.close().unwrap();
    assert_eq!(ledger.head().count, receipts[0].seq.0 + 1);
    for _ in 0..2 {
        assert!(matches!(
            others.append(vec![note("b")]),
            Err(GroupError::Closed)
        ));
    }
    // The ledger can be used alone again, and shared again.
    let group = Group::new(ledger).unwrap();
    group.appender().append(vec![note("c")]).unwrap();
    assert_eq!(group.close().unwrap().head().count, receipts[0].seq.0 + 2);
}

#[test]
fn who_does_not_wait_is_told_too() {
    let group = Group::new(ledger()).unwrap();
    let appender = group.appender();
    let (sender, told) = std::sync::mpsc::channel();
    let append = |text: &str| {
        let sender = sender.clone();
        appender.append_then(vec![keyed(text, text)], move |told| {
            sender.send(told).unwrap();
        });
    };
    for text in ["a", "b", "a"] {
        append(text);
    }
    let told_seq = || told.recv().unwrap().unwrap()[0].seq;
    let seqs = [told_seq(), told_seq(), told_seq()];
    assert_eq!((seqs[1].0, seqs[2]), (seqs[0].0 + 1, seqs[0]));
    group.close().unwrap();
    append("c");
    assert!(matches!(told.recv().unwrap(), Err(GroupError::Closed)));
    // A committer that gives up.
    let group = Group::new(peculiar(None, 1)).unwrap();
    group.appender().append_then(vec![note("a")], {
        let sender = sender.clone();
        move |told| sender.send(told).unwrap()
    });
    assert!(matches!(told.recv().unwrap(), Err(GroupError::Lost)));
}

#[test]
fn who_never_waits_is_told_that_too_many_do() {
    let group = Group::new(ledger()).unwrap();
    let appender = group.appender();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let (began, begun) = std::sync::mpsc::channel();
    let hold = move |_: &mut Ledger<MemoryLog>| {
        began.send(()).unwrap();
        wait.recv().unwrap();
    };
    assert!(appender.visit_later(hold).unwrap());
    begun.recv().unwrap();
    let (sender, told) = std::sync::mpsc::channel();
    for number in 0..=WAITING_MAX {
        let sender = sender.clone();
        appender.append_then(vec![note(&number.to_string())], move |told| {
            sender.send(told).unwrap();
        });
    }
    assert!(matches!(told.try_recv(), Ok(Err(GroupError::Crowded))));
    assert!(told.try_recv().is_err());
    go_on.send(()).unwrap();
    for _ in 0..WAITING_MAX {
        told.recv().unwrap().unwrap();
    }
    assert_eq!(group.close().unwrap().head().count, 1 + WAITING_MAX as u64);
}

/// A snapshot that is due at every eighth record is not taken while many wait, and is taken again afterwards.
#[test]
fn snapshots_are_far_apart_while_many_wait() {
    let group = Group::new(ledger().snapshot_every(8)).unwrap();
    together(&group, |number, appender| {
        appender.append(vec![note(&number.to_string())]).unwrap();
        Vec::<()>::new()
    });
    let mut ledger = group.close().unwrap();
    let kept = |ledger: &Ledger<MemoryLog>| ledger.log().snapshots().unwrap().counts().unwrap();
    assert!(kept(&ledger).is_empty());
    for number in 0..8 {
        ledger.append(vec![note(&number.to_string())]).unwrap();
    }
    assert_eq!(kept(&ledger).len(), 1);
}

/// What is noted of the ledger is there before anybody is answered, after an append and after a visit.
#[test]
fn what_is_told_of_the_ledger_can_be_read_by_those_who_are_answered() {
    let seen = std::sync::Arc::new(Mutex::new(0));
    let noted = std::sync::Arc::clone(&seen);
    let note_count = move |ledger: &Ledger<MemoryLog>| *noted.lock().unwrap() = ledger.head().count;
    let group = Group::noting(ledger(), note_count).unwrap();
    together(&group, |number, appender| {
        for round in 0..8 {
            let text = format!("{number} in {round}");
            let last = match round % 2 {
                0 => appender.append(vec![note(&text)]).unwrap()[0].seq,
                _ => {
                    let append = move |ledger: &mut Ledger<MemoryLog>| {
                        ledger.append(vec![note(&text)]).unwrap()[0].seq
                    };
                    appender.visit(append).unwrap()
                }
            };
            assert!(*seen.lock().unwrap() > last.0);
        }
        Vec::<()>::new()
    });
    let ledger = group.close().unwrap();
    assert_eq!(ledger.head().count as usize, 1 + THREADS * 8);
    assert!(verify(ledger.log(), &mut Unwatched).unwrap().is_sound());
}

#[test]
fn a_rehearsal_shows_what_would_be_and_leaves_nothing() {
    let group = Group::new(ledger()).unwrap();
    let party = |id: &str| {
        event(
            Kind::PartyRegistered,
            &[("id", id), ("kind", "state"), ("name", id)],
        )
    };
    let rehearse = |events: Vec<Event>| {
        let appender = group.appender();
        let visit = move |ledger: &mut Ledger<MemoryLog>| {
            let events = events.into_iter().map(Into::into).collect();
            let look = |state: &servanda_core::state::State, receipts: &[Receipt]| {
                (state.count(), receipts.len())
            };
            let shown = ledger.rehearse(events, look);
            (shown, ledger.state().count(), ledger.head().count)
        };
        appender.visit(visit).unwrap()
    };
    let (shown, state, head) = rehearse(vec![party("P1"), party("P2")]);
    assert_eq!(shown.unwrap(), (3, 2));
    assert_eq!((state, head), (1, 1));
    let (shown, state, _) = rehearse(vec![party("P1"), party("P1")]);
    assert!(matches!(shown, Err(LedgerError::Refused { .. })));
    assert_eq!(state, 1);
    group.appender().append(vec![party("P1")]).unwrap();
    assert_eq!(group.close().unwrap().head().count, 2);
}
