use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::about;
use crate::value::base::Text;
use crate::value::id::Subject;

event! {
    /// A recorder's note.
    [erasable bookkeeping] 18 "note" Noted {
        /// The note
        text: Text,
        /// What it is about
        about: Vec<Subject>,
    }
}

impl Meaning for Noted {
    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        format!(
            "a note was made{}: {}",
            about(&self.about, context),
            self.text
        )
    }
}
