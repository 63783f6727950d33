//! What each party did about an agreement, as days on which that changed whether it is bound.
//!
//! Consent binds once it takes effect, and only where it is said when that was: a party whose consent has no
//! day of effect has consented, and is not said to be bound. A withdrawal takes both away on its day of
//! effect; on its own day, where none is given.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use servanda_core::event::{Entry, Fact, ParticipationRecorded};
use servanda_core::value::agreement::Action;
use servanda_core::value::id::{PartyId, Seq};
use servanda_core::value::when::When;
use servanda_core::view::{Agreement, View};

use super::cell::{Cell, Tone};

/// Where a party stands to an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It consented, and that has taken effect.
    InForce,
    /// It gave notice that it withdraws; that has not taken effect.
    Withdrawing,
    /// It consented; nothing says that this has taken effect.
    Consented,
    /// It applies the agreement provisionally.
    Provisional,
    /// It signed, subject to consent.
    Signed,
    /// It withdrew.
    Withdrawn,
    /// It is named as a party, and nothing is recorded of what it did.
    Named,
    /// It did something else: a declaration, an objection.
    Other,
}

impl State {
    /// Every state, from the most bound on.
    pub const ALL: [Self; 8] = [
        Self::InForce,
        Self::Withdrawing,
        Self::Consented,
        Self::Provisional,
        Self::Signed,
        Self::Withdrawn,
        Self::Named,
        Self::Other,
    ];

    /// The word for it, and how that is meant.
    pub fn word(self) -> (&'static str, Tone) {
        match self {
            Self::InForce => ("in force", Tone::Good),
            Self::Withdrawing => ("withdrawing", Tone::Attention),
            Self::Consented => ("consented", Tone::Good),
            Self::Provisional => ("provisional", Tone::Plain),
            Self::Signed => ("signed", Tone::Plain),
            Self::Withdrawn => ("withdrawn", Tone::Bad),
            Self::Named => ("named", Tone::Faint),
            Self::Other => ("other", Tone::Faint),
        }
    }

    /// The word as a cell.
    pub fn cell(self) -> Cell {
        let (word, tone) = self.word();
        Cell::Word(word.to_owned(), tone)
    }
}

/// What a party did, and what it says of it.
#[derive(Debug, Clone, Copy)]
pub struct Act<'r> {
    /// The record.
    pub entry: &'r Entry,
    /// What it says.
    pub fact: &'r ParticipationRecorded,
}

/// A party, and all that it did about an agreement by the day of the view, in the order of the days.
#[derive(Debug, Clone)]
pub struct Membership<'r> {
    /// The party.
    pub party: PartyId,
    /// What it did.
    pub acts: Vec<Act<'r>>,
    /// The days on which that changed anything, in order.
    pub steps: Vec<Step>,
}

/// A day on which something changed for a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// The day from which it counts: the last possible one.
    pub day: NaiveDate,
    /// The record that says so.
    pub seq: Seq,
    /// What changed.
    pub turn: Turn,
    /// The first day on which it can have been; none where that is open.
    pub earliest: Option<NaiveDate>,
}

/// What can change for a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// It signed.
    Signed,
    /// It applies the agreement provisionally.
    Provisional,
    /// It consented.
    Consented,
    /// Its consent took effect.
    Bound,
    /// It gave notice.
    Noticed,
    /// Its withdrawal took effect.
    Left,
}

/// Where a party stands after some steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// It signed at some time.
    pub signed: bool,
    /// It consented, and has not left since.
    pub consented: bool,
    /// Its consent has taken effect, and it has not left since.
    pub bound: bool,
    provisional: bool,
    noticed: bool,
    left: bool,
}

impl Position {
    /// Where it stands after one more step.
    #[must_use]
    pub fn after(mut self, turn: Turn) -> Self {
        match turn {
            Turn::Signed => self.signed = true,
            Turn::Provisional => self.provisional = true,
            Turn::Consented => {
                (self.consented, self.noticed, self.left) = (true, false, false);
            }
            // What comes into effect after a withdrawal did is the older consent's.
            Turn::Bound => self.bound = !self.left,
            Turn::Noticed => self.noticed = true,
            Turn::Left => {
                (self.consented, self.bound, self.provisional) = (false, false, false);
                (self.noticed, self.left) = (false, true);
            }
        }
        self
    }
}

impl<'r> Membership<'r> {
    /// Where the party stands on the day of the view.
    pub fn state(&self, view: &View<'_>) -> State {
        let past = self.steps.iter().filter(|step| step.day <= view.as_of);
        let at = past.fold(Position::default(), |at, step| at.after(step.turn));
        if at.noticed && (at.bound || at.consented) {
            State::Withdrawing
        } else if at.bound {
            State::InForce
        } else if at.consented {
            State::Consented
        } else if at.left {
            State::Withdrawn
        } else if at.provisional {
            State::Provisional
        } else if at.signed {
            State::Signed
        } else if self.acts.is_empty() {
            State::Named
        } else {
            State::Other
        }
    }

    /// The last thing of some sort that it did.
    pub fn last(&self, wanted: impl Fn(Action) -> bool) -> Option<Act<'r>> {
        let mut acts = self.acts.iter().rev();
        acts.find(|act| wanted(act.fact.action)).copied()
    }
}

