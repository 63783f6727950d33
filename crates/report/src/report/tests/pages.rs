//! Pages of a history: names, links and rows.

use super::super::testing::*;
use super::super::{Question, REPORTS};
use crate::render::html::Html;
use crate::render::{Render as _, Style};

fn page(report: &str) -> String {
    let history = communique();
    let report = REPORTS.iter().find(|each| each.name() == report).unwrap();
    let view = history.view("2024-01-01");
    let mut out = Vec::new();
    let style = Style {
        colour: false,
        width: None,
    };
    let document = report.document(&view, &Question::default());
    Html.render(&document, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn names_stand_for_ids_and_lead_to_rows() {
    let page = page("all");
    for part in [
        r##"<a href="#id-C1">C1</a>"##,
        r#"id="id-C1""#,
        r#"id="id-colombia""#,
        r##"<a href="#id-colombia">"##,
        "None was kept or broken on record.",
        "Nothing is overdue.",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // Every link leads to something in the page.
    for link in page.split("href=\"#").skip(1) {
        let anchor = link.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
}

#[test]
fn a_page_begins_with_the_ledger_and_the_answer() {
    let page = page("status");
    let place = |part: &str| page.find(part).unwrap_or_else(|| panic!("{part}"));
    assert!(place("example.org/test</p>") < place("<h1"));
    assert!(place("4 promises in 1 agreement.") < place("<table"));
    assert!(place("<table") < place("<svg"));
}
