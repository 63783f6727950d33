use proptest::prelude::*;

use super::*;
use crate::chain::key::{KeyName, SignatureType};
use crate::domain::event::Kind;
use crate::domain::testing::{event, histories};
use crate::ledger::signatures;
use crate::ledger::testing::*;
use crate::ledger::verify::{Unwatched, verify};
use crate::store::faulty::{Fault, Faulty};
use crate::store::memory::Memory;

/// A ledger with its opening alone.
fn opened() -> Ledger<Memory> {
    Ledger::create(Memory::default(), Steady::default(), opening()).unwrap()
}

/// Gives events one after the other, numbered from 0.
fn source<E>(
    events: impl IntoIterator<Item = Event>,
) -> impl FnMut(&Present<'_>) -> Result<Option<Given>, E> {
    let mut events = events.into_iter().enumerate();
    move |_| {
        let next = events.next();
        Ok(next.map(|(place, event)| Given {
            place,
            submission: event.into(),
        }))
    }
}

fn stream<S: Store>(
    ledger: &mut Ledger<S>,
    events: impl IntoIterator<Item = Event>,
) -> Result<Streamed, StreamError<()>> {
    ledger.append_stream(source(events))
}

/// The payloads of a ledger, in order.
fn payloads(ledger: &Ledger<Memory>) -> Vec<Vec<u8>> {
    let records = ledger.store().records();
    let bodies = records
        .iter()
        .map(|sealed| Record::open(sealed).unwrap().body);
    bodies.map(|body| body.unwrap().payload).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stream_is_one_append(history in histories(2..60), again in any::<prop::sample::Index>()) {
        let mut batch = opened();
        let mut streamed = opened();
        // Some of it a second time: what has an import key is known then.
        let mut events = history[1..].to_vec();
        events.extend(history[1..again.index(history.len()) + 1].iter().filter(|event| {
            event.envelope.import_key.is_some()
        }).cloned());
        let receipts = batch.append(events.clone()).unwrap();
        let summary = stream(&mut streamed, events.clone()).unwrap();
        let places: Vec<_> = receipts.iter().map(|receipt| (receipt.seq, receipt.known)).collect();
        prop_assert_eq!(summary.records().collect::<Vec<_>>(), places);
        prop_assert_eq!(summary.known, receipts.iter().filter(|receipt| receipt.known).count());
        prop_assert_eq!(summary.differ, 0);
        prop_assert_eq!(streamed.register(), batch.register());
        prop_assert_eq!(payloads(&streamed), payloads(&batch));
        prop_assert!(verify(streamed.store(), &mut Unwatched).unwrap().is_sound());
        let reread: Vec<_> = streamed.receipts(&summary).map(Result::unwrap).collect();
        for ((found, recorded), (receipt, event)) in reread.iter().zip(receipts.iter().zip(&events)) {
            prop_assert_eq!((found.seq, found.known), (receipt.seq, receipt.known));
            prop_assert!(recorded.says_the_same(event));
        }
        // The end of it is where the next append goes on.
        streamed.append(vec![note("after")]).unwrap();
        let reopened = Ledger::open(streamed.into_store(), Steady::default()).unwrap();
        prop_assert_eq!(reopened.checkpoint().unwrap().size(), reopened.head().count);
    }
}

#[test]
fn a_long_stream_is_several_batches() {
    let mut ledger = opened();
    let count = 2 * BATCH + 10;
    let events = (0..count).map(|n| keyed("one of many", &n.to_string()));
    let summary = stream(&mut ledger, events.clone()).unwrap();
    assert_eq!(
        (summary.appended, summary.known, summary.runs.len()),
        (count, 0, 1)
    );
    let remaining: Vec<u32> = ledger.store().records()[1..]
        .iter()
        .map(|sealed| Record::open(sealed).unwrap().header.remaining)
        .collect();
    let counts_down = |batch: &[u32]| batch.iter().rev().zip(0..).all(|(a, b)| *a == b);
    assert!(remaining.chunks(BATCH).all(counts_down));
    assert!(verify(ledger.store(), &mut Unwatched).unwrap().is_sound());

    let before = ledger.head();
    let again = stream(&mut ledger, events).unwrap();
    assert_eq!(
        (again.appended, again.known, again.runs.len()),
        (0, count, 1)
    );
    assert_eq!(ledger.head(), before);
}

