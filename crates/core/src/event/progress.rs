use super::declare::event;
use crate::value::base::Text;
use crate::value::id::CommitmentId;

event! {
    /// Progress was reported, toward a commitment or none.
    [erasable] 13 "progress" ProgressReported {
        /// What was done
        text: Text,
        /// The commitment it is toward
        commitment: Option<CommitmentId>,
        /// Which occurrence of a recurring commitment
        occurrence: Option<Text>,
    }
}
