use proptest::prelude::*;

use super::*;
use crate::event::{Event, Kind};
use crate::rules::Known;
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

#[test]
fn facts_of_a_commitment_stay_small() {
    assert!(
        size_of::<CommitmentFacts>() <= 144,
        "{}",
        size_of::<CommitmentFacts>()
    );
    assert_eq!(size_of::<(u32, crate::state::facts::Moved)>(), 12);
}
