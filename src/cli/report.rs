//! `report`: what readers want to know.

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::answer::{answer, arrange_args};
use super::command::Command;
use super::error::{CliError, Exit};
use super::example::{examples, quoted};
use super::questions::{
    Asked, clock_args, day_args, given, grace_arg, id_arg, limit_arg, stretch_args, subject_arg,
    threshold_arg,
};
use super::session::{OpenLedger, Session};
use servanda_core::chain::record::Record;
use servanda_ledger::{Environment, LedgerError, Machine};
use servanda_report::report::glossary::GLOSSARY;
use servanda_report::report::{Provenance, REPORTS, Report, Takes};

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("report")
        .about("Report who promised what, what stands, what is due, what changed")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand_value_name("REPORT")
        .subcommands(REPORTS.iter().map(|report| subcommand(*report)))
        .after_help(EXAMPLES)
        .after_long_help(format!("{EXAMPLES}\n\n{}", words()))
}

const EXAMPLES: &str =
    "Two clocks: --as-of asks what was true on a day, --known-at what the ledger knew then.

Examples:
  servanda report status
  servanda report due --soon 60 --format csv
  servanda report party --party colombia
  servanda report changes --from 2023-11-01 --until 2023-11-30
  servanda report curve --agreement A1 --threshold 55
  servanda report status --as-of 2023-12-31 --known-at 2024-01-15";

/// Examples of each report.
const EXAMPLES_OF: &[(&str, &[&str])] = &[
    (
        "status",
        &[
            "servanda report status --as-of 2023-12-31",
            "servanda report status --agreement A1 --sort -since",
        ],
    ),
    (
        "due",
        &[
            "servanda report due --soon 60 --grace 14",
            "servanda report due --format ics > deadlines.ics",
        ],
    ),
    (
        "party",
        &[
            "servanda report party --party colombia",
            "servanda report party --sort -owes --table parties",
        ],
    ),
    (
        "matrix",
        &[
            "servanda report matrix --agreement A1",
            "servanda report matrix --grep 'in force' --format csv",
        ],
    ),
    (
        "curve",
        &["servanda report curve --agreement A1 --threshold 55"],
    ),
    (
        "timeline",
        &["servanda report timeline --since 2023-05 --until 2023-12"],
    ),
    (
        "changes",
        &[
            "servanda report changes --from 2023-11-01 --until 2023-11-30",
            "servanda report changes --since monthly.checkpoint",
        ],
    ),
    ("repeats", &["servanda report repeats --table chains"]),
    (
        "irregular",
        &["servanda report irregular --format markdown"],
    ),
    (
        "dossier",
        &[
            "servanda report dossier C1",
            "servanda report dossier colombia --as-of 2023-06-01",
        ],
    ),
    (
        "certificate",
        &["servanda report certificate --known-at 2024-01-15"],
    ),
    (
        "all",
        &[
            "servanda report all --format html > ledger.html",
            "servanda report all --format xlsx > ledger.xlsx",
        ],
    ),
];

/// What the words of reports mean.
fn words() -> String {
    let mut text = "Words:".to_owned();
    for words in GLOSSARY {
        text.push_str(&format!("\n  {}\n", words.of));
        for (word, meaning) in words.all {
            text.push_str(&format!("    {word:<19}  {meaning}\n"));
        }
    }
    text.trim_end().to_owned()
}

fn subcommand(report: &dyn Report) -> clap::Command {
    let mut of = EXAMPLES_OF
        .iter()
        .filter(|(name, _)| *name == report.name());
    let shown = examples(of.next().map_or(&[][..], |(_, examples)| *examples));
    let mut command = clap::Command::new(report.name())
        .about(report.about())
        .after_long_help(format!("{shown}\n\n{}", words()))
        .after_help(shown)
        .args(clock_args());
    if report.narrows() {
        command = command.args([
            id_arg("party", "Only what concerns this party"),
            id_arg("agreement", "Only what concerns this agreement"),
        ]);
    }
    command = command.args(day_args());
    for takes in report.takes() {
        command = match takes {
            Takes::Occurred => command.args(stretch_args("by when it happened")),
            Takes::Recorded => command.args(stretch_args("by when it was recorded")),
            Takes::Grace => command.arg(grace_arg()),
            Takes::Limit => command.arg(limit_arg()),
            Takes::Thresholds => command.arg(threshold_arg()),
            Takes::Subject => command.arg(subject_arg()),
            Takes::Provenance => command,
        };
    }
    command.args(arrange_args())
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(CliError::new(Exit::Usage, "which report?"));
    };
    let report = REPORTS
        .iter()
        .find(|report| report.name() == name)
        .ok_or_else(|| CliError::new(Exit::Usage, format!("there is no report {name}")))?;
    let has_sections = report.has_sections() && given(matches, "table").is_empty();
    session.check_format(has_sections)?;
    answer(
        matches,
        session,
        |ledger, asked| {
            if report.takes().contains(&Takes::Provenance) {
                let command = again(*report, matches, asked);
                asked.question.provenance = Some(provenance(ledger, asked, command)?);
            }
            Ok(())
        },
        |view, question| Ok(report.document(view, question)),
    )
}

/// What the ledger says of the records that the answer rests on.
fn provenance(
    ledger: &OpenLedger,
    asked: &Asked<'_>,
    command: String,
) -> Result<Provenance, CliError> {
    let records = asked.state.count();
    let checkpoint = ledger.checkpoint_at(records)?;
    Ok(Provenance {
        records,
        link: link_of(ledger, records)?,
        root: checkpoint.root().to_string(),
        checkpoint: checkpoint.to_string(),
        tool: format!("servanda {}", env!("CARGO_PKG_VERSION")),
        command,
        at: Machine.now(),
    })
}

/// The link of the last of so many records.
fn link_of(ledger: &OpenLedger, records: u64) -> Result<String, CliError> {
    let Some(seq) = records.checked_sub(1) else {
        return Ok(ledger.head().link.to_string());
    };
    let broken = |what: String| LedgerError::Broken { seq, what };
    let read = ledger.log().read(seq, 1).map_err(LedgerError::from)?;
    let last = read
        .first()
        .ok_or_else(|| broken("it is missing".to_owned()))?;
    let record = Record::open(&last.sealed).map_err(|error| broken(error.to_string()))?;
    Ok(record.header.link().to_string())
}

/// The command that gives the same answer again, later too: with both clocks fixed.
fn again(report: &dyn Report, matches: &ArgMatches, asked: &Asked<'_>) -> String {
    let mut words = vec![
        "servanda".to_owned(),
        "report".to_owned(),
        report.name().to_owned(),
    ];
    let described = subcommand(report);
    for arg in described.get_arguments() {
        let name = arg.get_id().as_str();
        let given = matches.value_source(name) == Some(ValueSource::CommandLine);
        if !given || matches!(name, "as-of" | "known-at") {
            continue;
        }
        for value in matches.get_raw(name).into_iter().flatten() {
            words.extend(arg.get_long().map(|long| format!("--{long}")));
            words.push(quoted(&value.to_string_lossy()));
        }
    }
    words.push(format!("--as-of {}", asked.as_of));
    if let Some(last) = asked.state.count().checked_sub(1) {
        words.push(format!("--known-at '#{last}'"));
    }
    words.join(" ")
}
