//! `compact`: writes the ledger's records anew, so that they take less room.

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::progress::Waiting;
use super::session::Session;
use servanda_log::{Compaction, Parts as _};
use servanda_report::report::{Cell, Document, Table};

pub(super) const COMMAND: Command = Command::of::<Compact>();

/// Write the ledger's files anew, so that they take less room; no record changes
#[derive(clap::Parser)]
#[command(
    name = "compact",
    after_help = "Copies the records into new files, compressed and without the space that the old files lost. Reads \
every record back, compares it, and follows the chain to the head, before it removes the old \
files. An interruption leaves one of the two whole. Until the end both exist, so there must be as \
much free room as the records take now.

Use it after very many single appends.

Examples:
  servanda compact"
)]
struct Compact {}

impl Run for Compact {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let mut log = session.open_log()?;
        let compacting = log.compacting()?;
        if session.dry_run {
            session.talk("nothing was written: this was a dry run");
            return Ok(Exit::Ok);
        }
        let waiting = Waiting::new(session.shows_progress(), "compacting");
        let Compaction { before, after } = compacting.compact()?;
        drop(waiting);
        if !session.for_people() {
            let number = |bytes: u64| Cell::Number(i64::try_from(bytes).unwrap_or(i64::MAX));
            let mut table = Table::new("compacted", "Compacted", &["before", "after"]);
            table.push(vec![number(before), number(after)]);
            session.show(&Document {
                report: "compacted",
                title: "Compacted".into(),
                tables: vec![table],
                ..Document::default()
            })?;
        }
        session.talk(&format!(
            "the records took {} and now take {}",
            mebibytes(before),
            mebibytes(after)
        ));
        Ok(Exit::Ok)
    }
}

fn mebibytes(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB)
}
