use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use crate::state::Effect;
use crate::value::base::Text;
use crate::value::id::PartyId;

event! {
    /// A party's own key was made known, with which it acknowledges.
    [fixed] 25 "party-key" PartyKeyDeclared {
        /// The party
        [arg] party: PartyId,
        /// Its public key, as a vkey string of C2SP signed-note; the last one declared holds
        key: Text,
    } example r#"
        {"party": "colombia", "key": "colombia+b41ec908+Aci1TkRW8C6CMSt9eE6611cbf5tnc1HsTpGiI7dp0uFp"}
    "#
}

impl Meaning for PartyKeyDeclared {
    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::HasKey(&self.party));
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        format!(
            "{} declared its key {}",
            context.party(&self.party),
            self.key
        )
    }
}
