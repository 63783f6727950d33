//! The one door for what people type: texts of fields become what the ledger takes. Dates may be words, entities may be
//! named, records may be meant by an id, words may have any case. What stands in files goes past this door.

use chrono::{Days, NaiveDate};

use servanda_core::event::{Change, Event, FieldError, FieldSpec, Fields, Kind};
use servanda_core::state::EntityKind;
use servanda_core::value::agreement::Link;
use servanda_core::value::base::{Leaf, excerpt};
use servanda_core::value::id::{
    AgreementId, CommitmentId, FieldName, PartyId, RecorderId, Seq, SourceId, Subject,
};
use servanda_core::value::recurrence::Recurrence;
use servanda_core::value::source::Citation;
use servanda_core::value::when::{Deadline, When};

use super::dates::{self, DEADLINE_FORMS, DateError, FORMS};
use super::names::{Names, NotNamed};
use super::suggest::{did_you_mean, near};

/// What is wrong with a field as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field's name.
    pub field: String,
    /// What is wrong, as the end of a sentence that begins with the field.
    pub message: String,
    /// What it may mean, as the ledger writes it, if it has several readings.
    pub readings: Vec<String>,
    /// The lists of forms that would help.
    pub forms: &'static [&'static str],
    /// Whether nothing in the ledger is called so.
    pub is_unnamed: bool,
    /// Whether it must be there, and is not.
    pub is_missing: bool,
    /// Whether it could be seen without the ledger: it is missing, or no word of the list.
    pub is_usage: bool,
}

impl Wrong {
    /// A wrong field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
            readings: Vec::new(),
            forms: &[],
            is_unnamed: false,
            is_missing: false,
            is_usage: false,
        }
    }

    fn date(error: DateError, forms: &'static [&'static str]) -> Self {
        Self {
            forms: if error.is_unknown_form { forms } else { &[] },
            readings: error.readings.clone(),
            ..Self::new("", error.to_string())
        }
    }
}

impl From<NotNamed> for Wrong {
    fn from(error: NotNamed) -> Self {
        Self {
            is_unnamed: matches!(error, NotNamed::Nothing { .. } | NotNamed::NoRecord(_)),
            ..Self::new("", error.to_string())
        }
    }
}

/// Fields as they were read.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// As the ledger takes them.
    pub fields: Fields,
    /// What was read as something else, a line each: `on: next month is 2023-06`.
    pub said: Vec<String>,
    /// What could not be read.
    pub wrong: Vec<Wrong>,
}

/// Where people's texts are read.
pub struct Desk<'s> {
    /// The names in the ledger; none where it cannot be opened.
    pub names: Option<Names<'s>>,
    /// Today, where the user is.
    pub today: NaiveDate,
    /// The zone whose day that is, for people.
    pub zone: String,
}

/// A text as the ledger takes it, and what to say about it where that is something else.
type Understood = Result<(String, Option<String>), Wrong>;

fn label<T: Leaf>(spec: &FieldSpec) -> bool {
    spec.label == T::LABEL
}

