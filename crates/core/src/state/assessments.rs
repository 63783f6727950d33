//! What assessors found, as small numbers: many find the same.

use super::id_table::Id;
use super::interned::Interned;
use crate::value::base::Text;
use crate::value::commitment::Level;

/// What somebody found on a scale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assessment {
    /// The numbers of the assessors' ids, in the order in which the record names them.
    pub by: Box<[Id]>,
    /// The scale's name.
    pub scale: Text,
    /// The level on it.
    pub level: Level,
}

/// The findings. A snapshot leaves those out that are of no assessment any more, for they may have been redacted.
pub type Assessments = Interned<Assessment>;
