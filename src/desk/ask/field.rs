//! The question for one field, by its type: a list where there are words or names, else a text.

use servanda_core::event::{Change, Event, FieldSpec, Fields, Kind};
use servanda_core::rules::Known as _;
use servanda_core::value::agreement::{Link, RoleHolder};
use servanda_core::value::base::{Leaf, Shape};
use servanda_core::value::id::{FieldName, Seq, Slug, Subject};
use servanda_core::value::party::Name;
use servanda_core::value::source::Citation;
use servanda_core::value::when::{Deadline, When};

use super::{Asked, Choice, Desktop, Stop};
use crate::desk::reading::{Desk, Wrong, entity_kind};
use crate::intake::rules::slug::slug;

/// What can be written as a date.
const DATE: &str = "2023-05-11, 11 May 2023, May 2023, yesterday, last month, before 2023, unknown";

/// What can be written as a deadline.
const DEADLINE: &str =
    "2024-12-31, December 2024, every 3 months, every year on 1 May, continuing, unspecified";

/// A field that is asked for, and where its texts go.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    /// The field of the form that takes the texts.
    pub name: &'static str,
    /// The kind whose field says how they are read. A correction reads them as those of the record that it corrects.
    pub kind: Kind,
    /// That field.
    pub field: &'static FieldSpec,
    /// Whether it may be left out.
    pub is_optional: bool,
}

/// A question for a value of a field.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub slot: Slot,
    pub question: &'a str,
    /// What it means; may be empty.
    pub help: &'a str,
    /// The values of a list that were chosen before.
    pub chosen: &'a [String],
}

impl Slot {
    pub(super) fn is<T: Leaf>(&self) -> bool {
        self.field.label == T::LABEL
    }

    /// The same field, which may not be left out.
    pub(super) fn required(self) -> Self {
        Self {
            is_optional: false,
            ..self
        }
    }

    fn takes_several(&self) -> bool {
        self.field.shape == Shape::Many
    }
}

/// The name of a field for people.
pub(super) fn title(field: &FieldSpec) -> String {
    field.name.replace('_', " ")
}

/// The question for another value of a field after some, or the first.
pub(super) fn question(slot: Slot, chosen: &[String]) -> String {
    let title = title(slot.field);
    match (slot.name == slot.field.name, chosen) {
        (false, []) => format!("what {title} should say:"),
        (_, []) => format!("{title}:"),
        _ => format!("another {title}:"),
    }
}

/// What a question means, and what was chosen so far.
pub(super) fn explained(slot: Slot, chosen: &[String]) -> String {
    let help = match () {
        () if slot.is::<When>() => format!("{}: {DATE}", short(slot.field.help())),
        () if slot.is::<Deadline>() => format!("{}: {DEADLINE}", slot.field.help()),
        () => slot.field.help().to_owned(),
    };
    match chosen {
        [] => help,
        chosen => format!("{help}\nso far: {}", chosen.join("; ")),
    }
}

/// A sentence up to its first colon.
fn short(help: &str) -> &str {
    help.split_once(':').map_or(help, |(before, _)| before)
}

