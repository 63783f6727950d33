//! What each party did about an agreement, and what became of the agreement, as days on which that changed whether the
//! party is bound.
//!
//! Consent binds once it takes effect: on its own day of effect, or else when the agreement enters into force after it.
//! Where no party's consent is recorded, the entry into force of the agreement binds all that it names and all that
//! signed; where one is, the others have only signed. A consent that came later without a day of effect is one of which
//! nothing says when it binds. A withdrawal takes consent away on its day of effect, or on its own day.
//! While an agreement is suspended nobody is bound by it, and nobody is once it has ended.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use servanda_core::event::{Entry, Fact, ParticipationRecorded};
use servanda_core::value::agreement::{Action, AgreementStatus};
use servanda_core::value::id::{PartyId, Seq};
use servanda_core::value::when::When;
use servanda_core::view::{Agreement, StatusChange, View, standing_changes};

use super::cell::{Cell, Tone};

/// Where a party stands to an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It is bound.
    InForce,
    /// It would be bound, but the agreement is suspended.
    Suspended,
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
    /// The agreement has ended.
    Ended,
    /// It is named as a party, and nothing is recorded of what it did.
    Named,
    /// It did something else: a declaration, an objection.
    Other,
}

impl State {
    /// Every state, from the most bound on.
    pub const ALL: [Self; 10] = [
        Self::InForce,
        Self::Suspended,
        Self::Withdrawing,
        Self::Consented,
        Self::Provisional,
        Self::Signed,
        Self::Withdrawn,
        Self::Ended,
        Self::Named,
        Self::Other,
    ];

    /// The word for it, and how that is meant.
    pub fn word(self) -> (&'static str, Tone) {
        match self {
            Self::InForce => ("in force", Tone::Good),
            Self::Suspended => ("suspended", Tone::Attention),
            Self::Withdrawing => ("withdrawing", Tone::Attention),
            Self::Consented => ("consented", Tone::Good),
            Self::Provisional => ("provisional", Tone::Plain),
            Self::Signed => ("signed", Tone::Plain),
            Self::Withdrawn => ("withdrawn", Tone::Bad),
            Self::Ended => ("ended", Tone::Bad),
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
    /// The days on which anything changed for it, in order.
    steps: Vec<Step>,
    /// Whether the agreement names it.
    is_named: bool,
}

/// A day on which something changed for a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// It does so no more.
    NotProvisional,
    /// It consented, and whether that has a day of effect of its own.
    Consented {
        /// Whether it has.
        has_effect: bool,
    },
    /// Its consent took effect.
    Bound,
    /// It gave notice.
    Noticed,
    /// Its withdrawal took effect.
    Left,
    /// The agreement's status changed.
    Agreement {
        /// The status from then on.
        to: AgreementStatus,
        /// Whether any party's own consent was recorded by then.
        has_consents: bool,
    },
}

/// Where a party stands after some steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    is_named: bool,
    signed: bool,
    consented: bool,
    has_effect: bool,
    bound: bool,
    by_agreement: bool,
    provisional: bool,
    noticed: bool,
    left: bool,
    agreement: AgreementStatus,
}

impl Position {
    /// Where it stands before anything happened.
    fn first(is_named: bool) -> Self {
        Self {
            is_named,
            signed: false,
            consented: false,
            has_effect: false,
            bound: false,
            by_agreement: false,
            provisional: false,
            noticed: false,
            left: false,
            agreement: AgreementStatus::Concluded,
        }
    }

    /// Whether it signed at some time.
    pub fn has_signed(self) -> bool {
        self.signed
    }

    /// Whether it consented and has not left since, and the agreement has not ended.
    pub fn has_consented(self) -> bool {
        self.consented && !self.agreement.has_ended()
    }

    /// Whether its consent is one of which nothing says that it has taken effect.
    pub fn waits_for_effect(self) -> bool {
        self.has_consented() && !self.bound
    }

    /// Whether it is bound: not while the agreement is suspended, nor once it has ended.
    pub fn is_bound(self) -> bool {
        let lapsed = self.agreement.has_ended() || self.agreement == AgreementStatus::Suspended;
        self.bound && !lapsed
    }

    /// Whether it is bound, and only the entry into force of the agreement says so.
    pub fn is_bound_by_agreement(self) -> bool {
        self.by_agreement && self.is_bound()
    }