#[test]
fn known_events_that_differ_are_told_by_their_places() {
    let mut ledger = opened();
    stream(&mut ledger, [keyed("one", "1"), keyed("two", "2")]).unwrap();
    let again = [keyed("two", "2"), note("three"), keyed("other", "1")];
    let summary = stream(&mut ledger, again).unwrap();
    assert_eq!(
        (summary.differ, summary.differing.as_slice()),
        (1, &[2][..])
    );
    let records: Vec<_> = summary.records().collect();
    assert_eq!(records, [(Seq(2), true), (Seq(3), false), (Seq(1), true)]);
}

/// A ledger that did not change: head, records, register.
fn is_untouched<S: Store>(ledger: &Ledger<S>, store: &Memory, before: &(Head, Register)) {
    assert_eq!(ledger.head(), before.0);
    assert!(ledger.register() == &before.1);
    assert_eq!(store.head().unwrap(), before.0);
    assert_eq!(store.records().len() as u64, before.0.count);
}

#[test]
fn what_is_refused_at_the_end_takes_all_back_and_is_told() {
    let mut ledger = opened();
    let before = (ledger.head(), ledger.register().clone());
    let unknown = event(Kind::Noted, &[("text", "on it"), ("about", "nobody")]);
    let many = std::iter::repeat_n(note("one of many"), 2 * BATCH);
    let wrong = std::iter::repeat_n(unknown, TOLD + 5);
    let error = stream(&mut ledger, many.chain(wrong)).unwrap_err();
    let StreamError::Refused { first, count } = error else {
        panic!("{error}")
    };
    assert_eq!((first.len(), count), (TOLD, TOLD + 5));
    assert_eq!(first[0].index, 2 * BATCH);
    is_untouched(&ledger, ledger.store(), &before);
    stream(&mut ledger, [note("after")]).unwrap();
}

#[test]
fn records_after_a_refused_one_keep_their_numbers() {
    let mut ledger = opened();
    let mut next = Vec::new();
    let unknown = event(
        Kind::Noted,
        &[("text", "a"), ("about", "nobody"), ("import_key", "k")],
    );
    let mut events = [unknown, note("b"), note("c")].into_iter();
    let error = ledger.append_stream::<()>(|present| {
        next.push((present.next().0, present.keyed("k")));
        Ok(events.next().map(|event| Given {
            place: 0,
            submission: event.into(),
        }))
    });
    assert!(matches!(error, Err(StreamError::Refused { count: 1, .. })));
    let kept = Some(Seq(1));
    assert_eq!(next, [(1, None), (2, kept), (3, kept), (4, kept)]);
}

#[test]
fn a_source_that_breaks_off_takes_all_back() {
    let mut ledger = opened();
    let before = (ledger.head(), ledger.register().clone());
    let mut left = 3 * BATCH;
    let error = ledger.append_stream(|_| {
        left -= 1;
        let given = Given {
            place: left,
            submission: note("one of many").into(),
        };
        if left == 0 {
            Err("no more")
        } else {
            Ok(Some(given))
        }
    });
    assert!(matches!(error, Err(StreamError::Source("no more"))));
    is_untouched(&ledger, ledger.store(), &before);
}

