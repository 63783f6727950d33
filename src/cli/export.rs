//! `export`: every event as NDJSON, or every record verbatim, alone or in a bundle.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};

use serde_json::{Map, Value};

use super::bundle::Bundle;
use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::questions::readable;
use super::raw::write_raw;
use super::session::{Session, written};
use servanda_core::event::{Entry, Event};
use servanda_core::ndjson::entry_to_json;
use servanda_core::value::id::{Seq, Subject};
use servanda_core::words::{harmless_json, plural};

pub(super) const COMMAND: Command = Command::of::<Export>();

/// Write every event as NDJSON, as it was recorded
#[derive(clap::Parser)]
#[command(
    name = "export",
    after_help = "An export that is imported into a new ledger gives the same state. Redacted records are left out, \
and so are the events about them: redactions, corrections, retractions and notes. A raw export is \
for docs/verify.py, which verifies it without this program; a bundle holds both, the checkpoint \
and a README.

Examples:
  servanda export > commission.ndjson
  servanda export --raw | python3 docs/verify.py -
  servanda export --bundle commission.tar --key log.key"
)]
struct Export {
    /// Write the records verbatim, in hexadecimal, with their links and the head
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    bundle: Bundle,
}

impl Run for Export {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        self.bundle.check()?;
        if let Some(path) = &self.bundle.bundle {
            return self.bundle.write(path, session);
        }
        let mut out = BufWriter::new(io::stdout().lock());
        let outcome = if self.raw {
            write_raw(&session.open_log()?, &mut out)?
        } else {
            write_events(session, &mut out)?
        };
        written(outcome.and_then(|()| out.flush()))?;
        Ok(Exit::Ok)
    }
}

/// Writes a line of NDJSON.
pub fn line(out: &mut impl Write, object: Map<String, Value>) -> io::Result<()> {
    writeln!(out, "{}", harmless_json(&Value::Object(object).to_string()))
}

fn write_events(session: &Session, out: &mut impl Write) -> Result<io::Result<()>, CliError> {
    let ledger = session.open()?;
    let mut left_out = BTreeSet::new();
    for (seq, held) in (0..).map(Seq).zip(ledger.state().records()) {
        readable(ledger.state())?;
        let standing = held.as_ref().filter(|held| held.redacted.is_none());
        // No line could stand for the record that they name, so no import would take them.
        let Some(held) = standing.filter(|held| !names(held.recorded(), &left_out)) else {
            left_out.insert(seq);
            continue;
        };
        let recorded = Entry {
            event: held.recorded().clone(),
            ..held.entry.clone()
        };
        let mut object = entry_to_json(&recorded);
        if seq.0 < ledger.state().asserted() {
            object.insert("asserted".into(), Value::Bool(true));
        }
        if let Err(error) = line(out, object) {
            return Ok(Err(error));
        }
    }
    if !left_out.is_empty() {
        let records = plural(left_out.len(), "record");
        session.talk(&format!(
            "{records} left out: redacted, or about what is redacted"
        ));
    }
    Ok(Ok(()))
}

/// Whether an event names one of these records.
fn names(event: &Event, records: &BTreeSet<Seq>) -> bool {
    let mut named = event.references().into_iter();
    named.any(|(_, reference)| match reference.subject() {
        Subject::Record(seq) => records.contains(&seq),
        Subject::Entity(_) => false,
    })
}
