use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::parties;
use crate::state::Effect;
use crate::value::id::PartyId;

event! {
    /// A party was succeeded by others, who act for it from now on.
    3 "succession" PartySucceeded {
        /// The party that was
        [arg] party: PartyId,
        /// Who succeeded it
        [some] successor: Vec<PartyId>,
    }
}

impl Meaning for PartySucceeded {
    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        for successor in &self.successor {
            tell(Effect::Succeeds {
                successor,
                predecessor: &self.party,
            });
        }
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let successors = parties(&self.successor, context);
        format!(
            "{} was succeeded by {successors}",
            context.party(&self.party)
        )
    }
}
