use proptest::prelude::*;

use super::*;
use crate::LISTED;
use crate::check::Became::{Differing, Known, New};
use crate::testing::*;
use crate::verify::{Unwatched, verify};
use servanda_core::chain::key::{KeyName, SignatureType};
use servanda_core::event::{Event, Kind};
use servanda_core::rules::Rule;
use servanda_core::state::CurrentRecord;
use servanda_core::testing::{event, histories};
use servanda_log::faulty::{Fault, Faulty};
use servanda_log::memory::MemoryLog;

/// A ledger with its opening alone.
fn opened() -> Ledger<MemoryLog> {
    Ledger::create(MemoryLog::default(), Steady::default(), opening()).unwrap()
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
            if_irregular: None,
        }))
    }
}

fn stream<S: Log>(
    ledger: &mut Ledger<S>,
    events: impl IntoIterator<Item = Event>,
) -> Result<Placed, StreamError<()>> {
    ledger.append_stream(source(events))
}

/// As [`stream`], in batches of so many records.
fn stream_by<S: Log>(
    ledger: &mut Ledger<S>,
    batch: usize,
    events: impl IntoIterator<Item = Event>,
) -> Result<Placed, StreamError<()>> {
    ledger.append_batches(source(events), batch, Spool::default())
}

/// The payloads of a ledger, in order.
fn payloads(ledger: &Ledger<MemoryLog>) -> Vec<Vec<u8>> {
    let records = ledger.log().records();
    let bodies = records
        .iter()
        .map(|sealed| Record::open(sealed).unwrap().body);
    bodies.map(|body| body.unwrap().payload).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stream_is_one_append(
        history in histories(2..60),
        again in any::<prop::sample::Index>(),
        size in prop_oneof![1usize..8, Just(BATCH)],
    ) {
        let mut batch = opened();
        let mut streamed = opened();
        // Some of it a second time: what has an import key is known then.
        let mut events = history[1..].to_vec();
        events.extend(history[1..again.index(history.len()) + 1].iter().filter(|event| {
            event.envelope.import_key.is_some()
        }).cloned());
        let receipts = batch.append(events.clone()).unwrap();
        let summary = stream_by(&mut streamed, size, events.clone()).unwrap();
        let places: Vec<_> = receipts.iter().map(|receipt| (receipt.seq, receipt.known)).collect();
        prop_assert!(summary.records().map(|(seq, became)| (seq, became != New)).eq(places));
        prop_assert_eq!(summary.known, receipts.iter().filter(|receipt| receipt.known).count());
        prop_assert_eq!(summary.differ, 0);
        prop_assert_eq!(streamed.state(), batch.state());
        prop_assert!(reads(streamed.state()) == reads(batch.state()));
        prop_assert_eq!(payloads(&streamed), payloads(&batch));
        prop_assert!(verify(streamed.log(), &mut Unwatched).unwrap().is_sound());
        let reread: Vec<_> = streamed.receipts(&summary).map(Result::unwrap).collect();
        for ((found, recorded), (receipt, event)) in reread.iter().zip(receipts.iter().zip(&events)) {
            prop_assert_eq!((found.seq, found.known), (receipt.seq, receipt.known));
            prop_assert!(recorded.says_the_same(event));
        }
        // The end of it is where the next append goes on.
        streamed.append(vec![note("after")]).unwrap();
        let reopened = Ledger::open(streamed.into_log(), Steady::default()).unwrap();
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
    let remaining: Vec<u32> = ledger.log().records()[1..]
        .iter()
        .map(|sealed| Record::open(sealed).unwrap().header.remaining)
        .collect();
    let counts_down = |batch: &[u32]| batch.iter().rev().zip(0..).all(|(a, b)| *a == b);
    assert!(remaining.chunks(BATCH).all(counts_down));
    assert!(verify(ledger.log(), &mut Unwatched).unwrap().is_sound());

    let before = ledger.head();
    let again = stream(&mut ledger, events).unwrap();
    let became = (again.appended, again.known, again.runs.len());
    assert_eq!(became, (0, count, 1));
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
    let places = [(Seq(2), Known), (Seq(3), New), (Seq(1), Differing)];
    assert_eq!(records, places);
}

/// Every record of a state, as it reads.
fn reads(state: &State) -> Vec<Option<CurrentRecord>> {
    let all = state
        .records()
        .map(Option::<&CurrentRecord>::cloned)
        .collect();
    assert_eq!(state.unreadable(), None);
    all
}

/// A ledger that did not change: head, records, register.
fn is_untouched<S: Log>(ledger: &Ledger<S>, log: &MemoryLog, before: &(Head, State)) {
    assert_eq!(ledger.head(), before.0);
    assert!(ledger.state() == &before.1);
    assert!(reads(ledger.state()) == reads(&before.1));
    assert_eq!(log.head().unwrap(), before.0);
    assert_eq!(log.records().len() as u64, before.0.count);
}

#[test]
fn what_is_refused_at_the_end_takes_all_back_and_is_told() {
    let mut ledger = opened();
    let before = (ledger.head(), ledger.state().clone());
    let unknown = event(Kind::Noted, &[("text", "on it"), ("about", "nobody")]);
    let many = std::iter::repeat_n(note("one of many"), 2 * BATCH);
    let wrong = std::iter::repeat_n(unknown, LISTED + 5);
    let error = stream(&mut ledger, many.chain(wrong)).unwrap_err();
    let StreamError::Ledger(LedgerError::Refused {
        listed,
        count,
        dependents,
    }) = error
    else {
        panic!("{error}")
    };
    assert_eq!((listed.len(), count, dependents), (LISTED, LISTED + 5, 0));
    assert_eq!(listed[0].index, 2 * BATCH);
    is_untouched(&ledger, ledger.log(), &before);
    stream(&mut ledger, [note("after")]).unwrap();
}

/// Streams events, with a reason for those that break a rule about the world.
fn excused(ledger: &mut Ledger<MemoryLog>, events: Vec<Event>) -> Result<Placed, LedgerError> {
    let mut events = events.into_iter().enumerate();
    let placed = ledger.append_stream::<()>(|_| {
        Ok(events.next().map(|(place, event)| Given {
            place,
            submission: event.into(),
            if_irregular: Some("as the register has it".parse().unwrap()),
        }))
    });
    placed.map_err(|error| match error {
        StreamError::Ledger(error) => error,
        StreamError::Source(()) => unreachable!(),
    })
}

fn party(id: &str) -> Event {
    let fields = [("id", id), ("kind", "state"), ("name", id)];
    event(Kind::PartyRegistered, &fields)
}

fn agreement(text: &str) -> Event {
    let fields = [
        ("id", "a"),
        ("title", text),
        ("party", "p"),
        ("on", "1951-12-20"),
    ];
    event(Kind::AgreementRecorded, &fields)
}

fn joined(on: &str) -> Event {
    let fields = [
        ("agreement", "a"),
        ("party", "p"),
        ("action", "signature"),
        ("on", on),
    ];
    event(Kind::ParticipationRecorded, &fields)
}

fn moved(to: &str, on: &str) -> Event {
    let fields = [("agreement", "a"), ("to", to), ("on", on)];
    event(Kind::AgreementStatusChanged, &fields)
}

/// What an event would have made is missing for those after it: they say nothing about what is wrong.
#[test]
fn the_root_is_listed_and_what_rests_on_it_counted() {
    let mut ledger = opened();
    let huge = event(
        Kind::AgreementRecorded,
        &[
            ("id", "a"),
            ("title", &"x".repeat(32_000)),
            ("party", "p"),
            ("note", &"x".repeat(32_000)),
            ("place", &"x".repeat(2_000)),
        ],
    );
    let events = vec![party("p"), huge, joined("1952"), joined("1953")];
    let unknown = event(Kind::Noted, &[("text", "n"), ("about", "nobody")]);
    let events = events.into_iter().chain([unknown]);
    let error = stream(&mut ledger, events).unwrap_err();
    assert_eq!(
        error.to_string(),
        "2 events refused, and 2 events that name what they would have made"
    );
    let StreamError::Ledger(LedgerError::Refused {
        listed,
        count,
        dependents,
    }) = error
    else {
        panic!("{error}")
    };
    let told: Vec<_> = listed
        .iter()
        .map(|r| (r.index, r.rejection.rule, r.dependents))
        .collect();
    assert_eq!(told, [(1, Rule::Size, 2), (4, Rule::Known, 0)]);
    assert_eq!((count, dependents), (2, 2));
    // What can be made later is no cause of anything.
    stream(&mut ledger, [party("p"), agreement("A"), joined("1952")]).unwrap();
}

/// Only an event that breaks a rule is irregular, and one without a reason is alone in being refused.
#[test]
fn a_reason_is_used_where_a_rule_is_broken() {
    let mut ledger = opened();
    let events = vec![
        party("p"),
        agreement("A"),
        moved("in-force", "1951-01-01"),
        moved("terminated", "1960-01-01"),
    ];
    let placed = excused(&mut ledger, events).unwrap();
    assert_eq!((placed.appended, placed.irregular), (4, 1));
    let reason = |seq: u64| {
        let entry = ledger.state().entry(Seq(seq)).unwrap();
        entry
            .event
            .envelope
            .irregular
            .as_ref()
            .map(ToString::to_string)
    };
    assert_eq!(reason(3).as_deref(), Some("as the register has it"));
    assert_eq!(reason(4), None);
    let unknown = event(Kind::Noted, &[("text", "n"), ("about", "nobody")]);
    let error = excused(&mut ledger, vec![moved("in-force", "1950-01-01"), unknown]).unwrap_err();
    let LedgerError::Refused { listed, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        listed
            .iter()
            .map(|refusal| refusal.index)
            .collect::<Vec<_>>(),
        [1]
    );
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
            if_irregular: None,
        }))
    });
    assert!(matches!(
        error,
        Err(StreamError::Ledger(LedgerError::Refused { count: 1, .. }))
    ));
    let kept = Some(Seq(1));
    assert_eq!(next, [(1, None), (2, kept), (3, kept), (4, kept)]);
}

