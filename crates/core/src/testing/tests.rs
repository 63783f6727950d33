use super::*;
use crate::state::CurrentRecord;

/// Kinds that need a signature, for which a history has no private key.
const SIGNED: &[Kind] = &[Kind::RecorderRotated, Kind::Acknowledged];

#[test]
fn a_long_history_says_everything_that_can_be_said() {
    let history = history(5, 3000);
    for &kind in Kind::ALL.iter().filter(|kind| !SIGNED.contains(kind)) {
        let found = history.iter().filter(|event| event.kind() == kind).count();
        assert!(found > 0, "no {kind}");
        for spec in kind.fields() {
            let filled = history
                .iter()
                .filter(|event| event.kind() == kind)
                .any(|event| !event.to_fields().get(spec.name).is_empty());
            // A ledger is opened once, and only some kinds can be irregular.
            let rare = kind == Kind::LedgerOpened || spec.name == "irregular" || found < 20;
            assert!(filled || rare, "no {kind} has its {}", spec.name);
        }
    }
    let state = state(&history);
    let held = || state.records().flatten();
    assert!(held().any(|held| held.original.is_some()), "no correction");
    let retracts =
        |kind: Kind| held().any(|held| held.retracted.is_some() && held.entry.event.kind() == kind);
    assert!(retracts(Kind::Corrected), "no correction is retracted");
    let redacted = || held().filter(|held| held.redacted.is_some());
    let is_correction = |held: &CurrentRecord| held.entry.event.kind() == Kind::Corrected;
    assert!(redacted().any(is_correction), "no correction is redacted");
    let retracted = |held: &CurrentRecord| held.retracted.is_some();
    assert!(redacted().any(retracted), "nothing retracted is redacted");
    assert!(
        history
            .iter()
            .any(|event| event.envelope.irregular.is_some())
    );
    let mut defined: Vec<_> = history.iter().filter_map(Event::defines).collect();
    let given = defined.len();
    defined.sort_unstable();
    defined.dedup();
    assert!(defined.len() < given, "no id is given anew");
}

#[test]
fn a_history_is_the_beginning_of_a_longer_one() {
    assert_eq!(history(1, 40), history(1, 90)[..40]);
    assert_ne!(history(1, 40), history(2, 40));
}

proptest! {
    #[test]
    fn every_event_of_a_history_is_accepted(history in histories(0..60)) {
        let mut state = State::default();
        for entry in entries(&history) {
            prop_assert_eq!(rules::check(&state, &entry.event), Ok(()));
            state.apply(&entry);
        }
    }

    #[test]
    fn events_are_complete_and_are_their_texts(event in events()) {
        prop_assert_eq!(event.problems(), vec![]);
        prop_assert_eq!(Event::build(event.kind(), &event.to_fields()), Ok(event));
    }
}
