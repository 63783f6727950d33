//! Ed25519 keys of logs, recorders and witnesses, and their text forms (C2SP signed-note 1.0.0).
//!
//! A key is a name, a signature type and 32 bytes. Its key id is derived from all three, so that the
//! same bytes under another name or for another purpose are another key.
//!
//! ```text
//! servanda.example/log1+146d4a70+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c    public, to hand out
//! PRIVATE+KEY+servanda.example/log1+146d4a70+AQEB...                             secret
//! ```

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::Signer as _;
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::chain::text;

/// What every private key's text begins with, as in Go's `golang.org/x/mod/sumdb/note`.
pub const PRIVATE_PREFIX: &str = "PRIVATE+KEY+";

/// Why a key or its text was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// A name that no signed note could carry.
    #[error(
        "{name:?} is no key name: it must have a character, and no space, '+' or control character"
    )]
    Name {
        /// The name as given.
        name: String,
    },
    /// Not `name+id+key`.
    #[error("a verifier key is <name>+<8 lowercase hex digits>+<base64>")]
    VerifierSyntax,
    /// Not `PRIVATE+KEY+name+id+key`.
    #[error("a private key is PRIVATE+KEY+<name>+<8 lowercase hex digits>+<base64>")]
    PrivateSyntax,
    /// A signature type other than the two known here.
    #[error(
        "signature type {0:#04x} is not supported, only 0x01 (Ed25519) and 0x04 (cosignature/v1)"
    )]
    UnknownType(u8),
    /// The key is not 32 bytes.
    #[error("an Ed25519 key is 32 bytes, not {found}")]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// The 32 bytes are no point of the curve, or one under which a signature means less than it should.
    #[error("the 32 bytes are not a sound Ed25519 public key")]
    NotAKey,
    /// The key id written beside the key is not the one that belongs to it.
    #[error("the key id says {stated}, but the name and the key make it {computed}")]
    IdMismatch {
        /// The id in the text.
        stated: KeyId,
        /// The id of the name and key.
        computed: KeyId,
    },
}

/// The signature does not belong to this message and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature does not belong to this message and key")]
pub struct BadSignature;

/// The name of a key: not empty, without Unicode white space, `+` or control characters.
///
/// A log's key is named after its origin. A URL without its scheme is recommended:
/// `example.com/log42`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Takes a name that follows the rules.
    ///
    /// # Errors
    /// [`KeyError::Name`] if it does not.
    pub fn new(name: impl Into<String>) -> Result<Self, KeyError> {
        let name = name.into();
        let forbidden = |c: char| c.is_whitespace() || c < ' ' || c == '+';
        if name.is_empty() || name.contains(forbidden) {
            return Err(KeyError::Name { name });
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        Self::new(name)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The short id of a key: with its name it says which key to try. It proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u32);

impl KeyId {
    /// The first four bytes of SHA-256(name ‖ 0A ‖ signature type ‖ public key).
    pub fn of(name: &KeyName, kind: SignatureType, public: &[u8; 32]) -> Self {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', kind.byte()])
            .chain_update(public)
            .finalize()
            .into();
        let [a, b, c, d, ..] = hash;
        Self::from_be_bytes([a, b, c, d])
    }

    /// The id from its four bytes in a signature, big endian.
    pub const fn from_be_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(bytes))
    }

    /// The four bytes that precede a signature, big endian.
    pub const fn to_be_bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    /// `None` unless it is exactly eight lowercase hexadecimal digits.
    fn from_hex(hex: &str) -> Option<Self> {
        let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if hex.len() != 8 || !hex.bytes().all(digits) {
            return None;
        }
        u32::from_str_radix(hex, 16).ok().map(Self)
    }
}

/// Eight lowercase hexadecimal digits.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// What a key signs, as its type byte says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureType {
    /// 0x01: the text of the note itself. Keys of logs, and of recorders.
    Ed25519,
    /// 0x04: `cosignature/v1`, a time and a checkpoint. Keys of witnesses.
    CosignatureV1,
}

impl SignatureType {
    /// The byte that stands for it in keys and key ids.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, KeyError> {
        match byte {
            0x01 => Ok(Self::Ed25519),
            0x04 => Ok(Self::CosignatureV1),
            other => Err(KeyError::UnknownType(other)),
        }
    }
}

impl fmt::Display for SignatureType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "Ed25519",
            Self::CosignatureV1 => "cosignature/v1",
        })
    }
}

