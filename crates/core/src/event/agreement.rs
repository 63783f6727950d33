use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{in_place, parties};
use crate::state::Effect;
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

impl Meaning for AgreementRecorded {
    fn effects<'e>(&'e self, envelope: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::Concluded {
            agreement: &self.id,
            on: envelope.on,
            parties: &self.party,
        });
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let place = in_place(self.place.as_ref());
        let who = parties(&self.party, context);
        format!("{who} agreed to {}{place}: {}", self.id, self.title)
    }
}
