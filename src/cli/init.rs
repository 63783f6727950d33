//! `init`: makes a ledger.

use clap::{Arg, ArgMatches};

use super::error::{CliError, Exit};
use super::session::Session;
use super::{Command, receipt, record};
use crate::domain::event::{Event, Fields, Kind};
use crate::ledger::{Ledger, Machine};
use crate::store::directory;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("init")
        .about("Make a ledger, with its first record")
        .arg(
            Arg::new("origin")
                .long("origin")
                .value_name("NAME")
                .required(true)
                .help("The ledger's name for life, such as example.org/joint-commission"),
        )
        .arg(
            Arg::new("purpose")
                .long("purpose")
                .value_name("TEXT")
                .help("What the ledger is for"),
        )
        .arg(
            Arg::new("recorded_by")
                .long("recorded-by")
                .value_name("TEXT")
                .env("SERVANDA_RECORDER")
                .hide_env_values(true)
                .help("Who opens it"),
        )
        .after_help(
            "Examples:\n  servanda init --ledger commission --origin example.org/joint-commission",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let mut fields = Fields::default();
    for name in ["origin", "purpose", "recorded_by"] {
        fields.set(
            name,
            matches
                .get_one::<String>(name)
                .cloned()
                .into_iter()
                .collect(),
        );
    }
    let opening = Event::build(Kind::LedgerOpened, &fields).map_err(record::wrong_fields)?;
    if session.dry_run {
        session.talk("nothing was made: this was a dry run");
        return Ok(Exit::Ok);
    }
    let directory = session.directory()?;
    let store = directory::create(directory, "servanda init")?;
    let ledger = Ledger::create(store, Machine, opening.clone())?;
    let receipts = [receipt::Line::new(
        &opening,
        ledger.receipt(crate::domain::id::Seq(0))?,
        None,
    )];
    receipt::show(session, &receipts)?;
    receipt::close(
        session,
        &session.command("record party ID --kind KIND --name NAME"),
    );
    Ok(Exit::Ok)
}
