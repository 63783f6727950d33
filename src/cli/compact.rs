//! `compact`: writes the ledger's records anew, so that they take less room.

use clap::ArgMatches;

use super::command::Command;
use super::error::{CliError, Exit};
use super::progress::Waiting;
use super::session::Session;
use servanda_log::{Compaction, Parts as _};
use servanda_report::report::{Cell, Document, Table};

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("compact")
        .about("Write the ledger's files anew, so that they take less room; no record changes")
        .after_help(
            "The records are copied into new files, compressed and without what was given up in the old
ones. Every record is read back and compared, and the chain is followed to the head, before the
old files go. Broken off at any moment, the one or the other is whole. Until then both are there:
there must be as much room free as the records take now.

Worth it after very many single appends, or for a ledger written by an early version.

Examples:
  servanda compact",
        )
}

fn run(_: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let mut log = session.open_store()?;
    if session.dry_run {
        session
            .talk("nothing is written with --dry-run, and only then is it known what it comes to");
        return Ok(Exit::Ok);
    }
    let waiting = Waiting::new(session.shows_progress(), "compacting");
    let Compaction { before, after } = log.compacting()?.compact()?;
    drop(waiting);
    if !session.for_people() {
        let number = |bytes: u64| Cell::Number(i64::try_from(bytes).unwrap_or(i64::MAX));
        let mut table = Table::new("compacted", "Compacted", &["before", "after"]);
        table.rows = vec![vec![number(before), number(after)]];
        session.show(&Document {
            report: "compacted",
            title: "Compacted".into(),
            tables: vec![table],
            ..Document::default()
        })?;
    }
    session.talk(&format!(
        "the records took {} and take {} now",
        in_words(before),
        in_words(after)
    ));
    Ok(Exit::Ok)
}

/// A number of bytes as people read it.
fn in_words(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB)
}
