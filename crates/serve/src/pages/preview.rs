//! What an event would do, before it is recorded: the sentence, and what it changes.

use maud::{Markup, html};

use servanda_core::event::Event;
use servanda_core::rules::Known as _;
use servanda_core::state::{EntityKind, State};
use servanda_core::value::id::{AgreementId, CommitmentId, Slug};
use servanda_core::view::View;
use servanda_core::view::sentences::Sentences;
use servanda_ledger::Receipt;

use super::batch::Ground;
use super::tables::path_of;
use crate::context::Context;
use crate::problem::Problem;
use crate::submit::rehearse;
use crate::words::spaced;

/// What an event would do.
pub struct Preview {
    /// What it would say.
    sentence: String,
    /// Whether its import key is known, so that nothing would be recorded.
    is_known: bool,
    /// What it would change: of what, which fact, before and after.
    changes: Vec<(Slug, EntityKind, &'static str, String, String)>,
}

/// A fact about something, by its name.
type Fact = (&'static str, String);

/// The facts of something that events change.
fn facts(state: &State, id: &Slug, kind: EntityKind) -> Vec<Fact> {
    let view = View::whole(state);
    match kind {
        EntityKind::Commitment => {
            let id = CommitmentId(id.clone());
            let Some(commitment) = view.commitment(&id) else {
                return Vec::new();
            };
            let parties = |parties: Vec<&servanda_core::value::id::PartyId>| {
                let names = parties.into_iter().map(|party| party.as_str().to_owned());
                names.collect::<Vec<_>>().join(", ")
            };
            let deadline = commitment.terms.deadline.as_ref().map(ToString::to_string);
            vec![
                ("standing", commitment.standing.to_string()),
                ("contest", commitment.contest.to_string()),
                ("deadline", deadline.unwrap_or_default()),
                ("text", commitment.terms.text.to_string()),
                ("debtors", parties(commitment.debtors())),
                ("creditors", parties(commitment.creditors())),
                ("assessments", commitment.assessments.len().to_string()),
            ]
        }
        EntityKind::Agreement => {
            let agreement = view.agreement(&AgreementId(id.clone()));
            agreement.map_or_else(Vec::new, |agreement| {
                vec![
                    ("status", agreement.status.to_string()),
                    ("title", agreement.fact.title.to_string()),
                    ("actions", agreement.participation.len().to_string()),
                ]
            })
        }
        EntityKind::Party => {
            let names = Sentences::new(state).names(&servanda_core::value::id::PartyId(id.clone()));
            vec![("name", names.into_iter().next().unwrap_or_default())]
        }
        EntityKind::Source | EntityKind::Recorder => Vec::new(),
    }
}

/// What an event is about: what it names, and for one about a record what that is about.
fn concerned(state: &State, event: &Event) -> Vec<(Slug, EntityKind)> {
    let mut found = Vec::new();
    let mut add = |event: &Event| {
        let named = event.fact.references().into_iter().map(|(_, named)| named);
        for named in named.chain(event.defines()) {
            if let Some(id) = named.slug()
                && let Some((kind, _)) = state.entity(id)
                && !found.contains(&(id.clone(), kind))
            {
                found.push((id.clone(), kind));
            }
        }
    };
    add(event);
    if let Some(entry) = event.target().and_then(|seq| state.entry(seq)) {
        add(&entry.event);
    }
    found
}

/// Rehearses an event behind those that wait to be recorded with it.
///
/// # Errors
/// What the rules refuse.
pub fn preview(context: &Context, ground: &Ground, event: &Event) -> Result<Preview, Problem> {
    let concerned = concerned(ground.state(), event);
    let before: Vec<_> = concerned
        .into_iter()
        .map(|(id, kind)| (facts(ground.state(), &id, kind), id, kind))
        .collect();
    let mut events = ground.held.clone();
    events.push(event.clone());
    rehearse(
        context,
        events,
        move |state: &State, receipts: &[Receipt]| {
            let last = receipts.last();
            let seq = last.map(|receipt| receipt.seq);
            let entry = seq.and_then(|seq| state.entry(seq));
            let sentence = entry.map(|entry| Sentences::new(state).of(entry));
            let mut changes = Vec::new();
            for (before, id, kind) in before {
                let after = facts(state, &id, kind);
                let pairs = before.into_iter().zip(after);
                let changed = pairs.filter(|((_, before), (_, after))| before != after);
                changes.extend(
                    changed.map(|((name, before), (_, after))| {
                        (id.clone(), kind, name, before, after)
                    }),
                );
            }
            Preview {
                sentence: sentence.unwrap_or_default(),
                is_known: last.is_some_and(|receipt| receipt.known),
                changes,
            }
        },
    )
}

impl Preview {
    /// As part of a page.
    pub fn shown(&self, said: &[String]) -> Markup {
        html! {
            p.lead { (self.sentence) "." }
            @if self.is_known { p.attention { "Its import key is known: nothing would be recorded." } }
            @if !said.is_empty() {
                h2 { "What was understood" }
                ul { @for line in said { li { (line) } } }
            }
            h2 { "What changes" }
            @if self.changes.is_empty() { p { "Nothing that is recorded already: this adds to it." } }
            @else {
                div.scroll role="region" aria-label="What changes" tabindex="0" {
                    table {
                        thead { tr { th scope="col" { "of" } th scope="col" { "what" } th scope="col" { "before" } th scope="col" { "after" } } }
                        tbody {
                            @for (id, kind, name, before, after) in &self.changes {
                                tr {
                                    th scope="row" { a href=(path_of(*kind, id)) { (id) } }
                                    td { (spaced(name)) }
                                    td { (if before.is_empty() { "–" } else { before }) }
                                    td { b { (if after.is_empty() { "–" } else { after }) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
