use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{about, parties};
use crate::value::base::{Few, Text};
use crate::value::id::Subject;

event! {
    /// A recorder's note.
    [erasable bookkeeping] 18 "note" Noted {
        /// The note
        text: Text,
        /// What it is about
        [offered] about: Few<Subject>,
    } example r#"
        {"text": "Heard by telephone; no document yet", "about": ["C1"]}
    "#
}

impl Meaning for Noted {
    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String {
        let about = about(&self.about, context);
        match envelope.by.as_slice() {
            [] => format!("noted{about}: {}", self.text),
            by => format!("{} noted{about}: {}", parties(by, context), self.text),
        }
    }
}
