//! `witness serve`: a witness as a server.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::error::{CliError, Exit};
use crate::cli::keys::read_signing_key;
use crate::cli::session::Session;
use crate::cli::tls::{self, TlsFiles};
use servanda_core::chain::key::VerifierKey;
use servanda_witness::cosigned::{CosignedDirectory, CosignedError};
use servanda_witness::serve::{DEFAULT_ADDRESS, bind};
use servanda_witness::{Answer, Witness, WitnessError};

/// Cosign checkpoints of the logs it knows, as long as they only grow
#[derive(clap::Args)]
#[command(
    after_help = "Speaks C2SP tlog-witness 1.0.0, until it is interrupted. To offer it to other machines, give it a \
certificate, or put a proxy that speaks TLS before it.

A witness trusts the first checkpoint that it sees of a log, and then depends on its memory. Never \
start it with an empty DIR or with one from a backup: a log could then take back what the witness \
has cosigned.

Examples:
  servanda witness serve --key witness.key --state witness \\
    --log servanda.example/log1+146d4a70+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
)]
pub(super) struct Serve {
    /// The witness's private key, for cosignatures, in a file of mode 600
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The directory for the newest checkpoint that it cosigned of each log; made if it does not exist
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The public key of a log, named after its origin; give the option once for each key
    #[arg(long, value_name = "VKEY", required = true)]
    log: Vec<VerifierKey>,
    /// The address to listen on, such as [::1]:8378; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_ADDRESS)]
    listen: SocketAddr,
    #[command(flatten)]
    tls: TlsFiles,
}

impl Serve {
    /// Serves until it is interrupted.
    pub fn run(self, session: &Session) -> Result<Exit, CliError> {
        let listen = self.listen;
        let key = read_signing_key(&self.key)?;
        if session.dry_run {
            session.talk("nothing was served: this was a dry run");
            return Ok(Exit::Ok);
        }
        let state = CosignedDirectory::open(&self.state)?;
        let witness = Witness::new(key, self.log, Box::new(state))?;
        session.talk(&format!("witness {}", witness.verifier()));
        report_cosigned(&witness, session)?;
        let tls = self.tls.read()?;
        if !listen.ip().is_loopback() && tls.is_none() {
            session.hint(
                "anybody who can reach this address can ask; put a proxy that speaks TLS before it",
            );
        }
        let cannot = |error| CliError::refused(format!("cannot listen on {listen}: {error}"));
        let quiet = session.quiet;
        let watch = move |answer: &Answer| report(answer, quiet);
        let server = bind(witness, listen, watch).map_err(cannot)?;
        let mut said = Ok(());
        let ran = tls::run(server, tls, quiet, |url| {
            said = session.say(&format!("listening on {url}"));
        });
        ran.map_err(cannot)?;
        said.map(|()| Exit::Ok)
    }
}

/// Reports the newest cosigned checkpoint of each log, so that a wrong directory is noticed.
fn report_cosigned(witness: &Witness, session: &Session) -> Result<(), CliError> {
    for origin in witness.origins() {
        match witness.latest(origin)? {
            Some(latest) => {
                let size = latest.unverified().size();
                session.talk(&format!("{origin}: last cosigned at size {size}"));
            }
            None => session.talk(&format!(
                "{origin}: never cosigned; its next checkpoint will be trusted"
            )),
        }
    }
    Ok(())
}

/// Prints an answer as a line of talk. A fork and a failure are printed even with `--quiet`.
fn report(answer: &Answer, quiet: bool) {
    let grave = matches!(answer, Answer::Inconsistent { .. } | Answer::Failed(_));
    if grave || !quiet {
        // Strangers wrote parts of it. A failure to print talk is no error.
        let line: String = answer
            .to_string()
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        let _ = writeln!(io::stderr().lock(), "{} {line}", answer.status());
    }
}

impl From<CosignedError> for CliError {
    fn from(error: CosignedError) -> Self {
        let message = error.to_string();
        match error {
            CosignedError::Locked { .. } => Self::new(Exit::Locked, message)
                .hint("a witness has a directory of its own; stop the other one, or start this one elsewhere with a key of its own"),
            CosignedError::Damaged { .. } | CosignedError::OtherLog { .. } => changed(message),
            CosignedError::Io { .. } | CosignedError::Uncertain { .. } => Self::refused(message),
        }
    }
}

impl From<WitnessError> for CliError {
    fn from(error: WitnessError) -> Self {
        let message = error.to_string();
        match error {
            WitnessError::Cosigned(error) => error.into(),
            WitnessError::NotMine { .. } => changed(message),
            _ => Self::refused(message),
        }
    }
}

/// The directory was changed: the witness must not start anew without notice.
fn changed(message: String) -> CliError {
    CliError::new(Exit::Broken, message)
        .hint("keep the directory as it is, and find out who changed it; without its contents this key must not witness that log again")
}
