//! Questions with lists of what the ledger holds: entities by name, records, sources with a place, fields.

use servanda_core::event::{Change, Event, FieldSpec, Fields, Kind};
use servanda_core::state::EntityKind;
use servanda_core::value::agreement::{Relation, Role};
use servanda_core::value::base::Leaf as _;
use servanda_core::value::id::{Reference, Seq, Slug};
use servanda_core::view::sentences::Sentences;

use super::field::Wanted;
use super::{Asked, Choice, Desktop, Ended, Form, Stop};
use crate::desk::names::Names;

/// Most records that are offered, the newest ones.
const RECORDS: usize = 200;

/// Most entities that are tried on the rules before they are offered.
const TRIED: usize = 500;

/// What is chosen from a list of entities.
enum Chosen {
    Id(Slug),
    New,
    Record,
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

    /// Asks for one of several answers; none where the field is left out, or the list ends.
    pub(super) fn one_of<T>(
        &mut self,
        wanted: Wanted<'_>,
        answers: impl IntoIterator<Item = (Choice, T)>,
    ) -> Result<Option<T>, Stop> {
        let is_optional = wanted.slot.is_optional;
        let nothing = is_optional.then(|| (enough(wanted.chosen), None));
        let answers = answers.into_iter();
        let answers = answers.map(|(choice, answer)| (choice, Some(answer)));
        let all = nothing.into_iter().chain(answers).collect();
        self.pick(wanted.question, wanted.help, all)
    }

    /// Asks for an entity by name, among those with which the rules allow the event now; a new one can be added.
    pub(super) fn entity(
        &mut self,
        wanted: Wanted<'_>,
        kind: EntityKind,
    ) -> Result<Option<String>, Stop> {
        let slot = wanted.slot;
        let all = self.offered(Some(kind), wanted.chosen);
        let is_tried = all.len() <= TRIED && slot.kind == self.form().kind;
        let fitting = all
            .into_iter()
            .filter(|(_, id)| !is_tried || !self.is_no_move(slot, id.as_str()));
        let mut answers: Vec<(Choice, Chosen)> = fitting
            .map(|(choice, id)| (choice, Chosen::Id(id)))
            .collect();
        if super::kinds().any(|one| one.word() == kind.word()) {
            let new = format!("add a new {}", kind.word());
            answers.push((Choice::always(new), Chosen::New));
        }
        loop {
            let again = answers.iter().map(|(choice, one)| (choice.clone(), one));
            match self.one_of(wanted, again)? {
                None => return Ok(None),
                Some(Chosen::Id(id)) => return Ok(Some(id.to_string())),
                Some(Chosen::New | Chosen::Record) => {
                    if let Some(id) = self.new_entity(kind)? {
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
    pub(super) fn record(&mut self, wanted: Wanted<'_>) -> Result<Option<String>, Stop> {
        let sentences = Sentences::new(&self.setting.state);
        let newest = (0..self.setting.state.count()).rev().map(Seq);
        let answers = newest.filter_map(|seq| {
            let said = sentences.of(self.setting.state.entry(seq)?);
            Some((Choice::new(format!("{seq}: {said}")), seq.to_string()))
        });
        let answers: Vec<_> = answers.take(RECORDS).collect();
        self.one_of(wanted, answers)
    }

    /// Asks for an entity or a record.
    pub(super) fn subject(&mut self, wanted: Wanted<'_>) -> Result<Option<String>, Stop> {
        let offered = self.offered(None, wanted.chosen).into_iter();
        let offered = offered.map(|(choice, id)| (choice, Chosen::Id(id)));
        let record = (Choice::always("a record"), Chosen::Record);
        match self.one_of(wanted, offered.chain([record]))? {
            None => Ok(None),
            Some(Chosen::Id(id)) => Ok(Some(id.to_string())),
            Some(Chosen::New | Chosen::Record) => self.record(Wanted {
                question: "which record:",
                help: "",
                chosen: &[],
                ..wanted
            }),
        }
    }

    /// Asks for a source and the place in it.
    pub(super) fn citation(&mut self, wanted: Wanted<'_>) -> Result<Option<String>, Stop> {
        // A source may be cited at several places.
        let question = match wanted.chosen {
            [] => wanted.question,
            _ => "another source, or place:",
        };
        let of_source = Wanted { question, ..wanted };
        let Some(source) = self.entity(of_source, EntityKind::Source)? else {
            return Ok(None);
        };
        let place = self.text(
            wanted.slot,
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
    pub(super) fn link(&mut self, wanted: Wanted<'_>) -> Result<Option<String>, Stop> {
        let relation = self.one_of(wanted, words(Relation::WORDS))?;
        self.paired(wanted, EntityKind::Agreement, relation, |relation| {
            format!("{relation} which agreement:")
        })
    }

    /// Asks who has which role in an agreement.
    pub(super) fn role(&mut self, wanted: Wanted<'_>) -> Result<Option<String>, Stop> {
        let role = self.one_of(wanted, words(Role::WORDS))?;
        self.paired(wanted, EntityKind::Party, role, |role| {
            format!("who is {role}:")
        })
    }

    /// Asks whom or what the word that was chosen goes with, and joins both.
    fn paired(
        &mut self,
        wanted: Wanted<'_>,
        kind: EntityKind,
        word: Option<&str>,
        question: impl FnOnce(&str) -> String,
    ) -> Result<Option<String>, Stop> {
        let Some(word) = word else {
            return Ok(None);
        };
        let other = Wanted {
            slot: wanted.slot.required(),
            question: &question(word),
            help: "",
            chosen: &[],
        };
        let id = self.entity(other, kind)?;
        Ok(id.map(|id| format!("{word}:{id}")))
    }

    /// Asks for a field of the record that is corrected, or of this event.
    pub(super) fn field_name(&mut self, wanted: Wanted<'_>) -> Result<Option<String>, Stop> {
        let kind = wanted.slot.kind;
        let target = kind.spec().change == Some(Change::Corrects);
        let target = target.then(|| self.fields().get("record").first());
        let target = target.flatten().and_then(|record| record.parse().ok());
        let target = target
            .and_then(|seq: Seq| self.state.entry(seq))
            .map(|entry| entry.event.clone());
        let (of, texts) = match &target {
            Some(event) => (event.kind(), event.to_fields()),
            None => (kind, self.fields().clone()),
        };
        let is_meant = |field: &&'static FieldSpec| match target {
            Some(_) => field.is_correctable(),
            None => !texts.get(field.name).is_empty(),
        };
        let others = of.fields().filter(is_meant);
        let others = others.filter(|field| !wanted.chosen.iter().any(|one| one == field.name));
        let answers = others.map(|field| {
            let said = match texts.get(field.name) {
                [] => "nothing yet".to_owned(),
                texts => texts.join("; "),
            };
            let label = format!("{}: {said}", field.name);
            (Choice::new(label), field.name.to_owned())
        });
        self.one_of(wanted, answers)
    }
}

/// The words of a list, to choose one.
fn words(words: &'static [&'static str]) -> impl Iterator<Item = (Choice, &'static str)> {
    words.iter().map(|word| (Choice::new(*word), *word))
}
