use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::after_colon;
use crate::rules::{Known, Rejection, check_admitted};
use crate::value::base::Text;
use crate::value::id::RecorderId;
use crate::value::id::Seq;

event! {
    /// A recorder took another key: the batch is signed with the old one and the new one.
    [fixed] 24 "recorder-rotated" RecorderRotated {
        /// The recorder
        [arg] recorder: RecorderId,
        /// The recorder's new public key, as a vkey string
        key: Text,
        /// Why
        reason: Option<Text>,
    } example r#"
        {"recorder": "alice", "key": "alice+fe8fdcfe+AZDDlhwvBm6CE/wMbSD+hBDwDQY71BsWuAwZhACBsEyi",
         "reason": "a new machine"}
    "#
}

impl Meaning for RecorderRotated {
    fn check_record(&self, known: &dyn Known, seq: Seq) -> Result<(), Rejection> {
        check_admitted(known, seq, &self.recorder)
    }

    fn sentence(&self, _: &Envelope, _: &dyn Context) -> String {
        let reason = after_colon(self.reason.as_ref());
        format!(
            "the recorder {} took the new key {}{reason}",
            self.recorder, self.key
        )
    }
}
