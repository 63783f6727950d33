//! iCalendar (RFC 5545): what a report puts into a calendar, as whole-day events. Ids stay for life, and each change raises
//! the sequence number, so that a calendar which reads the file again moves what moved instead of doubling it.

use std::io;

use chrono::{DateTime, Days, Duration};
use icalendar::{Alarm, Calendar, Component, Event, EventLike, EventStatus, Property};

use super::format::{Render, Style};
use super::text::harmless;
use crate::report::Document;
use crate::report::calendar::{CalendarEntry, CalendarStatus};

/// The format `ics`.
#[derive(Debug, Clone, Copy)]
pub struct Ics;

/// How many days before its day an entry reminds.
const ALARM_DAYS: i64 = 7;

/// The last line of a calendar.
const END: &str = "END:VCALENDAR\r\n";

impl Render for Ics {
    fn name(&self) -> &'static str {
        "ics"
    }

    fn leaves_out(&self, document: &Document<'_>) -> Option<&'static str> {
        let has_dates = document.parts().any(|part| !part.calendar.is_empty());
        (!has_dates)
            .then_some("no deadline in this for a calendar; a ledger's are all in `report due`")
    }

    fn render(&self, document: &Document<'_>, _: Style, out: &mut dyn io::Write) -> io::Result<()> {
        let mut calendar = Calendar::empty();
        let product = concat!("-//servanda//servanda ", env!("CARGO_PKG_VERSION"), "//EN");
        calendar
            .append_property(Property::new("VERSION", "2.0"))
            .append_property(Property::new("PRODID", product))
            .append_property(Property::new("CALSCALE", "GREGORIAN"))
            .name(&harmless(
                document.calendar_name.as_ref().unwrap_or(&document.title),
            ));
        let lacks: Vec<&str> = document
            .parts()
            .flat_map(|part| &part.calendar_lacks)
            .map(String::as_str)
            .collect();
        if !lacks.is_empty() {
            calendar.description(&harmless(&lacks.join("; ")));
        }
        // A calendar without events has the lines around them.
        let frame = calendar.to_string();
        let head = frame.strip_suffix(END).unwrap_or(&frame);
        out.write_all(head.as_bytes())?;
        for entry in document.parts().flat_map(|part| part.calendar.iter()) {
            write!(out, "{}", event(&entry).to_string())?;
        }
        out.write_all(END.as_bytes())
    }
}

fn event(entry: &CalendarEntry) -> Event {
    let status = match entry.status {
        CalendarStatus::Confirmed => EventStatus::Confirmed,
        CalendarStatus::Tentative => EventStatus::Tentative,
        CalendarStatus::Cancelled => EventStatus::Cancelled,
    };
    let changed = DateTime::from_timestamp_micros(entry.changed.0).unwrap_or_default();
    let mut event = Event::new();
    event
        .uid(&harmless(&entry.uid))
        .timestamp(changed)
        .last_modified(changed)
        // A sequence number is a signed integer of 32 bits.
        .sequence(
            u32::try_from(entry.revision)
                .unwrap_or(u32::MAX)
                .min(i32::MAX as u32),
        )
        .starts(entry.date)
        // The first day that is not in it (RFC 5545, section 3.6.1).
        .ends(
            entry
                .date
                .checked_add_days(Days::new(1))
                .unwrap_or(entry.date),
        )
        .summary(&harmless(&entry.summary))
        .description(&entry.description)
        .status(status)
        // A deadline takes nobody's time of that day.
        .add_property("TRANSP", "TRANSPARENT");
    if let Some(rule) = &entry.rule {
        event.add_property("RRULE", rule);
    }
    if entry.status != CalendarStatus::Cancelled {
        let before = -Duration::days(ALARM_DAYS);
        let mut alarm = Alarm::display(&harmless(&entry.summary), before);
        // Otherwise it gets an id by chance, and the present time.
        alarm
            .uid(&format!("alarm.{}", harmless(&entry.uid)))
            .timestamp(changed);
        event.alarm(alarm);
    }
    event.done()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use servanda_core::value::when::Instant;

    fn written(document: &Document<'_>) -> String {
        let mut out = Vec::new();
        let style = Style {
            colour: true,
            width: None,
        };
        Ics.render(document, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn entry() -> CalendarEntry {
        CalendarEntry {
            uid: "C1.deadline@demo.example/communique".into(),
            revision: 3,
            changed: Instant(1_700_000_000_000_000),
            summary: "C1: Repair the bridge, its pier; and the road".into(),
            date: "2024-06-30".parse().unwrap(),
            rule: None,
            description: "Debtor: north\nA text that is so long that no line of a calendar may hold all of it, as RFC 5545 says".into(),
            status: CalendarStatus::Tentative,
        }
    }

    #[test]
    fn a_deadline_is_a_day_with_an_id_that_stays() {
        let mut document = sample();
        document.calendar = vec![entry()].into();
        let text = written(&document);
        for line in [
            "BEGIN:VCALENDAR",
            "UID:C1.deadline@demo.example/communique",
            "DTSTAMP:20231114T221320Z",
            "DTSTART;VALUE=DATE:20240630",
            "DTEND;VALUE=DATE:20240701",
            "TRIGGER:-PT604800S",
            "SEQUENCE:3",
            "STATUS:TENTATIVE",
            "TRANSP:TRANSPARENT",
            r"SUMMARY:C1: Repair the bridge\, its pier\; and the road",
            "END:VCALENDAR",
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line} in {text}");
        }
        assert!(text.contains(r"DESCRIPTION:Debtor: north\n"));
        assert!(text.split("\r\n").all(|line| line.len() <= 75));
        assert!(!text.replace("\r\n", "").contains('\n'));
    }

    #[test]
    fn what_is_cancelled_reminds_nobody_and_what_recurs_has_its_rule() {
        let mut document = sample();
        let cancelled = CalendarEntry {
            status: CalendarStatus::Cancelled,
            rule: Some("FREQ=MONTHLY;INTERVAL=3".into()),
            ..entry()
        };
        document.calendar = vec![cancelled].into();
        document.calendar_name = Some("Deadlines of the bridge".into());
        let text = written(&document);
        assert!(
            text.contains("STATUS:CANCELLED\r\n") && !text.contains("VALARM"),
            "{text}"
        );
        assert!(text.contains("RRULE:FREQ=MONTHLY;INTERVAL=3\r\n"), "{text}");
        assert!(text.contains("NAME:Deadlines of the bridge\r\n"), "{text}");
    }

    #[test]
    fn the_same_report_gives_the_same_bytes() {
        let mut document = sample();
        document.calendar = vec![entry()].into();
        assert_eq!(written(&document), written(&document));
    }

    #[test]
    fn a_document_without_dates_says_so() {
        assert!(Ics.leaves_out(&sample()).is_some());
        let mut whole = sample();
        whole.sections = vec![sample()];
        whole.sections[0].calendar = vec![entry()].into();
        assert_eq!(Ics.leaves_out(&whole), None);
        assert!(written(&sample()).contains("BEGIN:VCALENDAR"));
    }
}
