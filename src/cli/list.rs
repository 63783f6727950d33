//! `list`: the parties, agreements, commitments and sources.

use clap::ArgMatches;

use super::answer::{answer, arrange_args};
use super::command::Command;
use super::error::{CliError, Exit};
use super::example::examples;
use super::questions::{clock_args, id_arg, party_kind_arg, standing_arg};
use super::session::Session;
use servanda_report::report::{Report, listing};

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    let of = |name: &'static str, about: &'static str, example: &'static str| {
        clap::Command::new(name)
            .about(about)
            .after_help(examples(&[example]))
            .args(arrange_args())
            .args(clock_args())
    };
    clap::Command::new("list")
        .about("List parties, agreements, commitments or sources")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand_value_name("WHAT")
        .subcommand(of("parties", "The parties", "servanda list parties --kind state --format csv").arg(party_kind_arg()))
        .subcommand(of("agreements", "The agreements", "servanda list agreements --party colombia --as-of 2023-12-31").arg(id_arg("party", "Only those of this party")))
        .subcommand(of("commitments", "The commitments", "servanda list commitments --party colombia --standing agreed").args([
            id_arg("party", "Only those that this party owes or is owed"),
            id_arg("agreement", "Only those in this agreement"),
            standing_arg(),
        ]))
        .subcommand(of("sources", "The sources", "servanda list sources --grep ministry"))
        .after_help("Examples:\n  servanda list commitments --party colombia --standing agreed\n  servanda list parties --kind state --format csv")
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(CliError::new(Exit::Usage, "list what?"));
    };
    let report: &dyn Report = match name {
        "parties" => &listing::Parties,
        "agreements" => &listing::Agreements,
        "commitments" => &listing::Commitments,
        _ => &listing::Sources,
    };
    answer(
        matches,
        session,
        |_, _| Ok(()),
        |view, question| Ok(report.document(view, question)),
    )
}
