//! Asking for events on a terminal: what is missing, by choices where there are any, until one event or several make a
//! batch. The questions come from the declarations of the events, and the answers that are offered from the rules.
//!
//! Nothing here records. A draft is kept after every answer.

mod choice;
mod field;
mod form;
mod line;
mod moves;
mod overview;
mod preview;
pub mod resume;

use std::collections::VecDeque;

use chrono::NaiveDate;

use servanda_core::event::{Change, Entry, Event, Fields, Kind};
use servanda_core::rules::{self, Rejection};
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_core::view::sentences::Sentences;
use servanda_core::words::plural;

use super::names::Names;
use super::reading::{Desk, Wrong};

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Ctrl-C.
    Interrupted,
    /// Esc: back to where the question came from.
    Back,
    /// The terminal failed.
    Failed(String),
}

/// One of several answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is shown.
    pub label: String,
    /// Whether it is offered whatever was typed to search.
    pub is_always_offered: bool,
}

impl Choice {
    /// An answer that a search may leave out.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            is_always_offered: false,
        }
    }

    /// An answer that is always offered.
    pub fn always(label: impl Into<String>) -> Self {
        Self {
            is_always_offered: true,
            ..Self::new(label)
        }
    }
}

/// A question for a text.
pub struct Asked<'a> {
    /// The question.
    pub question: &'a str,
    /// What it means.
    pub help: &'a str,
    /// What stands there already, to be changed.
    pub initial: &'a str,
    /// What an empty answer means.
    pub default: Option<&'a str>,
    /// Whether an empty answer leaves it out.
    pub is_optional: bool,
    /// What is wrong with an answer, if anything is.
    pub check: &'a dyn Fn(&str) -> Result<(), String>,
    /// Hears what is typed, after each key.
    pub typed: &'a dyn Fn(&str),
}

/// A terminal, or what stands for one.
pub trait Prompt {
    /// Writes lines.
    fn say(&mut self, text: &str);
    /// Asks for one of several answers, and gives its place. `help` may be empty.
    fn choose(&mut self, question: &str, help: &str, choices: &[Choice]) -> Result<usize, Stop>;
    /// Asks for a text.
    fn text(&mut self, asked: &Asked<'_>) -> Result<String, Stop>;
}

/// An event as far as it is known: a line of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its kind.
    pub kind: Kind,
    /// The texts of its fields.
    pub fields: Fields,
    /// Whether the user is still asked for it. A form that is not open holds an event that was accepted.
    pub is_open: bool,
    /// A field, and the text that was being typed for it when the user stopped.
    pub typed: Option<(String, String)>,
    /// Whether the user gave all that there is to say: what may be left out is not asked for.
    pub is_given: bool,
}

impl Form {
    /// A form to ask for the rest of.
    pub fn open(kind: Kind, fields: Fields) -> Self {
        Self {
            kind,
            fields,
            is_open: true,
            typed: None,
            is_given: false,
        }
    }

    /// A form that was filled in, and is refused.
    pub fn given(kind: Kind, fields: Fields) -> Self {
        Self {
            is_given: true,
            ..Self::open(kind, fields)
        }
    }

    fn of(event: &Event) -> Self {
        Self {
            is_open: false,
            ..Self::open(event.kind(), event.to_fields())
        }
    }

    /// Whether nothing was answered.
    pub fn is_empty(&self) -> bool {
        self.typed.is_none() && self.fields.iter().next().is_none()
    }
}

/// What the answers are understood by.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What the ledger holds.
    pub state: State,
    /// Today, where the user is.
    pub today: NaiveDate,
    /// The zone whose day that is, for people.
    pub zone: String,
    /// The time of the events for what they would change.
    pub now: Instant,
    /// Who records, where the form does not say.
    pub recorder: Option<String>,
    /// Whether ids that differ in upper and lower case only are two.
    pub case_matters: bool,
}

/// What a person who is asked works on.
pub struct Desktop<'a> {
    prompt: &'a mut dyn Prompt,
    setting: Setting,
    /// What the ledger holds, with the events of the batch.
    state: State,
    /// The events to record together.
    batch: Vec<Event>,
    /// The forms that are being filled in; a form inside another comes after it.
    open: Vec<Form>,
    /// The forms that come next.
    waiting: VecDeque<Form>,
    /// Keeps a draft.
    keep: &'a mut dyn FnMut(&[Form]),
}

/// How the questions for a form ended.
enum Ended {
    /// To record the batch now.
    Record,
    /// To add another event to the batch.
    More,
    /// Without its event.
    Dropped,
}

/// What comes after an event.
enum Next {
    Record,
    New(Kind),
    /// The event at this place of the batch once more.
    Again(usize),
}

/// The event that a form makes, and what is wrong with it.
struct Made {
    event: Option<Event>,
    wrong: Vec<Wrong>,
    refused: Option<Rejection>,
}

impl Made {
    fn accepted(self) -> Option<Event> {
        self.event.filter(|_| self.refused.is_none())
    }
}

impl<'a> Desktop<'a> {
    /// A desktop over a ledger.
    pub fn new(
        prompt: &'a mut dyn Prompt,
        setting: Setting,
        keep: &'a mut dyn FnMut(&[Form]),
    ) -> Self {
        Self {
            prompt,
            state: setting.state.clone(),
            setting,
            batch: Vec::new(),
            open: Vec::new(),
            waiting: VecDeque::new(),
            keep,
        }
    }

