//! Ed25519 keys as OpenSSH keeps them: `id_ed25519` (format `openssh-key-v1`, `PROTOCOL.key` in
//! OpenSSH's sources) and the lines of `id_ed25519.pub` (RFC 4253 section 6.6, RFC 8709).
//!
//! Reading only, and only keys that are not encrypted.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::chain::text;

const HEADER: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const FOOTER: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";
const KEY_TYPE: &str = "ssh-ed25519";

/// Longest text read, in bytes. A real key is some 400 and its comment.
pub const MAX_LEN: usize = 16 * 1024;

/// Why an OpenSSH key was refused. No variant holds any of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenSshError {
    /// More than [`MAX_LEN`] bytes.
    #[error("{len} bytes are too many for an OpenSSH key")]
    TooLong {
        /// Bytes given.
        len: usize,
    },
    /// No `BEGIN OPENSSH PRIVATE KEY` line with its end, or not base64 between them.
    #[error("not an OpenSSH private key file")]
    Armour,
    /// Not `ssh-ed25519 <base64> [comment]`.
    #[error("not an OpenSSH public key line")]
    Line,
    /// A passphrase protects it.
    #[error("the key is encrypted with {cipher}; take a copy without a passphrase (ssh-keygen -p)")]
    Encrypted {
        /// The cipher's name, as the file gives it.
        cipher: String,
    },
    /// Another kind of key.
    #[error("the key is of type {found:?}, only ssh-ed25519 is supported")]
    KeyType {
        /// The type's name, as the key gives it.
        found: String,
    },
    /// The format allows several keys in one file; OpenSSH writes one.
    #[error("the file holds {found} keys, not one")]
    SeveralKeys {
        /// Keys the file says it holds.
        found: u32,
    },
    /// Cut off, contradictory, or followed by something else.
    #[error("the OpenSSH key is damaged: {what}")]
    Damaged {
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A public key read from OpenSSH's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSshPublic {
    /// The 32 bytes of the Ed25519 public key.
    pub key: [u8; 32],
    /// What follows the key on its line: often user@host. Anybody can write anything there.
    pub comment: String,
}

/// Reads one `ssh-ed25519 <base64> [comment]` line; a newline after it is allowed.
///
/// # Errors
/// [`OpenSshError`] if it is no such line, or of another key type.
pub fn parse_public(line: &str) -> Result<OpenSshPublic, OpenSshError> {
    check_len(line)?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.contains(['\r', '\n']) {
        return Err(OpenSshError::Line);
    }
    let mut fields = line.splitn(3, ' ');
    let (Some(kind), Some(blob)) = (fields.next(), fields.next()) else {
        return Err(OpenSshError::Line);
    };
    check_type(kind)?;
    let blob = text::base64_decode(blob).ok_or(OpenSshError::Line)?;
    let key = public_blob(&blob)?;
    let comment = fields.next().unwrap_or_default().to_owned();
    Ok(OpenSshPublic { key, comment })
}

/// Reads the text of an unencrypted `id_ed25519` and returns its seed (32 bytes, RFC 8032), wiped
/// when dropped.
///
/// # Errors
/// [`OpenSshError::Encrypted`] if a passphrase protects it, else the variant that names what is wrong.
pub fn parse_private(text: &str) -> Result<Zeroizing<[u8; 32]>, OpenSshError> {
    check_len(text)?;
    let bytes = unarmour(text)?;
    let mut outer = Reader(&bytes);
    if outer.take(MAGIC.len()) != Ok(MAGIC) {
        return Err(OpenSshError::Armour);
    }
    let (cipher, kdf, options) = (outer.string()?, outer.string()?, outer.string()?);
    if cipher != b"none" || kdf != b"none" || !options.is_empty() {
        let cipher = String::from_utf8_lossy(cipher).into_owned();
        return Err(OpenSshError::Encrypted { cipher });
    }
    match outer.number()? {
        1 => {}
        found => return Err(OpenSshError::SeveralKeys { found }),
    }
    let public = public_blob(outer.string()?)?;
    let private = outer.string()?;
    outer.finish()?;
    private_section(private, &public)
}

/// The part that would be encrypted: check numbers, key, comment, padding.
fn private_section(bytes: &[u8], public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, OpenSshError> {
    let mut inner = Reader(bytes);
    if inner.number()? != inner.number()? {
        return Err(damaged("its check numbers differ"));
    }
    check_type(&String::from_utf8_lossy(inner.string()?))?;
    let stated = inner.string()?;
    let pair = inner.string()?;
    let _comment = inner.string()?;
    check_padding(bytes.len(), inner.0)?;
    let Some((seed, tail)) = pair.split_first_chunk::<32>() else {
        return Err(damaged("its private key is too short"));
    };
    let derived = ed25519_dalek::SigningKey::from_bytes(seed).verifying_key();
    let agree = [stated, tail, public]
        .iter()
        .all(|p| p == derived.as_bytes());
    if !agree {
        return Err(damaged(
            "its private and public keys do not belong together",
        ));
    }
    Ok(Zeroizing::new(*seed))
}

/// Padding of 1, 2, 3, ... up to a multiple of eight bytes, the block size where there is no cipher.
fn check_padding(section_len: usize, padding: &[u8]) -> Result<(), OpenSshError> {
    if section_len.is_multiple_of(8) && [1, 2, 3, 4, 5, 6, 7].starts_with(padding) {
        return Ok(());
    }
    Err(damaged("its padding is wrong"))
}

/// `string type, string key`: what the base64 of a public key line holds.
fn public_blob(blob: &[u8]) -> Result<[u8; 32], OpenSshError> {
    let mut reader = Reader(blob);
    check_type(&String::from_utf8_lossy(reader.string()?))?;
    let key = reader.string()?;
    reader.finish()?;
    let wrong_length = damaged("its public key is not 32 bytes");
    key.try_into().map_err(|_| wrong_length)
}

/// The bytes between the armour lines.
fn unarmour(text: &str) -> Result<Zeroizing<Vec<u8>>, OpenSshError> {
    let body = text
        .trim()
        .strip_prefix(HEADER)
        .and_then(|rest| rest.strip_suffix(FOOTER))
        .ok_or(OpenSshError::Armour)?;
    // As large as it can get, so that it never moves and leaves a copy behind.
    let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
    base64.extend(body.lines().map(str::trim));
    let bytes = text::base64_decode(&base64).ok_or(OpenSshError::Armour)?;
    Ok(Zeroizing::new(bytes))
}

fn check_len(text: &str) -> Result<(), OpenSshError> {
    match text.len() {
        len if len > MAX_LEN => Err(OpenSshError::TooLong { len }),
        _ => Ok(()),
    }
}

fn check_type(found: &str) -> Result<(), OpenSshError> {
    if found == KEY_TYPE {
        return Ok(());
    }
    let found = found.to_owned();
    Err(OpenSshError::KeyType { found })
}

fn damaged(what: &'static str) -> OpenSshError {
    OpenSshError::Damaged { what }
}

/// Takes fields from the front of a buffer: RFC 4251 section 5.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], OpenSshError> {
        let split = self.0.split_at_checked(len);
        let (taken, rest) = split.ok_or(damaged("it is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, OpenSshError> {
        let bytes = self.take(4)?;
        let value = bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
        Ok(value)
    }

    fn string(&mut self) -> Result<&'a [u8], OpenSshError> {
        let len = self.number()?;
        // A length that no usize holds is past the end as well.
        self.take(usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn finish(self) -> Result<(), OpenSshError> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(damaged("something follows the key"))
    }
}

#[cfg(test)]
mod tests;
