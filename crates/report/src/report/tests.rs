mod debtors;
mod pages;

use chrono::NaiveDate;

use super::chart::{Line, Plot};
use super::*;
use servanda_core::state::State;
use servanda_core::view::END_OF_TIME;
use servanda_core::view::View;

fn all() -> Vec<&'static dyn Report> {
    let others: [&dyn Report; 5] = [
        &log::Log,
        &listing::Parties,
        &listing::Sources,
        &listing::Agreements,
        &listing::Commitments,
    ];
    REPORTS.iter().copied().chain(others).collect()
}

/// What renderers rely on, and readers of JSON and CSV.
fn is_sound(document: &Document<'_>) {
    let mut names: Vec<&str> = document.tables.iter().map(|table| table.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), document.tables.len(), "{}", document.report);
    for table in &document.tables {
        let snake = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(table.columns.iter().all(snake), "{:?}", table.columns);
        let mut rows = table.rows.iter();
        assert!(
            rows.all(|row| row.len() == table.columns.len()),
            "{}",
            table.name
        );
    }
    let mut charts: Vec<&str> = document.charts.iter().map(|c| c.name.as_str()).collect();
    charts.sort_unstable();
    charts.dedup();
    assert_eq!(charts.len(), document.charts.len(), "{}", document.report);
    document.charts.iter().for_each(|chart| {
        assert!(names.contains(&chart.table), "{}", chart.name);
        is_drawable(&chart.plot);
    });
    let entries = document.calendar.iter();
    let mut uids: Vec<String> = entries.map(|entry| entry.uid.clone()).collect();
    uids.sort_unstable();
    uids.dedup();
    assert_eq!(uids.len(), document.calendar.len(), "{}", document.report);
    for section in &document.sections {
        assert!(section.sections.is_empty(), "{}", section.report);
        is_sound(section);
    }
}

fn is_drawable(plot: &Plot) {
    match plot {
        Plot::Steps { lines, .. } => {
            let in_order = |line: &Line| line.points.is_sorted_by(|a, b| a.0 < b.0);
            assert!(lines.iter().all(in_order), "{lines:?}");
        }
        Plot::Stacked { parts, bars } => {
            assert!(bars.iter().all(|bar| bar.counts.len() == parts.len()));
        }
        Plot::Timeline(marks) => assert!(marks.iter().all(|mark| mark.first <= mark.last)),
        Plot::Bars(_) => {}
    }
}

#[test]
fn every_report_answers_whatever_there_is() {
    let empty = State::default();
    let full = testing::communique();
    let dated = testing::simple(" | deadline=2023-06-30");
    let first_table = Question {
        first_table_only: true,
        ..Question::default()
    };
    let days = ["2023-06-01", "2023-09-01"].map(testing::day);
    for report in all() {
        assert!(!report.about().is_empty());
        for state in [&empty, &full.state, &dated.state] {
            for as_of in [NaiveDate::MIN, days[0], days[1], END_OF_TIME] {
                let view = View { state, as_of };
                let document = report.document(&view, &Question::default());
                assert_eq!(document.report, report.name());
                is_sound(&document);
                let part = report.document(&view, &first_table);
                assert_eq!(part.tables.first(), document.tables.first());
            }
        }
    }
}

#[test]
fn every_report_says_once_that_recorded_times_are_asserted() {
    let mut history = testing::communique();
    history.state.note_asserted(3);
    for report in all() {
        let document = history.ask(report, "2024-01-01", &Question::default());
        let says = |note: &&String| note.contains("records 0 to 2 are asserted");
        let notes = document.notes.iter().filter(says).count();
        assert_eq!(notes, 1, "{}", report.name());
    }
    let dossier = history.dossier("C1", "2024-01-01").unwrap();
    assert!(dossier.notes[0].contains("are asserted"));
}

#[test]
fn the_page_on_reports_names_every_table_and_column() {
    let page = include_str!("../../../../docs/reports.md");
    let history = testing::communique();
    for report in REPORTS {
        let (_, rest) = page
            .split_once(&format!("\n## {}\n", report.name()))
            .unwrap_or_else(|| panic!("the page has no {}", report.name()));
        let section = rest.split("\n## ").next().unwrap_or_default();
        let document = history.ask(*report, "2024-01-01", &Question::default());
        for table in &document.tables {
            for name in [table.name].iter().chain(&table.columns) {
                let there = section.contains(&format!("`{name}`"));
                assert!(there, "{}: {} of {}", report.name(), name, table.name);
            }
        }
    }
}

#[test]
fn everything_has_a_sound_dossier() {
    let history = testing::communique();
    for of in [
        "0", "5", "13", "colombia", "S1", "S2", "A1", "C1", "C2", "C3",
    ] {
        let document = history.dossier(of, "2024-01-01");
        is_sound(&document.unwrap_or_else(|| panic!("{of}")));
    }
}
