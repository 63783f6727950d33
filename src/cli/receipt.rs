//! Receipts: what an append gives back, to be kept.

use super::error::CliError;
use super::session::Session;
use servanda_core::event::Event;
use servanda_core::state::State;
use servanda_core::view::sentences::Sentences;
use servanda_ledger::Receipt;
use servanda_report::report::{Cell, Document, Table};

/// A receipt, with what the event did.
pub struct Line {
    receipt: Receipt,
    event: String,
    what: String,
}

impl Line {
    /// The receipt of an event, with the sentence that says what happened.
    pub fn new(sentences: &Sentences<'_>, event: &Event, receipt: Receipt) -> Self {
        Self {
            receipt,
            event: event.kind().to_string(),
            what: sentences.of_event(event, receipt.seq),
        }
    }
}

/// Answers with the receipts of these events, what one is likely to want next, and how to take them back.
pub fn answer(
    session: &Session,
    state: &State,
    events: &[Event],
    receipts: &[Receipt],
    next: &str,
) -> Result<(), CliError> {
    let sentences = Sentences::new(state);
    let lines: Vec<Line> = receipts
        .iter()
        .zip(events)
        .map(|(receipt, event)| Line::new(&sentences, recorded(state, event, receipt), *receipt))
        .collect();
    show(session, &lines)?;
    close(session, next);
    undo(session, receipts);
    Ok(())
}

/// The event that a receipt is for: where its import key was known, the one that was recorded then.
fn recorded<'a>(state: &'a State, event: &'a Event, receipt: &Receipt) -> &'a Event {
    match state.held(receipt.seq) {
        Some(held) if receipt.known => held.recorded(),
        _ => event,
    }
}

/// Prints receipts: a few lines each for people, a table for programs.
pub fn show(session: &Session, lines: &[Line]) -> Result<(), CliError> {
    if session.for_people() {
        for line in lines {
            let verb = match (line.receipt.known, session.dry_run) {
                (true, _) => "already record",
                (false, true) => "would be record",
                (false, false) => "record",
            };
            let otherwise = match line.receipt.differs {
                true => ", which says something else",
                false => "",
            };
            session.say(&format!(
                "{verb} {}{otherwise}  {}: {}",
                line.receipt.seq, line.event, line.what
            ))?;
            if line.receipt.asserted {
                session.say(&format!(
                    "  recorded, as is asserted, {}",
                    line.receipt.recorded_at
                ))?;
            }
            if !session.dry_run {
                session.say(&format!("  link {}", line.receipt.link))?;
            }
        }
    } else {
        session.show(&document(lines, session))?;
    }
    Ok(())
}

/// The last word after receipts: what one is likely to want next, or that nothing happened.
pub fn close(session: &Session, next: &str) {
    if session.dry_run {
        session.talk("nothing was recorded: this was a dry run");
    } else {
        session.hint(&format!("next: {next}"));
    }
}

/// Names the command that takes the records of these receipts back.
fn undo(session: &Session, receipts: &[Receipt]) {
    let mut new = receipts.iter().filter(|receipt| !receipt.known);
    let Some(first) = new.next().filter(|_| !session.dry_run) else {
        return;
    };
    // What comes later may rest on what comes first.
    let last = new.next_back().unwrap_or(first).seq;
    let words = format!("record retraction {last} --reason REASON");
    let command = session.command(&words);
    session.hint(&match last == first.seq {
        true => format!("undo: {command}"),
        false => format!("undo: {command}, and so on back to record {}", first.seq),
    });
}

fn claimed_receipts(lines: &[Line]) -> Vec<String> {
    let asserted = lines.iter().any(|line| line.receipt.asserted);
    let note = "recorded_at is asserted in a backfill, and not the machine's time";
    asserted.then(|| note.to_owned()).into_iter().collect()
}

fn document(lines: &[Line], session: &Session) -> Document<'static> {
    let columns = [
        "seq",
        "event",
        "what",
        "recorded_at",
        "link",
        "known",
        "differs",
    ];
    let mut table = Table::new("receipts", "Receipts", &columns);
    for line in lines {
        // A rehearsed record is bound with another salt and time than the real one would be.
        let link = (!session.dry_run).then_some(line.receipt.link);
        table.rows.push(vec![
            Cell::Number(i64::try_from(line.receipt.seq.0).unwrap_or(i64::MAX)),
            Cell::text(&line.event),
            Cell::text(&line.what),
            Cell::text(line.receipt.recorded_at),
            Cell::maybe(link),
            Cell::Flag(line.receipt.known),
            Cell::Flag(line.receipt.differs),
        ]);
    }
    Document {
        report: "receipts",
        title: "Receipts".into(),
        tables: vec![table],
        notes: claimed_receipts(lines),
        ..Document::default()
    }
}
