//! What a ledger takes from the machine.

use std::time::SystemTime;

use servanda_core::chain::record::SALT_LEN;
use servanda_core::value::when::Instant;

/// The time, and salts that nobody can guess.
pub trait Environment: Send {
    /// Now, by the machine's clock.
    fn now(&self) -> Instant;

    /// Fresh random bytes.
    ///
    /// # Errors
    /// What the system says, where it has none.
    fn salt(&mut self) -> Result<[u8; SALT_LEN], std::io::Error>;

    /// As many as there is room for.
    ///
    /// # Errors
    /// As [`Environment::salt`].
    fn fill_salts(&mut self, salts: &mut [[u8; SALT_LEN]]) -> Result<(), std::io::Error> {
        for salt in salts {
            *salt = self.salt()?;
        }
        Ok(())
    }
}

/// The machine's clock and its source of randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Environment for Machine {
    fn now(&self) -> Instant {
        // `Utc::now` panics before 1970.
        let now = chrono::DateTime::<chrono::Utc>::from(SystemTime::now());
        Instant(now.timestamp_micros())
    }

    fn salt(&mut self) -> Result<[u8; SALT_LEN], std::io::Error> {
        let mut salt = [0; SALT_LEN];
        getrandom::fill(&mut salt).map_err(std::io::Error::other)?;
        Ok(salt)
    }

    fn fill_salts(&mut self, salts: &mut [[u8; SALT_LEN]]) -> Result<(), std::io::Error> {
        // Asking the system costs more than what it gives.
        getrandom::fill(salts.as_flattened_mut()).map_err(std::io::Error::other)
    }
}
