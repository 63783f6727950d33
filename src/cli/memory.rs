//! The newest checkpoint that this user saw of each ledger, kept in the user's state directory (XDG), outside
//! any ledger: who cuts or rewrites a ledger does not reach it.

use std::io::Write;
use std::path::{Path, PathBuf};

use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::record::document_digest;

/// Where this program keeps what it remembers; none where the user has no home.
fn state() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("servanda"))
}

/// Where the checkpoint of an origin is remembered; none where the user has no home.
pub fn place(origin: &str) -> Option<PathBuf> {
    let digest = document_digest(origin.as_bytes()).ok()?.to_string();
    let readable: String = origin
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .take(60)
        .collect();
    let file = format!("{}-{}", readable.trim_start_matches('.'), &digest[..16]);
    Some(state()?.join("checkpoints").join(file))
}

/// Where it is remembered which ledger lies in a directory. Without it, history could be rewritten under another
/// name, of which nothing was ever seen.
pub fn place_of_directory(dir: &Path) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    let digest = document_digest(dir.as_os_str().as_encoded_bytes()).ok()?;
    let file = &digest.to_string()[..32];
    Some(state()?.join("directories").join(file))
}

/// What was remembered of an origin; nothing where nothing was.
///
/// # Errors
/// In words, where a file is there and holds no checkpoint: that is for the user to look at.
pub fn recall(path: &Path) -> Result<Option<Checkpoint>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => text
            .parse()
            .map(Some)
            .map_err(|error| format!("{} holds no checkpoint: {error}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

/// Writes a file whole or not at all: nobody ever sees a part of it.
///
/// # Errors
/// Those of writing.
pub fn write_whole(path: &Path, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut builder = tempfile::Builder::new();
    // Nothing secret is written here: who may read it is for the umask to say, as with any file.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(dir)?;
    file.write_all(bytes.as_ref())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
