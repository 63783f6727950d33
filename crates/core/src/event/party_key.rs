use super::declare::event;
use crate::value::base::Text;
use crate::value::id::PartyId;

event! {
    /// A party's own key was made known, with which it acknowledges.
    [fixed] 25 "party-key" PartyKeyDeclared {
        /// The party
        [arg] party: PartyId,
        /// Its public key, as a vkey string of C2SP signed-note; the last one declared holds
        key: Text,
    }
}
