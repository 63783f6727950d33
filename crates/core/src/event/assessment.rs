use super::declare::event;
use crate::value::base::Text;
use crate::value::commitment::Level;
use crate::value::id::CommitmentId;

event! {
    /// An assessor (by) found a level of completion, as of a date (on).
    [erasable] 15 "assessment" Assessed {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// The scale's name
        scale: Text,
        /// The level on it, or no-evidence (which is not level 0)
        level: Level,
    }
}
