use super::declare::event;
use crate::value::base::Text;
use crate::value::commitment::Contest;
use crate::value::id::CommitmentId;

event! {
    /// A commitment's standing was contested, disputed or settled.
    12 "contest" ContestMoved {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// Where the contest stands from now on
        [arg] to: Contest,
        /// What this side says
        text: Option<Text>,
    }
}
