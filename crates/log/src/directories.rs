//! Ledgers in directories, by path or as `file:` URL.

use std::path::PathBuf;
use std::time::Duration;

use super::backend::Backend;
use super::directory;
use super::location::{FILE, Location};
use super::log::Log;
use super::open_error::OpenError;

/// Directories.
pub(super) struct Directories;

impl Directories {
    fn directory(at: &Location) -> Result<PathBuf, OpenError> {
        let directory = at.directory();
        directory.ok_or_else(|| OpenError::NoLedger(at.clone()))
    }
}

impl Backend for Directories {
    fn scheme(&self) -> &str {
        FILE
    }

    fn check_can_create(&self, at: &Location) -> Result<(), OpenError> {
        directory::check_can_create(&Self::directory(at)?).map_err(|error| error.named(at))
    }

    fn create(&self, at: &Location, who: &str) -> Result<Box<dyn Log>, OpenError> {
        let made = directory::create(&Self::directory(at)?, who);
        made.map(|log| Box::new(log) as Box<dyn Log>)
            .map_err(|error| error.named(at))
    }

    fn open(&self, at: &Location, wait: Duration, who: &str) -> Result<Box<dyn Log>, OpenError> {
        let dir = Self::directory(at)?;
        #[cfg(unix)]
        let opened = super::served::open(&dir, wait, who);
        #[cfg(not(unix))]
        let opened = directory::open(&dir, wait, who).map(|log| Box::new(log) as Box<dyn Log>);
        opened.map_err(|error| error.named(at))
    }
}