    /// Where it stands after one more step.
    #[must_use]
    fn after(mut self, turn: Turn) -> Self {
        match turn {
            Turn::Signed => self.signed = true,
            Turn::Provisional => self.provisional = true,
            Turn::NotProvisional => self.provisional = false,
            Turn::Consented { has_effect } => {
                (self.consented, self.noticed, self.left) = (true, false, false);
                self.has_effect = has_effect;
            }
            // What comes into effect after a withdrawal did is the older consent's.
            Turn::Bound if !self.left => (self.bound, self.by_agreement) = (true, false),
            Turn::Bound => {}
            Turn::Noticed => self.noticed = true,
            Turn::Left => {
                (self.consented, self.bound, self.by_agreement) = (false, false, false);
                (self.provisional, self.noticed, self.left) = (false, false, true);
            }
            Turn::Agreement { to, has_consents } => {
                let was_on =
                    self.agreement.is_in_force() || self.agreement == AgreementStatus::Suspended;
                if to.is_in_force() && !was_on && !self.bound && self.enters(has_consents) {
                    (self.bound, self.by_agreement) = (true, true);
                }
                self.agreement = to;
            }
        }
        self
    }

    /// Whether the entry into force of the agreement binds it.
    fn enters(self, has_consents: bool) -> bool {
        let takes_part = self.is_named || self.signed;
        (self.consented && !self.has_effect) || (!has_consents && takes_part && !self.left)
    }
}

impl<'r> Membership<'r> {
    /// Where the party stood after each step by the day of the view, in order; before the first, where none stands.
    pub fn positions(&self, view: &View<'_>) -> impl Iterator<Item = (Step, Position)> {
        let as_of = view.as_of;
        let past = self.steps.iter().filter(move |step| step.day <= as_of);
        past.scan(self.first(), |at, step| {
            *at = at.after(step.turn);
            Some((*step, *at))
        })
    }

    /// Where the party stands before anything happened.
    pub fn first(&self) -> Position {
        Position::first(self.is_named)
    }

    /// Where the party stands on the day of the view.
    pub fn position(&self, view: &View<'_>) -> Position {
        let last = self.positions(view).last();
        last.map_or(self.first(), |(_, at)| at)
    }

    /// The same in a word.
    pub fn state(&self, view: &View<'_>) -> State {
        let at = self.position(view);
        let takes_part = at.is_named || at.signed || at.consented || at.bound || at.provisional;
        if at.left && !at.consented && !at.bound {
            State::Withdrawn
        } else if at.agreement.has_ended() && takes_part {
            State::Ended
        } else if at.noticed && (at.bound || at.consented) {
            State::Withdrawing
        } else if at.bound && at.agreement == AgreementStatus::Suspended {
            State::Suspended
        } else if at.bound {
            State::InForce
        } else if at.consented {
            State::Consented
        } else if at.provisional || (at.agreement == AgreementStatus::Provisional && takes_part) {
            State::Provisional
        } else if at.signed {
            State::Signed
        } else if self.acts.is_empty() {
            State::Named
        } else {
            State::Other
        }
    }

    /// The change of the agreement's status that bound the party, where no act of its own did.
    pub fn entered(&self, view: &View<'_>) -> Option<Seq> {
        let mut was = false;
        let bound = self.positions(view).filter(|(_, at)| {
            let is_now = at.by_agreement && !was;
            was = at.by_agreement;
            is_now
        });
        bound.last().map(|(step, _)| step.seq)
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
    for party in &named {
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
        Membership {
            party: party.clone(),
            steps: acts.iter().flat_map(|act| steps(view, *act)).collect(),
            acts,
            is_named: named.contains(party),
        }
    };
    let mut all: Vec<Membership<'r>> = acts.into_iter().map(membership).collect();
    let consents = all.iter().flat_map(|member| &member.steps);
    let consents =
        consents.filter(|step| matches!(step.turn, Turn::Consented { .. } | Turn::Bound));
    let first_consent = consents.map(|step| step.day).min();
    let changes = standing_changes(&agreement.changes, view.as_of);
    for member in &mut all {
        let of_agreement = |change: &StatusChange| Step {
            day: change.day,
            seq: change.seq,
            turn: Turn::Agreement {
                to: change.to,
                has_consents: first_consent.is_some_and(|first| first <= change.day),
            },
            earliest: change.earliest,
        };
        member.steps.extend(changes.iter().map(of_agreement));
        // On one day the parties act first: an agreement enters into force for those that consented on that day too.
        let place = |step: &Step| {
            let is_agreement = matches!(step.turn, Turn::Agreement { .. });
            (step.day, is_agreement, step.seq, step.turn)
        };
        member.steps.sort_unstable_by_key(place);
    }
    all
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
        Action::ProvisionalApplication => {
            steps.push(effect(Turn::Provisional).unwrap_or_else(|| own(Turn::Provisional)));
        }
        Action::EndOfProvisionalApplication => {
            steps.push(effect(Turn::NotProvisional).unwrap_or_else(|| own(Turn::NotProvisional)));
        }
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
            let bound = effect(Turn::Bound);
            let has_effect = bound.is_some();
            steps.push(own(Turn::Consented { has_effect }));
            steps.extend(bound);
        }
        _ => {}
    }
    steps
}

#[cfg(test)]
mod tests;
