use super::declare::event;
use crate::value::base::Text;
use crate::value::id::Seq;

event! {
    /// An earlier record's payload may be gone from the log; its header never is.
    [fixed] 21 "redaction" Redacted {
        /// The record whose content is withheld
        [arg target] record: Seq,
        /// Why
        reason: Text,
        /// By whose authority: a court order, a law's article
        authority: Text,
    }
}
