//! Signed notes: C2SP signed-note 1.0.0 (<https://c2sp.org/signed-note@v1.0.0>).
//!
//! A text, an empty line, and one signature a line:
//!
//! ```text
//! servanda.example/log1
//! 7
//! NWAZGAMChESyMgGKwEf9tWHAnCOnpodsheCLXk1I6fM=
//!
//! — servanda.example/log1 FG1KcDOC...
//! ```
//!
//! A note that parses is only well formed. Its text means something once [`Note::verify`] has found
//! a signature by a key that the caller chose beforehand.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::chain::key::{KeyId, KeyName, SignatureType, SigningKey, VerifierKey};
use crate::chain::text;

/// Longest note, in bytes, signatures included: as in Go's implementation.
pub const MAX_LEN: usize = 1_000_000;

/// Most signatures in a note. The specification wants at least 16 to be accepted.
pub const MAX_SIGNATURES: usize = 100;

/// What every signature line begins with: an em dash and a space.
const SIGNATURE_PREFIX: &str = "— ";

/// Why a note was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// More than [`MAX_LEN`] bytes.
    #[error("a note of {len} bytes is above the limit of {MAX_LEN}")]
    TooLong {
        /// Its bytes.
        len: usize,
    },
    /// Not UTF-8.
    #[error("the note is not UTF-8")]
    NotUtf8,
    /// A control character other than a newline.
    #[error("the note holds a control character")]
    ControlCharacter,
    /// The text must end in a newline.
    #[error("the text of a note ends in a newline")]
    Unterminated,
    /// No empty line followed by signature lines.
    #[error("the note has no signatures")]
    NoSignatures,
    /// Not `— <name> <base64>`.
    #[error("line {line} of the signatures is not one")]
    SignatureLine {
        /// One-based, counted from the first signature.
        line: usize,
    },
    /// More than [`MAX_SIGNATURES`].
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// Two different keys with one name and one id were given to verify with.
    #[error("two different keys are called {name}+{id}")]
    AmbiguousKey {
        /// Their name.
        name: KeyName,
        /// Their id.
        id: KeyId,
    },
    /// A signature by a known key does not verify: the note as a whole is refused.
    #[error("the signature by {name}+{id} is wrong")]
    BadSignature {
        /// The key's name.
        name: KeyName,
        /// The key's id.
        id: KeyId,
    },
    /// None of the signatures is by a known key.
    #[error("none of the signatures is by a known key")]
    NoKnownSignature,
    /// A key that signs cosignatures was to sign a text, or the other way round.
    #[error("the key {name} makes {found} signatures, not {wanted}")]
    WrongKeyType {
        /// The key's name.
        name: KeyName,
        /// Its type.
        found: SignatureType,
        /// The type wanted.
        wanted: SignatureType,
    },
    /// Above 2^63 - 1, which no cosignature may say.
    #[error("{timestamp} seconds is no time a cosignature can state")]
    Timestamp {
        /// Unix seconds.
        timestamp: u64,
    },
}

/// One signature line. Not verified by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    id: KeyId,
    blob: Vec<u8>,
}

