use super::declare::event;
use crate::value::base::Text;
use crate::value::id::{PartyId, Seq};

event! {
    /// A party acknowledged an agreement or a claimed fulfilment, signed with its own key.
    [local uncorrectable] 26 "acknowledgement" Acknowledged {
        /// The record of the agreement, commitment or standing
        [arg] record: Seq,
        /// The party
        [arg] party: PartyId,
        /// Its Ed25519 signature in base64, which `servanda acknowledge` makes
        signature: Text,
    }
}
