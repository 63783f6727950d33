//! Asking for events on a terminal: what is missing, by choices where there are any, until one event or several make a
//! batch. The questions come from the declarations of the events, and what may be answered from the rules.
//!
//! Nothing here records. What was answered is kept in a draft after every answer.

mod field;
mod form;
mod moves;
mod preview;

pub use self::moves::capacity;

use chrono::NaiveDate;

use servanda_core::event::{Entry, Event, Fields, Kind};
use servanda_core::rules;
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_core::words::plural;

use super::names::Names;
use super::reading::Desk;

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Ctrl-C, with the text that had been typed.
    Interrupted(String),
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

/// What a text is asked by.
pub struct Asked<'a> {
    /// The question.
    pub question: &'a str,
    /// A line below it.
    pub help: &'a str,
    /// What stands there already.
    pub initial: &'a str,
    /// What an empty answer means.
    pub default: Option<&'a str>,
    /// What is wrong with an answer, if anything is.
    pub check: &'a dyn Fn(&str) -> Result<(), String>,
}

/// A terminal, or what stands for one.
pub trait Prompt {
    /// Writes lines.
    fn say(&mut self, text: &str);
    /// Asks for one of several answers, and gives its place.
    fn choose(&mut self, question: &str, help: &str, choices: &[Choice]) -> Result<usize, Stop>;
    /// Asks for a text.
    fn text(&mut self, asked: &Asked<'_>) -> Result<String, Stop>;
}

/// An event that is not complete yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its kind.
    pub kind: Kind,
    /// The texts of its fields.
    pub fields: Fields,
}

/// What a person who is asked works on.
pub struct Desktop<'a> {
    prompt: &'a mut dyn Prompt,
    /// What the ledger holds, with the events of the batch.
    state: State,
    today: NaiveDate,
    zone: String,
    now: Instant,
    /// The events to record together.
    batch: Vec<Event>,
    /// The events that are being asked for, the innermost last.
    open: Vec<Form>,
    /// Keeps a draft of the batch and the forms.
    keep: &'a mut dyn FnMut(&[Event], &[Form]),
}

/// How a form was left.
enum Left {
    /// To record the batch now.
    Record,
    /// To add another event to the batch.
    More,
    /// Without its event.
    Dropped,
}

impl<'a> Desktop<'a> {
    /// A desktop over the state of a ledger.
    pub fn new(
        prompt: &'a mut dyn Prompt,
        state: State,
        (today, zone): (NaiveDate, String),
        now: Instant,
        keep: &'a mut dyn FnMut(&[Event], &[Form]),
    ) -> Self {
        Self {
            prompt,
            state,
            today,
            zone,
            now,
            batch: Vec::new(),
            open: Vec::new(),
            keep,
        }
    }

    /// Asks until there is a batch to record. It is empty where the user wants none. The forms that come first are gone
    /// on with.
    ///
    /// # Errors
    /// [`Stop::Interrupted`] and [`Stop::Failed`]; the draft has what was answered.
    pub fn run(mut self, forms: Vec<Form>) -> Result<Vec<Event>, Stop> {
        let ended = self.ask(forms);
        if let Err(Stop::Interrupted(typed)) = &ended {
            self.note_typed(typed.clone());
        }
        ended.map(|()| self.batch)
    }

    fn ask(&mut self, forms: Vec<Form>) -> Result<(), Stop> {
        for form in forms {
            // Events of a draft that are complete are in the batch again.
            if let Some(event) = self.accepted(&form) {
                self.add(event);
                continue;
            }
            if let Left::Record = self.event(form, false)? {
                return Ok(());
            }
        }
        loop {
            let Some(kind) = self.kind()? else {
                return Ok(());
            };
            let form = Form {
                kind,
                fields: Fields::default(),
            };
            if let Left::Record = self.event(form, false)? {
                return Ok(());
            }
        }
    }

    /// The kind of the next event; none where the batch is complete.
    fn kind(&mut self) -> Result<Option<Kind>, Stop> {
        let kinds: Vec<Kind> = kinds().collect();
        let mut choices: Vec<Choice> = kinds
            .iter()
            .map(|kind| {
                let about = kind.spec().about().lines().next().unwrap_or_default();
                Choice::new(format!("{kind}: {about}"))
            })
            .collect();
        let count = self.batch.len();
        if count > 0 {
            let record = format!("record the {} now", plural(count, "event"));
            choices.insert(0, Choice::always(record));
        }
        let question = match count {
            0 => "What happened?",
            _ => "What else happened?",
        };
        match self.prompt.choose(question, SEARCH, &choices) {
            Ok(0) if count > 0 => Ok(None),
            Ok(at) => Ok(Some(kinds[at - usize::from(count > 0)])),
            // There is nothing to go back to.
            Err(Stop::Back) if count == 0 => Ok(None),
            Err(Stop::Back) => self.kind(),
            Err(stop) => Err(stop),
        }
    }

    /// Takes an event into the batch.
    fn add(&mut self, event: Event) {
        let seq = Seq(self.state.count());
        self.state.take(Entry {
            seq,
            recorded_at: self.now,
            event: event.clone(),
        });
        self.batch.push(event);
        self.keep();
    }

    /// The event of a form, where it is complete and the rules accept it.
    fn accepted(&self, form: &Form) -> Option<Event> {
        let desk = self.desk();
        let read = desk.read(form.kind, &form.fields, &[]);
        let event = desk.event(form.kind, &read).ok()?;
        let event = rules::complete(&self.state, event);
        rules::check(&self.state, &event).ok()?;
        Some(event)
    }

    fn keep(&mut self) {
        (self.keep)(&self.batch, &self.open);
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            names: Some(Names::new(&self.state)),
            today: self.today,
            zone: self.zone.clone(),
        }
    }
}

/// What is said below a list.
const SEARCH: &str =
    "type to search, Enter to choose, Esc to go back, Ctrl-C to stop and keep a draft";

/// The kinds that can be recorded by hand: those without a command of their own.
pub fn kinds() -> impl Iterator<Item = Kind> {
    let own = [Kind::LedgerOpened, Kind::Redacted];
    Kind::ALL
        .iter()
        .copied()
        .filter(move |kind| !own.contains(kind))
}
