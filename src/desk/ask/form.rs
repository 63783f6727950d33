//! The form of one event: its fields are asked for in order, and then shown with what they say, to be changed or kept.

use servanda_core::event::{Change, Event, FieldSpec, Fields, Kind};
use servanda_core::rules::{self, Rejection};
use servanda_core::words::plural;

use super::preview::preview;
use super::{Asked, Choice, Desktop, Form, Left, SEARCH, Stop};
use crate::desk::reading::Wrong;

/// What can be done with a form.
enum Act {
    Record,
    More,
    Irregular,
    Drop,
    Field(&'static FieldSpec),
}

/// A form as it stands.
struct Standing {
    event: Option<Event>,
    wrong: Vec<Wrong>,
    refused: Option<Rejection>,
}

impl Standing {
    fn is_accepted(&self) -> bool {
        self.event.is_some() && self.refused.is_none()
    }
}

/// The fields that are asked for one after the other. The id comes last, for it is made of the others.
fn first_fields(kind: Kind) -> Vec<&'static FieldSpec> {
    let spec = kind.spec();
    let corrects = spec.change == Some(Change::Corrects);
    let own = kind.own_fields().iter();
    let own = own.filter(|field| {
        let is_value = corrects && field.name == "to";
        kind.requires(field) || is_value
    });
    let defines = kind.own_fields().iter().any(FieldSpec::defines);
    let acts = !defines && !spec.is_bookkeeping && !spec.is_timeless;
    let envelope = kind.fields().skip(kind.own_fields().len());
    let envelope = envelope.filter(|field| match field.name {
        "on" => !spec.is_timeless && !spec.is_bookkeeping,
        "by" => acts || kind.requires(field),
        "source" => !spec.is_bookkeeping && !spec.is_timeless,
        _ => kind.requires(field),
    });
    let mut all: Vec<&FieldSpec> = own.chain(envelope).collect();
    all.sort_by_key(|field| field.defines());
    all
}