impl Desk<'_> {
    /// Reads the fields of an event. Those in `files` came from a file and stay as they are.
    pub fn read(&self, kind: Kind, typed: &Fields, files: &[String]) -> Read {
        let mut read = Read {
            fields: typed.clone(),
            ..Read::default()
        };
        let is_typed = |spec: &&FieldSpec| !files.iter().any(|name| name == spec.name);
        // What the record is about says how later fields are read.
        for spec in kind.fields().filter(is_typed) {
            let mut texts = Vec::new();
            for text in typed.get(spec.name) {
                match self.text(kind, spec, &read.fields, text) {
                    Ok((text, said)) => {
                        read.said
                            .extend(said.map(|said| format!("{}: {said}", spec.name)));
                        texts.push(text);
                    }
                    Err(wrong) => {
                        read.wrong.push(Wrong {
                            field: spec.name.to_owned(),
                            ..wrong
                        });
                        texts.push(text.clone());
                    }
                }
            }
            read.fields.set(spec.name, texts);
        }
        read
    }

    /// Builds an event from fields that were read.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn event(&self, kind: Kind, read: &Read) -> Result<Event, Vec<Wrong>> {
        let built = Event::build(kind, &read.fields);
        let mut wrong = read.wrong.clone();
        let errors = match built {
            Ok(event) if wrong.is_empty() => return Ok(event),
            Ok(_) => Vec::new(),
            Err(errors) => errors,
        };
        for error in errors {
            if !wrong.iter().any(|wrong| wrong.field == error.field) {
                wrong.push(self.explained(kind, &read.fields, error));
            }
        }
        Err(wrong)
    }

    /// An error of a field, with what may have been meant.
    fn explained(&self, kind: Kind, fields: &Fields, error: FieldError) -> Wrong {
        let message = error.error.to_string();
        let Some(spec) = kind.field(&error.field) else {
            let meant = near(&error.field, kind.fields().map(|spec| spec.name));
            return Wrong::new(error.field, format!("{message}{}", did_you_mean(&meant)));
        };
        let texts = fields.get(spec.name);
        let unknown = texts
            .iter()
            .find(|text| !spec.words.contains(&text.as_str()));
        let meant = match unknown {
            Some(text) if !spec.words.is_empty() => near(text, spec.words.iter().copied()),
            _ => Vec::new(),
        };
        Wrong {
            is_missing: texts.is_empty(),
            is_usage: texts.is_empty() || !spec.words.is_empty(),
            ..Wrong::new(error.field, format!("{message}{}", did_you_mean(&meant)))
        }
    }

    /// Reads one text of a field; the fields before it were read.
    pub fn text(&self, kind: Kind, spec: &FieldSpec, before: &Fields, text: &str) -> Understood {
        let corrects = kind.spec().change == Some(Change::Corrects);
        if corrects
            && spec.name == "to"
            && let Some((kind, spec)) = self.corrected(before)
        {
            return self.text(kind, spec, &Fields::default(), text);
        }
        if spec.defines() {
            return Ok((text.to_owned(), None));
        }
        if label::<FieldName>(spec) {
            let of = match spec.name {
                "field" => self.target(before),
                _ => Some(kind),
            };
            return field_name(of, text);
        }
        if label::<Seq>(spec) {
            let field = before
                .get("field")
                .first()
                .map(|name| name.replace('-', "_"));
            return self.name(text, |names| {
                let seq = names.record(text, field.as_deref().filter(|_| corrects))?;
                Ok((seq.to_string(), Some(names.record_shown(seq))))
            });
        }
        self.value(spec, before, text)
    }

    /// Reads a text by the type of its field; the fields before it were read, those behind it are as they were typed.
    fn value(&self, spec: &FieldSpec, before: &Fields, text: &str) -> Understood {
        if label::<When>(spec) {
            let when =
                dates::when(text, self.today).map_err(|error| Wrong::date(error, &[FORMS]))?;
            return Ok(self.dated(text, when.to_string()));
        }
        if label::<Deadline>(spec) {
            let read = dates::deadline(text, self.today);
            let read = read.map_err(|error| Wrong::date(error, &[FORMS, DEADLINE_FORMS]))?;
            let (written, said) = self.dated(text, read.to_string());
            let next = self.next(&read, before);
            return Ok((written, said.map(|said| format!("{said}{next}"))));
        }
        if label::<Citation>(spec) {
            let (source, place) = match text.split_once(':') {
                Some((source, place)) => (source, Some(place)),
                None => (text, None),
            };
            let (id, said) = self.entity(source.trim(), EntityKind::Source)?;
            let written = place.map(|place| format!("{id}:{place}"));
            return Ok((written.unwrap_or(id), said));
        }
        if label::<Link>(spec)
            && let Some((relation, agreement)) = text.split_once(':')
        {
            let (id, said) = self.entity(agreement.trim(), EntityKind::Agreement)?;
            return Ok((format!("{relation}:{id}"), said));
        }
        if label::<Subject>(spec) {
            return self.name(text, |names| match names.subject(text)? {
                Subject::Record(seq) => Ok((seq.to_string(), None)),
                Subject::Entity(id) => {
                    let kind = names
                        .entities(None)
                        .into_iter()
                        .find(|(one, _)| **one == id);
                    Ok((id.to_string(), kind.map(|one| names.shown(one))))
                }
            });
        }
        match entity_kind(spec) {
            Some(kind) => self.entity(text, kind),
            None => Ok((word(spec, text), None)),
        }
    }

    /// A date as the ledger writes it, and what to say where it was typed otherwise.
    fn dated(&self, text: &str, written: String) -> (String, Option<String>) {
        let text = text.trim();
        if text == written {
            return (written, None);
        }
        // What counts from today is another date on another day.
        let later = self.today + Days::new(400);
        let then = dates::deadline(text, later).map(|deadline| deadline.to_string());
        let here = match then.as_ref() == Ok(&written) {
            true => String::new(),
            false => format!(" here ({})", self.zone),
        };
        let said = format!("{} is {written}{here}", excerpt(text));
        (written, Some(said))
    }

    /// The next day of a recurrence, from today on: a rule counts from the day of its record, where that is given.
    fn next(&self, deadline: &Deadline, given: &Fields) -> String {
        let Deadline::Recurring(Some(rule)) = deadline else {
            return String::new();
        };
        let on = given.get("on").first();
        let on = on.and_then(|text| dates::when(text, self.today).ok());
        let on = on.and_then(When::counted_from);
        let (start, from) = match on {
            Some(day) => (day, day.to_string()),
            None => (self.today, "today".to_owned()),
        };
        let days = Recurrence::of(rule).ok();
        let next = days.and_then(|days| days.days(start).find(|day| *day >= self.today));
        next.map_or_else(String::new, |day| {
            format!("; counted from {from}, the next day is {day}")
        })
    }

    fn entity(&self, text: &str, kind: EntityKind) -> Understood {
        self.name(text, |names| {
            let id = names.entity(text, Some(kind))?;
            Ok((id.to_string(), Some(names.shown((&id, kind)))))
        })
    }

    /// What a text names, and what to say where it is written otherwise.
    fn name(
        &self,
        text: &str,
        find: impl FnOnce(&Names<'_>) -> Result<(String, Option<String>), NotNamed>,
    ) -> Understood {
        let Some(names) = &self.names else {
            return Ok((text.to_owned(), None));
        };
        let (written, shown) = find(names)?;
        let shown = shown.filter(|_| written != text.trim_start_matches('#'));
        let said = shown.map(|shown| format!("{} is {shown}", excerpt(text)));
        Ok((written, said))
    }

    /// The kind of the record that an event is about.
    fn target(&self, fields: &Fields) -> Option<Kind> {
        let state = self.names.as_ref()?.state();
        let record = fields.get("record").first()?;
        state.kind(record.parse().ok()?)
    }

    /// The field that a correction corrects, and the kind that has it.
    pub fn corrected(&self, fields: &Fields) -> Option<(Kind, &'static FieldSpec)> {
        let kind = self.target(fields)?;
        Some((kind, kind.field(fields.get("field").first()?)?))
    }
}

