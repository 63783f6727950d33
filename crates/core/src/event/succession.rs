use super::declare::event;
use crate::value::id::PartyId;

event! {
    /// A party was succeeded by others, who act for it from now on.
    3 "succession" PartySucceeded {
        /// The party that was
        [arg] party: PartyId,
        /// Who succeeded it
        [some] successor: Vec<PartyId>,
    }
}
