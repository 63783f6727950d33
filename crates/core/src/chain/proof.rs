//! A proof that a record is in a log, to be checked without the log: C2SP tlog-proof, a draft
//! (<https://c2sp.org/tlog-proof>). Kept in files that end in `.tlog-proof`.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra YW55dGhpbmc=
//! index 2
//! <base64 hash of the leaf's sibling>
//! <base64 hash ...>
//!
//! <the checkpoint with its signatures, as it was published>
//! ```

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::chain::checkpoint::{CheckpointError, SignedCheckpoint, VerifiedCheckpoint};
use crate::chain::key::VerifierKey;
use crate::chain::note;
use crate::chain::policy::{Policy, PolicyUnmet};
use crate::chain::text;
use crate::chain::tree::{self, TreeError, TreeHash};

/// The first line of every proof.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes in a proof: the depth of a tree of 2^63 - 1 leaves.
pub const MAX_HASHES: usize = 63;

/// Longest extra data, in bytes.
pub const MAX_EXTRA: usize = 64 * 1024;

/// Longest proof, in bytes: the longest note, and room for what stands before it.
pub const MAX_LEN: usize = note::MAX_LEN + 2 * MAX_EXTRA;

/// Why a proof was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// More than [`MAX_LEN`] bytes.
    #[error("a proof of {len} bytes is above the limit of {MAX_LEN}")]
    TooLong {
        /// Its bytes.
        len: usize,
    },
    /// Not UTF-8.
    #[error("the proof is not UTF-8")]
    NotUtf8,
    /// Another first line than [`HEADER`].
    #[error("a proof begins with the line {HEADER}")]
    Header,
    /// Not canonical base64, empty, or more than [`MAX_EXTRA`] bytes.
    #[error("the extra data of a proof is base64 of 1 to {MAX_EXTRA} bytes")]
    Extra,
    /// No `index` line, or not a decimal without leading zeros.
    #[error("a proof has a line `index <n>`, a decimal without leading zeros")]
    Index,
    /// Not canonical base64 of 32 bytes.
    #[error("line {line} of the hashes is not the base64 of 32 bytes")]
    Hash {
        /// One-based, counted from the first hash.
        line: usize,
    },
    /// More than [`MAX_HASHES`].
    #[error("no proof has more than {MAX_HASHES} hashes")]
    TooManyHashes,
    /// No empty line before the checkpoint.
    #[error("an empty line and a checkpoint end a proof")]
    NoCheckpoint,
    /// The checkpoint is wrong, or a signature on it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead from the leaf to the checkpoint's root.
    #[error("the record is not shown to be in the log: {0}")]
    Tree(#[from] TreeError),
    /// The log or its witnesses do not satisfy the policy.
    #[error(transparent)]
    Policy(#[from] PolicyUnmet),
}

/// A leaf's place in a log, the hashes from it to the root, and the checkpoint with that root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: u64,
    hashes: Vec<TreeHash>,
    checkpoint: SignedCheckpoint,
}

impl TlogProof {
    /// Puts a proof together; it is not verified. `hashes` as
    /// [`tree::prove_inclusion`] returns them for the checkpoint's size.
    ///
    /// # Errors
    /// [`ProofError::TooManyHashes`].
    pub fn new(
        index: u64,
        hashes: Vec<TreeHash>,
        checkpoint: SignedCheckpoint,
    ) -> Result<Self, ProofError> {
        if hashes.len() > MAX_HASHES {
            return Err(ProofError::TooManyHashes);
        }
        let extra = None;
        Ok(Self {
            extra,
            index,
            hashes,
            checkpoint,
        })
    }

    /// Adds data that says where the leaf comes from. Nothing authenticates it.
    ///
    /// # Errors
    /// [`ProofError::Extra`] if it is empty or longer than [`MAX_EXTRA`].
    pub fn with_extra(mut self, extra: Vec<u8>) -> Result<Self, ProofError> {
        if extra.is_empty() || extra.len() > MAX_EXTRA {
            return Err(ProofError::Extra);
        }
        self.extra = Some(extra);
        Ok(self)
    }

