use super::declare::event;
use crate::value::agreement::Action;
use crate::value::base::Text;
use crate::value::id::{AgreementId, PartyId};
use crate::value::when::When;

event! {
    /// A party signed, ratified, acceded, withdrew, made a reservation.
    8 "participation" ParticipationRecorded {
        /// The agreement
        [arg] agreement: AgreementId,
        /// The party that acted
        [arg] party: PartyId,
        /// What it did
        [arg] action: Action,
        /// The words of a reservation, declaration or objection
        text: Option<Text>,
        /// When it took effect for the party
        effective: Option<When>,
    }
}
