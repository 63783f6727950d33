//! What the rules ask of an entity, kept at hand: its terms and moves as small numbers, without a text.
//!
//! Each fact is kept with the record that says it, so that a record which is corrected or retracted takes its
//! facts with it, and brings back what stood before.

use super::grow::grow;
use super::id_table::Id;
use crate::event::FieldSpec;
use crate::value::agreement::{Action, AgreementStatus};
use crate::value::commitment::{Contest, Standing};
use crate::value::when::{Deadline, When};

/// Values that records set, in the order of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History<T>(pub Vec<(u32, T)>);

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> History<T> {
    /// Sets what a record says; nothing takes it out.
    pub(super) fn set(&mut self, record: u32, value: Option<T>) {
        let place = match self.0.last() {
            Some((last, _)) if *last >= record => self.0.binary_search_by_key(&record, |one| one.0),
            _ => Err(self.0.len()),
        };
        match (place, value) {
            (Ok(at), Some(value)) => self.0[at].1 = value,
            (Ok(at), None) => drop(self.0.remove(at)),
            (Err(at), Some(value)) => {
                grow(&mut self.0, 1);
                self.0.insert(at, (record, value));
            }
            (Err(_), None) => {}
        }
    }

    /// What this record says.
    pub fn of(&self, record: u32) -> Option<&T> {
        let at = self.0.binary_search_by_key(&record, |one| one.0).ok()?;
        Some(&self.0[at].1)
    }

    /// What the last record says.
    pub fn last(&self) -> Option<&T> {
        self.0.last().map(|(_, value)| value)
    }

    /// The records, in their order, each with what it says.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, &T)> {
        self.0.iter().map(|(record, value)| (*record, value))
    }

    /// The records before one, the last first, each with what it says.
    pub fn before(&self, record: u32) -> impl Iterator<Item = (u32, &T)> {
        let end = self.0.partition_point(|one| one.0 < record);
        let all = self.0[..end].iter().rev();
        all.map(|(record, value)| (*record, value))
    }

    /// What the records say, in their order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }
}

/// The facts of an entity. Which of them count, its kind says: a tampered ledger may have moves of a party.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// As a party.
    pub party: Option<Box<PartyFacts>>,
    /// As an agreement.
    pub agreement: Option<Box<AgreementFacts>>,
    /// As a commitment.
    pub commitment: Option<Box<CommitmentFacts>>,
    /// As a recorder.
    pub recorder: Option<Box<RecorderFacts>>,
}

/// What the rules ask of a party.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartyFacts {
    /// The party that it is part of.
    pub parent: History<Id>,
    /// The parties that it succeeded.
    pub succeeded: History<Id>,
    /// The declarations of its key.
    pub keys: History<()>,
}

/// What the rules ask of an agreement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgreementFacts {
    /// When it was concluded, and by whom.
    pub concluded: History<(Option<When>, Box<[Id]>)>,
    /// The moves of its status.
    pub moves: History<AgreementStatus>,
    /// What the parties did about it.
    pub acts: History<(Id, Action)>,
}

/// What the rules ask of a commitment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitmentFacts {
    /// What was promised, and by whom.
    pub terms: History<Terms>,
    /// What amendments replace of that.
    pub amendments: History<Amendment>,
    /// The moves of its standing.
    pub moves: History<Standing>,
    /// Who claimed fulfilment, where moves did: a record for each party.
    pub claims: Vec<(u32, Id)>,
    /// The moves of the contest.
    pub contests: History<Contest>,
    /// What assessors found: the numbers of the findings.
    pub assessments: History<u32>,
    /// The occurrences that were held.
    pub occurrences: History<()>,
}

/// What the rules ask of a recorder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecorderFacts {
    /// The revocations of its key.
    pub revoked: History<()>,
}

/// The terms of a commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The agreement.
    pub agreement: Id,
    /// The debtors.
    pub debtor: Box<[Id]>,
    /// The creditors.
    pub creditor: Box<[Id]>,
    /// Whether both sides owe it.
    pub mutual: bool,
    /// The deadline.
    pub deadline: Option<Deadline>,
    /// Where it stood at first.
    pub standing: Option<Standing>,
}

