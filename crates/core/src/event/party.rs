use super::declare::event;
use crate::value::id::PartyId;
use crate::value::party::{Identifier, Name, PartyKind};

event! {
    /// A party was registered.
    1 "party" PartyRegistered {
        /// The id to know the party by
        [arg id] id: PartyId,
        /// What the party is
        kind: PartyKind,
        /// A name, with its language where known: Kolumbien@de; the first is shown
        [some] name: Vec<Name>,
        /// What a public register calls it: iso3166:CO
        identifier: Vec<Identifier>,
        /// The party that it is part of, and acts for
        parent: Option<PartyId>,
    }
}
