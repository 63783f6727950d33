//! `witness ask`: asks witnesses to cosign the ledger's checkpoint.

use std::path::{Path, PathBuf};

use crate::cli::anchors::{self, Anchor};
use crate::cli::checkpoint::Signer;
use crate::cli::error::{CliError, Exit};
use crate::cli::files;
use crate::cli::session::Session;
use crate::cli::verify::{COSIGNED, read_policy};
use servanda_core::chain::checkpoint::SignedCheckpoint;
use servanda_core::chain::note::NoteSignature;
use servanda_core::chain::policy::{Policy, PolicyUnmet};
use servanda_core::value::when::Instant;
use servanda_witness::ask::{Trust, ask};

/// Ask witnesses to cosign the ledger's checkpoint
#[derive(clap::Args)]
#[command(
    after_help = "The cosignatures are kept beside the ledger: in the file `cosigned` once they are a quorum, and in \
`cosigned.partial` until then. Ask again, and more are added. `servanda verify --policy FILE` \
demands the quorum. Exit code 12 if it is not met.

A policy (C2SP tlog-policy):
  log example.org/log1+146d4a70+AYqI...
  witness one one.example/w1+df1c0a35+BIE5... http://127.0.0.1:8378
  witness two two.example/w2+...
  group both all one two
  quorum both

Examples:
  servanda witness ask --policy witnesses.policy --key log.key"
)]
pub(super) struct Ask {
    /// Witnesses to ask in addition to those whose URL is in the policy
    #[arg(value_name = "URL")]
    url: Vec<String>,
    /// The keys of the log and its witnesses, and the number of witnesses that is a quorum
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The log's private key, whose name is the ledger's origin
    #[arg(
        long,
        value_name = "FILE",
        env = "SERVANDA_LOG_KEY",
        hide_env_values = true
    )]
    key: PathBuf,
    /// The authorities to trust for https, in PEM, in place of those of this machine
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
}

impl Ask {
    /// Asks every witness, and keeps what they sign.
    pub fn run(self, session: &Session) -> Result<Exit, CliError> {
        let policy = read_policy(&self.policy)?;
        let signer = Signer::read(&self.key)?;
        let trust = trust(self.tls_ca.as_deref())?;
        let ledger = session.open()?;
        let signed = signer.sign(ledger.checkpoint()?)?;
        let path = session.beside(COSIGNED)?;
        let partial = path.with_extension("partial");
        let mut cosigned = kept(&[&path, &partial], &signed);
        let named = policy
            .witnesses()
            .iter()
            .filter_map(|witness| witness.url.clone());
        let mut urls: Vec<String> = named.chain(self.url).collect();
        urls.dedup();
        if urls.is_empty() {
            return Err(CliError::new(Exit::Usage, "which witnesses?")
                .hint("name a URL, or put one in the policy"));
        }
        for url in &urls {
            let mut prove = |old| ledger.prove_consistency(old);
            match ask(url, &trust, None, &signed, &mut prove) {
                Ok(signatures) => {
                    for signature in signatures {
                        take(&mut cosigned, signature, &policy, url, session);
                    }
                }
                Err(error) => session.talk(&format!("{url}: {error}")),
            }
        }
        let keep = |path: &Path| match session.dry_run {
            true => Ok(()),
            false => files::keep(path, cosigned.to_string()),
        };
        let unmet = match policy.check(&cosigned) {
            Ok(verified) => {
                keep(&path)?;
                let names: Vec<&str> = policy.names(&verified).into_iter().collect();
                session.say(&format!(
                    "cosigned by {}: the quorum is met",
                    names.join(", ")
                ))?;
                session.hint("next: servanda verify --policy FILE");
                return Ok(Exit::Ok);
            }
            Err(error) => error,
        };
        // An older checkpoint with its quorum is worth more than a newer one without, so it stays.
        if cosigned.note().signatures().len() > signed.note().signatures().len() {
            keep(&partial)?;
        }
        match unmet {
            PolicyUnmet::Quorum { .. } => Err(CliError::new(Exit::NotAnchored, unmet.to_string())
                .hint("the cosignatures are kept; ask again when the others answer")),
            error => Err(CliError::new(Exit::BadSignature, error.to_string())
                .hint("the policy's log must be this ledger's key, named after its origin")),
        }
    }
}

/// Whom to trust for https.
fn trust(authorities: Option<&Path>) -> Result<Trust, CliError> {
    let Some(path) = authorities else {
        return Ok(Trust::of_machine());
    };
    let pem = files::read(path, files::TEXT_BYTES)?;
    Trust::only(&pem).map_err(|error| CliError::refused(format!("{}: {error}", path.display())))
}

/// The checkpoint, with its earlier cosignatures if one of the files holds the same checkpoint.
fn kept(files: &[&Path], signed: &SignedCheckpoint) -> SignedCheckpoint {
    let same = files.iter().find_map(|file| match anchors::read(file) {
        Ok(Anchor::Signed(before)) if before.unverified() == signed.unverified() => Some(before),
        _ => None,
    });
    same.unwrap_or_else(|| signed.clone())
}

/// Adds a cosignature if a witness of the policy made it.
fn take(
    cosigned: &mut SignedCheckpoint,
    signature: NoteSignature,
    policy: &Policy,
    url: &str,
    session: &Session,
) {
    let witness = policy
        .witnesses()
        .iter()
        .find(|witness| signature.is_by(&witness.key));
    let Some(witness) = witness else {
        session.talk(&format!(
            "{url}: signed by {}, who is not in the policy",
            signature.name()
        ));
        return;
    };
    if cosigned
        .note()
        .signatures()
        .iter()
        .any(|known| known.is_by(&witness.key))
    {
        return;
    }
    match cosigned.add_cosignature(signature, &witness.key) {
        Ok(time) => session.talk(&format!(
            "{url}: cosigned by {} at {}",
            witness.name,
            Instant(i64::try_from(time).unwrap_or(0).saturating_mul(1_000_000))
        )),
        Err(error) => session.talk(&format!("{url}: {error}")),
    }
}
