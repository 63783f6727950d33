//! Questions with lists of what the ledger holds: entities by name, records, sources with a place, fields.

use servanda_core::event::{Change, Event, FieldSpec, Fields, Kind};
use servanda_core::state::EntityKind;
use servanda_core::value::agreement::{Relation, Role};
use servanda_core::value::base::Leaf as _;
use servanda_core::value::id::{Reference, Seq, Slug};
use servanda_core::view::sentences::Sentences;

use super::field::Slot;
use super::{Asked, Choice, Desktop, Ended, Form, Stop};
use crate::desk::names::Names;

/// Most records that are offered, the newest ones.
const RECORDS: usize = 200;

/// Most entities that are tried on the rules before they are offered.
const TRIED: usize = 500;

/// A question, and what it means.
pub(super) type Question<'a> = (&'a str, &'a str);

/// What is chosen from a list of entities.
pub(super) enum Chosen {
    Id(Slug),
    New,
    Record,
    Nothing,
}

/// The answer that leaves a field out, or ends a list.
pub(super) fn enough(chosen: &[String]) -> Choice {
    Choice::always(match chosen {
        [] => "leave it out",
        _ => "that is all",
    })
}

impl Desktop<'_> {
    /// The entities of a kind by name, with what is chosen by each; without those that were chosen before.
    pub(super) fn offered(
        &self,
        wanted: Option<EntityKind>,
        chosen: &[String],
    ) -> Vec<(Choice, Slug)> {
        let names = Names::new(&self.state);
        let all = names.entities(wanted).into_iter();
        let others = all.filter(|(id, _)| !chosen.iter().any(|one| one == id.as_str()));
        let mut offered: Vec<(String, Slug)> = others
            .map(|(id, kind)| {
                let name = names.of((id, kind)).into_iter().next();
                let label = match (name, kind) {
                    (None, _) => id.to_string(),
                    (Some(name), EntityKind::Party) => format!("{name} ({id})"),
                    (Some(name), _) => format!("{id}: {name}"),
                };
                (label, id.clone())
            })
            .collect();
        offered.sort();
        let answers = offered.into_iter();
        answers
            .map(|(label, id)| (Choice::new(label), id))
            .collect()
    }

    /// Asks for an entity by name, among those with which the rules allow the event now; a new one can be added.
    pub(super) fn entity(
        &mut self,
        slot: Slot,
        wanted: EntityKind,
        question: Question<'_>,
        chosen: &[String],
    ) -> Result<Option<String>, Stop> {
        let mut answers = Vec::new();
        if slot.is_optional {
            answers.push((enough(chosen), Chosen::Nothing));
        }
        let all = self.offered(Some(wanted), chosen);
        let is_tried = all.len() <= TRIED && slot.kind == self.form().kind;
        let fitting = all
            .into_iter()
            .filter(|(_, id)| !is_tried || !self.is_no_move(slot, id.as_str()));
        answers.extend(fitting.map(|(choice, id)| (choice, Chosen::Id(id))));
        if super::kinds().any(|kind| kind.word() == wanted.word()) {
            let new = format!("add a new {}", wanted.word());
            answers.push((Choice::always(new), Chosen::New));
        }
        loop {
            let answers = answers.iter().map(|(choice, one)| (choice.clone(), one));
            match self.pick(question.0, question.1, answers.collect())? {
                Chosen::Nothing => return Ok(None),
                Chosen::Id(id) => return Ok(Some(id.to_string())),
                Chosen::New | Chosen::Record => {
                    if let Some(id) = self.new_entity(wanted)? {
                        return Ok(Some(id));
                    }
                }
            }
        }
    }

    /// Asks for the event that registers something new; none where it is left out.
    fn new_entity(&mut self, wanted: EntityKind) -> Result<Option<String>, Stop> {
        let defines = |kind: &Kind| kind.word() == wanted.word();
        let Some(kind) = super::kinds().find(defines) else {
            return Ok(None);
        };
        match self.event(Form::open(kind, Fields::default()), true)? {
            Ended::Dropped => Ok(None),
            Ended::More | Ended::Record => {
                let defined = self.batch.last().and_then(Event::defines);
                Ok(defined.and_then(Reference::slug).map(ToString::to_string))
            }
        }
    }

    /// Asks for a record of the ledger. Those of the batch have no number yet; they can be changed themselves.
    pub(super) fn record(
        &mut self,
        slot: Slot,
        question: &str,
        help: &str,
    ) -> Result<Option<String>, Stop> {
        let sentences = Sentences::new(&self.setting.state);
        let newest = (0..self.setting.state.count()).rev().map(Seq);
        let mut answers: Vec<(Choice, Option<String>)> = newest
            .filter_map(|seq| {
                let said = sentences.of(self.setting.state.entry(seq)?);
                let label = format!("{seq}: {said}");
                Some((Choice::new(label), Some(seq.to_string())))
            })
            .take(RECORDS)
            .collect();
        if slot.is_optional {
            answers.insert(0, (enough(&[]), None));
        }
        self.pick(question, help, answers)
    }

    /// Asks for an entity or a record.
    pub(super) fn subject(
        &mut self,
        slot: Slot,
        question: Question<'_>,
        chosen: &[String],
    ) -> Result<Option<String>, Stop> {
        let mut answers = Vec::new();
        if slot.is_optional {
            answers.push((enough(chosen), Chosen::Nothing));
        }
        let offered = self.offered(None, chosen).into_iter();
        answers.extend(offered.map(|(choice, id)| (choice, Chosen::Id(id))));
        answers.push((Choice::always("a record"), Chosen::Record));
        match self.pick(question.0, question.1, answers)? {
            Chosen::Nothing => Ok(None),
            Chosen::Id(id) => Ok(Some(id.to_string())),
            Chosen::New | Chosen::Record => self.record(slot, "which record:", ""),
        }
    }

    /// Asks for a source and the place in it.
    pub(super) fn citation(
        &mut self,
        slot: Slot,
        question: Question<'_>,
        chosen: &[String],
    ) -> Result<Option<String>, Stop> {
        // A source may be cited at several places.
        let question = match chosen {
            [] => question,
            _ => ("another source, or place:", question.1),
        };
        let Some(source) = self.entity(slot, EntityKind::Source, question, chosen)? else {
            return Ok(None);
        };
        let place = self.text(
            slot,
            &Asked {
                question: "place:",
                help: &format!("where in {source}: a page, a paragraph, a minute"),
                initial: "",
                default: None,
                is_optional: true,
                check: &|_| Ok(()),
                typed: &|_| {},
            },
        )?;
        Ok(Some(match place.trim() {
            "" => source,
            place => format!("{source}: {place}"),
        }))
    }

    /// Asks how an agreement relates to another one.
    pub(super) fn link(
        &mut self,
        slot: Slot,
        question: Question<'_>,
        chosen: &[String],
    ) -> Result<Option<String>, Stop> {
        let relation = self.one_of(slot, Relation::WORDS, question, chosen)?;
        self.paired(slot, EntityKind::Agreement, relation, |relation| {
            format!("{relation} which agreement:")
        })
    }

    /// Asks who has which role in an agreement.
    pub(super) fn role(
        &mut self,
        slot: Slot,
        question: Question<'_>,
        chosen: &[String],
    ) -> Result<Option<String>, Stop> {
        let role = self.one_of(slot, Role::WORDS, question, chosen)?;
        self.paired(slot, EntityKind::Party, role, |role| {
            format!("who is {role}:")
        })
    }

    /// Asks whom or what the word that was chosen goes with, and joins both.
    fn paired(
        &mut self,
        slot: Slot,
        kind: EntityKind,
        word: Option<&str>,
        question: impl FnOnce(&str) -> String,
    ) -> Result<Option<String>, Stop> {
        let Some(word) = word else {
            return Ok(None);
        };
        let slot = Slot {
            is_optional: false,
            ..slot
        };
        let id = self.entity(slot, kind, (&question(word), ""), &[])?;
        Ok(id.map(|id| format!("{word}:{id}")))
    }

    fn one_of(
        &mut self,
        slot: Slot,
        words: &'static [&'static str],
        question: Question<'_>,
        chosen: &[String],
    ) -> Result<Option<&'static str>, Stop> {
        let mut answers: Vec<(Choice, Option<&'static str>)> = words
            .iter()
            .map(|word| (Choice::new(*word), Some(*word)))
            .collect();
        if slot.is_optional {
            answers.insert(0, (enough(chosen), None));
        }
        self.pick(question.0, question.1, answers)
    }

    /// Asks for a field of the record that is corrected, or of this event.
    pub(super) fn field_name(
        &mut self,
        slot: Slot,
        question: Question<'_>,
        chosen: &[String],
    ) -> Result<Option<String>, Stop> {
        let target = slot.kind.spec().change == Some(Change::Corrects);
        let target = target.then(|| self.fields().get("record").first());
        let target = target.flatten().and_then(|record| record.parse().ok());
        let target = target
            .and_then(|seq: Seq| self.state.entry(seq))
            .map(|entry| entry.event.clone());
        let (of, texts) = match &target {
            Some(event) => (event.kind(), event.to_fields()),
            None => (slot.kind, self.fields().clone()),
        };
        let is_meant = |field: &&'static FieldSpec| match target {
            Some(_) => field.is_correctable(),
            None => !texts.get(field.name).is_empty(),
        };
        let others = of.fields().filter(is_meant);
        let others = others.filter(|field| !chosen.iter().any(|one| one == field.name));
        let mut answers: Vec<(Choice, Option<String>)> = others
            .map(|field| {
                let said = match texts.get(field.name) {
                    [] => "nothing yet".to_owned(),
                    texts => texts.join("; "),
                };
                let label = format!("{}: {said}", field.name);
                (Choice::new(label), Some(field.name.to_owned()))
            })
            .collect();
        if slot.is_optional {
            answers.insert(0, (enough(chosen), None));
        }
        self.pick(question.0, question.1, answers)
    }
}