impl Desktop<'_> {
    /// Asks for an event. Its place among the open forms is kept while others are asked for inside it.
    pub(super) fn event(&mut self, form: Form, is_inner: bool) -> Result<Left, Stop> {
        let kind = form.kind;
        self.open.push(form);
        let asked = first_fields(kind).into_iter().try_for_each(|field| {
            let has = !self.fields().get(field.name).is_empty();
            if has && self.is_right(field) {
                return Ok(());
            }
            self.ask_field(field)
        });
        match asked {
            Ok(()) | Err(Stop::Back) => {}
            Err(stop) => return Err(stop),
        }
        loop {
            let standing = self.standing();
            self.show(&standing);
            let act = match self.act(&standing, is_inner) {
                Ok(act) => act,
                Err(Stop::Back) => Act::Drop,
                Err(stop) => return Err(stop),
            };
            let left = match act {
                Act::Record => Left::Record,
                Act::More => Left::More,
                Act::Drop => {
                    self.open.pop();
                    self.keep();
                    return Ok(Left::Dropped);
                }
                Act::Irregular => {
                    self.field_named("irregular")?;
                    continue;
                }
                Act::Field(field) => {
                    match self.ask_field(field) {
                        Ok(()) | Err(Stop::Back) => {}
                        Err(stop) => return Err(stop),
                    }
                    continue;
                }
            };
            if let Some(event) = standing.event {
                self.open.pop();
                self.add(event);
                return Ok(left);
            }
        }
    }

    fn field_named(&mut self, name: &str) -> Result<(), Stop> {
        let field = self.kind_of_form().field(name);
        match field.map(|field| self.ask_field(field)) {
            None | Some(Ok(()) | Err(Stop::Back)) => Ok(()),
            Some(Err(stop)) => Err(stop),
        }
    }

    pub(super) fn form(&self) -> &Form {
        self.open
            .last()
            .expect("a form is open while it is asked for")
    }

    pub(super) fn kind_of_form(&self) -> Kind {
        self.form().kind
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.form().fields
    }

    /// Sets the texts of a field of the innermost form, and keeps the draft.
    pub(super) fn set(&mut self, name: &str, texts: Vec<String>) {
        if let Some(form) = self.open.last_mut() {
            form.fields.set(name, texts);
        }
        self.keep();
    }

    /// Whether what a field says can be read.
    fn is_right(&self, field: &FieldSpec) -> bool {
        let read = self.desk().read(self.kind_of_form(), self.fields(), &[]);
        !read.wrong.iter().any(|wrong| wrong.field == field.name)
    }

    fn standing(&self) -> Standing {
        let desk = self.desk();
        let kind = self.kind_of_form();
        let read = desk.read(kind, self.fields(), &[]);
        match desk.event(kind, &read) {
            Err(wrong) => Standing {
                event: None,
                wrong,
                refused: None,
            },
            Ok(event) => {
                let event = rules::complete(&self.state, event);
                let refused = rules::check(&self.state, &event).err();
                Standing {
                    event: Some(event),
                    wrong: Vec::new(),
                    refused,
                }
            }
        }
    }

    /// Shows what the form says, and what is wrong with it.
    fn show(&mut self, standing: &Standing) {
        let mut lines = Vec::new();
        if let Some(event) = &standing.event {
            lines.extend(preview(&self.state, event, self.today));
        }
        for wrong in &standing.wrong {
            lines.push(format!("! {}: {}", wrong.field, wrong.message));
        }
        if let Some(refused) = &standing.refused {
            lines.push(format!("! {refused}"));
        }
        self.prompt.say(&lines.join("\n"));
    }

    fn act(&mut self, standing: &Standing, is_inner: bool) -> Result<Act, Stop> {
        let mut acts = Vec::new();
        let accepted = standing.is_accepted();
        match (accepted, is_inner) {
            (true, true) => acts.push((Choice::always("take it and go on"), Act::More)),
            (true, false) => {
                let record = match self.batch.len() {
                    0 => "record it now".to_owned(),
                    count => format!("record it now, with the {} before", plural(count, "event")),
                };
                acts.push((Choice::always(record), Act::Record));
                let more = "keep it, and add another event to the same save";
                acts.push((Choice::always(more), Act::More));
            }
            (false, _) => {}
        }
        let waivable = standing
            .refused
            .as_ref()
            .filter(|refused| refused.rule.is_waivable());
        if waivable.is_some() {
            let choice = Choice::always(
                "it was reported all the same: record it as irregular, with a reason",
            );
            acts.push((choice, Act::Irregular));
        }
        let kind = self.kind_of_form();
        let (filled, empty): (Vec<_>, Vec<_>) = kind
            .fields()
            .filter(|field| field.name != "old")
            .partition(|field| !self.fields().get(field.name).is_empty());
        let missing =
            |field: &&&FieldSpec| standing.wrong.iter().any(|wrong| wrong.field == field.name);
        let (missing, empty): (Vec<_>, Vec<_>) =
            empty.into_iter().partition(|field| missing(&field));
        for field in missing {
            acts.push((
                Choice::new(format!("give {}: {}", title(field), field.help())),
                Act::Field(field),
            ));
        }
        for field in filled {
            let texts = self.fields().get(field.name).join("; ");
            acts.push((
                Choice::new(format!("change {}: {texts}", title(field))),
                Act::Field(field),
            ));
        }
        for field in empty {
            acts.push((
                Choice::new(format!("add {}: {}", title(field), field.help())),
                Act::Field(field),
            ));
        }
        acts.push((Choice::always("leave this event out"), Act::Drop));
        let choices: Vec<Choice> = acts.iter().map(|(choice, _)| choice.clone()).collect();
        let question = match accepted {
            true => "Is it right?",
            false => "It cannot be recorded so. What then?",
        };
        let at = self.prompt.choose(question, SEARCH, &choices)?;
        Ok(acts.swap_remove(at).1)
    }

    /// Asks for a field of the innermost form.
    pub(super) fn ask_field(&mut self, field: &'static FieldSpec) -> Result<(), Stop> {
        let kind = self.kind_of_form();
        let asked = self.answers(kind, field);
        match asked {
            Ok(texts) => {
                self.set(field.name, texts);
                Ok(())
            }
            Err(Stop::Interrupted(typed)) => {
                if !typed.is_empty() {
                    let mut texts = self.fields().get(field.name).to_vec();
                    texts.push(typed);
                    self.set(field.name, texts);
                }
                Err(Stop::Interrupted(String::new()))
            }
            Err(stop) => Err(stop),
        }
    }

    /// Keeps a text that was being typed when the user stopped, where it belongs to no field.
    pub(super) fn note_typed(&mut self, typed: String) {
        if !typed.is_empty() && !self.open.is_empty() {
            self.set("note", vec![typed]);
        }
        self.keep();
    }

    /// Asks for a text with a check by the type of a field.
    pub(super) fn text(
        &mut self,
        question: &str,
        help: &str,
        (initial, default): (&str, Option<&str>),
        check: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String, Stop> {
        self.prompt.text(&Asked {
            question,
            help,
            initial,
            default,
            check,
        })
    }
}

/// The name of a field for people.
pub(super) fn title(field: &FieldSpec) -> String {
    field.name.replace('_', " ")
}
