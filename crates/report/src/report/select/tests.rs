use proptest::prelude::*;

use super::*;
use servanda_core::testing::{histories, state};

/// What names any of these, found by reading all records.
fn read_through(state: &State, subjects: &BTreeSet<Subject>) -> BTreeSet<Seq> {
    let mut found = BTreeSet::new();
    for held in state.records().flatten() {
        let names = subjects_of(&held.entry.event).any(|subject| match &subject {
            Subject::Entity(_) => subjects.contains(&subject),
            Subject::Record(seq) => found.contains(seq),
        });
        if names {
            found.insert(held.entry.seq);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_about_something_is_found_by_trails_too(history in histories(0..200)) {
        let state = state(&history);
        for kind in EntityKind::ALL {
            for id in state.ids(*kind) {
                let subjects = BTreeSet::from([Subject::Entity(id.clone())]);
                let expected = read_through(&state, &subjects);
                let marks = about(&state, state.number(id).into_iter().collect());
                let found = (0..state.count()).map(Seq).filter(|seq| marks.contains(*seq));
                prop_assert_eq!(found.collect::<BTreeSet<_>>(), expected, "{}", id);
            }
        }
    }

    #[test]
    fn narrow_questions_find_what_wide_ones_leave(history in histories(0..160)) {
        let state = state(&history);
        let view = View::whole(&state);
        for id in state.ids(EntityKind::Party) {
            let party = PartyId(id.clone());
            let question = Question { party: Some(party.clone()), ..Question::default() };
            let circle = circle(&view, &party);
            let mut all = view.commitments();
            all.retain(|each| {
                let terms = &each.terms;
                let roles = [&terms.debtor, &terms.creditor, &terms.witness, &terms.guarantor];
                roles.into_iter().flatten().any(|party| circle.contains(party))
            });
            let found = commitments(&view, &question);
            let found: Vec<_> = found.in_parallel(|_, each| each.id.to_string()).collect();
            let mut all: Vec<_> = all.iter().map(|each| each.id.to_string()).collect();
            all.sort_by(|one, other| natural::order(one, other));
            prop_assert_eq!(found, all);
            let mut all = view.agreements();
            all.retain(|each| {
                let acted = each.participation.iter().copied().filter_map(actor);
                let in_role = each.fact.role.iter().map(|each| &each.party);
                let mut all = each.fact.party.iter().chain(in_role).chain(acted);
                all.any(|party| circle.contains(party))
            });
            let mut all: Vec<&Slug> = all.iter().map(|each| &each.id.0).collect();
            all.sort_by(by_id);
            prop_assert_eq!(agreements(&view, &question), all);
        }
        for id in state.ids(EntityKind::Agreement) {
            let agreement = AgreementId(id.clone());
            let counts = view.commitment_counts();
            let counted = state.number(id).and_then(|id| counts.get(&id)).copied();
            let question = Question { agreement: Some(agreement), ..Question::default() };
            prop_assert_eq!(commitments(&view, &question).len(), counted.unwrap_or_default());
        }
    }
}
