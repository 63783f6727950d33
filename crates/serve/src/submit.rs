//! Events on their way into the ledger: a batch, all or none.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use servanda_core::chain::record::Head;
use servanda_core::event::{Event, Kind};
use servanda_core::ndjson::{Defaults, Line, Lines, ParsedLine, ReferenceResolver};
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::view::sentences::Sentences;
use servanda_http::{Later, Reply};
use servanda_ledger::{LedgerError, Receipt, Submission};

use crate::access::{Role, Who};
use crate::context::Context;
use crate::problem::{Problem, Wrong};

/// The most events whose answer is made in a moment.
const BRIEF: usize = 64;

/// Events that are to be recorded.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The events, as lines.
    pub lines: Vec<Line>,
    /// Whether nothing is to be recorded.
    pub dry_run: bool,
    /// The head that the ledger must have, as an entity tag without its quotes.
    pub expected: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Clone)]
pub struct Done {
    /// What became of each event.
    pub receipts: Vec<Receipt>,
    /// What each record says.
    pub said: Vec<(Option<Kind>, String)>,
    /// The head of the ledger afterwards; as it is, where nothing was recorded.
    pub head: Head,
}

/// Whom the events of somebody are recorded by, where they do not say.
fn recorder(who: &Who) -> Option<String> {
    match (&who.records_as, who.role) {
        (Some(name), _) => Some(name.clone()),
        (None, Role::Admin) => None,
        (None, _) => Some(who.name.clone()),
    }
}

impl Batch {
    /// Reads the body of a request: lines of JSON, an object, or a list of objects.
    ///
    /// # Errors
    /// All that is wrong with the lines.
    pub fn parse(body: &[u8], who: &Who) -> Result<Self, Problem> {
        let start = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let lines = match start {
            Some(b'{') if !body.iter().any(is_end) => Cow::Borrowed(body),
            Some(b'[') => {
                let list: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| {
                    Problem::bad_request(vec![Wrong {
                        message: format!("the body is no JSON list: {error}"),
                        ..Wrong::default()
                    }])
                })?;
                // A text in JSON has no line ends, so that those which there are can be spaces.
                let line = |raw: &&RawValue| raw.get().replace(['\n', '\r'], " ");
                list.iter()
                    .map(line)
                    .collect::<Vec<_>>()
                    .join("\n")
                    .into_bytes()
                    .into()
            }
            Some(b'{') if serde_json::from_slice::<&RawValue>(body).is_ok() => {
                let spaced = body
                    .iter()
                    .map(|byte| if is_end(byte) { b' ' } else { *byte });
                spaced.collect()
            }
            _ => Cow::Borrowed(body),
        };
        let defaults = Defaults {
            key: None,
            recorded_by: recorder(who),
        };
        let (mut batch, mut wrong) = (Self::default(), Vec::new());
        for line in Lines::new(&*lines, defaults) {
            match line {
                Ok(line) if matches!(line.parsed, ParsedLine::OfItsLedger) => wrong.push(Wrong {
                    event: Some(line.number - 1),
                    field: Some("event".into()),
                    message: format!(
                        "a {} is recorded on the command line, where the ledger or the key is",
                        line.kind
                    ),
                    ..Wrong::default()
                }),
                Ok(line) => batch.lines.push(line),
                Err(errors) => wrong.extend(errors.into_iter().map(Wrong::line)),
            }
        }
        match (wrong.is_empty(), batch.lines.is_empty()) {
            (false, _) => Err(Problem::events(wrong)),
            (true, true) => Err(Problem::bad_request(vec![Wrong {
                message: "the body has no event".into(),
                ..Wrong::default()
            }])),
            (true, false) => Ok(batch),
        }
    }

    /// A batch of events that are complete.
    pub fn of(events: Vec<Event>) -> Self {
        let line = |(at, event): (usize, Event)| Line {
            number: at + 1,
            kind: event.kind(),
            seq: None,
            recorded_at: None,
            parsed: ParsedLine::Event(event),
        };
        Self {
            lines: events.into_iter().enumerate().map(line).collect(),
            ..Self::default()
        }
    }

    /// Whether its events are complete without a look at the ledger.
    fn is_plain(&self) -> bool {
        let is_event = |line: &Line| {
            line.seq.is_none()
                && line.recorded_at.is_none()
                && matches!(line.parsed, ParsedLine::Event(_))
        };
        !self.dry_run && self.expected.is_none() && self.lines.iter().all(is_event)
    }

    /// Its events, where it is plain.
    ///
    /// # Errors
    /// Those that somebody wants to record in another name.
    fn plain(self, who: &Who) -> Result<Vec<Submission>, Problem> {
        let events = self.lines.into_iter().filter_map(|line| match line.parsed {
            ParsedLine::Event(event) => Some(event),
            _ => None,
        });
        let events: Vec<Event> = events.collect();
        let each = events.iter().enumerate();
        let wrong: Vec<Wrong> = each
            .filter_map(|(index, event)| forged(event, index, who))
            .collect();
        match wrong.is_empty() {
            true => Ok(events.into_iter().map(Submission::from).collect()),
            false => Err(Problem::events(wrong)),
        }
    }
}

