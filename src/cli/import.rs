//! `import`: appends every event of an NDJSON file, all or none.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Arg, ArgMatches, value_parser};

use super::command::Command;
use super::error::{CliError, Exit};
use super::feed::{self, Ahead, Fed, Feed};
use super::interrupt::Interrupt;
use super::progress::Intake;
use super::session::{AGAIN, OpenLedger, Session};
use super::{files, import_table, receipt, record};
use servanda_core::ndjson::{Defaults, Lines};
use servanda_core::value::when::Instant;
use servanda_core::view::sentences::Sentences;
use servanda_core::words::plural;
use servanda_ledger::{LedgerError, StreamError};

pub(super) const COMMAND: Command = Command { build, run };

/// Most receipts that are printed for people; programs get all.
const RECEIPTS: usize = 20;

fn build() -> clap::Command {
    clap::Command::new("import")
        .about("Append every event of an NDJSON file, or of tables, all or none")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help("One JSON object a line, as `export` writes them; - for standard input"),
        )
        .arg(Arg::new("key").long("key").value_name("NAME").help(
            "Give each line without an import_key the key NAME:LINE, so that importing the file again appends nothing",
        ))
        .arg(
            record::recorded_at_arg().help("Assert that each line without a recorded_at was recorded then; only in a ledger made with `init --backfill`")
        )
        .arg(
            Arg::new("recorded_by")
                .long("recorded-by")
                .value_name("TEXT")
                .env("SERVANDA_RECORDER")
                .hide_env_values(true)
                .help("Who records them, where a line does not say"),
        )
        .args(import_table::args())
        .after_help(
            "An event whose import_key is in the ledger already is not appended again, so a file can be \
imported again, whole or grown, after whatever happened. A line `\"event\":\"ledger\"` is passed \
over. Where lines have `seq`, as an export has, records that lines name by number are found by it; \
and \"@KEY\" names the record with that import key.

A ledger made with `init --backfill` takes the `recorded_at` of each line as asserted, as long as \
they never decrease; elsewhere it is passed over.

Examples:
  servanda import minutes.ndjson --key minutes-2023
  servanda import minutes.ndjson --dry-run
  servanda export --ledger old | servanda import - --ledger new",
        )
}

/// What files need that are tables.
const TABLES: &str = "tables need --rules FILE; --suggest guesses rules to start from";

/// Bytes of the file that are read at once.
const BUFFER: usize = 256 * 1024;

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    if let Some(rules) = matches.get_one::<PathBuf>("rules") {
        return import_table::run(matches, rules, session);
    }
    let mut paths = matches.get_many::<PathBuf>("file").into_iter().flatten();
    let (Some(path), None) = (paths.next(), paths.next()) else {
        return Err(CliError::new(Exit::Usage, "one file at a time, but for tables").hint(TABLES));
    };
    if matches.get_flag("suggest") {
        return import_table::suggest(path, session);
    }
    let name = files::input_name(path);
    let input = files::input(path)?;
    let mut ledger = session.open()?;
    let mut input = Input::new(path, input, ledger.log().is_shared())?;
    let interrupt = Interrupt::noted();
    let feeding = Feeding {
        session,
        matches,
        path,
        name: &name,
        interrupt,
    };
    let mut fed = feeding.feed(&mut ledger, input.next()?);
    // Another writer was first: what it appended is in the ledger by now.
    for _ in 0..AGAIN {
        let has_moved = matches!(fed, Err(StreamError::Ledger(LedgerError::HeadMoved(_))));
        if !has_moved {
            break;
        }
        fed = feeding.feed(&mut ledger, input.next()?);
    }
    let fed = fed.map_err(|error| {
        let error = feed::refused(error, &name);
        match import_table::is_table(path) {
            true => error.hint(TABLES),
            false => error,
        }
    })?;
    if fed.lines == 0 {
        return Err(CliError::refused(format!("{name} holds no events")));
    }
    tell(session, &ledger, &fed, &name)?;
    Ok(Exit::Ok)
}

/// What is imported, for as many attempts as it takes.
struct Input<'a> {
    path: &'a Path,
    /// The input as it was opened, until it is read.
    first: Option<Box<dyn Read + Send>>,
    /// A copy of what can be read only once, such as standard input.
    copy: Option<Arc<File>>,
}

impl<'a> Input<'a> {
    /// The input that was opened at this path. It is read to its end before anything is appended where others may append
    /// meanwhile and it cannot be read again.
    fn new(
        path: &'a Path,
        mut first: Box<dyn Read + Send>,
        is_shared: bool,
    ) -> Result<Self, CliError> {
        let copy = match is_shared && !path.is_file() {
            true => Some(copied(&mut first).map_err(|error| not_copied(path, &error))?),
            false => None,
        };
        Ok(Self {
            path,
            first: copy.is_none().then_some(first),
            copy,
        })
    }

