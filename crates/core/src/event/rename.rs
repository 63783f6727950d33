use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::list;
use crate::value::id::PartyId;
use crate::value::party::Name;

event! {
    /// A party took other names.
    2 "rename" PartyRenamed {
        /// The party
        [arg] party: PartyId,
        /// The names it has from now on
        [some] name: Vec<Name>,
    } example r#"
        {"party": "joint-staff", "name": ["Joint Border Staff"], "on": "2023-03-01"}
    "#
}

impl Meaning for PartyRenamed {
    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let names: Vec<&str> = self.name.iter().map(|name| name.text.as_str()).collect();
        let before = context.names_before(&self.party);
        match before.as_slice() {
            [] => format!("{} was renamed to {}", self.party, list(&names)),
            before => {
                let (party, before) = (&self.party, list(before));
                format!("{party} was renamed from {before} to {}", list(&names))
            }
        }
    }
}
