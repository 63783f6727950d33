use super::declare::event;
use crate::value::base::Text;
use crate::value::id::Seq;

event! {
    /// An earlier record was retracted: replay leaves it out from then on.
    [fixed] 20 "retraction" Retracted {
        /// The record that is retracted
        [arg target] record: Seq,
        /// Why
        reason: Text,
    }
}
