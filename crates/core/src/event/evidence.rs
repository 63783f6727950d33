use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{after_colon, list, subject};
use crate::value::base::Text;
use crate::value::id::Subject;
use crate::value::source::Bearing;

event! {
    /// A source was attached as evidence for or against something.
    [erasable needs source "what the evidence is"] 17 "evidence" EvidenceAttached {
        /// What it is evidence about
        [arg] about: Subject,
        /// Which way it points
        [arg] bearing: Bearing,
        /// What it shows
        [offered] text: Option<Text>,
    } example r#"
        {"about": "C1", "bearing": "supports", "text": "A photograph of the open bridge", "source": ["S1"]}
    "#
}

impl Meaning for EvidenceAttached {
    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String {
        let mut sources: Vec<_> = envelope.source.iter().map(|one| &one.source).collect();
        sources.dedup();
        let verb = match (self.bearing, sources.len()) {
            (Bearing::Supports, 1) => "supports",
            (Bearing::Supports, _) => "support",
            (Bearing::Refutes, 1) => "refutes",
            (Bearing::Refutes, _) => "refute",
        };
        let about = subject(&self.about, context);
        format!(
            "{} {verb} {about}{}",
            list(&sources),
            after_colon(self.text.as_ref())
        )
    }
}
