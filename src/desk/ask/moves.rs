//! What the rules allow now: the words that a field may take, and who may assert the event. Each answer is tried on the
//! rules themselves, so that there is no second list of moves.

use servanda_core::event::Event;
use servanda_core::rules::{self, Advice, Rejection, Rule};
use servanda_core::state::EntityKind;
use servanda_core::value::commitment::{Asserter, Capacity};
use servanda_core::value::id::Slug;

use super::choice::enough;
use super::field::{Slot, Wanted, explained, question};
use super::{Choice, Desktop, Stop};

/// The field of the capacity in which something is asserted.
const CAPACITY: &str = "capacity";

/// Who may assert an event.
enum Who {
    Party(Slug),
    /// A party in this capacity, or the terms and nobody.
    Capacity(Asserter, Capacity),
    Other,
    Nobody,
}

impl Desktop<'_> {
    /// What the rules say of the form with other texts in a field; none where it is not complete enough to say.
    fn tried(&self, name: &str, texts: Vec<String>) -> Option<Result<(), Rejection>> {
        let mut fields = self.fields().clone();
        fields.set(name, texts);
        let event = Event::build(self.form().kind, &fields).ok()?;
        let event = rules::complete(&self.state, event);
        Some(self.allowed(&event))
    }

    /// Whether the rules say that nothing goes where the event would have it go with this text, whoever says so.
    pub(super) fn is_no_move(&self, slot: Slot, text: &str) -> bool {
        let refused = self.tried(slot.name, vec![text.to_owned()]);
        let refused = refused.and_then(Result::err);
        refused.is_some_and(|refused| is_no_move(refused.rule))
    }

    /// Asks for a word of a list: one that is allowed now, unless the user wants another.
    pub(super) fn word(&mut self, wanted: Wanted<'_>) -> Result<Option<String>, Stop> {
        let slot = wanted.slot;
        let mut answers = Vec::new();
        let mut others = Vec::new();
        let words = slot.field.words.iter().copied();
        for word in words.filter(|word| !wanted.chosen.iter().any(|one| one == word)) {
            let is_own = slot.name == slot.field.name;
            let tried = is_own.then(|| self.tried(slot.name, vec![word.to_owned()]));
            match tried.flatten() {
                Some(Err(refused)) if is_no_move(refused.rule) => {
                    others.push((Choice::new(word), word));
                }
                Some(Err(refused)) => {
                    let label = format!("{word}{}", asserters(&refused));
                    answers.push((Choice::new(label), Some(word)));
                }
                _ => answers.push((Choice::new(word), Some(word))),
            }
        }
        if !others.is_empty() {
            let label = "another, which no rule allows now";
            answers.push((Choice::always(label), None));
        }
        let answer = match self.one_of(wanted, answers)? {
            Some(None) => Some(self.pick(wanted.question, wanted.help, others)?),
            answer => answer.flatten(),
        };
        Ok(answer.map(str::to_owned))
    }

    /// Asks who asserts the event: those who may come first, and in which capacity others may.
    pub(super) fn who(&mut self, slot: Slot) -> Result<(), Stop> {
        let Some(mut chosen) = self.begun(slot)? else {
            return Ok(());
        };
        loop {
            let (asked, help) = (question(slot, &chosen), explained(slot, &chosen));
            let answers = self.may_assert(slot, &chosen);
            match self.pick(&asked, &help, answers)? {
                Who::Nobody => return Ok(()),
                Who::Party(id) => chosen.push(id.to_string()),
                Who::Other => {
                    let other = self.party(slot, (&asked, &help), &chosen)?;
                    chosen.extend(other);
                }
                Who::Capacity(asserter, capacity) => {
                    self.set(CAPACITY, vec![capacity.to_string()]);
                    if asserter != Asserter::Terms {
                        let who = format!("who is {asserter}:");
                        let other = self.party(slot, (&who, ""), &chosen)?;
                        chosen.extend(other);
                        self.set(slot.name, chosen);
                    }
                    return Ok(());
                }
            }
            self.set(slot.name, chosen.clone());
        }
    }

    /// Asks for one of all parties.
    fn party(
        &mut self,
        slot: Slot,
        (question, help): (&str, &str),
        chosen: &[String],
    ) -> Result<Option<String>, Stop> {
        let wanted = Wanted {
            slot: slot.required(),
            question,
            help,
            chosen,
        };
        self.entity(wanted, EntityKind::Party)
    }

    fn may_assert(&self, slot: Slot, chosen: &[String]) -> Vec<(Choice, Who)> {
        let tried = self.tried(slot.name, chosen.to_vec());
        let refused = match tried {
            Some(Err(refused)) if refused.rule == Rule::StandingAsserter => Some(refused),
            _ => None,
        };
        let parties = self.offered(Some(EntityKind::Party), chosen);
        let mut answers = Vec::new();
        if let Some(refused) = &refused {
            for (choice, id) in &parties {
                let with = [chosen, &[id.to_string()]].concat();
                if let Some(Ok(())) = self.tried(slot.name, with) {
                    let label = format!("{}, who may say so", choice.label);
                    answers.push((Choice::new(label), Who::Party(id.clone())));
                }
            }
            answers.extend(self.capacities(refused));
        } else {
            answers.push((enough(chosen), Who::Nobody));
        }
        // Where several must say so together, none of them may alone.
        let may_one = answers.iter().any(|(_, who)| matches!(who, Who::Party(_)));
        if may_one {
            answers.push((Choice::always("somebody else"), Who::Other));
        } else {
            let all = parties.into_iter();
            answers.extend(all.map(|(choice, id)| (choice, Who::Party(id))));
            answers.push((Choice::always("add a new party"), Who::Other));
        }
        answers
    }

    /// The capacities in which it may be asserted, where no role in the commitment tells them.
    fn capacities(&self, refused: &Rejection) -> Vec<(Choice, Who)> {
        if self.form().kind.field(CAPACITY).is_none() {
            return Vec::new();
        }
        let asserters = refused.allowed.iter().filter_map(|advice| match advice {
            Advice::AssertedBy(asserter) => Some(*asserter),
            _ => None,
        });
        let known = asserters.filter_map(|asserter| Some((asserter, asserter.capacity()?)));
        known
            .map(|(asserter, capacity)| {
                let choice = Choice::always(asserter.to_string());
                (choice, Who::Capacity(asserter, capacity))
            })
            .collect()
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