#[test]
fn a_store_that_fails_takes_all_back() {
    for fault in [Fault::Before, Fault::After] {
        for step in 0..4 {
            let mut ledger =
                Ledger::create(Faulty::new(Memory::default()), Steady::default(), opening())
                    .unwrap();
            let before = (ledger.head(), ledger.register().clone());
            ledger.store.fail_after(step, fault);
            // More than waits in the channel: nobody may be left waiting.
            let many = std::iter::repeat_n(note("one of many"), 6 * BATCH);
            let outcome = stream(&mut ledger, many);
            // The fault may still be to come for who reads.
            let store = ledger.store().inner();
            match outcome {
                Ok(summary) => assert_eq!(ledger.head().count, 1 + summary.given() as u64),
                Err(_) if ledger.stale => assert_eq!(store.head().unwrap(), before.0),
                Err(_) => is_untouched(&ledger, store, &before),
            }
            assert!(verify(store, &mut Unwatched).unwrap().is_sound());
        }
    }
}

#[test]
fn a_stream_that_would_be_too_long_is_refused_whole() {
    let mut ledger = opened();
    ledger.record_limit = 1 + BATCH as u64;
    let before = (ledger.head(), ledger.register().clone());
    let is_full = |error: &StreamError<()>| matches!(error, StreamError::Ledger(LedgerError::Full { limit }) if *limit == 1 + BATCH as u64);
    let mut pulled = 0;
    let endless = std::iter::repeat_with(|| {
        pulled += 1;
        note("one of many")
    });
    let error = stream(&mut ledger, endless).unwrap_err();
    assert!(is_full(&error), "{error}");
    assert_eq!(pulled, BATCH + 1, "the rest cannot be checked");
    is_untouched(&ledger, ledger.store(), &before);
    // Where something else was wrong before, that is told.
    let wrong = event(Kind::Noted, &[("text", "on what?"), ("about", "99999")]);
    let error = stream(
        &mut ledger,
        std::iter::once(wrong).chain(std::iter::repeat(note("more"))),
    );
    assert!(
        matches!(error, Err(StreamError::Refused { count: 1, .. })),
        "{error:?}"
    );
    is_untouched(&ledger, ledger.store(), &before);
    // As many as there is room for are taken.
    let summary = stream(&mut ledger, std::iter::repeat_n(note("one of many"), BATCH)).unwrap();
    assert_eq!(
        (summary.appended, ledger.head().count),
        (BATCH, ledger.record_limit)
    );
    assert!(is_full(
        &stream(&mut ledger, [note("one more")]).unwrap_err()
    ));
    assert!(verify(ledger.store(), &mut Unwatched).unwrap().is_sound());
}

/// Recorders sign each batch of the chain.
#[test]
fn each_batch_is_signed_by_whoever_recorded_it() {
    let name = KeyName::new("ana.example/key").unwrap();
    let key = SigningKey::from_seed(name, SignatureType::Ed25519, &[1; 32]);
    let admitted = event(
        Kind::RecorderAdmitted,
        &[("id", "ana"), ("key", &key.verifier().to_string())],
    );
    let by_ana = event(Kind::Noted, &[("text", "a"), ("recorded_by", "ana")]);
    let many = || std::iter::repeat_n(by_ana.clone(), BATCH + 1);

    let mut ledger = opened();
    ledger.append(vec![admitted]).unwrap();
    let before = (ledger.head(), ledger.register().clone());
    let error = stream(&mut ledger, many()).unwrap_err();
    let missing = |error: &StreamError<()>| {
        matches!(
            error,
            StreamError::Ledger(LedgerError::Signature(
                signatures::SignatureError::Missing { .. }
            ))
        )
    };
    assert!(missing(&error), "{error}");
    is_untouched(&ledger, ledger.store(), &before);

    let mut ledger = ledger.signing_with(vec![key]);
    stream(&mut ledger, many()).unwrap();
    let records = ledger.store().records();
    let signed = records.iter().map(|sealed| Record::open(sealed).unwrap());
    let signed = signed.filter(|record| !record.signatures.is_empty());
    assert_eq!(signed.count(), 2);
    assert!(verify(ledger.store(), &mut Unwatched).unwrap().is_sound());
}
