//! An entity: a party, a source, an agreement, a commitment or a recorder.

use super::facts::Facts;
use super::postings::Postings;
use crate::value::id::EntityKind;

/// What the state knows of the entity of one id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entity {
    /// What it is, and the record that defines it; none while no such record counts.
    pub defined: Option<(EntityKind, u32)>,
    /// The records that name it and count.
    pub trail: Postings,
    /// What those records say about it, as far as the rules ask for it.
    pub facts: Facts,
}
