use super::declare::event;
use crate::value::base::Text;
use crate::value::id::RecorderId;

event! {
    /// A recorder was admitted with a key.
    [fixed] 22 "recorder" RecorderAdmitted {
        /// The id to know the recorder by
        [arg id] id: RecorderId,
        /// The recorder's public key, as a vkey string of C2SP signed-note
        key: Text,
        /// The recorder's name
        name: Option<Text>,
    }
}
