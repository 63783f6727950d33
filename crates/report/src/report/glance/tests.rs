use proptest::prelude::*;

use servanda_core::testing::{entries, history};

use super::*;
use crate::report::due::DueReport;
use crate::report::listing::Commitments;
use crate::report::{Kept, Question, Report as _};

/// The questions that are asked after each step.
fn questions(state: &State) -> Vec<Question> {
    let mut all = vec![Question::default()];
    let first = |kind| state.ids(kind).next().cloned();
    use servanda_core::value::id::{AgreementId, EntityKind};
    all.extend(first(EntityKind::Agreement).map(|id| Question {
        agreement: Some(AgreementId(id)),
        ..Question::default()
    }));
    all.extend(first(EntityKind::Party).map(|id| Question {
        party: Some(PartyId(id)),
        ..Question::default()
    }));
    all.push(Question {
        standings: vec![Standing::Active, Standing::Fulfilled],
        ..Question::default()
    });
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_is_kept_is_what_is_found_anew(seed: u64, length in 1..180_usize, day in 0..4_usize) {
        let as_of = ["2023-11-14", "2023-12-31", "2010-06-30", "9999-12-31"][day].parse().unwrap();
        let mut state = State::default();
        let mut glances = None;
        for (at, entry) in entries(&history(seed, length)).into_iter().enumerate() {
            state.apply(&entry);
            // Several records come at once, too.
            if seed.rotate_left(at as u32) % 3 == 0 && at + 1 < length {
                continue;
            }
            let view = View { state: &state, as_of };
            let spans = Question::default().spans();
            let next = match glances.take() {
                None => Glances::new(&view, spans),
                Some(before) => Glances::caught_up(&before, &view),
            };
            let next = glances.insert(next);
            let kept = Arc::new(next.clone());
            for without in questions(&state) {
                let kept = Kept { glances: Some(kept.clone()), ..Kept::default() };
                let with = Question { kept, ..without.clone() };
                prop_assert!(with.glances(&view).is_some());
                let after = format!("after {at}, {}", entry.event.kind());
                prop_assert_eq!(DueReport.document(&view, &with), DueReport.document(&view, &without), "{}", after);
                prop_assert_eq!(Commitments.document(&view, &with), Commitments.document(&view, &without), "{}", after);
            }
        }
    }
}
