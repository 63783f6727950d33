//! `recover`: what still verifies of a damaged ledger, into a new one.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Arg, ArgMatches, value_parser};

use super::command::Command;
use super::error::{CliError, Exit};
use super::init;
use super::session::Session;
use servanda_core::event::Entry;
use servanda_core::ndjson::entry_to_json;
use servanda_ledger::plural;
use servanda_ledger::recover::{Survey, copy_beginning, survey};
use servanda_log::{Location, Log};
use servanda_report::report::{Cell, Document, Table};

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("recover")
        .about("Salvage what verifies of a damaged ledger into a new one")
        .arg(
            Arg::new("into")
                .long("into")
                .value_name("DIR|URL")
                .required(true)
                .value_parser(OsStringValueParser::new().map(Location::new))
                .help("The new ledger: a URL, or a directory that does not exist or is empty"),
        )
        .arg(
            Arg::new("rest")
                .long("rest")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Where events behind the damage go that are whole, as NDJSON"),
        )
        .after_help(
            "The new ledger holds, byte for byte, every record up to the last whole append before the first
one that does not verify: checkpoints and proofs of that part go on holding. Nothing ties what lies
behind the damage to it any more, so that is not taken over; --rest keeps what is whole of it, to be
looked at and imported. The damaged ledger is left as it is.

Examples:
  servanda recover --ledger damaged --into salvaged --dry-run
  servanda recover --ledger damaged --into salvaged --rest rest.ndjson",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let given = |name: &str| matches.get_one::<PathBuf>(name).map(PathBuf::as_path);
    let into = matches
        .get_one::<Location>("into")
        .ok_or_else(|| CliError::new(Exit::Usage, "into which directory?"))?;
    let backend = session.registry.of(into)?;
    backend
        .check_can_create(into)
        .map_err(init::cannot_create)?;
    let damaged = session.open_store()?;
    let rest = given("rest").filter(|_| !session.dry_run);
    let found = look(&damaged, rest)?;
    if !session.dry_run && found.sound.count > 0 {
        let new = backend.create(into, "servanda recover");
        let mut new = new.map_err(init::cannot_create)?;
        copy_beginning(&damaged, found.sound, &mut new).map_err(|error| {
            CliError::refused(format!("{into}: {error}"))
                .hint(format!("remove {into} and try again"))
        })?;
    }
    session.show(&document(&found, session.dry_run))?;
    tell(&found, session, into, given("rest"));
    Ok(if found.sound.count > 0 {
        Exit::Ok
    } else {
        Exit::Broken
    })
}

/// Looks at all of the ledger, and writes what is loose where that was asked.
fn look(damaged: &impl Log, rest: Option<&Path>) -> Result<Survey, CliError> {
    let Some(path) = rest else {
        return survey(damaged, |_| Ok(()));
    };
    let wrong = |error| CliError::file("write", path, &error);
    let mut out = BufWriter::new(File::create_new(path).map_err(wrong)?);
    let found = survey(damaged, |entry: &Entry| {
        let line = serde_json::Value::Object(entry_to_json(entry));
        writeln!(out, "{line}").map_err(wrong)
    })?;
    out.flush().map_err(wrong)?;
    Ok(found)
}

fn document(found: &Survey, is_rehearsal: bool) -> Document {
    let number = |count: u64| Cell::Number(i64::try_from(count).unwrap_or(i64::MAX));
    let mut gone = Table::new("gone", "Gone", &["first", "last", "why"]).or("nothing");
    gone.rows = found
        .gone
        .iter()
        .map(|range| {
            vec![
                number(range.first),
                number(range.last),
                Cell::text(&range.why),
            ]
        })
        .collect();
    let columns = &["acknowledged", "recovered", "loose", "link"];
    let mut counts = Table::new("counts", "Records", columns);
    counts.rows = vec![vec![
        number(found.acknowledged.count),
        number(found.sound.count),
        number(found.loose),
        Cell::text(found.sound.link),
    ]];
    Document {
        report: "recovered",
        title: if is_rehearsal {
            "What would be recovered".into()
        } else {
            "Recovered".into()
        },
        tables: vec![gone, counts],
        ..Document::default()
    }
}

fn tell(found: &Survey, session: &Session, into: &Location, rest: Option<&Path>) {
    if found.is_whole() {
        session.talk("nothing is damaged: the copy is whole");
    }
    if found.sound.count == 0 {
        session.hint("not even the first append verifies: no ledger was made");
    } else if session.dry_run {
        session.talk("nothing was made: this was a dry run");
    } else {
        session.hint(&format!("next: servanda verify --ledger {into}"));
    }
    if found.loose > 0 {
        let records = plural(usize::try_from(found.loose).unwrap_or(usize::MAX), "record");
        session.hint(&match rest {
            Some(path) => format!(
                "{records} behind the damage are whole, and prove nothing by themselves: look at {} before it is imported",
                path.display()
            ),
            None => format!("{records} behind the damage are whole: --rest FILE keeps their events"),
        });
    }
    if !found.is_whole() {
        session.hint("keep the damaged ledger as evidence: a backup, or a checkpoint kept elsewhere, may tell more");
        session.hint("commands that remember more of this ledger than was recovered will say so: --no-memory");
    }
}
