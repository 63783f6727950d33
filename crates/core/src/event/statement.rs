use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{about, parties};
use crate::value::base::Text;
use crate::value::id::Subject;

event! {
    /// A statement was made; it binds nobody.
    [erasable] 16 "statement" StatementRecorded {
        /// What was said, in own words or quoted
        text: Text,
        /// What it is about
        [offered] about: Vec<Subject>,
    } example r#"
        {"text": "The bridge stays open", "about": ["A1"], "on": "2023-05-12", "by": ["venezuela"],
         "source": ["S1"]}
    "#
}

impl Meaning for StatementRecorded {
    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String {
        let about = about(&self.about, context);
        match envelope.by.as_slice() {
            [] => format!("it was said{about}: {}", self.text),
            by => format!("{} said{about}: {}", parties(by, context), self.text),
        }
    }
}
