//! Times of the machine's clock, wherever it stands: `Utc::now` and `Local::now` panic before 1970.

use std::time::SystemTime;

use chrono::{DateTime, Local, Utc};

/// A time in UTC.
pub fn utc(at: SystemTime) -> DateTime<Utc> {
    DateTime::from(at)
}

/// A time in the zone in `TZ`, or the machine's.
pub fn local(at: SystemTime) -> DateTime<Local> {
    DateTime::from(at)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use chrono::Datelike as _;

    use super::{local, utc};

    #[test]
    fn a_clock_may_stand_anywhere() {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        let early = SystemTime::UNIX_EPOCH - days(3653);
        let late = SystemTime::UNIX_EPOCH + days(120_530);
        assert_eq!(utc(early).to_rfc3339(), "1960-01-01T00:00:00+00:00");
        assert_eq!(utc(late).to_rfc3339(), "2300-01-01T00:00:00+00:00");
        // A zone is less than a day from UTC.
        assert!([1959, 1960].contains(&local(early).year()));
        assert!([2299, 2300].contains(&local(late).year()));
    }
}
