//! The events of tables on their way into the ledger, all or none, and what the ledger refuses of them.

use std::io::{self, BufWriter, Write as _};

use super::findings::Findings;
use super::shared::listed;
use super::tables::{LeftOut, Tables};
use crate::cli::error::{CliError, Exit};
use crate::cli::export::line;
use crate::cli::feed::why;
use crate::cli::interrupt::Interrupt;
use crate::cli::session::{OpenLedger, Session, written};
use crate::intake::rules::Rules;
use servanda_core::event::Fields;
use servanda_core::ndjson::{self, Line, ParsedLine, ReferenceResolver};
use servanda_core::value::when::Instant;
use servanda_ledger::{Given, LedgerError, Placed, Refusal, StreamError, Submission};

/// What became of the events.
pub(super) enum Appended {
    /// All of them are in the ledger.
    Done(Placed),
    /// None is, because the ledger refuses some.
    Refused(Refused),
    /// None is, because other writers were first. What they appended is in the ledger by now.
    Outrun(LedgerError),
}

/// What the ledger refuses.
pub(super) struct Refused {
    listed: Vec<Refusal>,
    /// How many are refused, with those that only rest on a refused one.
    all: String,
}

/// Appends the events, all or none. Those that break a rule about the world are marked as irregular if the rules give a
/// reason. Lines that need no ledger are taken out of the findings.
pub(super) fn append(
    session: &Session,
    ledger: &mut OpenLedger,
    found: &mut Findings,
    rules: &Rules,
    recorded_at: Option<Instant>,
    interrupt: &Interrupt,
) -> Result<Appended, CliError> {
    let states_times = found
        .events
        .iter()
        .any(|from| from.event.line.recorded_at.is_some());
    let is_backfill = ledger.is_backfill();
    if states_times && !is_backfill && recorded_at.is_none() {
        session.hint(
            "the table states when its rows were recorded; only a ledger made with `init --backfill` takes these times",
        );
    }
    let mut resolver = ReferenceResolver::default();
    let mut events = found.events.iter_mut().enumerate();
    let names = &found.names;
    let appended = session.append_stream(ledger, |present| {
        if interrupt.is_set() {
            let message = "interrupted; nothing was appended";
            return Err(CliError::new(Exit::Interrupted, message));
        }
        let Some((place, from)) = events.next() else {
            return Ok(None);
        };
        let event = &mut from.event;
        let number = event.line.number;
        let stated = event.line.recorded_at.filter(|_| is_backfill);
        let line = Line {
            parsed: match &event.line.parsed {
                ParsedLine::Fields(fields) => ParsedLine::Fields(fields.clone()),
                _ => std::mem::replace(&mut event.line.parsed, ParsedLine::OfItsLedger),
            },
            ..*event.line
        };
        let keyed = |key: &str| present.keyed(key);
        let made = resolver
            .event(line, keyed, present.next())
            .map_err(|errors| {
                let wrong = errors.iter().map(|error| {
                    let field = error.field.as_deref().unwrap_or_default();
                    format!("{}:{number}: {field}: {}", names[from.table], error.message)
                });
                listed("nothing was appended".to_owned(), wrong.collect())
            })?;
        let rule = event.rule.and_then(|rule| rules.events.get(rule));
        Ok(Some(Given {
            place,
            submission: Submission {
                event: made,
                recorded_at: stated.or(recorded_at),
                recorded_elsewhere: false,
            },
            if_irregular: rule.and_then(|rule| rule.if_irregular.clone()),
        }))
    });
    match appended {
        Ok(placed) => Ok(Appended::Done(placed)),
        Err(StreamError::Source(error)) => Err(error),
        Err(StreamError::Ledger(error)) => not_appended(error, found),
    }
}

fn not_appended(error: LedgerError, found: &Findings) -> Result<Appended, CliError> {
    match &error {
        LedgerError::Refused { .. } => Ok(Appended::Refused(Refused::new(error))),
        LedgerError::AssertedTime { index, source } => {
            let mut told = CliError::asserted_time(*source);
            let from = &found.events[*index];
            told.message = format!(
                "{}:{}: {}",
                found.names[from.table], from.event.place.line, told.message
            );
            Err(told)
        }
        LedgerError::HeadMoved(_) => Ok(Appended::Outrun(error)),
        _ => Err(error.into()),
    }
}

impl Refused {
    fn new(error: LedgerError) -> Self {
        Self {
            all: error.to_string(),
            listed: match error {
                LedgerError::Refused { listed, .. } => listed,
                _ => Vec::new(),
            },
        }
    }

    /// The error of the command.
    pub fn error(&self, found: &Findings) -> CliError {
        let remarks: Vec<_> = self
            .listed
            .iter()
            .map(|refusal| found.refused(refusal.index, &refusal.rejection, why(refusal)))
            .collect();
        let waivable = self
            .listed
            .iter()
            .any(|refusal| refusal.rejection.rule.is_waivable());
        let error = listed(
            format!("{}; nothing was appended", self.all),
            found.grouped(&remarks),
        )
        .hint("change the rules or the table, or leave these rows out with --skip-bad FILE");
        match waivable {
            true => error.hint(
                "an event that breaks a rule about the world is recorded with `if_irregular = \"REASON\"` in its rule",
            ),
            false => error,
        }
    }

    /// Leaves out the rows that gave refused events. Says whether the import can be tried again without them.
    pub fn leave_out(&self, found: &Findings, tables: &Tables<'_>, left_out: &mut LeftOut) -> bool {
        // What was found is numbered as it was then.
        let before = left_out.clone();
        for refusal in &self.listed {
            let from = &found.events[refusal.index];
            if from.event.rule.is_none() {
                return false;
            }
            let told = found.refused(
                refusal.index,
                &refusal.rejection,
                refusal.rejection.to_string(),
            );
            for row in tables.rows_behind(found, refusal.index, &before) {
                let mut remark = told.remark.clone();
                let lines = tables.all[from.table].table.rows[row].lines;
                (remark.place.line, remark.place.last) = lines;
                tables.leave_out(from.table, row, &remark, left_out);
            }
        }
        !self.listed.is_empty()
    }
}

/// Prints the events of a dry run as lines of NDJSON that can be imported. References by import key stay references by
/// import key.
pub(super) fn print(
    ledger: &OpenLedger,
    placed: &Placed,
    found: &Findings,
) -> Result<(), CliError> {
    let none = Fields::default();
    let mut out = BufWriter::new(io::stdout().lock());
    for (receipt, from) in ledger.receipts(placed).zip(&found.events) {
        let (receipt, event) = receipt?;
        let given = &from.event.line;
        let mut object = ndjson::event_to_json(&event);
        let fields = match &given.parsed {
            ParsedLine::Fields(fields) => fields,
            _ => &none,
        };
        for spec in given.kind.fields().filter(|spec| spec.may_name_records()) {
            match fields.get(spec.name) {
                [text] if text.starts_with('@') => {
                    _ = object.insert(spec.name.into(), text.clone().into());
                }
                texts if texts.iter().any(|text| text.starts_with('@')) => {
                    object.insert(spec.name.into(), texts.into());
                }
                _ => {}
            }
        }
        if receipt.asserted {
            object.insert("recorded_at".into(), receipt.recorded_at.to_string().into());
        }
        if let Err(error) = line(&mut out, object) {
            return written(Err(error));
        }
    }
    written(out.flush())
}
