//! Checkpoints as files: an auditor's own, the ledger's, and the proofs between two of them.

use std::fmt;
use std::path::Path;

use super::error::{CliError, Exit};
use super::files;
use crate::desk::names::Names;
use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::key::VerifierKey;
use servanda_core::chain::tree::TreeHash;
use servanda_core::rules::Known;
use servanda_core::state::State;
use servanda_core::value::id::{Seq, Subject};

/// A checkpoint from a file: a signed note, or only its text.
pub enum Anchor {
    /// A signed note, whose signatures are not checked yet.
    Signed(SignedCheckpoint),
    /// The text of a checkpoint, which anybody could have written.
    Unsigned(Checkpoint),
}

impl Anchor {
    /// The checkpoint, signed or not.
    pub fn checkpoint(&self) -> &Checkpoint {
        match self {
            Self::Signed(signed) => signed.unverified(),
            Self::Unsigned(checkpoint) => checkpoint,
        }
    }

    /// Its text.
    fn text(&self) -> String {
        match self {
            Self::Signed(signed) => signed.to_string(),
            Self::Unsigned(checkpoint) => checkpoint.to_string(),
        }
    }

    /// Checks that a log's key signed it.
    pub fn check_signature(&self, key: &VerifierKey) -> Result<(), CliError> {
        let bad = |why: String| {
            CliError::new(
                Exit::BadSignature,
                format!("the checkpoint is not signed by {}: {why}", key.name()),
            )
        };
        match self {
            Self::Unsigned(_) => Err(bad("it has no signature".into())),
            Self::Signed(signed) => signed
                .verify(std::slice::from_ref(key), &[])
                .map(drop)
                .map_err(|error| bad(error.to_string())),
        }
    }
}

/// Reads a checkpoint from a file.
pub fn read(path: &Path) -> Result<Anchor, CliError> {
    let text = files::read(path, files::TEXT_BYTES)?;
    parse(&text).ok_or_else(|| {
        CliError::refused(format!("{} holds no checkpoint", path.display()))
            .hint("`servanda checkpoint` prints one: origin, size and root, each on its line, and signatures")
    })
}

/// A checkpoint on one line, for messages.
pub fn one_line(checkpoint: &Checkpoint) -> String {
    checkpoint.to_string().trim_end().replace('\n', " ")
}

/// The checkpoint in a text, signed or not.
pub fn parse(text: &[u8]) -> Option<Anchor> {
    if let Ok(signed) = SignedCheckpoint::parse(text) {
        return Some(Anchor::Signed(signed));
    }
    let text = std::str::from_utf8(text).ok()?;
    let text = format!("{}\n", text.trim_end_matches('\n'));
    text.parse().ok().map(Anchor::Unsigned)
}

/// A proof that one checkpoint is the beginning of another. C2SP has no file format for it. This one is: a first line,
/// `hashes N`, N hashes in base64, an empty line, the older checkpoint, a line `=`, the newer checkpoint.
pub struct Consistency {
    /// The older checkpoint.
    pub old: Anchor,
    /// The proof of RFC 6962, section 2.1.2.
    pub hashes: Vec<TreeHash>,
    /// The newer checkpoint.
    pub new: SignedCheckpoint,
}

const CONSISTENCY: &str = "servanda consistency proof v1";

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{CONSISTENCY}\nhashes {}", self.hashes.len())?;
        for hash in &self.hashes {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\n{}=\n{}", self.old.text(), self.new)
    }
}

impl Consistency {
    /// Whether a text begins like such a proof.
    pub fn is_one(text: &str) -> bool {
        text.starts_with(CONSISTENCY)
    }

    /// Reads a proof.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(CONSISTENCY)?.strip_prefix("\nhashes ")?;
        let (count, mut rest) = rest.split_once('\n')?;
        let number: usize = count.parse().ok().filter(|number| *number <= 64)?;
        // `parse` alone would also take "+4" and "04".
        let count = Some(number).filter(|number| number.to_string() == count)?;
        let mut hashes = Vec::with_capacity(count);
        for _ in 0..count {
            let (line, more) = rest.split_once('\n')?;
            hashes.push(TreeHash::from_base64(line)?);
            rest = more;
        }
        let (old, new) = rest.strip_prefix('\n')?.split_once("\n=\n")?;
        Some(Self {
            old: parse(format!("{old}\n").as_bytes())?,
            hashes,
            new: SignedCheckpoint::parse(new.as_bytes()).ok()?,
        })
    }
}

/// The record that a text names, or that defines the thing it names.
pub fn defining_record(state: &State, text: &str) -> Result<Seq, CliError> {
    match Names::new(state).subject(text)? {
        Subject::Record(seq) => Ok(seq),
        Subject::Entity(id) => state
            .entity(&id)
            .map(|(_, seq)| seq)
            .ok_or_else(|| CliError::refused(format!("nothing here is called {id}"))),
    }
}
