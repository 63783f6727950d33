use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::parties;
use crate::rules::{Known, Rejection, Rule};
use crate::state::Effect;
use crate::value::id::PartyId;

event! {
    /// A party was succeeded by others, who act for it from now on.
    3 "succession" PartySucceeded {
        /// The party that was
        [arg] party: PartyId,
        /// Who succeeded it
        [some] successor: Vec<PartyId>,
    } example r#"
        {"party": "joint-staff", "successor": ["joint-commission"], "on": "2023-04-01"}
    "#
}

impl Meaning for PartySucceeded {
    fn check_new(&self, _: Option<&str>, known: &dyn Known, _: &Envelope) -> Result<(), Rejection> {
        let party = &self.party;
        let refuse = |message: String| Err(Rejection::new(Rule::NoCircle, message));
        for successor in &self.successor {
            if successor == party {
                return refuse(format!("{party} does not succeed itself"));
            }
            if known.succeeds(party, successor) {
                return refuse(format!(
                    "{successor} does not succeed {party}, which succeeded it: register what came anew as a party \
                     of its own"
                ));
            }
        }
        Ok(())
    }

    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::Succeeded {
            predecessor: &self.party,
            successors: &self.successor,
        });
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let successors = parties(&self.successor, context);
        format!(
            "{} was succeeded by {successors}",
            context.party(&self.party)
        )
    }
}
