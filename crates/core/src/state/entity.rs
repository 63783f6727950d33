//! What the state knows of an entity.

use super::facts::Facts;
use super::postings::Postings;
use crate::value::id::EntityKind;

/// What an id names, and what is known of that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entity {
    /// What it is, and the record that says so.
    pub defined: Option<(EntityKind, u32)>,
    pub trail: Postings,
    pub facts: Facts,
}