/// A public key with its name and purpose: a *vkey*. Parses from and prints as
/// `<name>+<key id>+<base64 of type and key>`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    kind: SignatureType,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// Names a public key (32 bytes, RFC 8032) and says what it may sign.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] if the bytes are not the one encoding of a point of the subgroup that the base point
    /// generates, or are its neutral element. For a point of small order anybody can make signatures; of a sum of one and
    /// a sound key, verifiers with and without a cofactor judge signatures differently.
    pub fn new(name: KeyName, kind: SignatureType, public: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(public)
            .ok()
            .filter(|key| !key.is_weak())
            .filter(|key| key.to_edwards().compress().as_bytes() == public)
            .filter(|key| key.to_edwards().is_torsion_free())
            .ok_or(KeyError::NotAKey)?;
        let id = KeyId::of(&name, kind, public);
        Ok(Self {
            name,
            id,
            kind,
            key,
        })
    }

    /// The name in its signature lines.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key id in its signatures.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What it may sign.
    pub fn kind(&self) -> SignatureType {
        self.kind
    }

    /// The 32 bytes of the public key, RFC 8032.
    pub fn public_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Checks a bare Ed25519 signature over exactly these bytes, refusing the encodings that RFC
    /// 8032 leaves to the implementation (`verify_strict`), so that all verifiers agree.
    ///
    /// # Errors
    /// [`BadSignature`] if it is not one of this key over this message.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        let result = self.key.verify_strict(message, &signature);
        result.map_err(|_| BadSignature)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(vkey: &str) -> Result<Self, KeyError> {
        let parts = KeyText::split(vkey).ok_or(KeyError::VerifierSyntax)?;
        let (kind, public) = parts.decode(KeyError::VerifierSyntax)?;
        let key = Self::new(parts.name()?, kind, &public)?;
        parts.check_id(key.id)?;
        Ok(key)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = text::base64_encode(&tagged(self.kind, self.public_bytes()));
        write!(f, "{}+{}+{key}", self.name, self.id)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// A private key with its name and purpose. Its bytes are wiped when it is dropped, and it shows
/// only its public half when it is debugged; [`SigningKey::to_text`] is the one way to its secret.
pub struct SigningKey {
    verifier: VerifierKey,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// Makes the key of a seed: 32 bytes from a good source of randomness (RFC 8032's private key).
    pub fn from_seed(name: KeyName, kind: SignatureType, seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = key.verifying_key();
        // Not by way of `VerifierKey::new`: a multiple of the base point is sound unless it is the neutral element,
        // which no clamped scalar makes.
        let id = KeyId::of(&name, kind, public.as_bytes());
        let verifier = VerifierKey {
            name,
            id,
            kind,
            key: public,
        };
        Self { verifier, key }
    }

    /// Reads what [`SigningKey::to_text`] wrote, without a newline after it.
    ///
    /// # Errors
    /// [`KeyError`] if it is no such text. None of its variants holds any of the secret.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let parts = text
            .strip_prefix(PRIVATE_PREFIX)
            .and_then(KeyText::split)
            .ok_or(KeyError::PrivateSyntax)?;
        let (kind, seed) = parts.decode(KeyError::PrivateSyntax)?;
        let key = Self::from_seed(parts.name()?, kind, &seed);
        parts.check_id(key.verifier.id)?;
        Ok(key)
    }

    /// The secret as text: `PRIVATE+KEY+<name>+<key id>+<base64 of type and seed>`. Wiped when
    /// dropped; keep no other copy than the file it is meant for.
    pub fn to_text(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(self.key.to_bytes());
        let tagged = Zeroizing::new(tagged(self.verifier.kind, &seed));
        let base64 = Zeroizing::new(text::base64_encode(&*tagged));
        let VerifierKey { name, id, .. } = &self.verifier;
        let parts = [
            PRIVATE_PREFIX,
            name.as_str(),
            "+",
            &id.to_string(),
            "+",
            &base64,
        ];
        // `concat` measures before it writes: growing would leave a copy behind.
        Zeroizing::new(parts.concat())
    }

    /// The public half, to hand out.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// A bare Ed25519 signature (64 bytes, RFC 8032) over exactly these bytes.
    ///
    /// Messages that are not notes must begin with a line that no note begins with, or a signature
    /// made for one purpose could be passed off for another.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(secret of {})", self.verifier)
    }
}

/// The three parts that both key texts end with.
struct KeyText<'a> {
    name: &'a str,
    id: KeyId,
    base64: &'a str,
}

impl<'a> KeyText<'a> {
    fn split(text: &'a str) -> Option<Self> {
        // Base64 may hold a plus, names and ids may not: the first two are the separators.
        let (name, rest) = text.split_once('+')?;
        let (id, base64) = rest.split_once('+')?;
        let id = KeyId::from_hex(id)?;
        Some(Self { name, id, base64 })
    }

    fn name(&self) -> Result<KeyName, KeyError> {
        KeyName::new(self.name)
    }

    /// The type and the 32 bytes, which may be secret.
    fn decode(&self, wrong: KeyError) -> Result<(SignatureType, Zeroizing<[u8; 32]>), KeyError> {
        let bytes = Zeroizing::new(text::base64_decode(self.base64).ok_or(wrong.clone())?);
        let (kind, key) = bytes.split_first().ok_or(wrong)?;
        let kind = SignatureType::from_byte(*kind)?;
        let found = key.len();
        let key = key.try_into().map_err(|_| KeyError::Length { found })?;
        Ok((kind, Zeroizing::new(key)))
    }

    fn check_id(&self, computed: KeyId) -> Result<(), KeyError> {
        let stated = self.id;
        if stated == computed {
            return Ok(());
        }
        Err(KeyError::IdMismatch { stated, computed })
    }
}

fn tagged(kind: SignatureType, key: &[u8; 32]) -> [u8; 33] {
    let mut bytes = [kind.byte(); 33];
    bytes[1..].copy_from_slice(key);
    bytes
}

#[cfg(test)]
mod tests;