impl NoteSignature {
    /// The name of the key it claims to be by.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of the key it claims to be by.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What follows the key id: 64 bytes for Ed25519, 72 for cosignature/v1, anything for types
    /// that are not known here.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Whether `key` is the one it claims to be by.
    pub fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == *key.name() && self.id == key.id()
    }

    /// Signs the text of a note (Ed25519, type 01).
    ///
    /// # Errors
    /// [`NoteError::WrongKeyType`] if the key is a witness's.
    pub fn sign(note_text: &str, key: &SigningKey) -> Result<Self, NoteError> {
        check_type(key.verifier(), SignatureType::Ed25519)?;
        let blob = key.sign(note_text.as_bytes()).to_vec();
        Ok(Self::by(key, blob))
    }

    /// Cosigns the text of a checkpoint at `timestamp` (Unix seconds): C2SP tlog-cosignature,
    /// cosignature/v1, type 04.
    ///
    /// Whether the text is a checkpoint and grew from the last one cosigned is for the caller to
    /// know: [`SignedCheckpoint::cosign`](crate::chain::checkpoint::SignedCheckpoint::cosign).
    ///
    /// # Errors
    /// [`NoteError::WrongKeyType`] unless the key is a witness's, [`NoteError::Timestamp`] above
    /// 2^63 - 1.
    pub fn cosign(note_text: &str, key: &SigningKey, timestamp: u64) -> Result<Self, NoteError> {
        check_type(key.verifier(), SignatureType::CosignatureV1)?;
        if i64::try_from(timestamp).is_err() {
            return Err(NoteError::Timestamp { timestamp });
        }
        let signature = key.sign(&cosigned_message(timestamp, note_text));
        let mut blob = timestamp.to_be_bytes().to_vec();
        blob.extend(signature);
        Ok(Self::by(key, blob))
    }

    /// Checks the signature over `note_text` by `key`, which is the one it claims to be by. Returns
    /// the Unix seconds that a cosignature states; `None` from an Ed25519 signature.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] if it is by another key or does not verify.
    pub fn verify(&self, note_text: &str, key: &VerifierKey) -> Result<Option<u64>, NoteError> {
        let verified = self.is_by(key).then(|| match key.kind() {
            SignatureType::Ed25519 => {
                let signature = self.blob.as_slice().try_into().ok()?;
                let result = key.verify(note_text.as_bytes(), signature);
                result.is_ok().then_some(None)
            }
            SignatureType::CosignatureV1 => {
                let (timestamp, signature) = self.blob.split_first_chunk::<8>()?;
                let timestamp = u64::from_be_bytes(*timestamp);
                i64::try_from(timestamp).ok()?;
                let message = cosigned_message(timestamp, note_text);
                let result = key.verify(&message, signature.try_into().ok()?);
                result.is_ok().then_some(Some(timestamp))
            }
        });
        verified.flatten().ok_or_else(|| self.bad())
    }

    /// Checks the signature as a cosignature by the witness `key`. Returns the Unix seconds it states.
    ///
    /// # Errors
    /// [`NoteError::WrongKeyType`] unless the key is a witness's, [`NoteError::BadSignature`] if the
    /// signature is by another key or does not verify.
    pub fn verify_cosignature(&self, note_text: &str, key: &VerifierKey) -> Result<u64, NoteError> {
        check_type(key, SignatureType::CosignatureV1)?;
        let timestamp = self.verify(note_text, key)?;
        // Every signature of that type states a time.
        timestamp.ok_or_else(|| self.bad())
    }

    /// Reads lines as a note ends with and a witness answers with: one or more, each with its
    /// newline.
    ///
    /// # Errors
    /// [`NoteError`] if any is not a signature line, there are none, or too many.
    pub fn parse_lines(lines: &[u8]) -> Result<Vec<Self>, NoteError> {
        Self::parse_checked_lines(checked_text(lines)?)
    }

    fn parse_checked_lines(lines: &str) -> Result<Vec<Self>, NoteError> {
        if lines.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Unterminated)?;
        if lines.split('\n').nth(MAX_SIGNATURES).is_some() {
            return Err(NoteError::TooManySignatures);
        }
        let parse = |(line, text)| {
            let line = line + 1;
            Self::parse_line(text).ok_or(NoteError::SignatureLine { line })
        };
        lines.split('\n').enumerate().map(parse).collect()
    }

    fn parse_line(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let name = KeyName::new(name).ok()?;
        let bytes = text::base64_decode(base64)?;
        let (id, blob) = bytes.split_first_chunk::<4>()?;
        // An id without a signature is none.
        (!blob.is_empty()).then(|| Self {
            name,
            id: KeyId::from_be_bytes(*id),
            blob: blob.to_vec(),
        })
    }

    fn bad(&self) -> NoteError {
        NoteError::BadSignature {
            name: self.name.clone(),
            id: self.id,
        }
    }

    fn by(key: &SigningKey, blob: Vec<u8>) -> Self {
        Self {
            name: key.verifier().name().clone(),
            id: key.verifier().id(),
            blob,
        }
    }
}

/// The line without its newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_be_bytes(), self.blob.as_slice()].concat();
        let base64 = text::base64_encode(&bytes);
        write!(f, "{SIGNATURE_PREFIX}{} {base64}", self.name)
    }
}

/// A signature that did verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'k> {
    /// The key it is by, of those given.
    pub key: &'k VerifierKey,
    /// Unix seconds a cosignature states; `None` for an Ed25519 signature.
    pub timestamp: Option<u64>,
}

