use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use crate::value::base::{Digest, Language, Text};
use crate::value::id::SourceId;
use crate::value::source::SourceKind;
use crate::value::when::When;

event! {
    /// A source was registered: a document in which things were read.
    [timeless] 4 "source" SourceRegistered {
        /// The id to cite the source by
        [arg id] id: SourceId,
        /// What kind of document it is
        kind: SourceKind,
        /// Its title
        title: Text,
        /// Who issued or published it
        [offered] issuer: Option<Text>,
        /// When it was published
        [offered] published: Option<When>,
        /// When it was retrieved
        retrieved: Option<When>,
        /// The language it is written in
        language: Option<Language>,
        /// The BLAKE3 digest of its file
        digest: Option<Digest>,
        /// Where it is kept: an address, a shelf mark
        locator: Option<Text>,
        /// The source through which it is known, where it was not seen itself
        derived_from: Option<SourceId>,
    } example r#"
        {"id": "S1", "kind": "article", "title": "Defence ministers meet in Caracas",
         "published": "2023-05-12", "language": "en"}
    "#
}

impl Meaning for SourceRegistered {
    fn sentence(&self, _: &Envelope, _: &dyn Context) -> String {
        let issuer = self.issuer.as_ref();
        let issuer = issuer.map_or_else(String::new, |issuer| format!(" by {issuer}"));
        format!(
            "the {} {}{issuer} was registered: {}",
            self.kind, self.id, self.title
        )
    }
}
