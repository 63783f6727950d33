//! `acknowledge`: a party signs, with its own key, that it stands by a record.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};

use super::command::Command;
use super::error::{CliError, Exit};
use super::keys::read_signing_key;
use super::questions::id_arg;
use super::session::Session;
use super::{anchors, receipt, record};
use servanda_core::event::{Event, Fields, Kind};
use servanda_core::state::EntityKind;
use servanda_core::value::id::PartyId;
use servanda_ledger::signatures;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("acknowledge")
        .about("Acknowledge an agreement, a commitment or a claimed fulfilment with a party's own key")
        .arg(
            Arg::new("what")
                .value_name("ID|RECORD")
                .required(true)
                .help("The agreement or commitment, or the record of a standing"),
        )
        .arg(id_arg("party", "The party that acknowledges").required(true))
        .arg(
            Arg::new("key")
                .long("key")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The party's private key"),
        )
        .arg(Arg::new("on").long("on").value_name("WHEN").help("When it acknowledged"))
        .arg(
            Arg::new("recorded_by")
                .long("recorded-by")
                .value_name("TEXT")
                .env("SERVANDA_RECORDER")
                .hide_env_values(true)
                .help("Who records it"),
        )
        .after_help(
            "The party's public key must be known to the ledger: servanda record party-key PARTY --key VKEY.

Examples:
  servanda record party-key colombia --key \"$(servanda key show colombia.key)\"
  servanda acknowledge A1 --party colombia --key colombia.key",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let Some(path) = matches.get_one::<PathBuf>("key") else {
        return Err(CliError::new(Exit::Usage, "with which key?"));
    };
    let key = read_signing_key(path)?;
    let mut ledger = session.open()?;
    let state = ledger.state();
    let party = PartyId(state.resolve_id(&text("party"), EntityKind::Party)?);
    let seq = anchors::defining_record(state, &text("what"))?;
    let origin = ledger
        .origin()
        .map(|fact| fact.origin.to_string())
        .unwrap_or_default();
    let link = ledger.receipt(seq)?.link;
    let signature = signatures::acknowledge(&key, &origin, &party, seq.0, link);
    let mut fields = Fields::default();
    fields.set("record", vec![seq.to_string()]);
    fields.set("party", vec![party.to_string()]);
    fields.set("signature", vec![signature]);
    for name in ["on", "recorded_by"] {
        fields.set(
            name,
            matches
                .get_one::<String>(name)
                .cloned()
                .into_iter()
                .collect(),
        );
    }
    let event = Event::build(Kind::Acknowledged, &fields).map_err(record::wrong_fields)?;
    let receipts = session.append(&mut ledger, vec![event.clone()])?;
    let lines: Vec<_> = receipts
        .into_iter()
        .map(|receipt| receipt::Line::new(&event, receipt, None))
        .collect();
    receipt::show(session, &lines)?;
    receipt::close(session, &session.command(&format!("show {}", text("what"))));
    Ok(Exit::Ok)
}
