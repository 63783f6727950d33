//! Asking a witness for a cosignature: the client of C2SP tlog-witness 1.0.0.
//!
//! By http or https. What a witness answers is signed, so nobody on the way can forge it; but without TLS they can read
//! the checkpoint, and with or without keep the answer back.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use thiserror::Error;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::request::{AddCheckpoint, MAX_HASHES};
use servanda_core::chain::checkpoint::SignedCheckpoint;
use servanda_core::chain::note::{NoteError, NoteSignature};
use servanda_core::chain::tree::TreeHash;

/// How long a witness is waited for, from the name to the last byte, each time it is asked.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// Longest answer that is read.
const MAX_ANSWER: u64 = 64 * 1024;

/// How often it is asked again with the size it named. More than once only if others ask it as well.
const RETRIES: usize = 2;

/// Why there is no cosignature. `E` is why a proof could not be made.
#[derive(Debug, Error)]
pub enum AskError<E> {
    /// Not a URL of one of the two schemes.
    #[error("{url:?} is not an http:// or https:// URL")]
    Url {
        /// What was given.
        url: String,
    },
    /// It could not be reached, or broke off, or took more than [`TIMEOUT`].
    #[error("cannot reach {url}: {why}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What happened.
        why: String,
    },
    /// The proof it wants cannot be made.
    #[error("cannot prove that the log grew from size {old}: {why}")]
    Proof {
        /// Size it cosigned last.
        old: u64,
        /// What happened.
        why: E,
    },
    /// The proof has more hashes than a witness takes: that is none.
    #[error("a proof of {hashes} hashes is no proof")]
    LongProof {
        /// Its hashes.
        hashes: usize,
    },
    /// It cosigned a larger tree before. This log was rolled back, or somebody else signs with its key.
    #[error("the witness has cosigned this log at size {witnessed}; it is at size {size} here")]
    Ahead {
        /// Size it cosigned last.
        witnessed: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// 409 again and again: others ask it for the same log.
    #[error("the witness named another size each time, {witnessed} at last")]
    Moving {
        /// Size it named last.
        witnessed: u64,
    },
    /// 400: it could not read the request.
    #[error("the witness calls the request malformed: {said}")]
    Malformed {
        /// Its words.
        said: String,
    },
    /// 403: it does not trust the key, or the signature is wrong.
    #[error("the witness does not trust the log's signature: {said}")]
    Untrusted {
        /// Its words.
        said: String,
    },
    /// 404: it does not know the log, or is no witness.
    #[error("the witness does not know the log: {said}")]
    UnknownLog {
        /// Its words.
        said: String,
    },
    /// 422: it saw another history of this log.
    #[error("the witness has seen another history of this log: {said}")]
    Inconsistent {
        /// Its words.
        said: String,
    },
    /// Any other status.
    #[error("the witness answers with status {status}: {said}")]
    Status {
        /// The HTTP status code.
        status: u16,
        /// Its words.
        said: String,
    },
    /// 200, but what it says is no cosignature.
    #[error("what the witness answers is no cosignature: {0}")]
    Answer(#[from] NoteError),
    /// 409, but what it says is no size.
    #[error("the witness names no size, but {said:?}")]
    Size {
        /// Its words.
        said: String,
    },
}

/// The authorities whose certificates are taken where a witness is asked by https.
#[derive(Debug, Clone)]
pub struct Trust(Option<Vec<Certificate<'static>>>);

/// There is no certificate in a file that should have some.
#[derive(Debug, Error)]
#[error("there is no certificate in PEM")]
pub struct NoCertificate;

impl Trust {
    /// Those that this machine trusts.
    pub fn of_machine() -> Self {
        Self(None)
    }

    /// Those in a file, and no others.
    ///
    /// # Errors
    /// [`NoCertificate`]
    pub fn only(pem: &[u8]) -> Result<Self, NoCertificate> {
        let items = parse_pem(pem).map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Ok(Some(certificate)),
            Ok(_) => Ok(None),
            Err(_) => Err(NoCertificate),
        });
        let found: Vec<_> = items
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?;
        match found.is_empty() {
            true => Err(NoCertificate),
            false => Ok(Self(Some(found))),
        }
    }

    fn roots(&self) -> RootCerts {
        let certificates = match &self.0 {
            Some(certificates) => certificates.clone(),
            None => {
                // Those that cannot be read are not trusted; a handshake tells where none is left.
                let found = rustls_native_certs::load_native_certs().certs;
                let owned = found
                    .iter()
                    .map(|der| Certificate::from_der(der).to_owned());
                owned.collect()
            }
        };
        RootCerts::new_with_certs(&certificates)
    }
}

