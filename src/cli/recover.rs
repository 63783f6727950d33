//! `recover`: copies the sound part of a damaged ledger into a new one.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser as _};

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::files::{self, Overwrite};
use super::init;
use super::session::Session;
use servanda_core::event::Entry;
use servanda_core::ndjson::entry_to_json;
use servanda_core::words::plural;
use servanda_files::{Access, Existing, Output};
use servanda_ledger::recover::{Survey, copy_beginning, survey};
use servanda_log::{Backend, Location, Log, OpenError};
use servanda_report::report::{Cell, Document, Table};

pub(super) const COMMAND: Command = Command::of::<Recover>();

/// Copy the sound part of a damaged ledger into a new one
#[derive(clap::Parser)]
#[command(
    name = "recover",
    after_help = "The new ledger holds, byte for byte, every record up to the last complete append before the first \
record that does not verify; checkpoints and proofs of that part still hold. Records behind the \
damage are not copied, because nothing ties them to the chain any more. --rest saves those that \
are readable, to be looked at and imported. The damaged ledger is not changed.

Examples:
  servanda recover --ledger damaged --into salvaged --dry-run
  servanda recover --ledger damaged --into salvaged --rest rest.ndjson"
)]
struct Recover {
    /// The new ledger: a URL, or a directory that is empty or does not exist
    #[arg(long, value_name = "DIR|URL", value_parser = OsStringValueParser::new().map(Location::new))]
    into: Location,
    /// The file for readable events behind the damage, as NDJSON
    #[arg(long, value_name = "FILE")]
    rest: Option<PathBuf>,
    #[command(flatten)]
    overwrite: Overwrite,
}

impl Run for Recover {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let into = &self.into;
        let backend = session.registry.of(into)?;
        let is_there = match backend.check_can_create(into) {
            Err(OpenError::AlreadyALedger(_)) => true,
            free => free.map(|()| false).map_err(init::cannot_create)?,
        };
        let damaged = session.open_log()?;
        let rest = self.rest.as_deref().filter(|_| !session.dry_run);
        let (found, mut loose) = look(&damaged, rest, &self.overwrite)?;
        if let Some((output, path)) = loose.as_mut().zip(rest) {
            output
                .check()
                .map_err(|error| files::cannot("write", path, error))?;
        }
        if is_there && !is_done(backend, into, &found, session)? {
            return Err(OpenError::AlreadyALedger(into.clone()).into());
        }
        if !session.dry_run && !is_there && found.sound.count > 0 {
            let unfinished = init::unfinished(into);
            let mut new = backend
                .create(into, "servanda recover")
                .map_err(init::cannot_create)?;
            copy_beginning(&damaged, found.sound, &mut new).map_err(|error| {
                CliError::refused(format!("{into}: {error}"))
                    .hint("the damaged ledger is as it was: make room, and run the command again")
            })?;
            drop(unfinished);
        }
        if let Some((output, path)) = loose.zip(rest) {
            output
                .commit()
                .map_err(|error| files::cannot("write", path, error))?;
        }
        session.show(&document(&found, session.dry_run))?;
        report(&found, session, into, self.rest.as_deref());
        Ok(if found.sound.count > 0 {
            Exit::Ok
        } else {
            Exit::Broken
        })
    }
}

/// Whether an earlier run made the new ledger, and was killed after that.
fn is_done(
    backend: &dyn Backend,
    into: &Location,
    found: &Survey,
    session: &Session,
) -> Result<bool, CliError> {
    let new = backend.open(into, session.wait, "servanda recover")?;
    Ok(found.sound.count > 0 && new.head()? == found.sound)
}

/// Examines the whole ledger, and writes the readable events behind the damage into a file that gets its name at the
/// end.
fn look(
    damaged: &impl Log,
    rest: Option<&Path>,
    overwrite: &Overwrite,
) -> Result<(Survey, Option<Output>), CliError> {
    let Some(path) = rest else {
        return Ok((survey(damaged, |_| Ok::<_, CliError>(()))?, None));
    };
    let wrong = |error: io::Error| CliError::file("write", path, &error);
    // An earlier run, which was killed, may have written the same.
    let existing = match overwrite.force {
        true => Existing::Replace,
        false => Existing::RefuseOther,
    };
    let output = Output::create(path, existing, Access::Umask)
        .map_err(|error| files::cannot("write", path, error))?;
    let mut out = BufWriter::new(output);
    let found = survey(damaged, |entry: &Entry| {
        let line = serde_json::Value::Object(entry_to_json(entry));
        writeln!(out, "{line}").map_err(wrong)
    })?;
    let output = out
        .into_inner()
        .map_err(|error| wrong(error.into_error()))?;
    Ok((found, Some(output)))
}

fn document(found: &Survey, is_dry_run: bool) -> Document<'static> {
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
    counts.push(vec![
        number(found.committed.count),
        number(found.sound.count),
        number(found.loose),
        Cell::text(found.sound.link),
    ]);
    Document {
        report: "recovered",
        title: if is_dry_run {
            "What would be recovered".into()
        } else {
            "Recovered".into()
        },
        tables: vec![gone, counts],
        ..Document::default()
    }
}

fn report(found: &Survey, session: &Session, into: &Location, rest: Option<&Path>) {
    if found.is_whole() {
        session.talk("no record is damaged: the copy is complete");
    }
    if found.sound.count == 0 {
        session.hint("the first append does not verify: no ledger was made");
    } else if session.dry_run {
        session.talk("nothing was made: this was a dry run");
    } else {
        session.hint(&format!("next: servanda verify --ledger {into}"));
    }
    if found.loose > 0 {
        let records = plural(usize::try_from(found.loose).unwrap_or(usize::MAX), "record");
        session.hint(&match rest {
            Some(path) => format!(
                "{records} behind the damage are readable, but nothing proves them: look at {} before you import it",
                path.display()
            ),
            None => format!("{records} behind the damage are readable: --rest FILE saves their events"),
        });
    }
    if !found.is_whole() {
        session.hint("keep the damaged ledger as evidence: a backup or a checkpoint kept elsewhere may show more");
        session.hint("commands that remember more records than were recovered refuse the new ledger: use --no-memory");
    }
}
