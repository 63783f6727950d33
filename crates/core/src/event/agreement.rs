use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::field::FieldError;
use super::meaning::Meaning;
use super::phrase::{in_place, list, parties};
use crate::rules::{Known, Rejection, check_related};
use crate::state::Effect;
use crate::value::agreement::{Form, Link, Relation, RoleHolder};
use crate::value::base::Text;
use crate::value::id::{AgreementId, PartyId, Slug};
use crate::value::party::Identifier;

event! {
    /// An agreement was concluded, or is reported to have been.
    6 "agreement" AgreementRecorded {
        /// The id to know the agreement by
        [arg id] id: AgreementId,
        /// Its title
        title: Text,
        /// Its form
        [offered] form: Option<Form>,
        /// A party to it; required, unless the parties are not known
        [asked] party: Vec<PartyId>,
        /// Where it was concluded
        [offered] place: Option<Text>,
        /// How it relates to an earlier one: continues:A1
        link: Vec<Link>,
        /// Its parties, or some of them, are not known
        [since 2] parties_unknown: bool,
        /// Who has a role in it without being bound by it: depositary:un
        [since 2] role: Vec<RoleHolder>,
        /// What it is about
        [since 2] subject: Vec<Text>,
        /// Its number in a series, register or file: unts:I-18232
        [since 2] identifier: Vec<Identifier>,
    } example r#"
        {"id": "A1", "title": "Reported outcome of the meeting", "form": "reported",
         "party": ["colombia", "venezuela"], "place": "Caracas", "on": "2023-05-11",
         "source": ["S1: paragraph 2"]}
    "#
}

impl Meaning for AgreementRecorded {
    fn problems(&self, _: &Envelope, errors: &mut Vec<FieldError>) {
        if self.party.is_empty() && !self.parties_unknown {
            let message =
                "is required, unless `parties_unknown` says that the parties are not known";
            errors.push(FieldError::new("party", message));
        }
    }

    fn check_new(
        &self,
        changed: Option<&str>,
        known: &dyn Known,
        _: &Envelope,
    ) -> Result<(), Rejection> {
        if changed.is_some_and(|field| field != "link") {
            return Ok(());
        }
        let mut relations: Vec<Relation> = self.link.iter().map(|link| link.relation).collect();
        relations.sort_unstable();
        relations.dedup();
        relations.into_iter().try_for_each(|relation| {
            let alike = self.link.iter().filter(|link| link.relation == relation);
            let others: Vec<&Slug> = alike.map(|link| &link.agreement.0).collect();
            check_related(known, &self.id.0, relation, &others)
        })
    }

    fn effects<'e>(&'e self, envelope: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::Concluded {
            agreement: &self.id,
            on: envelope.on,
            parties: &self.party,
            parties_unknown: self.parties_unknown,
        });
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let place = in_place(self.place.as_ref());
        let who = match (parties(&self.party, context), self.parties_unknown) {
            (who, false) => who,
            (who, true) if who.is_empty() => "parties that are not known".to_owned(),
            (who, true) => format!("{who}, and others that are not known,"),
        };
        let numbers = match self.identifier.as_slice() {
            [] => String::new(),
            numbers => format!(" ({})", list(numbers)),
        };
        let roles = self.role.iter();
        let roles = roles.map(|each| format!("{} as {}", context.party(&each.party), each.role));
        let with = match list(&roles.collect::<Vec<_>>()) {
            roles if roles.is_empty() => roles,
            roles => format!(", with {roles}"),
        };
        let links = self.link.iter();
        let links = links.map(|each| format!("{} {}", related(each.relation), each.agreement));
        let links = match list(&links.collect::<Vec<_>>()) {
            links if links.is_empty() => links,
            links => format!(", which {links}"),
        };
        format!(
            "{who} agreed to {}{numbers}{place}{with}{links}: {}",
            self.id, self.title
        )
    }
}

/// A relation as a verb.
fn related(relation: Relation) -> &'static str {
    match relation {
        Relation::ProtocolTo => "is a protocol to",
        other => other.word(),
    }
}
