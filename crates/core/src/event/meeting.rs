use super::declare::event;
use crate::value::base::Text;
use crate::value::id::{AgreementId, PartyId};

event! {
    /// A meeting was held.
    [erasable] 5 "meeting" MeetingHeld {
        /// What it was, in a few words
        text: Option<Text>,
        /// Where
        place: Option<Text>,
        /// Who was present
        present: Vec<PartyId>,
        /// The agreements it led to
        led_to: Vec<AgreementId>,
    }
}
