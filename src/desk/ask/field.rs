//! The question for one field, by its type: a list where there are words or names, else a text.

use servanda_core::event::{Event, FieldSpec, Fields, Kind};
use servanda_core::rules::Known as _;
use servanda_core::state::EntityKind;
use servanda_core::value::base::{Leaf, Shape};
use servanda_core::value::id::{FieldName, Reference, Seq, Slug, Subject};
use servanda_core::value::party::Name;
use servanda_core::value::source::Citation;
use servanda_core::value::when::{Deadline, When};

use super::form::title;
use super::{Choice, Desktop, Form, Left, SEARCH, Stop};
use crate::desk::names::{Names, brief};
use crate::desk::reading::{Desk, Wrong, entity_kind};
use crate::intake::rules::slug::slug;

/// Most records that are offered.
const RECORDS: usize = 200;

/// What is said below a question for a text that may be left out.
const OPTIONAL: &str =
    "Enter leaves it out; Esc goes to the overview; Ctrl-C stops and keeps a draft";

/// What is said below a question for a text that must be there.
const REQUIRED: &str = "Esc goes to the overview; Ctrl-C stops and keeps a draft";

/// What is said below a question for a date.
const DATE: &str = "2023-05-11, 11 May 2023, May 2023, yesterday, last month, before 2023, unknown; Enter leaves it out";

/// What is said below a question for a deadline.
const DEADLINE: &str =
    "a date, or: every 3 months, every year on 1 May, continuing, unspecified; Enter leaves it out";

fn label<T: Leaf>(field: &FieldSpec) -> bool {
    field.label == T::LABEL
}

/// The question for a field.
fn question(field: &FieldSpec) -> String {
    format!("{}: {}", title(field), field.help())
}

