//! The scheme `postgres:`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::address::Address;
use super::failure::io_error;
use super::log::PostgresLog;
use super::pool::Pool;
use super::schema;
use super::snapshots::Snapshots;
use servanda_log::{Backend, Location, Log, OpenError};

/// The schemes that libpq knows.
const SCHEMES: [&str; 2] = ["postgres", "postgresql"];

/// Ledgers on PostgreSQL servers, by one of the two schemes that libpq knows.
pub struct Servers {
    scheme: &'static str,
    /// The user's directory for caches, where snapshots are kept.
    cache: Option<PathBuf>,
}

impl Servers {
    /// Both schemes, `postgres:` and `postgresql:`, with snapshots below a directory for caches; without one, every
    /// opening replays all records.
    pub fn caching_in(cache: Option<&Path>) -> [Self; 2] {
        SCHEMES.map(|scheme| Self {
            scheme,
            cache: cache.map(Path::to_owned),
        })
    }

    fn opened(&self, pool: Pool, at: &Location, wait: Duration) -> Result<Box<dyn Log>, OpenError> {
        let marker = schema::marker(&pool, wait, at)?;
        let cache = self.cache.as_deref();
        let cache = cache.map(|cache| Snapshots::of(cache, &marker.id, marker.erasures));
        Ok(Box::new(PostgresLog::new(
            Arc::new(pool),
            cache,
            &marker.id,
        )))
    }
}

/// A pool for a location.
fn pool(at: &Location, who: &str) -> Result<Pool, OpenError> {
    // The error does not name the location, which may hold a password.
    let address =
        Address::of(at).map_err(|error| io_error("the ledger's address", error.to_string()))?;
    Ok(Pool::new(address, who))
}

impl Backend for Servers {
    fn scheme(&self) -> &str {
        self.scheme
    }

    fn check_can_create(&self, at: &Location) -> Result<(), OpenError> {
        let pool = pool(at, "servanda")?;
        match schema::is_there(&pool, Duration::ZERO)? {
            true => Err(OpenError::AlreadyALedger(at.clone())),
            false => Ok(()),
        }
    }

    fn create(&self, at: &Location, who: &str) -> Result<Box<dyn Log>, OpenError> {
        let pool = pool(at, who)?;
        if schema::is_there(&pool, Duration::ZERO)? {
            return Err(OpenError::AlreadyALedger(at.clone()));
        }
        let mut session = pool.take(Duration::ZERO)?;
        if let Err(error) = schema::make(&mut session, &pool.address.schema) {
            // Another process may have been faster.
            return Err(match schema::is_there(&pool, Duration::ZERO)? {
                true => OpenError::AlreadyALedger(at.clone()),
                false => error.into(),
            });
        }
        pool.give(session);
        self.opened(pool, at, Duration::ZERO)
    }

    fn open(&self, at: &Location, wait: Duration, who: &str) -> Result<Box<dyn Log>, OpenError> {
        self.opened(pool(at, who)?, at, wait)
    }
}
