//! What is asked of a commitment as of a day.

use super::Commitment;
use crate::event::{Entry, Fact};
use crate::rules::Known;
use crate::state::Id;
use crate::value::commitment::{Capacity, Contest, Standing};
use crate::value::id::{PartyId, Seq};

impl<'r> Commitment<'r> {
    /// The number of its id.
    pub fn number(&self) -> Id {
        self.told.number()
    }

    /// The number of the id of its agreement.
    pub fn agreement(&self) -> Option<Id> {
        self.told.agreement()
    }

    /// Who owes it: the debtors, and on a mutual commitment the creditors too.
    pub fn debtors(&self) -> Vec<&PartyId> {
        both_sides(&self.terms.debtor, &self.terms.creditor, self.terms.mutual)
    }

    /// To whom it is owed: the creditors, and on a mutual commitment the debtors too.
    pub fn creditors(&self) -> Vec<&PartyId> {
        both_sides(&self.terms.creditor, &self.terms.debtor, self.terms.mutual)
    }

    /// Each debtor, in their order, with where it stands.
    pub fn each(&self) -> impl Iterator<Item = (&PartyId, Standing)> {
        let of = |party: &PartyId| {
            let number = self.state.number(&party.0)?;
            let found = self.standings.iter().find(|(debtor, _)| *debtor == number);
            found.map(|(_, standing)| *standing)
        };
        let debtors = self.debtors().into_iter();
        debtors.map(move |party| (party, of(party).unwrap_or(self.standing)))
    }

    /// Whether its debtors stand at different points.
    pub fn differs(&self) -> bool {
        self.any(|standing| standing != self.standing)
    }

    /// Whether any of its debtors stands at a point that is wanted.
    pub fn any(&self, wanted: impl Fn(Standing) -> bool) -> bool {
        self.standings.iter().any(|(_, standing)| wanted(*standing))
    }

    /// Where those of its debtors stand that are wanted; none if none of them is.
    pub fn standing_of(&self, wanted: impl Fn(&PartyId) -> bool) -> Option<Standing> {
        let each = self.each().filter(|(party, _)| wanted(party));
        Standing::of_all(each.map(|(_, standing)| standing))
    }

    /// Whether anything is still owed of it, or may yet come to be, and somebody argues about where it stands.
    pub fn is_contested(&self) -> bool {
        matches!(self.contest, Contest::Claimed | Contest::Disputed) && self.any(Standing::is_live)
    }

    /// Whether an assessor or arbiter has looked at it.
    pub fn is_verified(&self) -> bool {
        let mut moves = self.move_entries();
        let arbitrated = moves.any(|entry| match &entry.event.fact {
            Fact::StatusChanged(fact) => {
                matches!(fact.capacity, Some(Capacity::Arbiter | Capacity::Assessor))
            }
            _ => false,
        });
        arbitrated || !self.assessments.is_empty()
    }

    /// The records that moved its standing, read.
    pub fn move_entries(&self) -> impl Iterator<Item = &'r Entry> {
        let moves = self.moves.iter();
        moves.filter_map(|one| self.state.entry(one.seq))
    }

    /// The last record that moved any of its debtors.
    pub fn last_move(&self) -> Seq {
        self.moves.last().map_or(self.recorded.seq, |one| one.seq)
    }

    /// The record since which the commitment as a whole stands where it does.
    pub fn stands_since(&self) -> Seq {
        let mut moves = self.moves.iter().rev();
        let last = moves.find(|one| one.before != one.after);
        last.map_or(self.recorded.seq, |one| one.seq)
    }

    /// Notes which corrections set which fields of the defining record.
    pub(super) fn note_corrections(&mut self) {
        for correction in self.state.corrections(self.recorded.seq) {
            let corrected = self.state.entry(correction);
            if let Some(Fact::Corrected(fact)) = corrected.map(|entry| &entry.event.fact)
                && let Some(spec) = self.recorded.event.kind().field(fact.field.as_str())
            {
                self.set_by.insert(spec.name, correction);
            }
        }
    }

    /// Takes in what an amendment replaces.
    pub(super) fn amend(&mut self, entry: &Entry) {
        match &entry.event.fact {
            Fact::CommitmentAmended(fact) if fact.commitment == *self.id => {
                let mut set = |field: &'static str| {
                    self.set_by.insert(field, entry.seq);
                };
                let terms = self.terms.to_mut();
                replace_some(&mut terms.condition, &fact.condition, "condition", &mut set);
                replace_some(&mut terms.measure, &fact.measure, "measure", &mut set);
                replace_some(&mut terms.deadline, &fact.deadline, "deadline", &mut set);
                replace_all(&mut terms.modality, &fact.modality, "modality", &mut set);
                replace_all(&mut terms.debtor, &fact.debtor, "debtor", &mut set);
                replace_all(&mut terms.creditor, &fact.creditor, "creditor", &mut set);
                replace_all(&mut terms.purpose, &fact.purpose, "purpose", &mut set);
                if let Some(text) = &fact.text {
                    terms.text = text.clone();
                    set("text");
                }
            }
            _ => {}
        }
    }
}

fn both_sides<'a>(own: &'a [PartyId], other: &'a [PartyId], mutual: bool) -> Vec<&'a PartyId> {
    let mut all: Vec<&PartyId> = own.iter().collect();
    if mutual {
        all.extend(other.iter().filter(|party| !own.contains(party)));
    }
    all
}

fn replace_some<T: Clone>(
    term: &mut Option<T>,
    new: &Option<T>,
    field: &'static str,
    set: &mut impl FnMut(&'static str),
) {
    if new.is_some() {
        term.clone_from(new);
        set(field);
    }
}

fn replace_all<T: Clone>(
    term: &mut Vec<T>,
    new: &[T],
    field: &'static str,
    set: &mut impl FnMut(&'static str),
) {
    if !new.is_empty() {
        *term = new.to_vec();
        set(field);
    }
}
