//! Assessments as small numbers: many are equal.

use super::id_table::Ids;
use super::interned::Interned;
use crate::value::base::Text;
use crate::value::commitment::Level;

/// The level of a commitment that assessors found on a scale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assessment {
    /// The numbers of the assessors' ids, in the order in which the record names them.
    pub by: Ids,
    /// The scale's name.
    pub scale: Text,
    /// The level on it.
    pub level: Level,
}

/// The different assessments. A snapshot leaves out those that no record has any more, which may have been redacted.
pub(super) type Assessments = Interned<Assessment>;
