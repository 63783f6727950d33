use super::declare::event;
use crate::value::base::Text;
use crate::value::id::RecorderId;

event! {
    /// A recorder's key was revoked.
    [fixed] 23 "recorder-revoked" RecorderRevoked {
        /// The recorder
        [arg] recorder: RecorderId,
        /// Why
        reason: Text,
    }
}