impl Desktop<'_> {
    /// Asks for a field of the innermost form.
    pub(super) fn ask_field(&mut self, field: &'static FieldSpec) -> Result<(), Stop> {
        let kind = self.form().kind;
        let own = Slot {
            name: field.name,
            kind,
            field,
            is_optional: !kind.requires(field),
        };
        let corrected = self.desk().corrected(self.fields());
        let slot = match corrected {
            Some((kind, corrected)) if field.name == "to" && kind_corrects(self.form().kind) => {
                Slot {
                    kind,
                    field: corrected,
                    ..own
                }
            }
            _ => own,
        };
        if field.name == "by" {
            return self.who(slot);
        }
        let texts = match slot.field.shape {
            Shape::Many => return self.several(slot),
            Shape::Flag => self.flag(slot)?,
            Shape::One | Shape::Optional => self.one(slot, &[])?,
        };
        self.set(slot.name, texts.into_iter().collect());
        Ok(())
    }

    fn flag(&mut self, slot: Slot) -> Result<Option<String>, Stop> {
        let answers = vec![
            (Choice::new("no"), None),
            (Choice::new("yes"), Some("true".to_owned())),
        ];
        self.pick(&question(slot, &[]), slot.field.help(), answers)
    }

    /// Asks for values until there are no more.
    fn several(&mut self, slot: Slot) -> Result<(), Stop> {
        let Some(mut chosen) = self.begun(slot)? else {
            return Ok(());
        };
        loop {
            let is_optional = slot.is_optional || !chosen.is_empty();
            let must = Slot {
                is_optional,
                ..slot
            };
            let Some(text) = self.one(must, &chosen)? else {
                return Ok(());
            };
            if !chosen.contains(&text) {
                chosen.push(text);
                self.set(slot.name, chosen.clone());
            }
        }
    }

    /// The values of a list to go on from, after the user took some away; none where it stays as it is. A list that a rule
    /// refuses is asked for anew.
    pub(super) fn begun(&mut self, slot: Slot) -> Result<Option<Vec<String>>, Stop> {
        enum Revision {
            Enough,
            More,
            Without(usize),
        }
        loop {
            let chosen = self.fields().get(slot.name).to_vec();
            let typed = self.form().typed.as_ref();
            let is_typed = typed.is_some_and(|(name, _)| name == slot.name);
            if chosen.is_empty() || is_typed {
                return Ok(Some(chosen));
            }
            let blamed = self.blamed(&self.made(self.form()));
            if blamed.is_some_and(|field| field.name == slot.name) {
                return Ok(Some(Vec::new()));
            }
            let mut answers = vec![
                (Choice::always("leave it as it is"), Revision::Enough),
                (Choice::always("add another"), Revision::More),
            ];
            let each = chosen.iter().enumerate();
            answers.extend(each.map(|(at, text)| {
                (
                    Choice::new(format!("take away {text}")),
                    Revision::Without(at),
                )
            }));
            let help = explained(slot, &chosen);
            match self.pick(&question(slot, &[]), &help, answers)? {
                Revision::Enough => return Ok(None),
                Revision::More => return Ok(Some(chosen)),
                Revision::Without(at) => {
                    let mut fewer = chosen;
                    fewer.remove(at);
                    self.set(slot.name, fewer);
                }
            }
        }
    }

    /// Asks for one value of a list after those that were chosen, or for the only one; none where it is left out.
    fn one(&mut self, slot: Slot, chosen: &[String]) -> Result<Option<String>, Stop> {
        let wanted = Wanted {
            slot,
            question: &question(slot, chosen),
            help: &explained(slot, chosen),
            chosen,
        };
        if slot.field.defines() {
            return self.id(wanted).map(Some);
        }
        if !slot.field.words.is_empty() {
            return self.word(wanted);
        }
        if let Some(kind) = entity_kind(slot.field) {
            return self.entity(wanted, kind);
        }
        match () {
            () if slot.is::<Citation>() => self.citation(wanted),
            () if slot.is::<Link>() => self.link(wanted),
            () if slot.is::<RoleHolder>() => self.role(wanted),
            () if slot.is::<FieldName>() => self.field_name(wanted),
            () if slot.is::<Seq>() => self.record(wanted),
            () if slot.is::<Subject>() => self.subject(wanted),
            () => self.typed(wanted),
        }
    }

    /// Asks for a text, which is read as every other text of this field is.
    fn typed(&mut self, wanted: Wanted<'_>) -> Result<Option<String>, Stop> {
        let slot = wanted.slot;
        let present = self.fields().get(slot.name).first();
        let initial = present.filter(|_| !slot.takes_several());
        let initial = initial.cloned().unwrap_or_default();
        let state = self.state.clone();
        let desk = self.desk_over(&state);
        let check = |text: &str| match text.trim().is_empty() {
            true if slot.is_optional => Ok(()),
            true => Err("it is required".to_owned()),
            // What has two readings is asked back.
            false => match read(&desk, slot, text) {
                Err(wrong) if wrong.readings.is_empty() => Err(wrong.message),
                _ => Ok(()),
            },
        };
        let asked = Asked {
            question: wanted.question,
            help: wanted.help,
            initial: &initial,
            default: None,
            is_optional: slot.is_optional,
            check: &check,
            typed: &|_| {},
        };
        let text = self.text(slot, &asked)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        match read(&desk, slot, &text) {
            Ok((written, said)) => {
                if let Some(said) = said {
                    self.prompt.say(&said);
                }
                Ok(Some(written))
            }
            Err(wrong) => {
                let readings = wrong.readings.into_iter();
                let answers = readings.map(|text| (Choice::new(&text), Some(text)));
                self.pick("Which day is it?", &wrong.message, answers.collect())
            }
        }
    }

    /// Asks for the id of something new; one that is free is offered.
    fn id(&mut self, wanted: Wanted<'_>) -> Result<String, Stop> {
        let slot = wanted.slot;
        let offered = self.free_id(slot.kind);
        let state = self.state.clone();
        let check = |text: &str| {
            let id = text.trim().parse::<Slug>();
            let id = id.map_err(|error| error.to_string())?;
            match state.entity(&id) {
                None => Ok(()),
                Some((found, seq)) => {
                    Err(format!("{id} names the {} of record {seq}", found.word()))
                }
            }
        };
        let present = self.fields().get(slot.name).first().cloned();
        let asked = Asked {
            question: wanted.question,
            help: wanted.help,
            initial: &present.unwrap_or_default(),
            default: Some(&offered),
            is_optional: false,
            check: &check,
            typed: &|_| {},
        };
        let id = self.text(slot, &asked)?;
        Ok(id.trim().to_owned())
    }

    /// An id that nothing has: of the name of a party, else the next of a series.
    fn free_id(&self, kind: Kind) -> String {
        let named = self.fields().get("name").first();
        let name = named.and_then(|name| name.parse::<Name>().ok());
        let of_name = name.and_then(|name| slug(name.text.as_str()));
        let is_free = |id: &String| {
            let id = id.parse::<Slug>().ok();
            id.is_some_and(|id| self.state.entity(&id).is_none())
        };
        let letter = kind.word()[..1].to_uppercase();
        let mut series = (1..=self.state.count() + 1).map(|number| format!("{letter}{number}"));
        let of_name = of_name.filter(is_free);
        let free = of_name.or_else(|| series.find(is_free));
        free.unwrap_or(letter)
    }
}

/// Whether events of a kind correct others.
fn kind_corrects(kind: Kind) -> bool {
    kind.spec().change == Some(Change::Corrects)
}

fn read(desk: &Desk<'_>, slot: Slot, text: &str) -> Result<(String, Option<String>), Wrong> {
    let (written, said) = desk.text(slot.kind, slot.field, &Fields::default(), text)?;
    let mut fields = Fields::default();
    fields.set(slot.field.name, vec![written.clone()]);
    let errors = Event::build(slot.kind, &fields).err().unwrap_or_default();
    let own = errors
        .into_iter()
        .find(|error| error.field == slot.field.name);
    match own {
        Some(error) => Err(Wrong::new(slot.name, error.error.to_string())),
        None => Ok((written, said)),
    }
}
