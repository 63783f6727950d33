use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::parties;
use crate::value::base::Text;
use crate::value::id::CommitmentId;

event! {
    /// Progress was reported, toward a commitment or none.
    [erasable] 13 "progress" ProgressReported {
        /// What was done
        text: Text,
        /// The commitment it is toward
        [offered] commitment: Option<CommitmentId>,
        /// Which occurrence of a recurring commitment
        occurrence: Option<Text>,
    } example r#"
        {"text": "The second lane was opened", "commitment": "C1", "on": "2023-09-01", "by": ["colombia"]}
    "#
}

impl Meaning for ProgressReported {
    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String {
        let toward = match (&self.commitment, &self.occurrence) {
            (None, None) => String::new(),
            (Some(commitment), None) => format!(" on {commitment}"),
            (None, Some(occurrence)) => format!(" on occurrence {occurrence}"),
            (Some(commitment), Some(occurrence)) => {
                format!(" on occurrence {occurrence} of {commitment}")
            }
        };
        match envelope.by.as_slice() {
            [] => format!("progress was reported{toward}: {}", self.text),
            by => format!(
                "{} reported progress{toward}: {}",
                parties(by, context),
                self.text
            ),
        }
    }
}
