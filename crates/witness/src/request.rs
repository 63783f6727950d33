//! The body of an `add-checkpoint` request: C2SP tlog-witness 1.0.0.
//!
//! ```text
//! old 2
//! <base64 hash>             up to 63 of them
//!
//! servanda.example/log1     and the rest of a checkpoint
//! ```

use thiserror::Error;

use servanda_core::chain::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use servanda_core::chain::note::Note;
use servanda_core::chain::tree::{TreeHash, empty_root};

/// Most hashes of a proof.
pub const MAX_HASHES: usize = 63;

/// Why a body is no request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No empty line, or bytes before it that are not ASCII.
    #[error("a request is an old size, the hashes of a proof, an empty line and a checkpoint")]
    Form,
    /// Not `old`, a space and a decimal without leading zeros.
    #[error("the first line of a request is `old` and a size")]
    Old,
    /// More than [`MAX_HASHES`].
    #[error("a proof has at most {MAX_HASHES} hashes")]
    TooManyHashes,
    /// Not canonical base64 of 32 bytes.
    #[error("line {line} is not the base64 of a hash")]
    Hash {
        /// One-based, in the body.
        line: usize,
    },
    /// What follows the empty line is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// A request that is well formed. Nothing in it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size the tree is said to have grown from.
    pub old: u64,
    /// The proof that it has.
    pub proof: Vec<TreeHash>,
    /// The log.
    pub origin: String,
    /// Size of the checkpoint.
    pub size: u64,
    /// Root of the checkpoint. Also that of a checkpoint of size 0, which may be wrong here: witnesses
    /// have an answer of their own for that.
    pub root: TreeHash,
    /// The checkpoint's note.
    pub note: Note,
}

impl AddCheckpoint {
    /// Reads a body, to the byte.
    ///
    /// # Errors
    /// [`RequestError`]
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let end = body.windows(2).position(|pair| pair == b"\n\n");
        let (head, rest) = body.split_at(end.ok_or(RequestError::Form)?);
        let head = std::str::from_utf8(head).map_err(|_| RequestError::Form)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(old_size).ok_or(RequestError::Old)?;
        if lines.clone().count() > MAX_HASHES {
            return Err(RequestError::TooManyHashes);
        }
        let hash = |(line, text)| {
            let line = line + 2;
            TreeHash::from_base64(text).ok_or(RequestError::Hash { line })
        };
        let proof = lines.enumerate().map(hash).collect::<Result<_, _>>()?;
        let note = Note::parse(&rest[2..]).map_err(CheckpointError::from)?;
        let (origin, size, root) = claim(note.text())?;
        Ok(Self {
            old,
            proof,
            origin,
            size,
            root,
            note,
        })
    }

    /// Writes the body that asks for a cosignature.
    pub fn write(old: u64, proof: &[TreeHash], checkpoint: &SignedCheckpoint) -> String {
        let mut body = format!("old {old}\n");
        for hash in proof {
            body.push_str(&hash.to_base64());
            body.push('\n');
        }
        format!("{body}\n{checkpoint}")
    }
}

fn old_size(line: &str) -> Option<u64> {
    let digits = line.strip_prefix("old ")?;
    let size: u64 = digits.parse().ok()?;
    // `parse` alone would also take "+5" and "007".
    (size.to_string() == digits).then_some(size)
}

