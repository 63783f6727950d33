use super::declare::event;
use crate::value::base::Text;
use crate::value::id::RecorderId;

event! {
    /// A recorder took another key: the batch is signed with the old one and the new one.
    [fixed] 24 "recorder-rotated" RecorderRotated {
        /// The recorder
        [arg] recorder: RecorderId,
        /// The recorder's new public key, as a vkey string
        key: Text,
        /// Why
        reason: Option<Text>,
    }
}
