use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use crate::value::base::Text;
use crate::value::id::Seq;

event! {
    /// An earlier record was retracted: replay leaves it out from then on.
    [fixed frequent retracts] 20 "retraction" Retracted {
        /// The record that is retracted
        [arg target] record: Seq,
        /// Why
        reason: Text,
    } example r#"
        {"record": 18, "reason": "recorded twice"}
    "#
}

impl Meaning for Retracted {
    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        format!(
            "{} was retracted: {}",
            context.record(self.record),
            self.reason
        )
    }
}
