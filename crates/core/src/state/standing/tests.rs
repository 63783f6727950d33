use proptest::prelude::*;

use super::*;
use crate::event::{Event, Kind};
use crate::rules::Known;
use crate::state::State;
use crate::testing::{event, state};

/// Colombia and Venezuela, which owe C1 to each other; then moves, each of one debtor.
fn history(moves: &[(bool, Standing)]) -> Vec<Event> {
    let party = |id| {
        event(
            Kind::PartyRegistered,
            &[("id", id), ("kind", "state"), ("name", id)],
        )
    };
    let mut all = vec![
        event(Kind::LedgerOpened, &[("origin", "example.org/standing")]),
        party("co"),
        party("ve"),
        event(
            Kind::AgreementRecorded,
            &[
                ("id", "A1"),
                ("title", "t"),
                ("party", "co"),
                ("party", "ve"),
            ],
        ),
        event(
            Kind::CommitmentRecorded,
            &[
                ("id", "C1"),
                ("agreement", "A1"),
                ("text", "t"),
                ("debtor", "co"),
                ("creditor", "ve"),
                ("mutual", "true"),
            ],
        ),
    ];
    all.extend(moves.iter().map(|(of_first, to)| {
        let debtor = if *of_first { "co" } else { "ve" };
        let texts = [("commitment", "C1"), ("to", to.word()), ("debtor", debtor)];
        event(Kind::StatusChanged, &texts)
    }));
    all
}

/// Where the two stand, and the whole.
fn stand(moves: &[(bool, Standing)]) -> (Vec<Standing>, Standing) {
    let state = state(&history(moves));
    let standings = state.position(&"C1".parse().unwrap()).unwrap().standings();
    let each = standings.each().map(|(_, standing)| standing);
    (each.collect(), standings.whole())
}

fn moves() -> impl Strategy<Value = Vec<(bool, Standing)>> {
    let one = (any::<bool>(), prop::sample::select(Standing::ALL));
    prop::collection::vec(one, 0..12)
}

proptest! {
    #[test]
    fn the_order_of_moves_of_different_debtors_does_not_matter(moves in moves()) {
        let mut by_debtor = moves.clone();
        by_debtor.sort_by_key(|(of_first, _)| *of_first);
        prop_assert_eq!(stand(&moves), stand(&by_debtor));
    }

    #[test]
    fn a_debtor_stands_where_its_own_last_move_led(moves in moves()) {
        let last = |first: bool| {
            let own = moves.iter().rev().find(|(of_first, _)| *of_first == first);
            own.map_or(Standing::Agreed, |(_, to)| *to)
        };
        let (each, whole) = stand(&moves);
        prop_assert_eq!(&each, &vec![last(true), last(false)]);
        prop_assert_eq!(Standing::of_all(each), Some(whole));
    }
}

/// The bytes that a list takes on the heap: what it has room for, after its length and that room.
fn heap_of<T>(list: &thin_vec::ThinVec<T>) -> usize {
    match list.capacity() {
        0 => 0,
        room => 2 * size_of::<usize>() + room * size_of::<T>(),
    }
}

/// A commitment with a deadline that became active, was claimed, fulfilled and assessed.
#[test]
fn facts_of_an_ordinary_commitment_take_at_most_150_bytes() {
    let mut history = history(&[
        (true, Standing::Active),
        (true, Standing::Claimed),
        (true, Standing::Fulfilled),
    ]);
    let texts = [
        ("commitment", "C1"),
        ("scale", "s"),
        ("level", "full"),
        ("by", "co"),
    ];
    history.push(event(Kind::Assessed, &texts));
    let state = state(&history);
    let number = state.number(&"C1".parse().unwrap()).unwrap();
    let facts = state
        .tables
        .entity(number)
        .unwrap()
        .facts
        .commitment
        .as_deref()
        .unwrap();
    let CommitmentFacts {
        terms,
        amendments,
        moves,
        contests,
        assessments,
        occurrences,
    } = facts;
    assert_eq!(
        (terms.0.len(), moves.0.len(), assessments.0.len()),
        (1, 3, 1)
    );
    let heap = [
        heap_of(&terms.0),
        heap_of(&amendments.0),
        heap_of(&moves.0),
        heap_of(&contests.0),
        heap_of(&assessments.0),
        heap_of(&occurrences.0),
    ];
    let bytes = size_of::<CommitmentFacts>() + heap.iter().sum::<usize>();
    assert!(bytes <= 150, "{bytes}: {heap:?}");
}

/// A move whose word does not say whose performance it is about: who can be meant depends on all moves before it, and on
/// who acts for whom.
fn moved(at: usize, to: Standing) -> Event {
    let by = ["co", "ve", "un"][at % 3];
    let texts = [("commitment", "C1"), ("to", to.word()), ("by", by)];
    event(Kind::StatusChanged, &texts)
}

const CYCLE: [Standing; 7] = [
    Standing::Active,
    Standing::Claimed,
    Standing::Partial,
    Standing::Claimed,
    Standing::Active,
    Standing::Breached,
    Standing::Fulfilled,
];

/// The first of many moves.
const FIRST: u64 = 6;

/// Many moves, a succession among them, and retractions of some of them.
fn long_history() -> Vec<Event> {
    let mut history = history(&[]);
    let party = [("id", "un"), ("kind", "state"), ("name", "un")];
    history.push(event(Kind::PartyRegistered, &party));
    history.extend((0..300).map(|at| moved(at, CYCLE[at % 7])));
    let later = [("party", "co"), ("successor", "un"), ("on", "2023-01-01")];
    history.push(event(Kind::PartySucceeded, &later));
    history.extend((0..100).map(|at| moved(at, CYCLE[at % 5])));
    for record in [FIRST, FIRST + 63, FIRST + 64, FIRST + 200] {
        let record = record.to_string();
        let texts = [("record", record.as_str()), ("reason", "r")];
        history.push(event(Kind::Retracted, &texts));
    }
    history
}

/// What is kept of a long history says what going through all of it does, whatever changes in between.
#[test]
fn a_long_history_is_not_gone_through_from_its_beginning_each_time() {
    let mut history = long_history();
    let id = "C1".parse().unwrap();
    let shown = |state: &State, seq: u64| {
        let history = state.history(&id).unwrap();
        let standings = history.standings_before(Seq(seq)).unwrap();
        let each: Vec<(Id, Standing)> = standings.each().collect();
        (each, standings.whole(), standings.joint())
    };
    let check = |asked: &State, history: &[Event]| {
        let new = state(history);
        let end = history.len() as u64;
        let seqs = [
            FIRST + 63,
            FIRST + 64,
            FIRST + 65,
            FIRST + 128,
            end / 2,
            end - 1,
            end,
        ];
        for seq in seqs.into_iter().filter(|seq| *seq <= end) {
            assert_eq!(shown(asked, seq), shown(&new, seq), "{seq} of {end}");
        }
    };
    // One state is asked all along, so that it keeps what it found; the others are new each time.
    let mut asked = State::default();
    for (at, entry) in crate::testing::entries(&history).into_iter().enumerate() {
        asked.apply(&entry);
        if at > 6 && at % 40 == 0 || (300..=310).contains(&at) || at > 400 {
            check(&asked, &history[..=at]);
        }
    }
    // What is taken out again makes room for something else.
    history.truncate(150);
    asked.rewind(150).unwrap();
    history.extend((0..100).map(|at| moved(at + 1, CYCLE[(at * 3) % 5])));
    for entry in &crate::testing::entries(&history)[150..] {
        asked.apply(entry);
    }
    check(&asked, &history);
}