/// A correction of a note's text.
fn mended(record: u64) -> Event {
    let record = record.to_string();
    let fields: &[(&str, &str)] = &[
        ("record", &record),
        ("field", "text"),
        ("to", "as it was"),
        ("reason", "misheard"),
    ];
    event(Kind::Corrected, fields)
}

fn taken_out(record: u64) -> Event {
    let record = record.to_string();
    event(
        Kind::Retracted,
        &[("record", &record), ("reason", "never said")],
    )
}

/// So many notes, each with an import key of its own.
fn many(count: usize) -> impl Iterator<Item = Event> + Clone {
    (0..count).map(|n| keyed("one of many", &n.to_string()))
}

/// Streams events; the most records that the state held meanwhile.
fn watched(
    ledger: &mut Ledger<MemoryLog>,
    events: impl IntoIterator<Item = Event>,
) -> (Placed, usize) {
    let mut most = 0;
    let mut pull = source::<()>(events);
    let pulled = |present: &Present<'_>| {
        most = most.max(present.state.in_memory());
        pull(present)
    };
    (ledger.append_stream(pulled).unwrap(), most)
}

#[test]
fn the_register_holds_few_while_many_stream() {
    let mut ledger = opened();
    let (_, most) = watched(&mut ledger, many(5 * BATCH + 10));
    // The opening was asked for the ledger's name.
    assert_eq!(most, AT_HAND - 1 + 1);
    assert_eq!(ledger.state().in_memory(), 1);
}