/// The kind of entity that a field names.
pub fn entity_kind(spec: &FieldSpec) -> Option<EntityKind> {
    let labels = [
        (PartyId::LABEL, EntityKind::Party),
        (SourceId::LABEL, EntityKind::Source),
        (AgreementId::LABEL, EntityKind::Agreement),
        (CommitmentId::LABEL, EntityKind::Commitment),
        (RecorderId::LABEL, EntityKind::Recorder),
    ];
    let found = labels.iter().find(|(label, _)| *label == spec.label);
    found.filter(|_| !spec.defines()).map(|(_, kind)| *kind)
}

/// The name of a field of a kind.
fn field_name(kind: Option<Kind>, text: &str) -> Understood {
    let Some(kind) = kind else {
        return Ok((text.to_owned(), None));
    };
    let name = text.to_lowercase().replace('-', "_");
    if kind.field(&name).is_some() {
        return Ok((name, None));
    }
    let known: Vec<&str> = kind.fields().map(|spec| spec.name).collect();
    let meant = near(&name, known.iter().copied());
    let listed = match meant.as_slice() {
        [] => format!("; its fields are {}", known.join(", ")),
        meant => did_you_mean(meant),
    };
    Err(Wrong::new(
        "",
        format!("a {kind} has no field {}{listed}", excerpt(text)),
    ))
}

/// A word of a list in any case; other texts as they are.
fn word(spec: &FieldSpec, text: &str) -> String {
    let plain = text.trim().replace([' ', '_'], "-");
    let known = spec
        .words
        .iter()
        .find(|word| word.eq_ignore_ascii_case(&plain));
    known.map_or_else(|| text.to_owned(), |word| (*word).to_owned())
}