/// The events of lines, with the records that they name, behind the last record of a state.
fn resolved(
    lines: Vec<Line>,
    state: &State,
    is_backfill: bool,
    who: &Who,
) -> Result<Vec<Submission>, Problem> {
    let (mut resolver, mut keys) = (ReferenceResolver::default(), HashMap::new());
    let (mut events, mut wrong) = (Vec::with_capacity(lines.len()), Vec::new());
    let mut next = state.count();
    for line in lines {
        let key = line.key().map(str::to_owned);
        let place = |key: &str| keys.get(key).copied().or_else(|| state.imported(key));
        let is_known = key.as_deref().is_some_and(|key| place(key).is_some());
        let recorded_at = line.recorded_at.filter(|_| is_backfill);
        // Such an event need not obey rules that came since: nobody but an admin moves a history here.
        let recorded_elsewhere = line.seq.is_some() && who.role == Role::Admin;
        let index = line.number.saturating_sub(1);
        match resolver.event(line, place, Seq(next)) {
            Ok(event) => {
                wrong.extend(forged(&event, index, who));
                events.push(Submission {
                    event,
                    recorded_at,
                    recorded_elsewhere,
                });
            }
            Err(errors) => {
                wrong.extend(errors.into_iter().map(Wrong::line));
                resolver.be_lenient();
            }
        }
        if !is_known {
            keys.extend(key.map(|key| (key, Seq(next))));
            next += 1;
        }
    }
    match wrong.is_empty() {
        true => Ok(events),
        false => Err(Problem::events(wrong)),
    }
}

/// What is wrong with an event that somebody wants to record in another name.
fn forged(event: &Event, index: usize, who: &Who) -> Option<Wrong> {
    let own = recorder(who).filter(|_| who.role != Role::Admin)?;
    let given = event.envelope.recorded_by.as_ref().map(ToString::to_string);
    (given.as_deref() != Some(&own)).then(|| Wrong {
        event: Some(index),
        ..Wrong::field(
            "recorded_by",
            format!("you record as {own}, and not in another name"),
        )
    })
}

/// Records a batch, or says what it would become.
///
/// # Errors
/// All that is wrong with it; nothing of it was recorded then.
pub fn submit(context: &Context, who: &Who, batch: Batch) -> Result<Done, Problem> {
    if batch.is_plain() {
        let receipts = context.shared.append(batch.plain(who)?)?;
        count(context, &receipts);
        return Ok(recorded(context, receipts));
    }
    let who = who.clone();
    let done = context.shared.visit(move |ledger| -> Result<_, Problem> {
        check_head(batch.expected.as_deref(), ledger.head())?;
        let events = resolved(batch.lines, ledger.state(), ledger.is_backfill(), &who)?;
        if !batch.dry_run {
            return Ok(Err(ledger.append(events)?));
        }
        let look = |state: &State, receipts: &[Receipt]| (receipts.to_vec(), said(state, receipts));
        let (receipts, said) = ledger.rehearse(events, look)?;
        let head = ledger.head();
        Ok(Ok(Done {
            receipts,
            said,
            head,
        }))
    })??;
    Ok(done.unwrap_or_else(|receipts| {
        count(context, &receipts);
        recorded(context, receipts)
    }))
}

/// As [`submit`], and keeps no thread waiting: `then` is told what became of the batch on a thread that answers.
pub fn submit_then(
    context: &Arc<Context>,
    who: &Who,
    batch: Batch,
    later: Later,
    then: impl FnOnce(&mut Reply, Result<Done, Problem>) + Send + 'static,
) {
    let (shared, who) = (Arc::clone(context), who.clone());
    if !batch.is_plain() {
        later.make_waiting(move |reply| then(reply, submit(&shared, &who, batch)));
        return;
    }
    match batch.plain(&who) {
        Err(problem) => later.make(move |reply| then(reply, Err(problem))),
        Ok(events) => {
            let is_brief = events.len() <= BRIEF && !context.shared.is_far();
            context.shared.append_then(events, move |told| {
                told.iter().for_each(|receipts| count(&shared, receipts));
                let make = move |reply: &mut Reply| {
                    let done = told.map(|receipts| recorded(&shared, receipts));
                    then(reply, done.map_err(Problem::from));
                };
                match is_brief {
                    true => later.make(make),
                    false => later.make_waiting(make),
                }
            });
        }
    }
}

/// Counts the events that became records.
fn count(context: &Context, receipts: &[Receipt]) {
    let new = receipts.iter().filter(|receipt| !receipt.known);
    context.metrics.recorded(new.count());
}

/// What became of a batch that is recorded.
fn recorded(context: &Context, receipts: Vec<Receipt>) -> Done {
    let answering = context.shared.answering();
    let said = said(answering.state(), &receipts);
    Done {
        receipts,
        said,
        head: answering.head(),
    }
}

/// Shows what the state would be after a batch, and records nothing.
///
/// # Errors
/// As [`submit`].
pub fn rehearse<T: Send + 'static>(
    context: &Context,
    events: Vec<Event>,
    look: impl FnOnce(&State, &[Receipt]) -> T + Send + 'static,
) -> Result<T, Problem> {
    let visit = context.shared.visit(move |ledger| {
        let events = events.into_iter().map(Submission::from).collect();
        let rehearsed: Result<T, LedgerError> = ledger.rehearse(events, look);
        rehearsed
    });
    Ok(visit??)
}

fn check_head(expected: Option<&str>, head: Head) -> Result<(), Problem> {
    let found = format!("{}-{}", head.count, head.link);
    match expected {
        None | Some("*") => Ok(()),
        Some(expected) if expected == found => Ok(()),
        Some(_) => {
            let message = format!("the ledger now has {head}: look at what came, and ask again");
            Err(Problem::new(412, "head-moved", message))
        }
    }
}

/// What the records of receipts say.
fn said(state: &State, receipts: &[Receipt]) -> Vec<(Option<Kind>, String)> {
    let sentences = Sentences::new(state);
    let said = receipts.iter().map(|receipt| {
        let entry = state.entry(receipt.seq);
        let sentence = entry.map_or_else(String::new, |entry| sentences.of(entry));
        (state.kind(receipt.seq), sentence)
    });
    said.collect()
}
