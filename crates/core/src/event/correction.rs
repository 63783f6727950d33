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
        old: Vec<Text>,
        /// What it should say; nothing clears the field
        to: Vec<Text>,
        /// Why
        reason: Text,
    }
}

impl Meaning for Corrected {
    fn correction(&self) -> Option<Correction<'_>> {
        Some(Correction {
            record: self.record,
            field: self.field.as_str(),
            to: &self.to,
        })
    }

    fn headline(&self) -> Option<String> {
        Some(format!("record {}: {}", self.record, self.field))
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let changed = match (self.old.as_slice(), self.to.as_slice()) {
            ([], _) | (_, []) => format!("was {}", changed(&self.old, &self.to)),
            (old, new) => format!("was corrected {}", changed(old, new)),
        };
        let record = context.record(self.record);
        format!("the {} of {record} {changed}: {}", self.field, self.reason)
    }
}