/// Origin, size and root.
fn claim(text: &str) -> Result<(String, u64, TreeHash), CheckpointError> {
    match text.parse::<Checkpoint>() {
        Ok(checkpoint) => Ok((
            checkpoint.origin().to_owned(),
            checkpoint.size(),
            *checkpoint.root(),
        )),
        Err(CheckpointError::EmptyRoot) => {
            let mut lines = text.split('\n');
            let origin = lines.next().unwrap_or_default().to_owned();
            let root = lines.nth(1).and_then(TreeHash::from_base64);
            // The checkpoint was read as far as its root, or the error were another.
            Ok((
                origin,
                0,
                root.filter(|root| *root != empty_root())
                    .ok_or(CheckpointError::Root)?,
            ))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{ORIGIN, TestLog};
    use servanda_core::chain::tree::leaf_hash;

    fn body(head: &str) -> Vec<u8> {
        format!("{head}\n{}", TestLog::of(7).checkpoint(7)).into_bytes()
    }

    fn hashes(count: usize) -> String {
        format!("{}\n", leaf_hash(b"x").to_base64()).repeat(count)
    }

    #[test]
    fn what_was_written_is_read() {
        let signed = TestLog::of(7).checkpoint(7);
        for count in [0, 1, MAX_HASHES] {
            let proof = vec![leaf_hash(b"x"); count];
            let body = AddCheckpoint::write(5, &proof, &signed);
            let read = AddCheckpoint::parse(body.as_bytes()).unwrap();
            assert_eq!((read.old, read.proof), (5, proof));
            assert_eq!((read.origin.as_str(), read.size), (ORIGIN, 7));
            assert_eq!(read.root, *signed.unverified().root());
            assert_eq!(read.note, *signed.note());
        }
    }

    #[test]
    fn each_wrong_line_is_named() {
        use RequestError as E;
        let cases = [
            ("old 007\n", E::Old),
            ("old +7\n", E::Old),
            ("old  7\n", E::Old),
            ("old 7 \n", E::Old),
            ("old 7\r\n", E::Old),
            ("Old 7\n", E::Old),
            ("old -1\n", E::Old),
            ("old\n", E::Old),
            ("old 18446744073709551616\n", E::Old),
            ("\n", E::Form),
            ("old 7\nAA==\n", E::Hash { line: 2 }),
            ("old 7\n\u{a0}\n", E::Hash { line: 2 }),
        ];
        for (head, error) in cases {
            let found = AddCheckpoint::parse(&body(head)).unwrap_err();
            if head == "\n" {
                // Two empty lines: the first line is what stands before them, nothing.
                assert_eq!(found, E::Old);
            } else {
                assert_eq!(found, error, "{head:?}");
            }
        }
        let head = format!("old 7\n{}x\n", hashes(2));
        let found = AddCheckpoint::parse(&body(&head));
        assert_eq!(found.unwrap_err(), E::Hash { line: 4 });
        let head = format!("old 7\n{}", hashes(MAX_HASHES + 1));
        let found = AddCheckpoint::parse(&body(&head));
        assert_eq!(found.unwrap_err(), E::TooManyHashes);
        assert_eq!(AddCheckpoint::parse(b"old 7\n"), Err(E::Form));
        assert_eq!(AddCheckpoint::parse(b"old \xff\n\n"), Err(E::Form));
        let found = AddCheckpoint::parse(b"old 7\n\nnot a checkpoint\n");
        assert!(matches!(found, Err(E::Checkpoint(_))), "{found:?}");
    }

    #[test]
    fn a_wrong_empty_tree_is_well_formed() {
        let log = TestLog::of(1);
        let text = format!("{ORIGIN}\n0\n{}\n", leaf_hash(b"x").to_base64());
        let note = Note::sign(text, log.key()).unwrap();
        let read = AddCheckpoint::parse(format!("old 0\n\n{note}").as_bytes()).unwrap();
        assert_eq!((read.size, read.root), (0, leaf_hash(b"x")));
        assert_eq!(read.origin, ORIGIN);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = AddCheckpoint::parse(&bytes);
        }

        #[test]
        fn no_damage_panics(at in 0_usize..400, byte: u8, cut in 0_usize..400) {
            let mut bytes = body(&format!("old 3\n{}", hashes(3)));
            let len = bytes.len();
            bytes[at % len] = byte;
            if let Ok(read) = AddCheckpoint::parse(&bytes) {
                // What is read at all is read to the byte.
                let head = format!("old {}\n", read.old);
                prop_assert!(bytes.starts_with(head.as_bytes()));
                prop_assert!(bytes.ends_with(read.note.to_string().as_bytes()));
            }
            let _ = AddCheckpoint::parse(&bytes[..cut % len]);
        }
    }
}
