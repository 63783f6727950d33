use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{after_colon, in_place, list, parties};
use crate::value::base::Text;
use crate::value::id::{AgreementId, PartyId};

event! {
    /// A meeting was held.
    [erasable] 5 "meeting" MeetingHeld {
        /// What it was, in a few words
        [offered] text: Option<Text>,
        /// Where
        [offered] place: Option<Text>,
        /// Who was present
        [offered] present: Vec<PartyId>,
        /// The agreements it led to
        [offered] led_to: Vec<AgreementId>,
    } example r#"
        {"text": "The two ministers met", "place": "Caracas", "present": ["colombia", "venezuela"],
         "on": "2023-05-11", "source": ["S1: paragraph 2"]}
    "#
}

impl Meaning for MeetingHeld {
    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let place = in_place(self.place.as_ref());
        let text = after_colon(self.text.as_ref());
        let led_to = match self.led_to.as_slice() {
            [] => String::new(),
            agreements => format!(", which led to {}", list(agreements)),
        };
        match self.present.as_slice() {
            [] if led_to.is_empty() => format!("a meeting was held{place}{text}"),
            [] => format!("a meeting was held{place}{led_to}{text}"),
            [one] => format!(
                "{} attended a meeting{place}{led_to}{text}",
                context.party(one)
            ),
            present => format!("{} met{place}{led_to}{text}", parties(present, context)),
        }
    }
}
