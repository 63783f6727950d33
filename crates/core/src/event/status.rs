use super::declare::event;
use crate::value::commitment::{Capacity, Standing};
use crate::value::id::CommitmentId;

event! {
    /// A commitment's standing moved.
    11 "status" StatusChanged {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// Where it stands from now on
        [arg] to: Standing,
        /// In which capacity this is asserted, where the parties' roles do not tell
        capacity: Option<Capacity>,
    }
}