    /// Reads a proof. Nothing in it is verified yet.
    ///
    /// # Errors
    /// [`ProofError`] if it is not one, to the byte: a proof prints as it was read.
    pub fn parse(proof: &[u8]) -> Result<Self, ProofError> {
        let len = proof.len();
        if len > MAX_LEN {
            return Err(ProofError::TooLong { len });
        }
        let proof = std::str::from_utf8(proof).map_err(|_| ProofError::NotUtf8)?;
        // The first empty line: none may stand before it, any may in what follows.
        let (head, checkpoint) = proof.split_once("\n\n").ok_or(ProofError::NoCheckpoint)?;
        let (extra, index, hashes) = parse_head(head)?;
        let checkpoint = SignedCheckpoint::parse(checkpoint.as_bytes())?;
        let proof = Self::new(index, hashes, checkpoint)?;
        match extra {
            Some(extra) => proof.with_extra(extra),
            None => Ok(proof),
        }
    }

    /// Data beside the proof, authenticated by nothing.
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// Zero-based index of the leaf.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The hashes from the leaf's sibling up to the child of the root.
    pub fn hashes(&self) -> &[TreeHash] {
        &self.hashes
    }

    /// The checkpoint with its signatures, not verified.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Checks that one of `logs` signed a checkpoint of a tree with the leaf `leaf` at the proof's
    /// index. The cosignatures by `witnesses` are checked and returned, but none is required: see
    /// [`TlogProof::verify_under`].
    ///
    /// # Errors
    /// [`ProofError::Checkpoint`] or [`ProofError::Tree`]: whichever it is, nothing has been shown.
    pub fn verify<'k>(
        &self,
        leaf: &TreeHash,
        logs: impl IntoIterator<Item = &'k VerifierKey>,
        witnesses: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<VerifiedCheckpoint<'k>, ProofError> {
        let verified = self.checkpoint.verify(logs, witnesses)?;
        self.check_leaf(leaf, &verified)?;
        Ok(verified)
    }

    /// Checks that a log of the policy signed a checkpoint of a tree with the leaf `leaf` at the
    /// proof's index, and that enough of the policy's witnesses cosigned it.
    ///
    /// # Errors
    /// [`ProofError::Policy`] or [`ProofError::Tree`]: whichever it is, nothing has been shown.
    pub fn verify_under<'k>(
        &self,
        leaf: &TreeHash,
        policy: &'k Policy,
    ) -> Result<VerifiedCheckpoint<'k>, ProofError> {
        let verified = policy.check(&self.checkpoint)?;
        self.check_leaf(leaf, &verified)?;
        Ok(verified)
    }

    fn check_leaf(
        &self,
        leaf: &TreeHash,
        verified: &VerifiedCheckpoint<'_>,
    ) -> Result<(), TreeError> {
        let (size, root) = (verified.checkpoint().size(), verified.checkpoint().root());
        tree::verify_inclusion(leaf, self.index, size, root, &self.hashes)
    }
}

impl FromStr for TlogProof {
    type Err = ProofError;

    fn from_str(proof: &str) -> Result<Self, ProofError> {
        Self::parse(proof.as_bytes())
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", text::base64_encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

type Head = (Option<Vec<u8>>, u64, Vec<TreeHash>);

/// The lines before the checkpoint, without the newline of the last.
fn parse_head(head: &str) -> Result<Head, ProofError> {
    let mut lines = head.split('\n');
    if lines.next() != Some(HEADER) {
        return Err(ProofError::Header);
    }
    let mut line = lines.next().ok_or(ProofError::Index)?;
    let mut extra = None;
    if let Some(base64) = line.strip_prefix("extra ") {
        extra = Some(text::base64_decode(base64).ok_or(ProofError::Extra)?);
        line = lines.next().ok_or(ProofError::Index)?;
    }
    let index = line.strip_prefix("index ").and_then(text::decimal);
    let index = index.ok_or(ProofError::Index)?;
    let hash = |(line, base64)| {
        let line = line + 1;
        TreeHash::from_base64(base64).ok_or(ProofError::Hash { line })
    };
    // One more than allowed is enough to tell that there are too many.
    let hashes = lines.enumerate().take(MAX_HASHES + 1).map(hash);
    Ok((extra, index, hashes.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests;
