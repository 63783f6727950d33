//! The form of one event: its fields are asked for in order, and then it is shown with what it would change.

use std::cell::RefCell;

use servanda_core::event::{Change, FieldSpec, Fields, Kind};
use servanda_core::rules::Rejection;

use super::field::Slot;
use super::overview::Act;
use super::{Asked, Desktop, Ended, Form, Made, Stop};

/// The fields that are asked for one after the other. The id comes last, for it is made of the others.
fn first_fields(kind: Kind) -> Vec<&'static FieldSpec> {
    let spec = kind.spec();
    let corrects = spec.change == Some(Change::Corrects);
    let own = kind.own_fields().iter().filter(|field| {
        let is_value = corrects && field.name == "to";
        kind.requires(field) || field.is_offered() || is_value
    });
    let is_of_the_world = !spec.is_timeless && !spec.is_bookkeeping;
    let defines = kind.own_fields().iter().any(FieldSpec::defines);
    let envelope = kind.fields().skip(kind.own_fields().len());
    let envelope = envelope.filter(|field| match field.name {
        "on" => is_of_the_world,
        "by" => is_of_the_world && !defines || kind.requires(field),
        "source" => !spec.is_bookkeeping,
        _ => kind.requires(field),
    });
    let mut all: Vec<&FieldSpec> = own.chain(envelope).collect();
    all.sort_by_key(|field| field.defines());
    all
}

impl Desktop<'_> {
    /// Asks for an event. A form that is asked for inside another is taken into the batch before it.
    pub(super) fn event(&mut self, form: Form, is_inner: bool) -> Result<Ended, Stop> {
        self.open.push(form);
        let asked = match self.form().is_given {
            true => self.first_mend(),
            false => self.first_questions(),
        };
        match asked {
            Ok(()) | Err(Stop::Back) => {}
            Err(stop) => return Err(stop),
        }
        loop {
            let made = self.made(self.form());
            self.show(&made);
            match self.act(&made, is_inner) {
                Ok(Act::Take(ended)) => {
                    if let Some(event) = made.event {
                        self.open.pop();
                        self.add(event);
                        return Ok(ended);
                    }
                }
                Ok(Act::Field(field)) => match self.ask_field(field) {
                    Ok(()) | Err(Stop::Back) => {}
                    Err(stop) => return Err(stop),
                },
                Ok(Act::Drop) => return Ok(self.dropped()),
                Err(Stop::Back) if self.form().is_empty() => return Ok(self.dropped()),
                Err(Stop::Back) => {}
                Err(stop) => return Err(stop),
            }
        }
    }

    fn dropped(&mut self) -> Ended {
        self.open.pop();
        self.keep();
        Ended::Dropped
    }

    /// Asks for what was being typed or is wrong, and then for what is not there.
    fn first_questions(&mut self) -> Result<(), Stop> {
        let kind = self.form().kind;
        for field in kind.fields() {
            if self.is_typed(field) || !self.is_right(field) {
                self.ask_field(field)?;
            }
        }
        for field in first_fields(kind) {
            if self.fields().get(field.name).is_empty() {
                self.ask_field(field)?;
            }
        }
        Ok(())
    }

    /// Says why a form that was filled in is refused, and asks again for the field that the rule is about.
    fn first_mend(&mut self) -> Result<(), Stop> {
        let made = self.made(self.form());
        match self.blamed(&made) {
            Some(field) => {
                self.show(&made);
                self.ask_field(field)
            }
            None => Ok(()),
        }
    }

    /// The field that the rule is about by which a form is refused.
    pub(super) fn blamed(&self, made: &Made) -> Option<&'static FieldSpec> {
        let kind = self.form().kind;
        let mut fields = made.refused.iter().flat_map(Rejection::fields);
        fields.find_map(|name| kind.field(name))
    }

    /// Whether what a field says can be read.
    fn is_right(&self, field: &FieldSpec) -> bool {
        let read = self.desk().read(self.form().kind, self.fields(), &[]);
        !read.wrong.iter().any(|wrong| wrong.field == field.name)
    }

    fn is_typed(&self, field: &FieldSpec) -> bool {
        let typed = self.form().typed.as_ref();
        typed.is_some_and(|(name, _)| name == field.name)
    }

    /// The innermost form.
    pub(super) fn form(&self) -> &Form {
        self.open
            .last()
            .expect("a form is open while it is asked for")
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

    /// Asks for a text. One that was being typed when the user stopped stands there again, and each key is in the draft.
    pub(super) fn text(&mut self, slot: Slot, asked: &Asked<'_>) -> Result<String, Stop> {
        let form = self.open.last_mut();
        let typed = form.and_then(|form| form.typed.take_if(|(name, _)| name == slot.name));
        let initial = typed.map_or_else(|| asked.initial.to_owned(), |(_, text)| text);
        let draft = RefCell::new((self.forms(), &mut *self.keep));
        // The innermost form comes after the events of the batch.
        let innermost = self.batch.len();
        let answered = self.prompt.text(&Asked {
            initial: &initial,
            typed: &|text| {
                let (forms, keep) = &mut *draft.borrow_mut();
                let is_new = !text.trim().is_empty() && text != asked.initial;
                let typed = is_new.then(|| (slot.name.to_owned(), text.to_owned()));
                if forms[innermost].typed != typed {
                    forms[innermost].typed = typed;
                    keep(forms);
                }
            },
            ..*asked
        });
        let (mut forms, _) = draft.into_inner();
        if answered.is_err()
            && let Some(form) = self.open.last_mut()
        {
            form.typed = forms.swap_remove(innermost).typed;
        }
        answered
    }
}
