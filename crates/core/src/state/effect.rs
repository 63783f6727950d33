//! Effects: what an event does to the facts of entities.

use crate::value::agreement::{Action, AgreementStatus};
use crate::value::base::Text;
use crate::value::commitment::{Capacity, Contest, Level, Standing};
use crate::value::id::{AgreementId, CommitmentId, PartyId, RecorderId};
use crate::value::when::{Deadline, When};

/// A fact that a record sets for an entity. It holds as long as the record counts.
#[derive(Debug, Clone, Copy)]
pub enum Effect<'e> {
    /// A party is part of another.
    PartOf {
        /// The part.
        party: &'e PartyId,
        /// The party that it is part of.
        parent: &'e PartyId,
    },
    /// A party is succeeded by others.
    Succeeded {
        /// The party that was.
        predecessor: &'e PartyId,
        /// Who succeeded it.
        successors: &'e [PartyId],
    },
    /// A party's own key is known.
    HasKey(&'e PartyId),
    /// A recorder's key is revoked.
    Revoked(&'e RecorderId),
    /// An agreement is concluded.
    Concluded {
        /// The agreement.
        agreement: &'e AgreementId,
        /// When it was concluded.
        on: Option<When>,
        /// Its parties.
        parties: &'e [PartyId],
        /// Whether there may be others.
        parties_unknown: bool,
    },
    /// An agreement's status moves.
    AgreementMoves {
        /// The agreement.
        agreement: &'e AgreementId,
        /// Its status from then on.
        to: AgreementStatus,
        /// When the change takes effect, where that is later than the record's date.
        effective: Option<When>,
    },
    /// A party acts about an agreement.
    Acts(&'e AgreementId, &'e PartyId, Action),
    /// A commitment has its first terms.
    Promised {
        /// The commitment.
        commitment: &'e CommitmentId,
        /// The agreement that it was made in.
        agreement: &'e AgreementId,
        /// Who owes it.
        debtor: &'e [PartyId],
        /// To whom it is owed.
        creditor: &'e [PartyId],
        /// Whether both sides owe it.
        mutual: bool,
        /// The deadline.
        deadline: Option<&'e Deadline>,
        /// Its standing at first.
        standing: Option<Standing>,
    },
    /// A commitment's terms change. What is empty stays as it was.
    Amended {
        /// The commitment.
        commitment: &'e CommitmentId,
        /// Who owes it from now on.
        debtor: &'e [PartyId],
        /// To whom it is owed from now on.
        creditor: &'e [PartyId],
        /// The deadline from now on.
        deadline: Option<&'e Deadline>,
    },
    /// The standing of a commitment's debtors moves, of some or of all.
    StandingMoves(StandingMove<'e>),
    /// The contest about a commitment moves.
    ContestMoves(&'e CommitmentId, Contest),
    /// A commitment is assessed.
    Assessed {
        /// The commitment.
        commitment: &'e CommitmentId,
        /// The assessors.
        by: &'e [PartyId],
        /// The scale.
        scale: &'e Text,
        /// The level on it.
        level: &'e Level,
    },
    /// An occurrence of a commitment was held.
    Occurred(&'e CommitmentId),
}

/// What is said of a commitment's standing.
#[derive(Debug, Clone, Copy)]
pub struct StandingMove<'e> {
    /// The commitment.
    pub commitment: &'e CommitmentId,
    /// Where it stands from now on.
    pub to: Standing,
    /// Who says so.
    pub by: &'e [PartyId],
    /// In which capacity.
    pub capacity: Option<Capacity>,
    /// The debtors whose performance it is about; none where it does not say.
    pub debtor: &'e [PartyId],
}
