//! `acknowledge`: a party signs with its own key that a record is right.

use std::path::PathBuf;

use super::anchors::defining_record;
use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::keys::read_signing_key;
use super::receipt;
use super::session::Session;
use super::typed::Typed;
use crate::desk::names::Names;
use servanda_core::event::{Fields, Kind};
use servanda_core::signatures;
use servanda_core::state::EntityKind;
use servanda_core::value::id::PartyId;

pub(super) const COMMAND: Command = Command::of::<Acknowledge>();

/// Acknowledge an agreement, a commitment or a claimed fulfilment with a party's own key
#[derive(clap::Parser)]
#[command(
    name = "acknowledge",
    after_help = "The ledger must know the party's public key: servanda record party-key PARTY --key VKEY.

Examples:
  servanda record party-key colombia --key \"$(servanda key show colombia.key)\"
  servanda acknowledge A1 --party colombia --key colombia.key"
)]
struct Acknowledge {
    /// The agreement or commitment, or the record of a standing
    #[arg(value_name = "ID|RECORD")]
    what: String,
    /// The party that acknowledges
    #[arg(long, value_name = "ID")]
    party: String,
    /// The party's private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// When it acknowledged
    #[arg(long, value_name = "WHEN")]
    on: Option<String>,
    /// Who records it
    #[arg(
        long,
        value_name = "TEXT",
        env = "SERVANDA_RECORDER",
        hide_env_values = true
    )]
    recorded_by: Option<String>,
}

impl Run for Acknowledge {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let key = read_signing_key(&self.key)?;
        let mut ledger = session.open()?;
        let state = ledger.state();
        let party = PartyId(Names::new(state).entity(&self.party, Some(EntityKind::Party))?);
        let seq = defining_record(state, &self.what)?;
        let origin = ledger
            .origin()
            .map(|fact| fact.origin.to_string())
            .unwrap_or_default();
        let link = ledger.receipt(seq)?.link;
        let signature = signatures::acknowledge(&key, &origin, &party, seq.0, link);
        let mut fields = Fields::default();
        for (name, text) in [
            ("record", Some(seq.to_string())),
            ("party", Some(party.to_string())),
            ("signature", Some(signature)),
            ("on", self.on),
            ("recorded_by", self.recorded_by),
        ] {
            fields.set(name, text.into_iter().collect());
        }
        let kind = Kind::Acknowledged;
        let event = Typed::of(fields)
            .event(session, &session.desk(Some(state)), kind)
            .map_err(|wrong| CliError::wrong_fields(kind, &wrong))?;
        let next = session.command(&format!("show {}", self.what));
        session.append(&mut ledger, vec![event.clone()], |ledger, receipts| {
            receipt::answer(session, ledger.state(), &[event], receipts, &next)?;
            Ok(Exit::Ok)
        })?
    }
}
