//! What every form that records has in common: it carries a token of its session, and saves once, however often it is sent.

use maud::{Markup, html};

use servanda_core::event::Event;
use servanda_http::Reply;

use super::login::redirect;
use crate::access::random;
use crate::exchange::{Answered, Exchange};
use crate::problem::Problem;
use crate::submit::{Batch, submit};

/// What each form carries.
pub fn hidden(exchange: &Exchange<'_>) -> Markup {
    html! { @if let Some(session) = &exchange.session { input type="hidden" name="csrf" value=(session.csrf); } }
}

/// What makes a form that is sent twice known.
pub fn once() -> Result<String, Problem> {
    random().map_err(|error| Problem::new(503, "unavailable", error.to_string()))
}

/// Records events together, and leads to the page of the last; the same form sent twice records once.
pub fn record_once(exchange: &Exchange<'_>, reply: &mut Reply, events: Vec<Event>) -> Answered {
    let who = exchange.recorder()?;
    let csrf = exchange.csrf();
    let once = exchange.query.get("once").unwrap_or_default();
    let sessions = &exchange.context.sessions;
    if let Some(led_to) = sessions.saved(csrf, once).filter(|_| !once.is_empty()) {
        reply.send(redirect(&led_to), "recorded before\n");
        return Ok(());
    }
    let done = submit(exchange.context, who, Batch::of(events))?;
    let receipt = done.receipts.last();
    let receipt = receipt.ok_or_else(|| Problem::new(500, "failed", "nothing was recorded"))?;
    let path = format!("/records/{}", receipt.seq);
    sessions.note_saved(csrf, once, &path);
    sessions.hold(csrf, Vec::new());
    // The page says so where the address ends with this.
    reply.send(redirect(&format!("{path}#recorded")), "recorded\n");
    Ok(())
}