/// Those are read to be compared, and no register changes.
#[test]
fn the_register_holds_few_while_what_is_known_streams() {
    let mut ledger = opened();
    let count = 20_000;
    stream(&mut ledger, many(count)).unwrap();
    let (again, most) = watched(&mut ledger, many(count));
    assert_eq!((again.known, again.differ), (count, 0));
    assert!(most < 9_000, "{most}");
}

/// What comes late in a stream may be about what came first in it, and is not in the log either.
#[test]
fn what_the_register_let_go_of_is_corrected_retracted_and_known() {
    let long = 3 * BATCH;
    let late = [
        mended(1),
        mended(5),
        taken_out(2),
        keyed("one of many", "7"),
        keyed("another", "8"),
    ];
    let mut events: Vec<Event> = many(long).chain(late).collect();
    // The correction of record 5 is retracted, and the note reads as before.
    events.push(taken_out(long as u64 + 2));
    events.extend(many(BATCH));

    let mut streamed = opened();
    let summary = stream(&mut streamed, events.clone()).unwrap();
    assert_eq!(
        (summary.known, summary.differing.as_slice()),
        (BATCH + 2, &[long + 4][..])
    );
    let text = |seq| {
        let held = streamed.state().held(Seq(seq)).unwrap();
        let text = held.entry.event.to_fields().get("text").to_vec();
        (text.concat(), held.is_standing())
    };
    assert_eq!(text(1), ("as it was".to_owned(), true));
    assert_eq!(text(2), ("one of many".to_owned(), false));
    assert_eq!(text(5), ("one of many".to_owned(), true));

    let mut batch = opened();
    batch.append(events).unwrap();
    assert!(streamed.state() == batch.state());
    assert!(reads(streamed.state()) == reads(batch.state()));
    assert!(payloads(&streamed) == payloads(&batch));
    let reopened = Ledger::open(streamed.into_log(), Steady::default()).unwrap();
    assert!(reopened.state() == batch.state());
}

