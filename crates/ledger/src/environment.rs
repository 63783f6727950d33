//! What a ledger takes from the machine.

use std::time::SystemTime;

use servanda_core::chain::record::SALT_LEN;
use servanda_core::value::when::Instant;
use servanda_log::clock;

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
        instant(SystemTime::now())
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

/// A time of the machine's clock as records have it.
fn instant(at: SystemTime) -> Instant {
    Instant(clock::utc(at).timestamp_micros())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::instant;

    #[test]
    fn the_clock_may_stand_anywhere() {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        let early = instant(SystemTime::UNIX_EPOCH - days(3653));
        assert_eq!(early.to_string(), "1960-01-01T00:00:00.000000Z");
        let late = instant(SystemTime::UNIX_EPOCH + days(120_530));
        assert_eq!(late.to_string(), "2300-01-01T00:00:00.000000Z");
    }
}