/// A text and its signatures. Prints as the bytes it was parsed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    /// Never empty.
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A note of one signature (Ed25519) over `text`.
    ///
    /// # Errors
    /// [`NoteError`] if the text is too long, holds control characters or does not end in a newline,
    /// or if the key is a witness's.
    pub fn sign(text: impl Into<String>, key: &SigningKey) -> Result<Self, NoteError> {
        let text = text.into();
        let signature = NoteSignature::sign(&text, key)?;
        Self::new(text, vec![signature])
    }

    /// A note of a text and signatures made elsewhere.
    ///
    /// # Errors
    /// [`NoteError`] if the text or the number of signatures breaks the format's rules.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        checked_text(text.as_bytes())?;
        if !text.ends_with('\n') {
            return Err(NoteError::Unterminated);
        }
        Self { text, signatures }.checked()
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError`] if it is not one, to the byte: a note prints as it was read.
    pub fn parse(note: &[u8]) -> Result<Self, NoteError> {
        let note = checked_text(note)?;
        // The last empty line: the text may hold others, the signatures cannot.
        let end = note.rfind("\n\n").ok_or(NoteError::NoSignatures)? + 1;
        let (text, rest) = note.split_at(end);
        let signatures = NoteSignature::parse_checked_lines(&rest[1..])?;
        let text = text.to_owned();
        Ok(Self { text, signatures })
    }

    /// The signed text, its last newline included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures in their order, known or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature at the end, unless it is there already.
    ///
    /// # Errors
    /// [`NoteError::TooManySignatures`] or [`NoteError::TooLong`]; the note is unchanged then.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        let mut grown = self.clone();
        grown.signatures.push(signature);
        *self = grown.checked()?;
        Ok(())
    }

    /// Checks every signature by one of `keys` and returns them in the note's order, each key once:
    /// of several signatures by one key the first is returned, though all have to be right.
    /// Signatures by other keys are ignored, even if they share a name or an id with one of them.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] if any by a known key is wrong,
    /// [`NoteError::NoKnownSignature`] if there is none, [`NoteError::AmbiguousKey`] if two different
    /// keys share both name and id.
    pub fn verify<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<Vec<Verified<'k>>, NoteError> {
        let known = by_name_and_id(keys)?;
        let mut verified: Vec<Verified<'k>> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = known.get(&(&signature.name, signature.id)).copied() else {
                continue;
            };
            let timestamp = signature.verify(&self.text, key)?;
            if verified.iter().all(|earlier| earlier.key != key) {
                verified.push(Verified { key, timestamp });
            }
        }
        if verified.is_empty() {
            return Err(NoteError::NoKnownSignature);
        }
        Ok(verified)
    }

    fn checked(self) -> Result<Self, NoteError> {
        match self.signatures.len() {
            0 => return Err(NoteError::NoSignatures),
            n if n > MAX_SIGNATURES => return Err(NoteError::TooManySignatures),
            _ => {}
        }
        match self.to_string().len() {
            len if len > MAX_LEN => Err(NoteError::TooLong { len }),
            _ => Ok(self),
        }
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        Self::parse(note.as_bytes())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

/// What a cosignature signs: a header that no other message begins with, the time, the text.
fn cosigned_message(timestamp: u64, note_text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {timestamp}\n{note_text}").into_bytes()
}

pub(super) fn check_type(key: &VerifierKey, wanted: SignatureType) -> Result<(), NoteError> {
    if key.kind() == wanted {
        return Ok(());
    }
    Err(NoteError::WrongKeyType {
        name: key.name().clone(),
        found: key.kind(),
        wanted,
    })
}

fn checked_text(bytes: &[u8]) -> Result<&str, NoteError> {
    let len = bytes.len();
    if len > MAX_LEN {
        return Err(NoteError::TooLong { len });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
    if text::has_control(text) {
        return Err(NoteError::ControlCharacter);
    }
    Ok(text)
}

type KnownKeys<'k> = HashMap<(&'k KeyName, KeyId), &'k VerifierKey>;

fn by_name_and_id<'k>(
    keys: impl IntoIterator<Item = &'k VerifierKey>,
) -> Result<KnownKeys<'k>, NoteError> {
    let mut known = KnownKeys::new();
    for key in keys {
        match known.insert((key.name(), key.id()), key) {
            Some(other) if other != key => {
                return Err(NoteError::AmbiguousKey {
                    name: key.name().clone(),
                    id: key.id(),
                });
            }
            _ => {}
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests;
