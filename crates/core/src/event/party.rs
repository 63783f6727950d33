use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use crate::rules::{Known, Rejection, Rule};
use crate::state::Effect;
use crate::value::id::PartyId;
use crate::value::id::Seq;
use crate::value::party::{Identifier, Name, PartyKind};

event! {
    /// A party was registered.
    [timeless] 1 "party" PartyRegistered {
        /// The id to know the party by
        [arg id] id: PartyId,
        /// What the party is
        kind: PartyKind,
        /// A name, with its language where known: Kolumbien@de; the first is shown
        [some] name: Vec<Name>,
        /// What a public register calls it: iso3166:CO
        identifier: Vec<Identifier>,
        /// The party that it is part of, and acts for
        [offered] parent: Option<PartyId>,
    } example r#"
        {"id": "colombia", "kind": "state", "name": ["Colombia", "Kolumbien@de"],
         "identifier": ["iso3166:CO"]}
    "#
}

impl Meaning for PartyRegistered {
    fn check_record(&self, known: &dyn Known, _: Seq) -> Result<(), Rejection> {
        let id = &self.id;
        match &self.parent {
            Some(parent) if known.acts_for(parent, id) => {
                let message = format!("parent: {parent} is itself part of {id}, or its successor");
                Err(Rejection::new(Rule::Correctable, message))
            }
            _ => Ok(()),
        }
    }

    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        if let Some(parent) = &self.parent {
            tell(Effect::PartOf {
                party: &self.id,
                parent,
            });
        }
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let name = self.name.first().map_or("", |name| name.text.as_str());
        let parent = self.parent.as_ref().map(|parent| context.party(parent));
        let part = parent.map_or_else(String::new, |parent| format!(", part of {parent}"));
        let article = if self.kind.word().starts_with('o') {
            "an"
        } else {
            "a"
        };
        format!(
            "{name} ({}) was registered as {article} {}{part}",
            self.id, self.kind
        )
    }
}
