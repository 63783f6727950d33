use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{after_colon, in_place, says};
use super::progress::ProgressReported;
use crate::rules::{Advice, Known, Rejection, Rule};
use crate::state::Effect;
use crate::value::base::Text;
use crate::value::id::CommitmentId;
use crate::value::when::Deadline;

event! {
    /// An occurrence of a recurring commitment was held.
    [erasable] 14 "occurrence" OccurrenceHeld {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// Which occurrence: a number, a date, a name
        [offered] occurrence: Option<Text>,
        /// Where
        [offered] place: Option<Text>,
        /// What it was
        [offered] text: Option<Text>,
    } example r#"
        {"commitment": "C2", "place": "Cúcuta", "text": "The units met", "on": "2023-08-14"}
    "#
}

impl Meaning for OccurrenceHeld {
    fn check_world(&self, known: &dyn Known, _: &Envelope) -> Result<(), Rejection> {
        let position = known.position(&self.commitment);
        let recurs = position.is_none_or(|position| {
            let deadline = position.deadline();
            matches!(
                deadline,
                Some(Deadline::Recurring(_) | Deadline::Continuing)
            )
        });
        if recurs {
            return Ok(());
        }
        let message = format!(
            "{} is not recurring, so it has no occurrences",
            self.commitment
        );
        let words = Advice::words([ProgressReported::SPEC.word]);
        Err(Rejection::new(Rule::Recurring, message).allowing(words))
    }

    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::Occurred(&self.commitment));
    }

    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String {
        let which = match &self.occurrence {
            Some(occurrence) => format!("occurrence {occurrence}"),
            None => "an occurrence".to_owned(),
        };
        let place = in_place(self.place.as_ref());
        let text = after_colon(self.text.as_ref());
        let says = says(envelope, context);
        format!(
            "{which} of {} took place{place}{says}{text}",
            self.commitment
        )
    }
}
