//! The newest checkpoint that this user saw of each ledger. It is kept in the user's state directory (XDG), so that
//! somebody who cuts or rewrites a ledger does not reach it.

use std::path::PathBuf;

use super::anchors::one_line;
use super::error::{CliError, Exit};
use super::files;
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::record::document_digest;
use servanda_ledger::anchor::{self, Anchoring, Hashes};
use servanda_log::{Location, Log};

/// The checkpoints that this user saw. Without a state directory, or with `--no-memory`, there are none.
pub struct SeenCheckpoints {
    /// The program's state directory.
    state: Option<PathBuf>,
    /// Where the ledger is.
    ledger: Option<Location>,
}

impl SeenCheckpoints {
    /// The checkpoints for a ledger at this location.
    pub fn new(ledger: Option<&Location>) -> Self {
        Self {
            state: state_directory(),
            ledger: ledger.cloned(),
        }
    }

    /// The same for a ledger at another location.
    pub fn of(&self, ledger: &Location) -> Self {
        Self {
            state: self.state.clone(),
            ledger: Some(ledger.clone()),
        }
    }

    /// Remembers and recalls nothing.
    pub fn none() -> Self {
        Self {
            state: None,
            ledger: None,
        }
    }

    /// The file for the newest checkpoint of an origin.
    pub fn path(&self, origin: &str) -> Option<PathBuf> {
        let file = name_of(origin)?;
        Some(self.state.as_ref()?.join("checkpoints").join(file))
    }

    /// The file that names the ledger at the location. Without it, history could be rewritten under another origin,
    /// of which this user has seen nothing.
    fn path_of_location(&self) -> Option<PathBuf> {
        let file = self.name_of_location()?;
        Some(self.state.as_ref()?.join("directories").join(file))
    }

    /// The file of this name that belongs to a ledger without a directory.
    pub fn beside(&self, name: &str) -> Option<PathBuf> {
        let dir = self.name_of_location()?;
        Some(self.state.as_ref()?.join("beside").join(dir).join(name))
    }

    /// A short name for the location that no other has.
    fn name_of_location(&self) -> Option<String> {
        let location = self.ledger.as_ref()?;
        let digest = match location.directory() {
            Some(dir) => document_digest(dir.canonicalize().ok()?.as_os_str().as_encoded_bytes()),
            None => document_digest(location.given().as_encoded_bytes()),
        };
        Some(digest.ok()?.to_string()[..32].to_owned())
    }

    /// The newest checkpoint of an origin and its file. A file without a checkpoint is an error for the user to look
    /// at.
    pub fn recall(&self, origin: &str) -> Result<Option<(Checkpoint, PathBuf)>, CliError> {
        let Some(path) = self.path(origin) else {
            return Ok(None);
        };
        let Some(text) = files::if_there(&path)? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&text);
        let seen = text.parse().map_err(|error| {
            CliError::refused(format!("{} holds no checkpoint: {error}", path.display()))
                .hint("the checkpoint that you saw last was kept there; if you have no copy of it, remove the file")
                .hint("until then --no-memory looks at the ledger without it")
        })?;
        Ok(Some((seen, path)))
    }

    /// The origin of the ledger that this user saw in the directory, if another ledger is there now, and the file
    /// that says so.
    pub fn other_origin(
        &self,
        present: &Checkpoint,
    ) -> Result<Option<(String, PathBuf)>, CliError> {
        let Some(path) = self.path_of_location() else {
            return Ok(None);
        };
        let text = files::if_there(&path)?;
        Ok(text.and_then(|text| {
            let text = String::from_utf8_lossy(&text);
            let seen = text.lines().next().unwrap_or_default();
            (seen != present.origin()).then(|| (seen.to_owned(), path))
        }))
    }

    /// Refuses a ledger that does not continue what this user saw of it.
    pub fn check(
        &self,
        hashes: &Hashes<'_, impl Log>,
        present: &Checkpoint,
    ) -> Result<(), CliError> {
        if let Some((origin, path)) = self.other_origin(present)? {
            let message = format!(
                "this directory held the ledger {origin} when it was seen last, and now {}",
                present.origin()
            );
            return Err(CliError::new(Exit::Broken, message).hint(format!(
                "if another ledger was put here on purpose, remove {}",
                path.display()
            )));
        }
        let Some((seen, path)) = self.recall(present.origin())? else {
            return Ok(());
        };
        let message = match anchor::compare(hashes, present, &seen)? {
            Anchoring::Holds => return Ok(()),
            Anchoring::Shorter => format!(
                "the ledger has {} records, and had {} when it was seen last: its tail was cut, or it is an older copy",
                present.size(),
                seen.size()
            ),
            _ => format!(
                "the first {} records are not those that were seen last: the history was rewritten",
                seen.size()
            ),
        };
        Err(CliError::new(Exit::Broken, message)
            .detail(format!("seen: {}", one_line(&seen)))
            .detail(format!("now:  {}", one_line(present)))
            .hint(format!(
                "the checkpoint that was seen is in {}; keep it as evidence",
                path.display()
            ))
            .hint("to look at another copy all the same: --no-memory"))
    }

    /// Remembers a checkpoint, and that its ledger is in the directory.
    pub fn remember(&self, checkpoint: &Checkpoint) -> Result<(), CliError> {
        let seen = self.path(checkpoint.origin());
        let seen = seen.map(|path| (path, checkpoint.to_string()));
        let here = self.path_of_location();
        let here = here.map(|path| (path, format!("{}\n", checkpoint.origin())));
        for (path, text) in seen.into_iter().chain(here) {
            if files::if_there(&path)?.as_deref() != Some(text.as_bytes()) {
                files::keep(&path, &text)?;
            }
        }
        Ok(())
    }
}

/// A name for files about the ledger of an origin, which no other origin has.
pub fn name_of(origin: &str) -> Option<String> {
    let digest = document_digest(origin.as_bytes()).ok()?.to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let readable = origin.chars().map(|c| if is_plain(c) { c } else { '-' });
    let readable: String = readable.take(60).collect();
    Some(format!(
        "{}-{}",
        readable.trim_start_matches('.'),
        &digest[..16]
    ))
}

/// The directory for what this program remembers; none where the user has no home.
pub fn state_directory() -> Option<PathBuf> {
    Some(user_directory("XDG_STATE_HOME", ".local/state")?.join("servanda"))
}

/// One of the user's directories, by the variable that names it or by its usual place in the home
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>); none where the user has no home.
pub fn user_directory(variable: &str, usual: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(usual)))
}