/// In a ledger that is longer than the stream, the state takes back one record after the other.
#[test]
fn what_is_refused_at_the_end_takes_back_what_the_register_let_go_of() {
    let mut ledger = opened();
    let mut text = many(4 * BATCH);
    ledger
        .append(text.by_ref().take(3 * BATCH).collect())
        .unwrap();
    let before = (ledger.head(), ledger.state().clone());
    let late = [mended(1), taken_out(2), mended(before.0.count + 3)];
    let gap = std::iter::repeat_n(note("between"), BATCH);
    let wrong = [event(
        Kind::Noted,
        &[("text", "on it"), ("about", "nobody")],
    )];
    let again = [taken_out(before.0.count + BATCH as u64 + 3)];
    let events = gap.chain(late).chain(text).chain(again).chain(wrong);
    let events = events.chain(many(10)).chain([note("after")]);
    let error = stream_by(&mut ledger, 1000, events).unwrap_err();
    assert!(matches!(
        error,
        StreamError::Ledger(LedgerError::Refused { count: 1, .. })
    ));
    is_untouched(&ledger, ledger.log(), &before);
    stream(&mut ledger, [note("after"), mended(1)]).unwrap();
    assert!(verify(ledger.log(), &mut Unwatched).unwrap().is_sound());
}

#[test]
fn without_room_for_what_waits_nothing_is_appended() {
    for earlier in [0, 6 * BATCH] {
        let mut ledger = opened();
        ledger.append(many(earlier).collect()).unwrap();
        let before = (ledger.head(), ledger.state().clone());
        let text = "x".repeat(1000);
        let long = std::iter::repeat_n(note(&text), 5 * BATCH);
        let spool = Spool::confined_to(BATCH * 1000);
        let mut given = 0;
        let events = source::<()>(long.inspect(|_| given += 1));
        let error = ledger.append_batches(events, BATCH, spool).unwrap_err();
        let scratch = |error| matches!(error, StreamError::Ledger(LedgerError::Scratch(_)));
        assert!(scratch(error));
        assert!(given < 2 * BATCH, "the rest is not even read");
        is_untouched(&ledger, ledger.log(), &before);
        stream(&mut ledger, [note("after")]).unwrap();
    }
}

