use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use crate::rules::{Known, Rejection, check_admitted};
use crate::state::Effect;
use crate::value::base::Text;
use crate::value::id::RecorderId;
use crate::value::id::Seq;

event! {
    /// A recorder's key was revoked.
    [fixed] 23 "recorder-revoked" RecorderRevoked {
        /// The recorder
        [arg] recorder: RecorderId,
        /// Why
        reason: Text,
    } example r#"
        {"recorder": "alice", "reason": "the key was lost"}
    "#
}

impl Meaning for RecorderRevoked {
    fn check_record(&self, known: &dyn Known, seq: Seq) -> Result<(), Rejection> {
        check_admitted(known, seq, &self.recorder)
    }

    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::Revoked(&self.recorder));
    }

    fn sentence(&self, _: &Envelope, _: &dyn Context) -> String {
        format!(
            "the key of the recorder {} was revoked: {}",
            self.recorder, self.reason
        )
    }
}
