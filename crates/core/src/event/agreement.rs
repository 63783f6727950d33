use super::declare::event;
use crate::value::agreement::{Form, Link};
use crate::value::base::Text;
use crate::value::id::{AgreementId, PartyId};

event! {
    /// An agreement was concluded, or is reported to have been.
    6 "agreement" AgreementRecorded {
        /// The id to know the agreement by
        [arg id] id: AgreementId,
        /// Its title
        title: Text,
        /// Its form
        form: Option<Form>,
        /// A party to it
        [some] party: Vec<PartyId>,
        /// Where it was concluded
        place: Option<Text>,
        /// How it relates to an earlier one: continues:A1
        link: Vec<Link>,
    }
}
