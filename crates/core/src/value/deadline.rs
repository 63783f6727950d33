//! Deadlines relative to an event: `30 days after entry-into-force of A1`, `6 months after C2 fulfilled`.
//!
//! Days are those of the calendar: no holiday and no weekend is left out. Months and years keep the day of the
//! month, and where that month is too short, its last day: a month after 31 January is 28 or 29 February.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, Months, NaiveDate};

use crate::value::agreement::Action;
use crate::value::base::{Leaf, ValueError, excerpt};
use crate::value::commitment::Standing;
use crate::value::id::{AgreementId, CommitmentId, Reference};
use crate::wire::{Reader, Wire, WireError, Writer, wire_variants};

/// What a span counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Days.
    Day,
    /// Seven days.
    Week,
    /// Months of the calendar.
    Month,
    /// Years of the calendar.
    Year,
}

impl Unit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    /// The word for one of it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// A stretch of days, weeks, months or years: 1 to 9999 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    count: u16,
    unit: Unit,
}

impl Span {
    /// A span, if it has 1 to 9999 units.
    pub fn new(count: u16, unit: Unit) -> Option<Self> {
        (1..=9999).contains(&count).then_some(Self { count, unit })
    }

    /// How many.
    pub fn count(self) -> u16 {
        self.count
    }

    /// Of what.
    pub fn unit(self) -> Unit {
        self.unit
    }

    /// The day so long after another; none beyond the end of the calendar.
    pub fn after(self, day: NaiveDate) -> Option<NaiveDate> {
        let count = u32::from(self.count);
        match self.unit {
            Unit::Day => day.checked_add_days(Days::new(count.into())),
            Unit::Week => day.checked_add_days(Days::new(u64::from(count) * 7)),
            Unit::Month => day.checked_add_months(Months::new(count)),
            Unit::Year => day.checked_add_months(Months::new(count * 12)),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.count == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.count, self.unit.word())
    }
}

impl FromStr for Span {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || {
            ValueError(format!(
                "`{}` is not 1 to 9999 days, weeks, months or years, such as 30 days",
                excerpt(text)
            ))
        };
        let (count, word) = text.split_once(' ').ok_or_else(wrong)?;
        let digits = count.bytes().all(|b| b.is_ascii_digit()) && !count.starts_with('0');
        let word = word.strip_suffix('s').unwrap_or(word);
        let unit = Unit::ALL.into_iter().find(|unit| unit.word() == word);
        let count = count.parse().ok().filter(|_| digits);
        count
            .zip(unit)
            .and_then(|(count, unit)| Self::new(count, unit))
            .ok_or_else(wrong)
    }
}

/// The event that a relative deadline counts from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anchor {
    /// An agreement was concluded: `conclusion of A1`.
    Conclusion(AgreementId),
    /// The first time that a party did so about an agreement; for its entry into force also that of the agreement
    /// itself: `entry-into-force of A1`.
    Action(Action, AgreementId),
    /// The first time that a commitment stood there: `C2 fulfilled`.
    Standing(CommitmentId, Standing),
}

const CONCLUSION: &str = "conclusion";

impl Anchor {
    /// What it names.
    pub fn reference(&self) -> Option<Reference<'_>> {
        match self {
            Self::Conclusion(agreement) | Self::Action(_, agreement) => agreement.reference(),
            Self::Standing(commitment, _) => commitment.reference(),
        }
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conclusion(agreement) => write!(f, "{CONCLUSION} of {agreement}"),
            Self::Action(action, agreement) => write!(f, "{action} of {agreement}"),
            Self::Standing(commitment, standing) => write!(f, "{commitment} {standing}"),
        }
    }
}

impl FromStr for Anchor {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        if let Some((action, agreement)) = text.split_once(" of ") {
            let agreement = agreement.parse()?;
            return match action {
                CONCLUSION => Ok(Self::Conclusion(agreement)),
                action => Ok(Self::Action(action.parse()?, agreement)),
            };
        }
        let (commitment, standing) = text.split_once(' ').ok_or_else(|| {
            ValueError(format!(
                "`{}` is no event such as entry-into-force of A1, conclusion of A1 or C2 fulfilled",
                excerpt(text)
            ))
        })?;
        Ok(Self::Standing(commitment.parse()?, standing.parse()?))
    }
}

