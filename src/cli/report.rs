//! `report`: what readers want to know.

use clap::ArgMatches;

use super::Command;
use super::error::{CliError, Exit};
use super::questions::{ask, clock_args, day_args, id_arg, stretch_args};
use super::session::Session;
use crate::domain::view::View;
use crate::report::REPORTS;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    let reports = REPORTS.iter().map(|report| {
        let command = clap::Command::new(report.name())
            .about(report.about())
            .args(clock_args())
            .args([
                id_arg("party", "Only what concerns this party"),
                id_arg("agreement", "Only what concerns this agreement"),
            ])
            .args(day_args());
        match report.name() {
            "changes" => command.args(stretch_args("by when it was recorded")),
            "timeline" => command.args(stretch_args("by when it happened")),
            _ => command,
        }
    });
    clap::Command::new("report")
        .about("Report who promised what, what stands, what is due, what changed")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand_value_name("REPORT")
        .subcommands(reports)
        .after_help(
            "Two clocks: --as-of asks what was true on a day, --known-at what the ledger knew then.

Examples:
  servanda report status
  servanda report due --soon 60 --format csv
  servanda report party --party colombia
  servanda report changes --since 2023-11-01
  servanda report status --as-of 2023-12-31 --known-at 2024-01-15",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(CliError::new(Exit::Usage, "which report?"));
    };
    let report = REPORTS
        .iter()
        .find(|report| report.name() == name)
        .ok_or_else(|| CliError::new(Exit::Usage, format!("there is no report {name}")))?;
    let asked = ask(matches, session)?;
    let view = View {
        register: &asked.register,
        as_of: asked.as_of,
    };
    session.show(&report.document(&view, &asked.question))?;
    Ok(Exit::Ok)
}