/// Every party to an agreement, by id: those that it names, and those that did anything about it.
pub fn memberships<'r>(view: &View<'r>, agreement: &Agreement<'r>) -> Vec<Membership<'r>> {
    let mut acts: BTreeMap<&PartyId, Vec<Act<'r>>> = BTreeMap::new();
    let named: BTreeSet<&PartyId> = agreement.fact.party.iter().collect();
    for party in named {
        acts.insert(party, Vec::new());
    }
    for &entry in &agreement.participation {
        if let Fact::ParticipationRecorded(fact) = &entry.event.fact {
            acts.entry(&fact.party)
                .or_default()
                .push(Act { entry, fact });
        }
    }
    let membership = |(party, mut acts): (&PartyId, Vec<Act<'r>>)| {
        acts.sort_by_key(|act| (view.last_possible_day(act.entry.seq), act.entry.seq));
        let mut steps: Vec<Step> = acts.iter().flat_map(|act| steps(view, *act)).collect();
        steps.sort_unstable();
        Membership {
            party: party.clone(),
            acts,
            steps,
        }
    };
    acts.into_iter().map(membership).collect()
}

/// What an act changes, and when.
fn steps(view: &View<'_>, act: Act<'_>) -> Vec<Step> {
    let Act { entry, fact } = act;
    let own = |turn| Step {
        day: view.last_possible_day(entry.seq),
        seq: entry.seq,
        turn,
        earliest: entry.event.envelope.on.and_then(When::earliest),
    };
    // What is said to take effect before it was done does so when it was done.
    let effect = |turn| {
        let day = fact.effective?.latest()?;
        let own = own(turn);
        Some(Step {
            day: day.max(own.day),
            earliest: fact.effective?.earliest(),
            ..own
        })
    };
    let mut steps = Vec::new();
    match fact.action {
        Action::Signature => steps.push(own(Turn::Signed)),
        Action::ProvisionalApplication => steps.push(own(Turn::Provisional)),
        Action::EntryIntoForce => steps.push(own(Turn::Bound)),
        Action::Withdrawal => {
            let left = effect(Turn::Left);
            steps.extend(left.is_some().then(|| own(Turn::Noticed)));
            steps.push(left.unwrap_or_else(|| own(Turn::Left)));
        }
        action if action.is_consent() => {
            if action == Action::DefinitiveSignature {
                steps.push(own(Turn::Signed));
            }
            steps.push(own(Turn::Consented));
            steps.extend(effect(Turn::Bound));
        }
        _ => {}
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    /// The states of Colombia as of some days, after it did these things.
    fn states(acts: &[&str], days: &[&str]) -> Vec<&'static str> {
        let mut history = simple("");
        for act in acts {
            history.say(&format!(
                "participation | agreement=A1 | party=colombia | action={act}"
            ));
        }
        let state = |day: &&str| {
            let view = history.view(day);
            let agreement = view.agreement(&"A1".parse().unwrap()).unwrap();
            let memberships = memberships(&view, &agreement);
            let colombia = memberships.iter().find(|m| m.party.as_str() == "colombia");
            colombia.unwrap().state(&view).word().0
        };
        days.iter().map(state).collect()
    }

    #[test]
    fn consent_binds_once_it_takes_effect() {
        let acts = [
            "signature | on=2023-02-01",
            "ratification | on=2023-03-01 | effective=2023-03-31",
        ];
        assert_eq!(
            states(
                &acts,
                &["2023-01-31", "2023-02-01", "2023-03-01", "2023-03-31"]
            ),
            ["named", "signed", "consented", "in force"]
        );
        // Nothing says when.
        let acts = ["accession | on=2023-03-01"];
        assert_eq!(states(&acts, &["2030-01-01"]), ["consented"]);
        // An entry into force that was recorded for itself.
        let acts = ["accession | on=2023-03-01", "entry-into-force | on=2023-04"];
        assert_eq!(
            states(&acts, &["2023-04-29", "2023-04-30"]),
            ["consented", "in force"]
        );
    }

    #[test]
    fn who_leaves_can_come_back() {
        let acts = [
            "acceptance | on=2016-09-03 | effective=2016-11-04",
            "withdrawal | on=2019-11-04 | effective=2020-11-04",
            "acceptance | on=2021-01-20 | effective=2021-02-19",
        ];
        // The agreement itself is of 2023, which keeps no act from counting; only the view of it.
        let days = ["2023-01-01"];
        assert_eq!(states(&acts, &days), ["in force"]);
        let acts = [
            "acceptance | on=2023-02-01 | effective=2023-03-01",
            "withdrawal | on=2023-04-01 | effective=2023-06-01",
            "acceptance | on=2023-07-01 | effective=2023-08-01",
            "withdrawal | on=2023-09-01",
        ];
        let days = [
            "2023-03-01",
            "2023-04-01",
            "2023-05-31",
            "2023-06-01",
            "2023-07-01",
            "2023-08-01",
            "2023-09-01",
        ];
        assert_eq!(
            states(&acts, &days),
            [
                "in force",
                "withdrawing",
                "withdrawing",
                "withdrawn",
                "consented",
                "in force",
                "withdrawn"
            ]
        );
    }

    #[test]
    fn what_takes_effect_after_the_party_left_binds_it_no_more() {
        let acts = [
            "accession | on=2023-02-01 | effective=2023-12-01",
            "withdrawal | on=2023-04-01 | effective=2023-06-01",
        ];
        assert_eq!(
            states(&acts, &["2023-05-01", "2023-12-01"]),
            ["withdrawing", "withdrawn"]
        );
    }

    #[test]
    fn the_rest_binds_nobody() {
        let acts = ["declaration | on=2023-02-01 | text=as to article 3"];
        assert_eq!(states(&acts, &["2023-02-01"]), ["other"]);
        let acts = ["provisional-application | on=2023-02-01"];
        assert_eq!(states(&acts, &["2023-02-01"]), ["provisional"]);
    }
}
