use super::declare::event;
use crate::value::id::PartyId;
use crate::value::party::Name;

event! {
    /// A party took other names.
    2 "rename" PartyRenamed {
        /// The party
        [arg] party: PartyId,
        /// The names it has from now on
        [some] name: Vec<Name>,
    }
}
