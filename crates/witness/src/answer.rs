//! What a witness answers, and why it cannot.

use std::fmt;

use servanda_core::chain::key::SignatureType;
use servanda_core::chain::note::{NoteError, NoteSignature};
use servanda_core::chain::tree::{TreeError, TreeHash};
use thiserror::Error;

use crate::cosigned::CosignedError;
use crate::request::RequestError;

/// Why a witness cannot start, or cannot answer. The client is never at fault.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// Its key signs texts, not cosignatures.
    #[error(
        "the key {name} makes {found} signatures; a witness's makes {}",
        SignatureType::CosignatureV1
    )]
    WitnessKey {
        /// The key's name.
        name: String,
        /// Its type.
        found: SignatureType,
    },
    /// The key of a log signs cosignatures, not texts.
    #[error(
        "the key {name} makes {found} signatures; a log's makes {}",
        SignatureType::Ed25519
    )]
    LogKey {
        /// The key's name.
        name: String,
        /// Its type.
        found: SignatureType,
    },
    /// It would refuse everything.
    #[error("a witness has to know the key of at least one log")]
    NoLogs,
    /// What it cosigned last cannot be read or written.
    #[error(transparent)]
    Cosigned(#[from] CosignedError),
    /// The stored checkpoint has neither a valid signature of this witness nor one of a log that it knows: it was
    /// changed, or belongs to another witness.
    #[error("what was remembered of {origin} is not to be trusted: {why}")]
    NotMine {
        /// The log.
        origin: String,
        /// What is wrong with the signatures.
        why: NoteError,
    },
    /// No time that a cosignature could state.
    #[error("the clock says {now} seconds after 1970, which no cosignature can state")]
    Clock {
        /// Unix seconds.
        now: u64,
    },
    /// An earlier request ended in a panic; what is remembered may be half done.
    #[error("an earlier request failed in the middle; the witness has to be started anew")]
    Interrupted,
}

/// The answer to a checkpoint: those of tlog-witness 1.0.0, and [`Answer::Failed`]. Prints as a line for the operator
/// of the witness.
#[derive(Debug)]
pub enum Answer {
    /// 200: it grew from the last one, and is now the last one, on the disk.
    Cosigned {
        /// The log.
        origin: String,
        /// Its size now.
        size: u64,
        /// The cosignature.
        cosignature: NoteSignature,
    },
    /// 400: the request is not one.
    Malformed(RequestError),
    /// 400: the checkpoint is smaller than the tree it is said to have grown from.
    OldAboveSize {
        /// Size stated as the old one.
        old: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// 403: no signature by a trusted key of the log, or one that fails.
    Untrusted {
        /// The log.
        origin: String,
        /// What is wrong with the signatures.
        why: NoteError,
    },
    /// 404: not a log this witness knows.
    UnknownLog {
        /// What it is called.
        origin: String,
    },
    /// 409: the old size is not the one cosigned last.
    Conflict {
        /// The log.
        origin: String,
        /// Size cosigned last; zero if there was none.
        size: u64,
    },
    /// 422: the log signed this, and it has not been shown to have grown from what was cosigned before. With
    /// a sound proof of the asker's side it is evidence against the log.
    Inconsistent {
        /// The log.
        origin: String,
        /// Size cosigned last.
        old: u64,
        /// Size the log signed.
        size: u64,
        /// Root the log signed.
        root: TreeHash,
        /// What is wrong with the proof.
        why: TreeError,
    },
    /// 500: the witness itself cannot. Nothing was cosigned.
    Failed(WitnessError),
}

impl Answer {
    /// The HTTP status code.
    pub fn status(&self) -> u16 {
        match self {
            Self::Cosigned { .. } => 200,
            Self::Malformed(_) | Self::OldAboveSize { .. } => 400,
            Self::Untrusted { .. } => 403,
            Self::UnknownLog { .. } => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent { .. } => 422,
            Self::Failed(_) => 500,
        }
    }

    /// The HTTP content type.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "text/x.tlog.size",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The HTTP body. That of an error is for people; that of a failure has no details.
    pub fn body(&self) -> String {
        match self {
            Self::Cosigned { cosignature, .. } => format!("{cosignature}\n"),
            Self::Conflict { size, .. } => format!("{size}\n"),
            Self::Failed(_) => "the witness cannot answer now\n".to_owned(),
            other => format!("{other}\n"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cosigned { origin, size, .. } => write!(f, "cosigned {origin} at size {size}"),
            Self::Malformed(why) => why.fmt(f),
            Self::OldAboveSize { old, size } => {
                write!(f, "the old size {old} is above {size}, the checkpoint's")
            }
            Self::Untrusted { origin, why } => write!(f, "{origin}: {why}"),
            Self::UnknownLog { origin } => write!(f, "no log called {origin} is known here"),
            Self::Conflict { origin, size } => {
                write!(f, "{origin} was last cosigned at size {size}")
            }
            Self::Inconsistent {
                origin,
                old,
                size,
                root,
                why,
            } => write!(
                f,
                "{origin} signed size {size} and root {}, which is not shown to have grown from the size {old} \
                 cosigned before: {why}",
                root.to_base64()
            ),
            Self::Failed(error) => error.fmt(f),
        }
    }
}
