//! The lock of a ledger's directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::refusal::{io_error, refused};
use crate::clock;
use crate::open_error::OpenError;

pub(super) const LOCK: &str = "lock";

/// Locks the lock file and writes `who` into it. The text is a courtesy: on a full disk it is missing.
pub(super) fn locked(dir: &Path, wait: Duration, who: &str) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let began = Instant::now();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options
        .open(&path)
        .map_err(|source| refused("opening", &path, source))?;
    let mut pause = Duration::from_millis(2);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(source)) => {
                return Err(io_error("locking", &path, source).into());
            }
            Err(TryLockError::WouldBlock) => {}
        }
        let left = wait.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(OpenError::Locked {
                holder: holder(&path),
                waited: began.elapsed(),
            });
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    // The old text is overwritten before the file is cut, for a full disk has no room for a new page.
    let text = text(who, SystemTime::now());
    let _courtesy = file
        .write_all(text.as_bytes())
        .and_then(|()| file.set_len(text.len() as u64));
    Ok(file)
}

/// What a process says of itself that has held the lock since then.
fn text(who: &str, since: SystemTime) -> String {
    let since = clock::utc(since).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    format!("pid {}, {who}, since {since}\n", std::process::id())
}

/// The text that the holder of the lock wrote into it.
fn holder(path: &Path) -> String {
    let told = servanda_files::lock_holder(path);
    told.unwrap_or_else(|| "a process that did not say who it is".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::text;

    #[test]
    fn the_clock_may_stand_anywhere() {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        let early = text("a test", SystemTime::UNIX_EPOCH - days(3653));
        assert!(
            early.ends_with(", a test, since 1960-01-01T00:00:00Z\n"),
            "{early}"
        );
        let late = text("a test", SystemTime::UNIX_EPOCH + days(120_530));
        assert!(
            late.ends_with(", a test, since 2300-01-01T00:00:00Z\n"),
            "{late}"
        );
    }
}
