//! `verify`: the verdict on a ledger.

use clap::ArgMatches;

use super::Command;
use super::error::{CliError, Exit};
use super::progress::Bar;
use super::session::Session;
use crate::ledger::plural;
use crate::ledger::verify::{Finding, Verdict, verify};
use crate::report::{Cell, Document, Table, Tone};
use crate::store::Store;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("verify")
        .about("Verify the whole history: every byte of every record")
        .after_help(
            "Checks form, order, links, payloads, batches, clock, rules and snapshots, goes on after each finding,
and says what it did not check. Exit code 0 if all is sound, 10 if anything is wrong.

The last line names the head. Keep it elsewhere: whoever holds it can tell later whether the history up to
there was cut or rewritten, which no chain can show by itself.

Examples:
  servanda verify
  servanda verify --format json | jq .tables.findings",
        )
}

fn run(_: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let store = session.open_store()?;
    verify_store(&store, session)
}

/// Verifies a store and prints the verdict.
pub(super) fn verify_store(store: &impl Store, session: &Session) -> Result<Exit, CliError> {
    let verdict = verify(store, &mut Bar::new(session, "verifying"))?;
    session.show(&document(&verdict))?;
    if verdict.is_sound() {
        Ok(Exit::Ok)
    } else {
        session
            .hint("keep the ledger's directory as evidence, and compare with a copy from before");
        Ok(Exit::Broken)
    }
}

fn document(verdict: &Verdict) -> Document {
    let origin = verdict
        .origin
        .as_deref()
        .unwrap_or("(its first record cannot be read)");
    let title = if verdict.is_sound() {
        format!(
            "{origin}: sound, {}",
            plural(to_usize(verdict.records), "record")
        )
    } else {
        format!(
            "{origin}: NOT SOUND, {}",
            plural(verdict.findings.len(), "finding")
        )
    };
    Document {
        report: "verify",
        title,
        as_of: None,
        known_at: None,
        tables: vec![
            findings(&verdict.findings),
            checked(verdict),
            not_checked(verdict),
            head(verdict),
        ],
        notes: verdict.remarks.clone(),
    }
}

fn findings(findings: &[Finding]) -> Table {
    let mut table = Table::new(
        "findings",
        "Findings",
        &["records", "kind", "expected", "found"],
    )
    .or("nothing is wrong");
    for finding in findings {
        table.rows.push(vec![
            Cell::list(&finding.records),
            Cell::Word(finding.kind.word().to_owned(), Tone::Bad),
            Cell::text(&finding.expected),
            Cell::text(&finding.found),
        ]);
    }
    table
}

fn checked(verdict: &Verdict) -> Table {
    let mut table = Table::new("checked", "Checked", &["what", "count"]);
    for check in &verdict.checked {
        table.rows.push(vec![
            Cell::text(check.what),
            Cell::count(to_usize(check.count)),
        ]);
    }
    table
}

fn not_checked(verdict: &Verdict) -> Table {
    let mut table = Table::new("not_checked", "Not checked", &["what"]);
    table.rows = verdict
        .not_checked
        .iter()
        .map(|what| vec![Cell::text(what)])
        .collect();
    table
}

fn head(verdict: &Verdict) -> Table {
    let columns = ["records", "link", "first_recorded", "last_recorded"];
    let mut table = Table::new("head", "Head", &columns);
    table.rows.push(vec![
        Cell::count(to_usize(verdict.head.count)),
        Cell::text(verdict.head.link),
        Cell::maybe(verdict.first_recorded),
        Cell::maybe(verdict.last_recorded),
    ]);
    table
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
