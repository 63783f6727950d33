//! Key files: read from disk only, never from the command line, and only if nobody else can read them.

use std::io::Write;
use std::path::Path;

use super::error::{CliError, Exit};
use crate::chain::key::{PRIVATE_PREFIX, SigningKey, VerifierKey};

/// Reads a private key in its text form.
pub fn read_signing_key(path: &Path) -> Result<SigningKey, CliError> {
    let text = read_private(path)?;
    SigningKey::parse(text.trim()).map_err(|error| {
        CliError::refused(format!("{} holds no private key: {error}", path.display()))
            .hint("`servanda key generate` makes one, `servanda key import` takes an OpenSSH one")
    })
}

/// Reads a private file, unless others can read it too.
pub fn read_private(path: &Path) -> Result<String, CliError> {
    refuse_secret(&path.to_string_lossy())?;
    let cannot = |error: &std::io::Error| CliError::file("read", path, error);
    let metadata = std::fs::metadata(path).map_err(|error| cannot(&error))?;
    if !metadata.is_file() {
        return Err(CliError::refused(format!(
            "{} is not a file",
            path.display()
        )));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(CliError::refused(format!(
                "others can read or change the private key {} (mode {mode:o})",
                path.display()
            ))
            .hint(format!("chmod 600 {}", path.display())));
        }
    }
    std::fs::read_to_string(path).map_err(|error| cannot(&error))
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

/// Writes a new private file that only its owner can read.
pub fn write_private(path: &Path, text: &str) -> Result<(), CliError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let write = || -> std::io::Result<()> {
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| {
        CliError::file("write", path, &error).hint("an existing key is never overwritten")
    })
}

/// Reads a public key: a vkey string, or a file that holds one.
pub fn read_verifier_key(text: &str) -> Result<VerifierKey, CliError> {
    refuse_secret(text)?;
    let held = match std::fs::read_to_string(text) {
        Ok(held) => held,
        Err(_) => text.to_owned(),
    };
    if held.contains(PRIVATE_PREFIX) {
        return Err(CliError::new(
            Exit::Usage,
            format!("{text} holds a private key, where the public one belongs"),
        )
        .hint("`servanda key show FILE` prints the public one"));
    }
    held.trim()
        .parse()
        .map_err(|error: crate::chain::key::KeyError| {
            CliError::new(Exit::Usage, format!("`{text}` is not a vkey: {error}")).hint(
                "a vkey reads NAME+8 hexadecimal digits+base64; `servanda key show FILE` prints it",
            )
        })
}