impl Desktop<'_> {
    /// The texts that the user answers for a field.
    pub(super) fn answers(
        &mut self,
        kind: Kind,
        field: &'static FieldSpec,
    ) -> Result<Vec<String>, Stop> {
        if kind.spec().change.is_some()
            && field.name == "to"
            && let Some((of, corrected)) = self.desk().corrected(self.fields())
        {
            return self.corrected_answers(of, corrected);
        }
        if field.name == "by" {
            return self.who(field);
        }
        match field.shape {
            Shape::Flag => self.flag(field),
            Shape::Many => self.several(kind, field),
            Shape::One | Shape::Optional => {
                let must = kind.requires(field);
                let one = self.one(kind, field, &question(field), !must)?;
                Ok(one.into_iter().collect())
            }
        }
    }

    /// What a field of another record should say, asked for as that field is.
    fn corrected_answers(
        &mut self,
        of: Kind,
        field: &'static FieldSpec,
    ) -> Result<Vec<String>, Stop> {
        if field.shape == Shape::Many || field.shape == Shape::Flag {
            return match field.shape {
                Shape::Flag => self.flag(field),
                _ => self.several(of, field),
            };
        }
        let question = format!("to: What {} should say: {}", title(field), field.help());
        let one = self.one(of, field, &question, true)?;
        Ok(one.into_iter().collect())
    }

    fn flag(&mut self, field: &FieldSpec) -> Result<Vec<String>, Stop> {
        let choices = [Choice::new("no"), Choice::new("yes")];
        let at = self.prompt.choose(&question(field), SEARCH, &choices)?;
        Ok((at == 1).then(|| "true".to_owned()).into_iter().collect())
    }

    /// Asks for values until there are no more.
    fn several(&mut self, kind: Kind, field: &'static FieldSpec) -> Result<Vec<String>, Stop> {
        let mut texts: Vec<String> = Vec::new();
        loop {
            let must = kind.requires(field) && texts.is_empty();
            let question = match texts.as_slice() {
                [] => question(field),
                texts => format!("another {}, after {}?", title(field), texts.join("; ")),
            };
            match self.one(kind, field, &question, !must)? {
                Some(text) if !texts.contains(&text) => texts.push(text),
                Some(_) => {}
                None => return Ok(texts),
            }
        }
    }

    /// Asks for one value; none where it is left out.
    fn one(
        &mut self,
        kind: Kind,
        field: &'static FieldSpec,
        question: &str,
        is_optional: bool,
    ) -> Result<Option<String>, Stop> {
        if field.defines() {
            return self.id(kind, field).map(Some);
        }
        if !field.words.is_empty() {
            return self.word(kind, field, question, is_optional);
        }
        if let Some(wanted) = entity_kind(field) {
            return self.entity(wanted, question, is_optional);
        }
        if label::<Citation>(field) {
            return self.citation(question);
        }
        if label::<FieldName>(field) {
            return self.field_name(kind, question, is_optional);
        }
        if label::<Seq>(field) {
            return self.record(question, is_optional);
        }
        if label::<Subject>(field) {
            return self.subject(question, is_optional);
        }
        self.typed(kind, field, question, is_optional)
    }

    /// Asks for a text, which is read as every other text of this field is.
    fn typed(
        &mut self,
        kind: Kind,
        field: &'static FieldSpec,
        question: &str,
        is_optional: bool,
    ) -> Result<Option<String>, Stop> {
        let help = match () {
            () if label::<When>(field) => DATE,
            () if label::<Deadline>(field) => DEADLINE,
            () if is_optional => OPTIONAL,
            () => REQUIRED,
        };
        let present = self.fields().get(field.name).to_vec();
        let is_single = field.shape != Shape::Many;
        let initial = present
            .first()
            .filter(|_| is_single)
            .cloned()
            .unwrap_or_default();
        let state = self.state.clone();
        let desk = Desk {
            names: Some(Names::new(&state)),
            today: self.today,
            zone: self.zone.clone(),
        };
        let check = |text: &str| match text.trim().is_empty() {
            true if is_optional => Ok(()),
            true => Err("it is required".to_owned()),
            // Two readings are asked back.
            false => match read(&desk, kind, field, text) {
                Ok(_) => Ok(()),
                Err(wrong) if wrong.readings.is_empty() => Err(wrong.message),
                Err(_) => Ok(()),
            },
        };
        let text = self.text(question, help, (&initial, None), &check)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        match read(&desk, kind, field, &text) {
            Ok((written, said)) => {
                if let Some(said) = said {
                    self.prompt.say(&format!("{}: {said}", title(field)));
                }
                Ok(Some(written))
            }
            Err(wrong) => {
                let choices: Vec<Choice> = wrong.readings.iter().map(Choice::new).collect();
                let at = self.prompt.choose(&wrong.message, SEARCH, &choices)?;
                Ok(wrong.readings.into_iter().nth(at))
            }
        }
    }

    /// Asks for the id of something new; one that is free is offered.
    fn id(&mut self, kind: Kind, field: &'static FieldSpec) -> Result<String, Stop> {
        let offered = self.free_id(kind);
        let state = self.state.clone();
        let check = |text: &str| {
            let id = text
                .trim()
                .parse::<Slug>()
                .map_err(|error| error.to_string())?;
            match state.entity(&id) {
                None => Ok(()),
                Some((found, seq)) => {
                    Err(format!("{id} names the {} of record {seq}", found.word()))
                }
            }
        };
        let id = self.text(&question(field), REQUIRED, ("", Some(&offered)), &check)?;
        Ok(id.trim().to_owned())
    }

    /// An id that nothing has: of the name of a party, else the next of a series.
    fn free_id(&self, kind: Kind) -> String {
        let named = self.fields().get("name").first();
        let name = named.and_then(|name| name.parse::<Name>().ok());
        let of_name = name.and_then(|name| slug(name.text.as_str()));
        let is_free = |id: &str| {
            let id = id.parse::<Slug>().ok();
            id.is_some_and(|id| self.state.entity(&id).is_none())
        };
        if let Some(id) = of_name.filter(|id| is_free(id)) {
            return id;
        }
        let letter = kind.word()[..1].to_uppercase();
        let numbers = 1..=self.state.count() + 1;
        let mut series = numbers.map(|number| format!("{letter}{number}"));
        let after_last = series.by_ref().find(|id| is_free(id));
        after_last.unwrap_or(letter)
    }

    /// Asks for a field of the record that is corrected, or of this event.
    fn field_name(
        &mut self,
        kind: Kind,
        question: &str,
        is_optional: bool,
    ) -> Result<Option<String>, Stop> {
        let target = self
            .fields()
            .get("record")
            .first()
            .and_then(|record| record.parse().ok());
        let target = target.filter(|_| kind.spec().change.is_some());
        let target = target
            .and_then(|seq: Seq| self.state.entry(seq))
            .map(|entry| entry.event.clone());
        let (of, texts) = match &target {
            Some(event) => (event.kind(), event.to_fields()),
            None => (kind, self.fields().clone()),
        };
        let names: Vec<&FieldSpec> = of
            .fields()
            .filter(|field| target.is_none() || field.is_correctable())
            .filter(|field| target.is_some() || !texts.get(field.name).is_empty())
            .collect();
        let mut choices: Vec<Choice> = names
            .iter()
            .map(|field| match texts.get(field.name) {
                [] => Choice::new(format!("{}: nothing yet", field.name)),
                texts => Choice::new(format!("{}: {}", field.name, brief(&texts.join("; ")))),
            })
            .collect();
        let skip = self.skip(&mut choices, is_optional);
        let at = self.prompt.choose(question, SEARCH, &choices)?;
        Ok(at.checked_sub(skip).map(|at| names[at].name.to_owned()))
    }

    /// Puts the answer that leaves a field out before the others; gives how many answers that is.
    pub(super) fn skip(&self, choices: &mut Vec<Choice>, is_optional: bool) -> usize {
        if is_optional {
            choices.insert(0, Choice::always(NO_MORE));
        }
        usize::from(is_optional)
    }

    /// Asks for a record.
    fn record(&mut self, question: &str, is_optional: bool) -> Result<Option<String>, Stop> {
        let names = Names::new(&self.state);
        let all = (0..self.state.count()).rev().map(Seq);
        let standing = all.filter(|seq| self.state.entry(*seq).is_some());
        let records: Vec<Seq> = standing.take(RECORDS).collect();
        let shown = records
            .iter()
            .map(|seq| Choice::new(names.record_shown(*seq)));
        let mut choices: Vec<Choice> = shown.collect();
        let skip = self.skip(&mut choices, is_optional);
        let at = self.prompt.choose(question, SEARCH, &choices)?;
        Ok(at.checked_sub(skip).map(|at| records[at].to_string()))
    }

    /// Asks for an entity or a record.
    fn subject(&mut self, question: &str, is_optional: bool) -> Result<Option<String>, Stop> {
        let (ids, mut choices) = self.offered(None);
        choices.push(Choice::always("a record, by its number"));
        let skip = self.skip(&mut choices, is_optional);
        let at = self.prompt.choose(question, SEARCH, &choices)?;
        match at.checked_sub(skip) {
            None => Ok(None),
            Some(at) => match ids.get(at) {
                Some(id) => Ok(Some(id.to_string())),
                None => self.record("which record?", is_optional),
            },
        }
    }

    /// Asks for a source and the place in it.
    fn citation(&mut self, question: &str) -> Result<Option<String>, Stop> {
        let Some(source) = self.entity(EntityKind::Source, question, true)? else {
            return Ok(None);
        };
        let place = format!("the place in {source}: a page, a paragraph, a minute");
        let place = self.text(&place, OPTIONAL, ("", None), &|_| Ok(()))?;
        Ok(Some(match place.trim() {
            "" => source,
            place => format!("{source}: {place}"),
        }))
    }

    /// The entities of a kind, by name.
    fn offered(&self, wanted: Option<EntityKind>) -> (Vec<Slug>, Vec<Choice>) {
        let names = Names::new(&self.state);
        let mut all: Vec<(String, Slug)> = names
            .entities(wanted)
            .into_iter()
            .map(|one| {
                let name = names.of(one).into_iter().next().unwrap_or_default();
                (format!("{} ({})", brief(&name), one.0), one.0.clone())
            })
            .collect();
        all.sort();
        all.into_iter()
            .map(|(label, id)| (id, Choice::new(label)))
            .unzip()
    }

    /// Asks for an entity by name; a new one can be added.
    pub(super) fn entity(
        &mut self,
        wanted: EntityKind,
        question: &str,
        is_optional: bool,
    ) -> Result<Option<String>, Stop> {
        let (ids, mut choices) = self.offered(Some(wanted));
        choices.push(Choice::always(format!("add a new {}", wanted.word())));
        let skip = self.skip(&mut choices, is_optional);
        let at = self.prompt.choose(question, SEARCH, &choices)?;
        let Some(at) = at.checked_sub(skip) else {
            return Ok(None);
        };
        match ids.get(at) {
            Some(id) => Ok(Some(id.to_string())),
            None => match self.new_entity(wanted)? {
                Some(id) => Ok(Some(id)),
                None => self.entity(wanted, question, is_optional),
            },
        }
    }

    /// Asks for the event that registers something new; none where it is left out.
    fn new_entity(&mut self, wanted: EntityKind) -> Result<Option<String>, Stop> {
        let defines = |kind: &Kind| kind.word() == wanted.word();
        let Some(kind) = super::kinds().find(defines) else {
            return Ok(None);
        };
        let form = Form {
            kind,
            fields: Fields::default(),
        };
        match self.event(form, true)? {
            Left::Dropped => Ok(None),
            Left::More | Left::Record => {
                let defined = self.batch.last().and_then(Event::defines);
                Ok(defined.and_then(Reference::slug).map(ToString::to_string))
            }
        }
    }
}

/// The answer that leaves a field out, or ends a list.
pub(super) const NO_MORE: &str = "nothing, or no more";

fn read(
    desk: &Desk<'_>,
    kind: Kind,
    field: &'static FieldSpec,
    text: &str,
) -> Result<(String, Option<String>), Wrong> {
    let (written, said) = desk.text(kind, field, &Fields::default(), text)?;
    let mut fields = Fields::default();
    fields.set(field.name, vec![written.clone()]);
    let errors = Event::build(kind, &fields).err().unwrap_or_default();
    match errors.into_iter().find(|error| error.field == field.name) {
        Some(error) => Err(Wrong::new(field.name, error.error.to_string())),
        None => Ok((written, said)),
    }
}