    /// The input from its start.
    fn next(&mut self) -> Result<Box<dyn Read + Send>, CliError> {
        if let Some(copy) = &self.copy {
            let file = Arc::clone(copy);
            return Ok(Box::new(FromStart { file, at: 0 }));
        }
        self.first
            .take()
            .map_or_else(|| files::input(self.path), Ok)
    }
}

/// Reads a file at a place of its own: the thread that read ahead for the last attempt may still be reading.
struct FromStart {
    file: Arc<File>,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn copied(input: &mut dyn Read) -> io::Result<Arc<File>> {
    let mut copy = tempfile::tempfile()?;
    io::copy(input, &mut copy)?;
    Ok(Arc::new(copy))
}

fn not_copied(path: &Path, error: &io::Error) -> CliError {
    let name = files::input_name(path);
    let message = format!("cannot copy {name} into the scratch directory: {error}");
    CliError::refused(message).hint("import a file, which can be read again")
}

/// What is read, and how.
struct Feeding<'a> {
    session: &'a Session,
    matches: &'a ArgMatches,
    path: &'a Path,
    name: &'a str,
    interrupt: Interrupt,
}

impl Feeding<'_> {
    /// Appends the events of the input, all or none.
    fn feed(
        &self,
        ledger: &mut OpenLedger,
        input: Box<dyn Read + Send>,
    ) -> Result<Fed, StreamError<CliError>> {
        let text = |name| self.matches.get_one::<String>(name).cloned();
        let defaults = Defaults {
            key: text("key"),
            recorded_by: text("recorded_by"),
        };
        let shows_progress = self.session.shows_progress();
        let (progress, input) = Intake::of(shows_progress, input, length(self.path));
        let lines = Lines::new(BufReader::with_capacity(BUFFER, input), defaults);
        let lines = Ahead::new(lines, &self.interrupt).map_err(StreamError::Source)?;
        let feed = Feed {
            name: self.name,
            recorded_at: self.matches.get_one::<Instant>("recorded_at").copied(),
            progress,
            interrupt: self.interrupt.clone(),
        };
        feed.append(self.session, ledger, lines)
    }
}

/// How many bytes a file has, if it is one.
fn length(path: &Path) -> Option<u64> {
    let metadata = std::fs::metadata(path).ok()?;
    metadata.is_file().then_some(metadata.len())
}

/// Tells what became of the lines of a file.
pub(super) fn tell(
    session: &Session,
    ledger: &OpenLedger,
    fed: &Fed,
    name: &str,
) -> Result<(), CliError> {
    let placed = &fed.placed;
    let shown = if session.for_people() {
        RECEIPTS
    } else {
        usize::MAX
    };
    let sentences = Sentences::new(ledger.state());
    let lines: Vec<_> = ledger
        .receipts(placed)
        .take(shown)
        .map(|line| line.map(|(receipt, event)| receipt::Line::new(&sentences, &event, receipt)))
        .collect::<Result<_, _>>()?;
    receipt::show(session, &lines)?;
    if lines.len() < placed.given() {
        session.talk(&format!(
            "... and {} more receipts; --format json gives all",
            placed.given() - lines.len()
        ));
    }
    session.talk(&summary(session, fed, name));
    if placed.differ > 0 {
        let lines: Vec<_> = placed.differing.iter().map(usize::to_string).collect();
        let more = match placed.differ - lines.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        session.hint(&format!(
            "not what was recorded under the same import key, and not appended: line {}{more}",
            lines.join(", ")
        ));
    }
    receipt::close(session, &session.command("log"));
    if placed.appended > 0 && !fed.keyed {
        session.hint(
            "no line has an import_key: imported again, they would be appended again; see --key",
        );
    }
    Ok(())
}

fn summary(session: &Session, fed: &Fed, name: &str) -> String {
    let verb = if session.dry_run {
        "would be appended"
    } else {
        "appended"
    };
    let (lines, appended) = (plural(fed.lines, "line"), fed.placed.appended);
    let mut summary = format!("{name}: {lines} read, {appended} {verb}");
    if fed.placed.known > 0 {
        summary.push_str(&format!(
            ", {} recorded before under their import keys",
            fed.placed.known
        ));
    }
    if fed.passed_over > 0 {
        summary.push_str(&format!(
            ", {} passed over (openings and acknowledgements belong to their own ledger)",
            fed.passed_over
        ));
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_read_from_its_start_each_time_whoever_else_still_reads_it() {
        let text = "a line\n".repeat(9);
        let first: Box<dyn Read + Send> = Box::new(io::Cursor::new(text.clone()));
        let mut input = Input::new(Path::new("-"), first, true).unwrap();
        let mut earlier = input.next().unwrap();
        let mut begun = [0; 10];
        earlier.read_exact(&mut begun).unwrap();
        let mut whole = input.next().unwrap();
        let mut rest = String::new();
        let mut again = vec![0; 20];
        whole.read_exact(&mut again).unwrap();
        earlier.read_to_string(&mut rest).unwrap();
        whole.read_to_end(&mut again).unwrap();
        assert_eq!(rest, text[begun.len()..]);
        assert_eq!(again, text.as_bytes());
    }
}
