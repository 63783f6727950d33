//! Key files. A private key is read from a file only, never from the command line, and only if nobody else can read
//! the file.

use std::io::Read as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::{CliError, Exit};
use super::files;
use servanda_core::chain::key::{PRIVATE_PREFIX, SigningKey, VerifierKey};
use servanda_files::{Access, Existing, FileError, Source};

/// The longest key file, in bytes. A key is one line.
const MAX_BYTES: usize = 4096;

const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

/// Reads the private key in a file that nobody else can read.
pub(super) fn read_signing_key(path: &Path) -> Result<SigningKey, CliError> {
    let refused = |why: &str| CliError::refused(format!("{} {why}", path.display()));
    let text = read_private(path)?;
    if text.starts_with(OPENSSH) {
        return Err(refused("is a key of OpenSSH").hint("`servanda key import` converts it"));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    SigningKey::parse(line).map_err(|error| refused(&format!("is not a private key: {error}")))
}

/// Reads a file that nobody else can read.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<String>, CliError> {
    refuse_secret(&path.to_string_lossy())?;
    let refused = |why: &str| CliError::refused(format!("{} {why}", path.display()));
    let mut file = Source::open(path).map_err(|error| match error {
        FileError::Directory => refused("is a directory, not a key").hint("name the file in it"),
        error => files::cannot("read the key in", path, error),
    })?;
    if readable_by_others(file.metadata()) {
        return Err(
            refused("can be read by others, so it may be no secret any more").hint(format!(
                "`chmod 600 {}` if nobody has read it; else make a new key",
                path.display()
            )),
        );
    }
    // One buffer from the start, because a growing one leaves copies of the secret in memory.
    let mut text = Zeroizing::new(vec![0; MAX_BYTES + 1]);
    let mut len = 0;
    while len < text.len() {
        let read = file.read(&mut text[len..]);
        match read.map_err(|error| CliError::file("read the key in", path, &error))? {
            0 => break,
            read => len += read,
        }
    }
    match std::str::from_utf8(&text[..len]) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(refused("is not a private key")),
    }
}

/// Refuses a private key on the command line, and does not repeat it.
fn refuse_secret(text: &str) -> Result<(), CliError> {
    if !text.contains(PRIVATE_PREFIX) {
        return Ok(());
    }
    Err(CliError::new(
        Exit::Usage,
        "a private key is never taken from the command line, where others can read it: name its file",
    )
    .hint("the command line is in the shell's history now: use another key"))
}

/// Makes the seed of a key.
pub fn random_seed() -> Result<Zeroizing<[u8; 32]>, CliError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut())
        .map_err(|error| CliError::refused(format!("no random bytes for a key: {error}")))?;
    Ok(seed)
}

/// Writes a new private file that only its owner can read.
pub fn write_private(path: &Path, text: &str) -> Result<(), CliError> {
    servanda_files::write(path, text, Existing::Refuse, Access::Owner).map_err(|error| {
        let told = CliError::refused(format!("cannot write {}: {error}", path.display()));
        told.hint("an existing key is never overwritten")
    })
}

/// Reads a public key: a vkey string, or a file that holds one.
pub fn read_verifier_key(text: &str) -> Result<VerifierKey, CliError> {
    refuse_secret(text)?;
    let held = match servanda_files::read(Path::new(text), MAX_BYTES as u64) {
        Ok(held) => String::from_utf8_lossy(&held).into_owned(),
        Err(FileError::Io(_)) => text.to_owned(),
        Err(error) => return Err(files::cannot("read the key in", Path::new(text), error)),
    };
    if held.contains(PRIVATE_PREFIX) {
        return Err(CliError::new(
            Exit::Usage,
            format!("{text} holds a private key, and the public one is needed"),
        )
        .hint("`servanda key show FILE` prints the public one"));
    }
    held.trim()
        .parse()
        .map_err(|error: servanda_core::chain::key::KeyError| {
            CliError::new(Exit::Usage, format!("`{text}` is not a vkey: {error}")).hint(
                "a vkey reads NAME+8 hexadecimal digits+base64; `servanda key show FILE` prints it",
            )
        })
}

#[cfg(unix)]
fn readable_by_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

/// Elsewhere permissions are not to be had from the standard library.
#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use servanda_core::chain::key::{KeyName, SignatureType};

    fn key() -> SigningKey {
        let name = KeyName::new("example.org/log").unwrap();
        SigningKey::from_seed(name, SignatureType::Ed25519, &[7; 32])
    }

    /// The outcome for a file with this text and mode, shown as a user sees it.
    fn outcome(text: &[u8], mode: u32) -> Result<String, (String, Vec<String>)> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        match read_signing_key(&path) {
            Ok(key) => Ok(key.verifier().to_string()),
            Err(error) => Err((error.message, error.hints)),
        }
    }

    #[test]
    fn a_private_file_with_a_key_is_read() {
        let text = key().to_text();
        for end in ["", "\n", "\r\n"] {
            for mode in [0o600, 0o400, 0o700] {
                let text = format!("{}{end}", *text);
                let read = outcome(text.as_bytes(), mode);
                assert_eq!(read, Ok(key().verifier().to_string()));
            }
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o620, 0o601, 0o666] {
            let (message, hints) = outcome(key().to_text().as_bytes(), mode).unwrap_err();
            assert!(message.contains("can be read by others"), "{message}");
            assert!(hints[0].starts_with("`chmod 600 "), "{hints:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_shown() {
        let secret = key().to_text().to_string();
        let secret_part = secret.rsplit('+').next().unwrap();
        let wrong = [
            "",
            "\n",
            &format!("{secret}\n\n"),
            &format!(" {secret}"),
            &format!("{secret}{}", "A".repeat(MAX_BYTES)),
            &key().verifier().to_string(),
            &secret.replace("PRIVATE+KEY", "PUBLIC+KEY"),
        ];
        for text in wrong {
            let (message, _) = outcome(text.as_bytes(), 0o600).unwrap_err();
            assert!(message.contains("is not a private key"), "{message}");
            assert!(!message.contains(secret_part), "{message}");
        }
        assert!(outcome(b"\xff\xfe", 0o600).is_err());
        let (message, hints) = outcome(format!("{OPENSSH}\n").as_bytes(), 0o600).unwrap_err();
        assert!(message.contains("OpenSSH"), "{message}");
        assert!(hints[0].contains("key import"), "{hints:?}");
    }

    #[test]
    fn a_directory_and_nothing_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = read_signing_key(dir.path()).unwrap_err();
        assert!(error.message.contains("is a directory"), "{error}");
        let error = read_signing_key(&dir.path().join("none")).unwrap_err();
        assert!(
            error.message.starts_with("cannot read the key in "),
            "{error}"
        );
    }
}
