//! Sentences for people: what each record says, with names, and with what stood before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use foldhash::fast::FixedState;

use crate::event::{Concerned, Context, Entry, Event, Fact, Kind};
use crate::rules::Known;
use crate::state::{Id, StandingMove, State, Word};
use crate::value::agreement::AgreementStatus;
use crate::value::base::Text;
use crate::value::commitment::{Contest, Level};
use crate::value::id::{AgreementId, CommitmentId, PartyId, Seq, Subject};
use crate::value::party::Name;

/// The names of parties that were looked up. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Names(Arc<Mutex<HashMap<Id, String, FixedState>>>);

/// Makes sentences about the records of a ledger. It keeps the names of the parties that it has looked up, so one of
/// these serves a whole report.
pub struct Sentences<'s> {
    state: &'s State,
    names: Names,
}

impl<'s> Sentences<'s> {
    /// Sentences about the records of a state.
    pub fn new(state: &'s State) -> Self {
        Self::with(state, Names::default())
    }

    /// Sentences about the records of a state, with names that were looked up in it or in a clone of it.
    pub fn with(state: &'s State, names: Names) -> Self {
        Self { state, names }
    }

    /// What a record says.
    pub fn of(&self, entry: &Entry) -> String {
        self.of_event(&entry.event, entry.seq)
    }

    /// What an event says as record `seq`, which need not be there yet.
    pub fn of_event(&self, event: &Event, seq: Seq) -> String {
        event.sentence(&Before {
            sentences: self,
            seq,
        })
    }

    /// The names that a party has now, without their languages.
    pub fn names(&self, id: &PartyId) -> Vec<String> {
        self.names_until(id, self.state.count())
    }

    /// A party's name: the first of those that it has now, or its id.
    pub fn name(&self, id: &PartyId) -> String {
        let Some(number) = self.state.number(&id.0) else {
            return id.to_string();
        };
        let names = || self.names.0.lock().unwrap_or_else(|lock| lock.into_inner());
        if let Some(name) = names().get(&number) {
            return name.clone();
        }
        let last = self.names(id);
        let name = last.into_iter().next().unwrap_or_else(|| id.to_string());
        names().insert(number, name.clone());
        name
    }

    /// The names that a party has by the records before one.
    fn names_until(&self, id: &PartyId, count: u64) -> Vec<String> {
        let mut found: &[Name] = &[];
        if let Some(entry) = self.state.defining(&id.0)
            && entry.seq.0 < count
            && let Fact::PartyRegistered(fact) = &entry.event.fact
        {
            found = &fact.name;
        }
        let about = Subject::Entity(id.0.clone());
        let renames = self
            .state
            .trail_of(&about, |kind| kind == Kind::PartyRenamed);
        for entry in renames.take_while(|entry| entry.seq.0 < count) {
            if let Fact::PartyRenamed(fact) = &entry.event.fact
                && fact.party == *id
            {
                found = &fact.name;
            }
        }
        found.iter().map(|name| name.text.to_string()).collect()
    }
}

/// What stood before a record.
struct Before<'a> {
    sentences: &'a Sentences<'a>,
    seq: Seq,
}

impl Before<'_> {
    fn state(&self) -> &State {
        self.sentences.state
    }
}

