//! The part of the demo that no chain can do alone: each party runs a witness, and neither can rewrite what the
//! other has cosigned.

use std::path::Path;

use super::demo::{make, show_command, step};
use super::error::CliError;
use super::keys::write_private;
use super::session::Session;
use super::{memory, verify, witness};
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey};
use servanda_witness::Witness;
use servanda_witness::memory::Directory;
use servanda_witness::serve::{Running, Server};

/// The parties that run a witness each.
const SIDES: [&str; 2] = ["colombia", "venezuela"];

/// What the rewritten history says instead: somebody would rather have promised less.
const REWRITTEN: (&str, &str) = ("Increase the presence", "Consider increasing the presence");

/// Shows witnesses at work on the demo's ledger, and a rewritten ledger that they expose.
pub fn tour(place: &Path, origin: &str, session: &Session) -> Result<(), CliError> {
    let cannot =
        |error: std::io::Error| CliError::refused(format!("cannot run a witness: {error}"));
    let log_file = place.join("log.key");
    let log = key(origin, SignatureType::Ed25519)?;
    write_private(&log_file, &format!("{}\n", log.to_text().as_str()))?;
    let mut running: Vec<Running> = Vec::new();
    let mut policy = format!("log {}\n", log.verifier());
    for side in SIDES {
        let key = key(
            &format!("{side}.example/witness"),
            SignatureType::CosignatureV1,
        )?;
        let state = Directory::open(&place.join(side))?;
        let vkey = key.verifier().to_string();
        let witness = Witness::new(key, [log.verifier().clone()], Box::new(state))?;
        let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(witness, loopback)
            .and_then(Server::start)
            .map_err(cannot)?;
        policy.push_str(&format!("witness {side} {vkey} {}\n", server.url()));
        running.push(server);
    }
    policy.push_str(&format!(
        "group both all {}\nquorum both\n",
        SIDES.join(" ")
    ));
    let policy_file = place.join("witnesses.policy");
    memory::write_whole(&policy_file, &policy)
        .map_err(|error| CliError::file("write", &policy_file, &error))?;
    let (log_file, policy_file) = (
        log_file.display().to_string(),
        policy_file.display().to_string(),
    );
    let ask = [
        "witness",
        "ask",
        "--policy",
        &policy_file,
        "--key",
        &log_file,
    ];
    let demand = ["verify", "--policy", &policy_file];

    step(
        session,
        "Each side runs a witness. Both are asked to cosign the ledger's checkpoint:",
    )?;
    show_command(session, &ask, witness::COMMAND)?;
    step(
        session,
        "Whether the ledger leads through what both have cosigned:",
    )?;
    show_command(session, &demand, verify::COMMAND)?;

    let rewritten = place.join("rewritten");
    let cosigned = session.directory()?.join(verify::COSIGNED);
    let session = &session.on(&rewritten);
    make(&rewritten, session, REWRITTEN)?;
    let beside = rewritten.join(verify::COSIGNED);
    std::fs::copy(&cosigned, &beside).map_err(|error| CliError::file("copy", &cosigned, &error))?;
    step(
        session,
        "The operator writes the whole ledger anew, with a weaker promise. By itself it is sound:",
    )?;
    show_command(session, &["verify"], verify::COMMAND)?;
    step(session, "But not by what was cosigned before:")?;
    show_command(session, &demand, verify::COMMAND)?;
    step(session, "And no witness signs it:")?;
    show_command(session, &ask, witness::COMMAND)
}

/// A fresh key of this name.
fn key(name: &str, kind: SignatureType) -> Result<SigningKey, CliError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| CliError::refused(format!("no random bytes for a key: {error}")))?;
    let name = KeyName::new(name).map_err(|error| CliError::refused(error.to_string()))?;
    Ok(SigningKey::from_seed(name, kind, &seed))
}
