//! Answers to questions: how every command that reads asks the ledger and shows a document.

use clap::{Arg, ArgAction, ArgMatches};

use super::error::{CliError, Exit};
use super::questions::{Asked, ask, given, readable};
use super::session::{OpenLedger, Session};
use servanda_core::view::View;
use servanda_report::report::arrange::{ArrangeError, Arrangement};
use servanda_report::report::{Document, Question};

/// The options by which a reader arranges an answer.
pub fn arrange_args() -> [Arg; 3] {
    let heading = "Rows and tables";
    [
        Arg::new("grep")
            .long("grep")
            .value_name("TEXT")
            .action(ArgAction::Append)
            .help_heading(heading)
            .help("Only rows that have this text, in any case and without regard to accents; may stand several times"),
        Arg::new("sort")
            .long("sort")
            .value_name("COLUMN")
            .action(ArgAction::Append)
            .allow_hyphen_values(true)
            .help_heading(heading)
            .help("Sort by this column; -COLUMN from the last to the first; may stand several times"),
        Arg::new("table")
            .long("table")
            .value_name("NAME")
            .help_heading(heading)
            .help("Only this table of the answer, as JSON names it; csv has the first one otherwise"),
    ]
}

/// Asks the ledger, and shows the answer. `prepare` completes the question once the ledger is open, `make` answers it.
pub fn answer(
    matches: &ArgMatches,
    session: &Session,
    prepare: impl FnOnce(&OpenLedger, &mut Asked<'_>) -> Result<(), CliError>,
    make: impl for<'r> FnOnce(&View<'r>, &Question) -> Result<Document<'r>, CliError>,
) -> Result<Exit, CliError> {
    let ledger = session.open()?;
    let mut asked = ask(matches, &ledger)?;
    prepare(&ledger, &mut asked)?;
    let mut arrangement = arrangement(matches);
    arrangement.settle(&mut asked.question, session.format());
    let view = View {
        state: &asked.state,
        as_of: asked.as_of,
    };
    let made = make(&view, &asked.question);
    let mut document = asked.answered(made)??;
    if !arrangement.is_plain() {
        document = arrangement.arrange(document).map_err(unarranged)?;
    }
    session.show_long(&document)?;
    // Rows are made while they are written: only now is it known whether all records could be read.
    readable(&asked.state)?;
    drop(document);
    drop(asked);
    ledger.close_without_drop();
    Ok(Exit::Ok)
}

/// How the answer is to be arranged.
fn arrangement(matches: &ArgMatches) -> Arrangement {
    let texts = |name| given(matches, name);
    Arrangement {
        table: texts("table").into_iter().next(),
        words: texts("grep"),
        sort: texts("sort")
            .iter()
            .map(|text| text.as_str().into())
            .collect(),
        limit: None,
    }
}

fn unarranged(error: ArrangeError) -> CliError {
    let (what, names) = match &error {
        ArrangeError::NoTable { tables, .. } => ("its tables", tables),
        ArrangeError::NoColumn { columns, .. } => ("its columns", columns),
    };
    let hint = format!("{what}: {}", names.join(", "));
    CliError::new(Exit::Usage, error.to_string()).hint(hint)
}