    /// Asks until there is a batch to record, first for what is missing in these forms. The batch is empty where the user
    /// records nothing.
    ///
    /// # Errors
    /// [`Stop::Interrupted`] and [`Stop::Failed`]; the draft has what was typed.
    pub fn run(mut self, forms: Vec<Form>) -> Result<Vec<Event>, Stop> {
        self.waiting = forms.into();
        loop {
            let form = match self.waiting.pop_front() {
                Some(form) => form,
                None => match self.next()? {
                    Next::Record => return Ok(self.batch),
                    Next::New(kind) => Form::open(kind, Fields::default()),
                    Next::Again(at) => {
                        self.take_back(at);
                        continue;
                    }
                },
            };
            let accepted = (!form.is_open).then(|| self.made(&form).accepted());
            if let Some(event) = accepted.flatten() {
                self.add(event);
                continue;
            }
            let ended = self.event(form, false)?;
            if matches!(ended, Ended::Record) && self.waiting.is_empty() {
                return Ok(self.batch);
            }
        }
    }

    /// Asks what comes after the events of the batch.
    fn next(&mut self) -> Result<Next, Stop> {
        let mut answers = Vec::new();
        let count = self.batch.len();
        if count > 0 {
            let record = format!("record the {} now", plural(count, "event"));
            answers.push((Choice::always(record), Next::Record));
        }
        answers.extend(kinds().map(|kind| {
            let about = kind.spec().about().lines().next().unwrap_or_default();
            let about = about.trim_end_matches('.');
            (Choice::new(format!("{kind}: {about}")), Next::New(kind))
        }));
        let sentences = Sentences::new(&self.state);
        let first = self.state.count() - count as u64;
        for (at, event) in self.batch.iter().enumerate() {
            let sentence = sentences.of_event(event, Seq(first + at as u64));
            let again = format!("look again at {}: {sentence}", event.kind());
            answers.push((Choice::new(again), Next::Again(at)));
        }
        let question = match count {
            0 => "What happened?",
            _ => "What else happened?",
        };
        match self.pick(question, "", answers) {
            // There is nothing to go back to.
            Err(Stop::Back) if count == 0 => Ok(Next::Record),
            Err(Stop::Back) => self.next(),
            answered => answered,
        }
    }

    /// Takes an event out of the batch, to be asked for again; those after it follow.
    fn take_back(&mut self, at: usize) {
        let mut after: VecDeque<Form> = self.batch.split_off(at).iter().map(Form::of).collect();
        if let Some(first) = after.front_mut() {
            first.is_open = true;
        }
        after.append(&mut self.waiting);
        self.waiting = after;
        self.state = self.setting.state.clone();
        for event in std::mem::take(&mut self.batch) {
            self.add(event);
        }
    }

    /// Takes an event into the batch.
    fn add(&mut self, event: Event) {
        let seq = Seq(self.state.count());
        self.state.take(Entry {
            seq,
            recorded_at: self.setting.now,
            event: event.clone(),
        });
        self.batch.push(event);
        self.keep();
    }

    /// The event of a form, and whether the rules accept it.
    fn made(&self, form: &Form) -> Made {
        let desk = self.desk();
        let mut fields = form.fields.clone();
        if fields.get("recorded_by").is_empty() {
            let recorder = self.setting.recorder.iter().cloned();
            fields.set("recorded_by", recorder.collect());
        }
        let read = desk.read(form.kind, &fields, &[]);
        match desk.event(form.kind, &read) {
            Err(wrong) => Made {
                event: None,
                wrong,
                refused: None,
            },
            Ok(event) => {
                let event = rules::complete(&self.state, event);
                let refused = self.allowed(&event).err();
                Made {
                    event: Some(event),
                    wrong: Vec::new(),
                    refused,
                }
            }
        }
    }

    /// Whether the rules accept an event after those of the batch.
    fn allowed(&self, event: &Event) -> Result<(), Rejection> {
        rules::admit(&self.state, event)?;
        match self.setting.case_matters {
            true => Ok(()),
            false => rules::check_spelling(&self.state, event),
        }
    }

    /// Keeps a draft.
    fn keep(&mut self) {
        let forms = self.forms();
        (self.keep)(&forms);
    }

    /// All forms: the batch, those that are open, the inner ones before those that wait for them, and the rest.
    fn forms(&self) -> Vec<Form> {
        let batch = self.batch.iter().map(Form::of);
        let open = self.open.iter().rev().cloned();
        batch.chain(open).chain(self.waiting.clone()).collect()
    }

    fn desk(&self) -> Desk<'_> {
        self.desk_over(&self.state)
    }

    fn desk_over<'s>(&self, state: &'s State) -> Desk<'s> {
        Desk {
            names: Some(Names::new(state)),
            today: self.setting.today,
            zone: self.setting.zone.clone(),
        }
    }

    /// Asks for one of several answers, and gives what it means.
    fn pick<T>(
        &mut self,
        question: &str,
        help: &str,
        answers: Vec<(Choice, T)>,
    ) -> Result<T, Stop> {
        let (choices, mut meanings): (Vec<Choice>, Vec<T>) = answers.into_iter().unzip();
        let at = self.prompt.choose(question, help, &choices)?;
        Ok(meanings.swap_remove(at))
    }
}

/// The kinds that can be recorded by hand: those without a command of their own.
fn kinds() -> impl Iterator<Item = Kind> {
    let kinds = Kind::ALL.iter().copied();
    kinds.filter(|kind| !kind.spec().is_local() && kind.spec().change != Some(Change::Redacts))
}
