//! `export`: every event as NDJSON, or every record verbatim, alone or in a bundle.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};

use clap::{Arg, ArgAction, ArgMatches};
use serde_json::{Map, Value};

use super::bundle;
use super::command::Command;
use super::error::{CliError, Exit};
use super::questions::readable;
use super::raw::write_raw;
use super::session::{Session, written};
use servanda_core::event::{Entry, Event};
use servanda_core::ndjson::entry_to_json;
use servanda_core::value::id::{Seq, Subject};
use servanda_ledger::plural;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("export")
        .about("Write every event as NDJSON, as it was recorded")
        .arg(
            Arg::new("raw")
                .long("raw")
                .action(ArgAction::SetTrue)
                .help("Write the records verbatim, in hexadecimal, with their links and the head"),
        )
        .args(bundle::args())
        .after_help(
            "An export imported into a new ledger gives the same register. Records that were redacted are
left out, and with them what names them: their redactions, corrections and retractions, and
notes about them. A raw export is what docs/verify.py verifies without this program; a bundle
holds both, the checkpoint and a README.

Examples:
  servanda export > commission.ndjson
  servanda export --raw | python3 docs/verify.py -
  servanda export --bundle commission.tar --key log.key",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    if let Some(path) = bundle::asked(matches)? {
        return bundle::write(path, matches, session);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let outcome = if matches.get_flag("raw") {
        write_raw(&session.open_store()?, &mut out)?
    } else {
        write_events(session, &mut out)?
    };
    written(outcome.and_then(|()| out.flush()))?;
    Ok(Exit::Ok)
}

fn line(out: &mut impl Write, object: Map<String, Value>) -> io::Result<()> {
    writeln!(out, "{}", Value::Object(object))
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
        if seq.0 < ledger.state().claimed() {
            object.insert("claimed".into(), Value::Bool(true));
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
