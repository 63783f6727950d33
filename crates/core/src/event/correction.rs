use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::{Correction, Meaning};
use super::phrase::changed;
use crate::value::base::Text;
use crate::value::id::{FieldName, Seq};

event! {
    /// A field of an earlier record was corrected: replay uses the corrected value from then on.
    [uncorrectable as_erasable_as_target corrects] 19 "correction" Corrected {
        /// The record that is corrected
        [arg target] record: Seq,
        /// Its field
        field: FieldName,
        /// What the field said (filled in)
        [filled] old: Vec<Text>,
        /// What it should say; nothing clears the field
        to: Vec<Text>,
        /// Why
        reason: Text,
    } example r#"
        {"record": 10, "field": "place", "to": ["Cúcuta"], "reason": "misread"}
    "#
}

impl Meaning for Corrected {
    fn correction(&self) -> Option<Correction<'_>> {
        Some(Correction {
            record: self.record,
            field: self.field.as_str(),
            to: &self.to,
        })
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let record = context.record(self.record);
        let field = self.field.as_str().replace('_', " ");
        let changed = changed(&self.old, &self.to);
        format!("{record} was corrected, {field} {changed}: {}", self.reason)
    }
}