#[test]
fn a_source_that_breaks_off_takes_all_back() {
    let mut ledger = opened();
    let before = (ledger.head(), ledger.state().clone());
    let mut left = 3 * BATCH;
    let error = ledger.append_stream(|_| {
        left -= 1;
        let given = Given {
            place: left,
            submission: note("one of many").into(),
            if_irregular: None,
        };
        if left == 0 {
            Err("no more")
        } else {
            Ok(Some(given))
        }
    });
    assert!(matches!(error, Err(StreamError::Source("no more"))));
    is_untouched(&ledger, ledger.log(), &before);
}

#[test]
fn a_store_that_fails_takes_all_back() {
    for fault in [Fault::Before, Fault::After] {
        for step in 0..4 {
            let mut ledger = Ledger::create(
                Faulty::new(MemoryLog::default()),
                Steady::default(),
                opening(),
            )
            .unwrap();
            let before = (ledger.head(), ledger.state().clone());
            ledger.log.fail_after(step, fault);
            // More than waits in the channel: nobody may be left waiting.
            let many = std::iter::repeat_n(note("one of many"), 6 * BATCH);
            let outcome = stream(&mut ledger, many);
            // The fault may still be to come for who reads.
            let log = ledger.log().inner();
            match outcome {
                Ok(summary) => assert_eq!(ledger.head().count, 1 + summary.given() as u64),
                Err(_) if ledger.stale => assert_eq!(log.head().unwrap(), before.0),
                Err(_) => is_untouched(&ledger, log, &before),
            }
            assert!(verify(log, &mut Unwatched).unwrap().is_sound());
        }
    }
}

#[test]
fn a_stream_that_would_be_too_long_is_refused_whole() {
    let mut ledger = opened();
    ledger.record_limit = 1 + BATCH as u64;
    let before = (ledger.head(), ledger.state().clone());
    let is_full = |error: &StreamError<()>| matches!(error, StreamError::Ledger(LedgerError::Full { limit }) if *limit == 1 + BATCH as u64);
    let mut pulled = 0;
    let endless = std::iter::repeat_with(|| {
        pulled += 1;
        note("one of many")
    });
    let error = stream(&mut ledger, endless).unwrap_err();
    assert!(is_full(&error), "{error}");
    assert_eq!(pulled, BATCH + 1, "the rest cannot be checked");
    is_untouched(&ledger, ledger.log(), &before);
    // Where something else was wrong before, that is told.
    let wrong = event(Kind::Noted, &[("text", "on what?"), ("about", "99999")]);
    let error = stream(
        &mut ledger,
        std::iter::once(wrong).chain(std::iter::repeat(note("more"))),
    );
    assert!(
        matches!(
            error,
            Err(StreamError::Ledger(LedgerError::Refused { count: 1, .. }))
        ),
        "{error:?}"
    );
    is_untouched(&ledger, ledger.log(), &before);
    // As many as there is room for are taken.
    let summary = stream(&mut ledger, std::iter::repeat_n(note("one of many"), BATCH)).unwrap();
    assert_eq!(
        (summary.appended, ledger.head().count),
        (BATCH, ledger.record_limit)
    );
    assert!(is_full(
        &stream(&mut ledger, [note("one more")]).unwrap_err()
    ));
    assert!(verify(ledger.log(), &mut Unwatched).unwrap().is_sound());
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
    let before = (ledger.head(), ledger.state().clone());
    let error = stream(&mut ledger, many()).unwrap_err();
    let missing = |error: &StreamError<()>| {
        matches!(
            error,
            StreamError::Ledger(LedgerError::Signature(
                servanda_core::signatures::SignatureError::Missing { .. }
            ))
        )
    };
    assert!(missing(&error), "{error}");
    is_untouched(&ledger, ledger.log(), &before);

    let mut ledger = ledger.signing_with(vec![key]);
    stream(&mut ledger, many()).unwrap();
    let records = ledger.log().records();
    let signed = records.iter().map(|sealed| Record::open(sealed).unwrap());
    let signed = signed.filter(|record| !record.signatures.is_empty());
    assert_eq!(signed.count(), 2);
    assert!(verify(ledger.log(), &mut Unwatched).unwrap().is_sound());
}
