use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use crate::value::base::Text;
use crate::value::id::Seq;

event! {
    /// An earlier record's payload may be gone from the log; its header never is.
    [fixed frequent redacts] 21 "redaction" Redacted {
        /// The record whose content is withheld
        [arg target] record: Seq,
        /// Why
        reason: Text,
        /// By whose authority: a court order, a law's article
        authority: Text,
    } example r#"
        {"record": 21, "reason": "names a witness", "authority": "court order 7/2024"}
    "#
}

impl Meaning for Redacted {
    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let record = context.record(self.record);
        format!(
            "the content of {record} was withheld by authority of {}: {}",
            self.authority, self.reason
        )
    }
}
