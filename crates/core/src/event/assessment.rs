use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::parties;
use crate::state::Effect;
use crate::value::base::Text;
use crate::value::commitment::Level;
use crate::value::id::CommitmentId;

event! {
    /// An assessor (by) found a level of completion, as of a date (on).
    [erasable needs by "who assessed it"] 15 "assessment" Assessed {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// The scale's name
        [kept] scale: Text,
        /// The level on it, or no-evidence (which is not level 0)
        [kept] level: Level,
    } example r#"
        {"commitment": "C1", "scale": "implementation", "level": "intermediate", "on": "2024-01-15",
         "by": ["mission"]}
    "#
}

impl Meaning for Assessed {
    fn effects<'e>(&'e self, envelope: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::Assessed {
            commitment: &self.commitment,
            by: &envelope.by,
            scale: &self.scale,
            level: &self.level,
        });
    }

    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String {
        let (commitment, scale) = (&self.commitment, &self.scale);
        let who = parties(&envelope.by, context);
        let found = match &self.level {
            Level::NoEvidence => format!("{who} found no evidence on {commitment}"),
            Level::At(level) => format!("{who} assessed {commitment} at {level}"),
        };
        let before = context.level_before(commitment, &envelope.by, scale);
        let before = before.filter(|before| *before != self.level);
        let before = before.map_or_else(String::new, |level| format!("; it was {level} before"));
        format!("{found} on the scale {scale}{before}")
    }
}
