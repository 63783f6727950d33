use super::declare::event;
use crate::value::base::Text;
use crate::value::id::CommitmentId;

event! {
    /// An occurrence of a recurring commitment was held.
    [erasable] 14 "occurrence" OccurrenceHeld {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// Which occurrence: a number, a date, a name
        occurrence: Option<Text>,
        /// Where
        place: Option<Text>,
        /// What it was
        text: Option<Text>,
    }
}
