//! What the rules allow now: the words that a field may take, and who may assert the event. Each answer is tried on the
//! rules themselves, so that there is no second list of moves.

use servanda_core::event::{Event, FieldSpec, Fields, Kind};
use servanda_core::rules::{self, Advice, Rejection, Rule};
use servanda_core::state::EntityKind;
use servanda_core::value::commitment::{Asserter, Capacity};
use servanda_core::value::id::Slug;

use super::field::NO_MORE;
use super::form::title;
use super::{Choice, Desktop, SEARCH, Stop};
use crate::desk::names::Names;

/// The field of the capacity in which something is asserted.
const CAPACITY: &str = "capacity";

/// Who may assert an event.
enum Who {
    Party(Slug),
    /// Nobody but the terms, or a party in this capacity.
    Capacity(Asserter, &'static str),
    Other,
    Nobody,
}

impl Desktop<'_> {
    /// What the rules say of the form with other texts in a field; none where it is not complete enough to say.
    fn tried(&self, kind: Kind, changes: &[(&str, Vec<String>)]) -> Option<Result<(), Rejection>> {
        let mut fields = match kind == self.kind_of_form() {
            true => self.fields().clone(),
            false => Fields::default(),
        };
        for (name, texts) in changes {
            fields.set(name, texts.clone());
        }
        let event = Event::build(kind, &fields).ok()?;
        let event = rules::complete(&self.state, event);
        Some(rules::check(&self.state, &event))
    }

    /// Asks for a word of a list: one that is allowed now, unless the user wants another.
    pub(super) fn word(
        &mut self,
        kind: Kind,
        field: &'static FieldSpec,
        question: &str,
        is_optional: bool,
    ) -> Result<Option<String>, Stop> {
        let mut words = Vec::new();
        let mut choices = Vec::new();
        for word in field.words {
            let tried = self.tried(kind, &[(field.name, vec![(*word).to_owned()])]);
            let by = match &tried {
                Some(Err(refused)) if is_no_move(refused.rule) => continue,
                Some(Err(refused)) => asserters(refused),
                _ => String::new(),
            };
            words.push(*word);
            choices.push(Choice::new(format!("{word}{by}")));
        }
        let left_out = field.words.len() - words.len();
        if left_out > 0 {
            choices.push(Choice::always("another, which no rule allows now"));
        }
        let skip = self.skip(&mut choices, is_optional);
        let at = self.prompt.choose(question, SEARCH, &choices)?;
        let Some(at) = at.checked_sub(skip) else {
            return Ok(None);
        };
        if let Some(word) = words.get(at) {
            return Ok(Some((*word).to_owned()));
        }
        let all: Vec<Choice> = field.words.iter().map(|word| Choice::new(*word)).collect();
        let at = self.prompt.choose(question, SEARCH, &all)?;
        Ok(Some(field.words[at].to_owned()))
    }

    /// Asks who asserts the event: those who may come first, and in which capacity others may.
    pub(super) fn who(&mut self, field: &'static FieldSpec) -> Result<Vec<String>, Stop> {
        let kind = self.kind_of_form();
        let mut chosen: Vec<String> = Vec::new();
        loop {
            let (whos, choices) = self.may_assert(kind, field, &chosen);
            let question = match chosen.as_slice() {
                [] => format!("{}: {}", title(field), field.help()),
                chosen => format!("another {}, after {}?", title(field), chosen.join("; ")),
            };
            let at = self.prompt.choose(&question, SEARCH, &choices)?;
            match &whos[at] {
                Who::Nobody => return Ok(chosen),
                Who::Party(id) => chosen.push(id.to_string()),
                Who::Other => {
                    let other = self.entity(EntityKind::Party, &question, true)?;
                    chosen.extend(other);
                }
                Who::Capacity(asserter, word) => {
                    self.set(CAPACITY, vec![(*word).to_owned()]);
                    if *asserter == Asserter::Terms {
                        return Ok(chosen);
                    }
                    let other =
                        self.entity(EntityKind::Party, &format!("who is {asserter}?"), false)?;
                    chosen.extend(other);
                    return Ok(chosen);
                }
            }
        }
    }

    fn may_assert(
        &self,
        kind: Kind,
        field: &FieldSpec,
        chosen: &[String],
    ) -> (Vec<Who>, Vec<Choice>) {
        let names = Names::new(&self.state);
        let parties = names.entities(Some(EntityKind::Party));
        let refused = match self.tried(kind, &[(field.name, chosen.to_vec())]) {
            Some(Err(refused)) if refused.rule == Rule::StandingAsserter => Some(refused),
            _ => None,
        };
        let mut whos = Vec::new();
        let mut choices = Vec::new();
        if refused.is_none() {
            let enough = if chosen.is_empty() {
                NO_MORE
            } else {
                "that is all"
            };
            whos.push(Who::Nobody);
            choices.push(Choice::always(enough));
        }
        let label = |id: &Slug| {
            let name = names.of((id, EntityKind::Party)).into_iter().next();
            format!("{} ({id})", name.unwrap_or_default())
        };
        if let Some(refused) = &refused {
            for (id, _) in &parties {
                let with = [chosen, &[id.to_string()]].concat();
                if let Some(Ok(())) = self.tried(kind, &[(field.name, with)]) {
                    whos.push(Who::Party((*id).clone()));
                    choices.push(Choice::new(format!("{}, who may say so", label(id))));
                }
            }
            let asserted = refused.allowed.iter().filter_map(|advice| match advice {
                Advice::AssertedBy(asserter) => Some(*asserter),
                _ => None,
            });
            for asserter in asserted {
                if let Some(capacity) =
                    capacity(asserter).filter(|_| kind.field(CAPACITY).is_some())
                {
                    whos.push(Who::Capacity(asserter, capacity.word()));
                    choices.push(Choice::always(asserter.to_string()));
                }
            }
        }
        // Where several must say so together, none of them may alone.
        let is_open = !whos.iter().any(|who| matches!(who, Who::Party(_)));
        if is_open {
            for (id, _) in &parties {
                if !chosen.contains(&id.to_string()) {
                    whos.push(Who::Party((*id).clone()));
                    choices.push(Choice::new(label(id)));
                }
            }
        }
        whos.push(Who::Other);
        choices.push(Choice::always(match is_open {
            true => "add a new party",
            false => "somebody else",
        }));
        (whos, choices)
    }
}

/// The capacity in which somebody asserts, where no role in the commitment tells it.
pub fn capacity(asserter: Asserter) -> Option<Capacity> {
    match asserter {
        Asserter::Arbiter => Some(Capacity::Arbiter),
        Asserter::Assessor => Some(Capacity::Assessor),
        Asserter::Terms => Some(Capacity::Terms),
        _ => None,
    }
}

/// Whether a rule says that nothing goes where the event would have it go, whoever says so.
fn is_no_move(rule: Rule) -> bool {
    rule.is_waivable() && !matches!(rule, Rule::StandingAsserter | Rule::NotBeforeAgreement)
}

/// Who must assert it, as the end of a choice.
fn asserters(refused: &Rejection) -> String {
    let by = refused.allowed.iter().filter_map(|advice| match advice {
        Advice::AssertedBy(asserter) => Some(asserter.to_string()),
        _ => None,
    });
    let by: Vec<String> = by.collect();
    match by.is_empty() {
        true => String::new(),
        false => format!(", as {} may say", by.join(" or ")),
    }
}
