//! Random secrets, and what is kept of them.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// What every token begins with, so that one which was published by mistake is found.
const PREFIX: &str = "servanda_";

/// A random text of 256 bits.
///
/// # Errors
/// What the system says where it has no randomness.
pub fn random() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// A new token.
///
/// # Errors
/// As [`random`].
pub fn new_token() -> std::io::Result<String> {
    Ok(format!("{PREFIX}{}", random()?))
}

/// What is kept of a secret.
pub fn digest(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(digest)
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub fn is_same(one: &str, other: &str) -> bool {
    let pairs = one.bytes().zip(other.bytes());
    let differences = pairs.fold(0, |found, (one, other)| found | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differences) == 0
}
