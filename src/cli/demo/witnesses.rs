//! The part of the demo that a chain alone cannot do: each party runs a witness, and the operator cannot rewrite what
//! a witness has cosigned.

use std::path::Path;

use super::stage::{make, show_command, step};
use crate::cli::error::CliError;
use crate::cli::keys::{random_seed, write_private};
use crate::cli::session::Session;
use crate::cli::{files, verify, witness};
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey};
use servanda_http::Running;
use servanda_witness::Witness;
use servanda_witness::cosigned::CosignedDirectory;
use servanda_witness::serve::{Server, bind};

/// The parties, each of which runs a witness.
const SIDES: [&str; 2] = ["colombia", "venezuela"];

/// A text of the communiqué, and the weaker promise in the rewritten history.
const REWRITTEN: (&str, &str) = ("Increase the presence", "Consider increasing the presence");

/// Shows witnesses at work on the demo's ledger, and a rewritten ledger that they expose.
pub fn tour(place: &Path, origin: &str, session: &Session) -> Result<(), CliError> {
    let log_file = place.join("log.key");
    let policy_file = place.join("witnesses.policy");
    let log = key(origin, SignatureType::Ed25519)?;
    write_private(&log_file, &format!("{}\n", log.to_text().as_str()))?;
    // The witnesses answer as long as they live here.
    let (_running, policy) = start(place, &log)?;
    files::keep(&policy_file, &policy)?;
    let log_file = log_file.display().to_string();
    let policy_file = policy_file.display().to_string();
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
        "Does the ledger continue the checkpoint that both have cosigned?",
    )?;
    show_command(session, &demand, verify::COMMAND)?;

    let rewritten = place.join("rewritten");
    let cosigned = session.beside(verify::COSIGNED)?;
    let session = &session.on(&rewritten);
    make(&rewritten, session, REWRITTEN)?;
    let beside = rewritten.join(verify::COSIGNED);
    std::fs::copy(&cosigned, &beside).map_err(|error| CliError::file("copy", &cosigned, &error))?;
    step(
        session,
        "The operator writes the whole ledger anew, with a weaker promise. Alone it is sound:",
    )?;
    show_command(session, &["verify"], verify::COMMAND)?;
    step(session, "But it does not continue the cosigned checkpoint:")?;
    show_command(session, &demand, verify::COMMAND)?;
    step(session, "And no witness cosigns it:")?;
    show_command(session, &ask, witness::COMMAND)
}

/// Starts a witness for each side, and writes the policy that asks for both.
fn start(place: &Path, log: &SigningKey) -> Result<(Vec<Running>, String), CliError> {
    let cannot =
        |error: std::io::Error| CliError::refused(format!("cannot run a witness: {error}"));
    let mut running = Vec::new();
    let mut policy = format!("log {}\n", log.verifier());
    for side in SIDES {
        let name = format!("{side}.example/witness");
        let key = key(&name, SignatureType::CosignatureV1)?;
        let state = CosignedDirectory::open(&place.join(side))?;
        let vkey = key.verifier().to_string();
        let witness = Witness::new(key, [log.verifier().clone()], Box::new(state))?;
        let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let server = bind(witness, loopback, |_| {})
            .and_then(Server::start)
            .map_err(cannot)?;
        let address = server.address();
        policy.push_str(&format!("witness {side} {vkey} http://{address}\n"));
        running.push(server);
    }
    let sides = SIDES.join(" ");
    policy.push_str(&format!("group both all {sides}\nquorum both\n"));
    Ok((running, policy))
}

/// Makes a fresh key.
fn key(name: &str, kind: SignatureType) -> Result<SigningKey, CliError> {
    let seed = random_seed()?;
    let name = KeyName::new(name).map_err(|error| CliError::refused(error.to_string()))?;
    Ok(SigningKey::from_seed(name, kind, &seed))
}
