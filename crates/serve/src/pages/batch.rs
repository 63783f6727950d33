//! Events that wait to be recorded together, all or none. They wait in the session, and the forms of those that follow see
//! the ledger as it would be after them.

use maud::{Markup, html};

use servanda_core::event::Event;
use servanda_core::state::State;
use servanda_core::view::sentences::Sentences;
use servanda_core::words::plural;
use servanda_http::Reply;
use servanda_ledger::Receipt;

use super::layout::wrongs;
use super::login::redirect;
use super::saving::{hidden, once, record_once};
use crate::access::{HELD, Needs};
use crate::exchange::{Answered, Exchange, Route};
use crate::problem::Problem;
use crate::shared::Snapshot;
use crate::submit::rehearse;
use crate::words::capital;

/// The routes.
pub const ROUTES: &[Route] = &[Route::page(
    Needs::Record,
    "POST",
    "/record",
    "Records the events that wait together, or lets them go",
    take,
)];

/// What a form is about: the ledger, and the events that wait to be recorded before the next one.
pub struct Ground {
    // It shares tables with the snapshot, so it goes first.
    after: Option<State>,
    /// The ledger as it is.
    pub snapshot: Snapshot,
    /// The events that wait.
    pub held: Vec<Event>,
}

impl Ground {
    /// What the forms of a session are about.
    ///
    /// # Errors
    /// Where the events that wait cannot be recorded any more.
    pub fn of(exchange: &Exchange<'_>) -> Result<Self, Problem> {
        let held = exchange.context.sessions.held(exchange.csrf());
        let snapshot = exchange.snapshot();
        let after = match held.is_empty() {
            true => None,
            false => {
                let look = |state: &State, _: &[Receipt]| state.clone();
                Some(rehearse(exchange.context, held.clone(), look)?)
            }
        };
        Ok(Self {
            after,
            snapshot,
            held,
        })
    }

    /// The ledger as it is, whatever waits.
    pub fn now(exchange: &Exchange<'_>) -> Self {
        Self {
            after: None,
            snapshot: exchange.snapshot(),
            held: Vec::new(),
        }
    }

    /// The ledger as it would be after the events that wait.
    pub fn state(&self) -> &State {
        self.after.as_ref().unwrap_or(self.snapshot.state())
    }
}

/// Lets an event wait, and leads to the forms of the next.
pub fn hold(exchange: &Exchange<'_>, reply: &mut Reply, event: Event) -> Answered {
    let sessions = &exchange.context.sessions;
    let mut events = sessions.held(exchange.csrf());
    events.push(event);
    rehearse(exchange.context, events.clone(), |_, _| ())?;
    if !sessions.hold(exchange.csrf(), events) {
        let message = format!("at most {HELD} events wait to be recorded together");
        return Err(Problem::new(413, "too-large", message));
    }
    reply.send(redirect("/record"), "it waits\n");
    Ok(())
}

/// The events that wait, and what can be done with them.
pub fn waiting(exchange: &Exchange<'_>, snapshot: &Snapshot) -> Markup {
    let held = exchange.context.sessions.held(exchange.csrf());
    let Some(once) = once().ok().filter(|_| !held.is_empty()) else {
        return html! {};
    };
    let count = plural(held.len(), "event");
    let look = |state: &State, receipts: &[Receipt]| -> Vec<String> {
        let sentences = Sentences::new(state);
        let entries = receipts
            .iter()
            .filter_map(|receipt| state.entry(receipt.seq));
        entries.map(|entry| sentences.of(entry)).collect()
    };
    let said = rehearse(exchange.context, held, look);
    html! {
        aside.notes.held aria-label="What waits" {
            h2 { (count) " to be recorded together" }
            @match &said {
                Ok(said) => ol { @for sentence in said { li dir="auto" { (capital(sentence)) "." } } },
                Err(problem) => {
                    p.wrong role="alert" { "They cannot be recorded any more: " (problem.message) "." }
                    (wrongs(&problem.errors))
                }
            }
            form method="post" action="/record" {
                (hidden(exchange))
                input type="hidden" name="once" value=(once);
                p.buttons {
                    @if said.is_ok() { button name="step" value="save" { "Record them" } " " }
                    button.second name="step" value="drop" { "Let them go" } " "
                    span.quiet { "After record " (snapshot.head().count.saturating_sub(1)) "; all or none." }
                }
            }
        }
    }
}

fn take(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let sessions = &exchange.context.sessions;
    if exchange.query.get("step") == Some("drop") {
        sessions.hold(exchange.csrf(), Vec::new());
        reply.send(redirect("/record"), "gone\n");
        return Ok(());
    }
    let held = sessions.held(exchange.csrf());
    let once = exchange.query.get("once").unwrap_or_default();
    if held.is_empty() && sessions.saved(exchange.csrf(), once).is_none() {
        reply.send(redirect("/record"), "nothing waits\n");
        return Ok(());
    }
    record_once(exchange, reply, held)
}