/// What an amendment sets; what it leaves empty stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amendment {
    /// The debtors.
    pub debtor: Box<[Id]>,
    /// The creditors.
    pub creditor: Box<[Id]>,
    /// The deadline.
    pub deadline: Option<Deadline>,
}

/// A commitment as all that was recorded of it leaves it.
#[derive(Debug, Clone, Copy)]
pub struct Position<'r> {
    pub(super) terms: &'r Terms,
    pub(super) facts: &'r CommitmentFacts,
}

impl<'r> Position<'r> {
    /// The agreement that it was made in.
    pub fn agreement(&self) -> Id {
        self.terms.agreement
    }

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        let last = self.facts.moves.last().copied();
        last.or(self.terms.standing).unwrap_or(Standing::Agreed)
    }

    /// Where the contest about it stands.
    pub fn contest(&self) -> Contest {
        self.facts.contests.last().copied().unwrap_or(Contest::None)
    }

    /// Who owes it: the debtors, and on a mutual commitment the creditors too.
    pub fn debtors(&self) -> Vec<Id> {
        self.side(self.debtor(), self.creditor())
    }

    /// To whom it is owed: the creditors, and on a mutual commitment the debtors too.
    pub fn creditors(&self) -> Vec<Id> {
        self.side(self.creditor(), self.debtor())
    }

    fn side(&self, own: &[Id], other: &[Id]) -> Vec<Id> {
        let mut all = own.to_vec();
        if self.terms.mutual {
            all.extend(other.iter().filter(|party| !own.contains(party)));
        }
        all
    }

    fn debtor(&self) -> &'r [Id] {
        self.amended(|amendment| Some(&*amendment.debtor).filter(|all| !all.is_empty()))
            .unwrap_or(&self.terms.debtor)
    }

    fn creditor(&self) -> &'r [Id] {
        self.amended(|amendment| Some(&*amendment.creditor).filter(|all| !all.is_empty()))
            .unwrap_or(&self.terms.creditor)
    }

    /// By when it is to be kept.
    pub fn deadline(&self) -> Option<&'r Deadline> {
        self.amended(|amendment| amendment.deadline.as_ref())
            .or(self.terms.deadline.as_ref())
    }

    /// What the last amendment sets that sets it at all.
    fn amended<T>(&self, of: impl Fn(&'r Amendment) -> Option<T>) -> Option<T> {
        self.facts.amendments.values().rev().find_map(of)
    }

    /// The parties whose claim of fulfilment is being answered, or was answered by the breach that stands. An
    /// older claim, which was rejected or overtaken, binds nobody any more.
    pub fn claimants(&self) -> impl Iterator<Item = Id> {
        let claim = match self.facts.moves.0.as_slice() {
            [.., claim, (_, Standing::Breached)] => Some(claim),
            moves => moves.last(),
        };
        let record = claim
            .filter(|(_, to)| *to == Standing::Claimed)
            .map(|(record, _)| *record);
        let claims = self.facts.claims.iter();
        claims
            .filter(move |one| Some(one.0) == record)
            .map(|one| one.1)
    }
}

/// Whether a correction of a field can change what is kept of an event, or what it names. Most texts cannot.
pub fn depend_on(field: &FieldSpec) -> bool {
    const KEPT: &[&str] = &["inferred", "irregular", "confidence", "scale", "level"];
    const TEXTS: &[&str] = &[
        "TEXT",
        "LANG",
        "DIGEST",
        "FIELD",
        "NAME[@LANG]",
        "SCHEME:VALUE",
        "LEVEL|no-evidence",
        "CONFIDENCE",
        "MODALITY",
        "BEARING",
    ];
    KEPT.contains(&field.name) || !TEXTS.contains(&field.label)
}

impl Facts {
    /// What holds nothing any more is as if it had never been there.
    pub(super) fn drop_empty(&mut self) {
        self.party.take_if(|facts| **facts == PartyFacts::default());
        self.agreement
            .take_if(|facts| **facts == AgreementFacts::default());
        self.commitment
            .take_if(|facts| **facts == CommitmentFacts::default());
        self.recorder
            .take_if(|facts| **facts == RecorderFacts::default());
    }
}
