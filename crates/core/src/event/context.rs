//! What a sentence about an event asks: names, and what stood before.

use crate::state::StandingMove;
use crate::value::agreement::AgreementStatus;
use crate::value::base::Text;
use crate::value::commitment::{Contest, Level, Standing};
use crate::value::id::{AgreementId, CommitmentId, PartyId, Seq};

/// What is known around a record that a sentence is about.
pub trait Context {
    /// A party's name; its id where no name is known.
    fn party(&self, id: &PartyId) -> String;
    /// The names that a party had before the record.
    fn names_before(&self, id: &PartyId) -> Vec<String>;
    /// Another record, with the id that it gives or the word of its kind: `record 5 (repair)`.
    fn record(&self, seq: Seq) -> String;
    /// Whom a move by the record concerns; none if there is no such commitment.
    fn concerned(&self, said: &StandingMove<'_>) -> Option<Concerned>;
    /// The contest about a commitment before the record.
    fn contest_before(&self, id: &CommitmentId) -> Option<Contest>;
    /// An agreement's status before the record.
    fn status_before(&self, id: &AgreementId) -> Option<AgreementStatus>;
    /// The texts of a field of a commitment's terms before the record.
    fn term_before(&self, id: &CommitmentId, field: &str) -> Vec<String>;
    /// The last level before the record that these assessors found on a scale.
    fn level_before(&self, id: &CommitmentId, by: &[PartyId], scale: &Text) -> Option<Level>;
}

/// The debtors whose standing a record moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concerned {
    /// How many debtors the commitment has.
    pub debtors: usize,
    /// Those that it concerns, each with where it stood before the record.
    pub each: Vec<(PartyId, Standing)>,
}
