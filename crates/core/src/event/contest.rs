use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{after_colon, says, went};
use crate::rules::{Advice, Known, Rejection, Rule};
use crate::state::Effect;
use crate::value::base::Text;
use crate::value::commitment::Contest;
use crate::value::id::CommitmentId;

event! {
    /// A commitment's standing was contested, disputed or settled.
    [frequent] 12 "contest" ContestMoved {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// Where the contest stands from now on
        [arg] to: Contest,
        /// What this side says
        [offered] text: Option<Text>,
    } example r#"
        {"commitment": "C1", "to": "claimed", "text": "Lorries are still turned back", "on": "2023-12-01",
         "by": ["venezuela"]}
    "#
}

impl Meaning for ContestMoved {
    fn check_world(&self, known: &dyn Known, _: &Envelope) -> Result<(), Rejection> {
        let Some(position) = known.position(&self.commitment) else {
            return Ok(());
        };
        let contest = position.contest();
        let onward = contest.next();
        if onward.contains(&self.to) {
            return Ok(());
        }
        let message = format!(
            "the contest about {} stands at {contest}, and does not go from there to {}",
            self.commitment, self.to
        );
        Err(Rejection::new(Rule::ContestMove, message).allowing(Advice::words(onward)))
    }

    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::ContestMoves(&self.commitment, self.to));
    }

    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String {
        let went = match context.contest_before(&self.commitment) {
            Some(Contest::None) => format!("began as {}", self.to),
            before => went(before, self.to),
        };
        let text = after_colon(self.text.as_ref());
        let says = says(envelope, context);
        format!("the contest about {} {went}{says}{text}", self.commitment)
    }
}