/// Asks the witness at the submission prefix `url` to cosign a checkpoint.
///
/// Begins with `old`, the size it is thought to have cosigned last, or with 0, and goes on with the size it
/// names. `prove` makes the consistency proof from that size to the checkpoint's; it is only asked for sizes
/// above 0 and below the checkpoint's.
///
/// The cosignatures are not verified, and may be by anybody: only
/// [`SignedCheckpoint::add_cosignature`], with a key known beforehand, tells.
///
/// # Errors
/// [`AskError`]
pub fn ask<E>(
    url: &str,
    trust: &Trust,
    old: Option<u64>,
    checkpoint: &SignedCheckpoint,
    prove: &mut dyn FnMut(u64) -> Result<Vec<TreeHash>, E>,
) -> Result<Vec<NoteSignature>, AskError<E>> {
    let url = endpoint(url)?;
    let size = checkpoint.unverified().size();
    // A witness that is ahead will say so itself.
    let mut old = old.filter(|old| *old <= size).unwrap_or(0);
    let agent = agent(&url, trust);
    for _ in 0..=RETRIES {
        let proof = if old == 0 || old == size {
            Vec::new()
        } else {
            prove(old).map_err(|why| AskError::Proof { old, why })?
        };
        if proof.len() > MAX_HASHES {
            return Err(AskError::LongProof {
                hashes: proof.len(),
            });
        }
        let body = AddCheckpoint::write(old, &proof, checkpoint);
        let unreachable = |error: ureq::Error| AskError::Unreachable {
            url: url.clone(),
            why: error.to_string(),
        };
        let request = agent.post(&url).content_type("text/plain; charset=utf-8");
        let mut response = request.send(body.as_bytes()).map_err(unreachable)?;
        let reader = response.body_mut().with_config().limit(MAX_ANSWER);
        let answer = reader.read_to_vec().map_err(unreachable)?;
        match response.status().as_u16() {
            200 => return Ok(NoteSignature::parse_lines(&answer)?),
            409 => old = named_size(&answer)?,
            status => return Err(refusal(status, said(&answer))),
        }
        if old > size {
            let witnessed = old;
            return Err(AskError::Ahead { witnessed, size });
        }
    }
    Err(AskError::Moving { witnessed: old })
}

fn endpoint<E>(url: &str) -> Result<String, AskError<E>> {
    let scheme = |name: &str| {
        let start = url.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    if !(scheme("http://") || scheme("https://")) || url.contains(['?', '#']) {
        return Err(AskError::Url {
            url: url.to_owned(),
        });
    }
    Ok(format!("{}/add-checkpoint", url.trim_end_matches('/')))
}

fn agent(url: &str, trust: &Trust) -> Agent {
    let is_https = url
        .get(..6)
        .is_some_and(|start| start.eq_ignore_ascii_case("https:"));
    // Reading what the machine trusts takes longer than asking without it.
    let roots = match is_https {
        true => trust.roots(),
        false => RootCerts::new_with_certs(&[]),
    };
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        // A witness is where it was said to be; and nobody else need read the request.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(TIMEOUT))
        .user_agent(concat!("servanda/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

fn named_size<E>(answer: &[u8]) -> Result<u64, AskError<E>> {
    let said = || AskError::Size { said: said(answer) };
    let text = std::str::from_utf8(answer).map_err(|_| said())?;
    let digits = text.strip_suffix('\n').unwrap_or(text);
    let size: u64 = digits.parse().map_err(|_| said())?;
    // `parse` alone would also take "+5" and "007".
    if size.to_string() == digits {
        Ok(size)
    } else {
        Err(said())
    }
}

fn refusal<E>(status: u16, said: String) -> AskError<E> {
    match status {
        400 => AskError::Malformed { said },
        403 => AskError::Untrusted { said },
        404 => AskError::UnknownLog { said },
        422 => AskError::Inconsistent { said },
        status => AskError::Status { status, said },
    }
}

/// The first line of an answer as it can be shown: it is a stranger's.
fn said(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let line = text.lines().find(|line| !line.trim().is_empty());
    let shown: String = line
        .unwrap_or("(nothing)")
        .chars()
        .filter(|c| !c.is_control())
        .take(500)
        .collect();
    shown.trim().to_owned()
}

#[cfg(test)]
mod tests;