/// So long after an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relative {
    /// How long.
    pub span: Span,
    /// After what.
    pub anchor: Anchor,
}

/// Between the span and the event.
const AFTER: &str = " after ";

impl Relative {
    /// Whether a text can only be meant as one.
    pub(super) fn looks_like(text: &str) -> bool {
        text.contains(AFTER)
    }
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{AFTER}{}", self.span, self.anchor)
    }
}

impl FromStr for Relative {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (span, anchor) = text
            .split_once(AFTER)
            .ok_or_else(|| ValueError(format!("`{}` is not SPAN after EVENT", excerpt(text))))?;
        Ok(Self {
            span: span.parse()?,
            anchor: anchor.parse()?,
        })
    }
}

wire_variants! { Unit { 0 Day, 1 Week, 2 Month, 3 Year, } }
wire_variants! {
    Anchor { 0 Conclusion(agreement), 1 Action(action, agreement), 2 Standing(commitment, standing), }
}

impl Wire for Span {
    fn write(&self, to: &mut Writer) {
        self.count().write(to);
        self.unit().write(to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let (count, unit) = (u16::read(from)?, Unit::read(from)?);
        Self::new(count, unit).ok_or_else(|| WireError::new("there is no such span"))
    }
}

impl Wire for Relative {
    fn write(&self, to: &mut Writer) {
        self.span.write(to);
        self.anchor.write(to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let (span, anchor) = (Span::read(from)?, Anchor::read(from)?);
        Ok(Self { span, anchor })
    }

    fn since(&self) -> u8 {
        self.anchor.since()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn relative_deadlines_are_read_as_they_are_written() {
        for text in [
            "30 days after entry-into-force of A1",
            "1 day after conclusion of A1",
            "6 months after C2 fulfilled",
            "9999 years after ratification of a-1",
            "2 weeks after C2 active",
        ] {
            assert_eq!(text.parse::<Relative>().unwrap().to_string(), text);
        }
        // One of many may be written as many.
        let one: Relative = "1 months after C2 active".parse().unwrap();
        assert_eq!(one.to_string(), "1 month after C2 active");
    }

    #[test]
    fn what_is_none_says_why() {
        for (text, why) in [
            ("0 days after C2 active", "1 to 9999"),
            ("030 days after C2 active", "1 to 9999"),
            ("10000 days after C2 active", "1 to 9999"),
            ("+3 days after C2 active", "1 to 9999"),
            ("3 fortnights after C2 active", "1 to 9999"),
            ("days after C2 active", "1 to 9999"),
            ("3 days after C2", "no event such as"),
            ("3 days after C2 happy", "happy"),
            ("3 days after party of A1", "party"),
            ("3 days", "SPAN after EVENT"),
        ] {
            let error = text.parse::<Relative>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn months_end_where_they_end() {
        let after = |span: &str, from: &str| {
            let span: Span = span.parse().unwrap();
            span.after(day(from)).unwrap().to_string()
        };
        assert_eq!(after("1 month", "2023-01-31"), "2023-02-28");
        assert_eq!(after("1 month", "2024-01-31"), "2024-02-29");
        assert_eq!(after("1 year", "2024-02-29"), "2025-02-28");
        assert_eq!(after("13 months", "2023-10-31"), "2024-11-30");
        assert_eq!(after("30 days", "2024-02-01"), "2024-03-02");
        assert_eq!(after("2 weeks", "2023-12-25"), "2024-01-08");
        assert_eq!(Span::new(1, Unit::Day).unwrap().after(NaiveDate::MAX), None);
    }

    proptest! {
        #[test]
        fn a_longer_span_never_ends_earlier(
            count in 1u16..9999, unit in 0usize..4, from in 0i32..800_000, more in 0i32..400,
        ) {
            let span = |count| Span::new(count, Unit::ALL[unit]).unwrap();
            let first = NaiveDate::from_num_days_from_ce_opt(from).unwrap();
            let later = NaiveDate::from_num_days_from_ce_opt(from + more).unwrap();
            prop_assert!(span(count).after(first) > Some(first));
            prop_assert!(span(count + 1).after(first) > span(count).after(first));
            prop_assert!(span(count).after(later) >= span(count).after(first));
            prop_assert_eq!(span(count).to_string().parse(), Ok(span(count)));
        }
    }
}