impl Context for Before<'_> {
    fn party(&self, id: &PartyId) -> String {
        self.sentences.name(id)
    }

    fn names_before(&self, id: &PartyId) -> Vec<String> {
        self.sentences.names_until(id, self.seq.0)
    }

    fn record(&self, seq: Seq) -> String {
        let Some(kind) = self.state().kind(seq) else {
            return format!("record {seq}");
        };
        let defines = kind.own_fields().iter().any(|spec| spec.defines());
        let held = defines.then(|| self.state().held(seq)).flatten();
        match held.and_then(|held| held.entry.event.defines().map(|id| id.subject())) {
            Some(id) => format!("record {seq} ({id})"),
            None => format!("record {seq} ({kind})"),
        }
    }

    fn concerned(&self, said: &StandingMove<'_>) -> Option<Concerned> {
        let state = self.state();
        let history = state.history(said.commitment)?;
        let standings = history.standings_before(self.seq)?;
        let numbers = |parties: &[PartyId]| {
            let numbers = parties.iter().filter_map(|party| state.number(&party.0));
            numbers.collect()
        };
        let word = Word {
            to: said.to,
            by: numbers(said.by),
            capacity: said.capacity,
            debtor: numbers(said.debtor),
        };
        let about = standings.about(&word);
        let each = standings
            .each()
            .filter(|(debtor, _)| about.contains(debtor));
        let named = each.map(|(debtor, standing)| (PartyId(state.slug(debtor).clone()), standing));
        Some(Concerned {
            debtors: standings.debtors().len(),
            each: named.collect(),
        })
    }

    fn contest_before(&self, id: &CommitmentId) -> Option<Contest> {
        let history = self.state().history(id)?;
        let last = history.contest_before(self.seq);
        Some(last.unwrap_or(Contest::None))
    }

    fn status_before(&self, id: &AgreementId) -> Option<AgreementStatus> {
        self.state().agreement_status_before(id, self.seq)
    }

    fn term_before(&self, id: &CommitmentId, field: &str) -> Vec<String> {
        let texts = |entry: &Entry| entry.event.to_fields().get(field).to_vec();
        let history = self.state().history(id).into_iter();
        let amendments = history.flat_map(|history| history.amendments_before(self.seq));
        let set = amendments
            .filter_map(|seq| self.state().entry(seq))
            .map(texts)
            .find(|texts| !texts.is_empty());
        let first = || self.state().defining(&id.0).map(texts);
        set.or_else(first).unwrap_or_default()
    }

    fn level_before(&self, id: &CommitmentId, by: &[PartyId], scale: &Text) -> Option<Level> {
        let numbers: Vec<Id> = by
            .iter()
            .filter_map(|party| self.state().number(&party.0))
            .collect();
        let history = self.state().history(id)?;
        let mut before = history.assessments_before(self.seq);
        let same = before.find(|one| *one.by == *numbers && one.scale == *scale);
        same.map(|one| one.level.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{event, histories, state};

    /// The sentences of a history, as records of it.
    fn told(history: &[Event]) -> Vec<String> {
        let state = state(history);
        let sentences = Sentences::new(&state);
        state
            .records()
            .flatten()
            .map(|held| sentences.of(&held.entry))
            .collect()
    }

    fn world() -> Vec<Event> {
        let party = |id: &str, name: &str| {
            let texts = [("id", id), ("kind", "state"), ("name", name)];
            event(Kind::PartyRegistered, &texts)
        };
        vec![
            event(Kind::LedgerOpened, &[("origin", "example.org/x")]),
            party("co", "Colombia@es"),
            party("ve", "Venezuela"),
            event(
                Kind::AgreementRecorded,
                &[
                    ("id", "A1"),
                    ("title", "Border"),
                    ("party", "co"),
                    ("party", "ve"),
                ],
            ),
            event(
                Kind::CommitmentRecorded,
                &[
                    ("id", "C1"),
                    ("agreement", "A1"),
                    ("text", "meet"),
                    ("debtor", "co"),
                    ("creditor", "ve"),
                    ("deadline", "2024-06-30"),
                ],
            ),
        ]
    }

    /// The sentence of the last of some events after the world.
    fn last(more: &[Event]) -> String {
        told(&[world().as_slice(), more].concat()).pop().unwrap()
    }

    fn status(to: &str, by: &str) -> Event {
        event(
            Kind::StatusChanged,
            &[("commitment", "C1"), ("to", to), ("by", by)],
        )
    }

    #[test]
    fn names_stand_for_ids() {
        let told = told(&world());
        assert_eq!(
            told[1..],
            [
                "Colombia (co) was registered as a state",
                "Venezuela (ve) was registered as a state",
                "Colombia and Venezuela agreed to A1: Border",
                "Colombia promised Venezuela in A1 (C1): meet",
            ]
        );
    }

    #[test]
    fn what_changes_is_told_from_old_to_new() {
        let moved = [status("active", "co"), status("claimed", "co")];
        assert_eq!(
            last(&moved[..1]),
            "C1 went from agreed to active, says Colombia"
        );
        // A later move does not change what stood before an earlier one.
        let all = told(&[world().as_slice(), &moved].concat());
        assert_eq!(all[5], "C1 went from agreed to active, says Colombia");
        assert_eq!(all[6], "C1 went from active to claimed, says Colombia");
        let texts = [
            ("commitment", "C1"),
            ("deadline", "2025"),
            ("measure", "minutes"),
        ];
        let amended = event(Kind::CommitmentAmended, &texts);
        assert_eq!(
            last(&[amended]),
            "C1 was amended: measure set to minutes; deadline from 2024-06-30 to 2025"
        );
        let renamed = event(
            Kind::PartyRenamed,
            &[("party", "co"), ("name", "Gran Colombia")],
        );
        assert_eq!(
            last(&[renamed]),
            "co was renamed from Colombia to Gran Colombia"
        );
        let contest = event(
            Kind::ContestMoved,
            &[("commitment", "C1"), ("to", "claimed")],
        );
        assert_eq!(last(&[contest]), "the contest about C1 began as claimed");
        let found = |level: &str| {
            let texts = [
                ("commitment", "C1"),
                ("scale", "s"),
                ("level", level),
                ("by", "ve"),
            ];
            event(Kind::Assessed, &texts)
        };
        assert_eq!(
            last(&[found("1"), found("2")]),
            "Venezuela assessed C1 at 2 on the scale s; it was 1 before"
        );
    }

    #[test]
    fn a_correction_says_what_it_corrects_and_an_empty_value_is_said_in_words() {
        let correction = |field: &str, old: &[&str], to: &[&str]| {
            let mut texts = vec![("record", "4"), ("field", field), ("reason", "misread")];
            texts.extend(old.iter().map(|text| ("old", *text)));
            texts.extend(to.iter().map(|text| ("to", *text)));
            last(&[event(Kind::Corrected, &texts)])
        };
        assert_eq!(
            correction("deadline", &["2024-06-30"], &["2024-07-31"]),
            "record 4 (C1) was corrected, deadline from 2024-06-30 to 2024-07-31: misread"
        );
        assert_eq!(
            correction("measure", &[], &["minutes"]),
            "record 4 (C1) was corrected, measure set to minutes: misread"
        );
        assert_eq!(
            correction("deadline", &["2024-06-30"], &[]),
            "record 4 (C1) was corrected, deadline cleared, it was 2024-06-30: misread"
        );
    }

    #[test]
    fn an_agreement_says_who_it_links_to_whom_and_from_when() {
        let agreement = |more: &[(&str, &str)]| {
            let texts = [&[("id", "A2"), ("title", "Peace")], more].concat();
            last(&[event(Kind::AgreementRecorded, &texts)])
        };
        assert_eq!(
            agreement(&[
                ("party", "co"),
                ("place", "Oslo"),
                ("role", "mediator:ve"),
                ("role", "host:ve"),
                ("link", "terminates:A1"),
                ("link", "protocol-to:A1"),
                ("identifier", "unts:I-18232"),
            ]),
            "Colombia agreed to A2 (unts:I-18232) in Oslo, with Venezuela as mediator and Venezuela as host, which \
             terminates A1 and is a protocol to A1: Peace"
        );
        assert_eq!(
            agreement(&[("parties_unknown", "true")]),
            "parties that are not known agreed to A2: Peace"
        );
        assert_eq!(
            agreement(&[("parties_unknown", "true"), ("party", "ve")]),
            "Venezuela, and others that are not known, agreed to A2: Peace"
        );
        let moved = |to: &str| {
            let texts = [
                ("agreement", "A1"),
                ("to", to),
                ("on", "2024-01-01"),
                ("effective", "2025-01-01"),
                ("by", "co"),
            ];
            last(&[event(Kind::AgreementStatusChanged, &texts)])
        };
        assert_eq!(
            moved("provisional"),
            "A1 went from concluded to provisional, effective 2025-01-01, says Colombia"
        );
        let texts = [
            ("agreement", "A1"),
            ("party", "co"),
            ("action", "end-of-provisional-application"),
        ];
        assert_eq!(
            last(&[event(Kind::ParticipationRecorded, &texts)]),
            "Colombia ended its provisional application of A1"
        );
    }

    #[test]
    fn many_names_are_counted() {
        let names = |count: usize| {
            let mut texts = vec![("text", "t")];
            texts.extend(std::iter::repeat_n(("by", "co"), count));
            last(&[event(Kind::StatementRecorded, &texts)])
        };
        assert_eq!(names(2), "Colombia and Colombia said: t");
        assert!(
            names(9).ends_with("Colombia and 3 more said: t"),
            "{}",
            names(9)
        );
    }

    proptest! {
        #[test]
        fn every_event_has_its_sentence(history in histories(1..40)) {
            for (sentence, event) in told(&history).iter().zip(&history) {
                prop_assert!(!sentence.trim().is_empty());
                let dash = event.to_fields().iter().all(|(_, texts)| texts.iter().all(|text| !text.contains('–')));
                prop_assert!(!dash || !sentence.contains('–'), "{}", sentence);
                prop_assert!(!sentence.starts_with(' ') && !sentence.ends_with(": "), "{}", sentence);
            }
        }
    }
}
