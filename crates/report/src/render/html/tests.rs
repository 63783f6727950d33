use super::super::sample;
use super::*;
use crate::report::all::All;
use crate::report::chart::Bar;
use crate::report::{Cell, Question, Report as _, Tone};
use servanda_core::event::{Event, Kind};
use servanda_core::testing::{event, state};
use servanda_core::view::View;

fn written(document: &Document<'_>) -> String {
    let mut out = Vec::new();
    let style = Style {
        colour: true,
        width: Some(20),
    };
    Html.render(document, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Every element is closed in order: enough to know that no text broke out.
fn is_well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let body = page.replace(SHARED_STYLE, "").replace(STYLE, "");
    for tag in body.split('<').skip(1) {
        let name = tag.split(['>', ' ']).next().unwrap();
        match name.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed), "{tag}"),
            None if ["meta", "br", "!DOCTYPE"].contains(&name) => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// The values of an attribute in the page.
fn values<'p>(page: &'p str, attribute: &str) -> Vec<&'p str> {
    let parts = page.split(attribute).skip(1);
    parts.map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let mut document = sample();
    document.sections = vec![sample(), sample()];
    let page = written(&document);
    for foreign in [
        "http:", "https:", "<script", "<link", "<img", "@import", "url(",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    is_well_formed(&page);
    assert!(page.contains(r##"<a href="#section-2""##));
    assert!(page.contains(r#"id="section-2""#));
    // No two rows have one anchor, and no two regions one name.
    for attribute in [" id=\"", " aria-label=\""] {
        let mut all = values(&page, attribute);
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "{attribute}");
    }
}

#[test]
fn no_text_becomes_markup() {
    let evil = "</td><script>alert(1)</script>\u{202e}\" onload=\"x";
    let mut document = sample();
    document.title = evil.into();
    document.answer = vec![evil.into()];
    document.notes = vec![evil.into()];
    document.tables[0].title = evil.into();
    document.tables[0].rows.kept[0][0] = Cell::text(evil);
    document.tables[0].rows.kept[0][2] = Cell::list([evil]);
    document.tables[0].rows.kept[0][4] = Cell::Word(evil.into(), Tone::Bad);
    document.charts = vec![Chart {
        name: "bars".to_owned(),
        title: evil.into(),
        table: "commitments",
        plot: Plot::Bars(vec![Bar {
            label: evil.into(),
            count: 1,
            tone: Tone::Good,
        }]),
    }];
    let page = written(&document);
    assert!(!page.contains("<script"));
    assert!(!page.contains('\u{202e}'));
    assert!(!page.contains("\" onload"));
    is_well_formed(&page);
}

#[test]
fn a_tone_has_a_sign_which_is_explained_beside_its_table() {
    let page = written(&sample());
    assert!(page.contains(
        r#"<span class="word bad"><span class="sign" aria-hidden="true">✕ </span>overdue</span>"#
    ));
    assert!(page.contains("Signs: ✕ as it should not be."));
    assert!(page.contains("abrir el paso<br>2"));
}

#[test]
fn columns_of_nothing_and_of_zeros_are_left_out() {
    let mut document = sample();
    for row in &mut document.tables[0].rows.kept {
        row[3] = Cell::Number(0);
    }
    let page = written(&document);
    let head = page.split("</thead>").next().unwrap();
    for (column, is_there) in [("last heard", false), ("count", false), ("due", true)] {
        assert_eq!(
            head.contains(&format!(">{column}</th>")),
            is_there,
            "{column}"
        );
    }
}

#[test]
fn what_does_not_fit_stands_under_the_text() {
    let mut document = sample();
    let table = &mut document.tables[0];
    table.lead = &["id", "text", "due"];
    table
        .columns
        .extend(["a_column", "another", "the_third", "fourth", "flags"]);
    for row in &mut table.rows.kept {
        row[1] = Cell::text("long ".repeat(30));
        row.extend((0..5).map(|at| Cell::text(format!("{at} twenty-two characters"))));
    }
    let page = written(&document);
    let head = page.split("</thead>").next().unwrap();
    for (column, is_there) in [
        ("text", true),
        ("due", true),
        ("flags", true),
        ("fourth", false),
    ] {
        assert_eq!(
            head.contains(&format!(">{column}</th>")),
            is_there,
            "{column}"
        );
    }
    assert!(
        page.contains("<span>fourth: 3 twenty-two characters</span>"),
        "{page}"
    );
}

#[test]
fn recurrence_is_said_in_words() {
    let mut document = sample();
    document.tables[0].rows.kept[0][1] = Cell::text("RRULE:FREQ=MONTHLY;INTERVAL=3");
    document.tables[0].rows.kept[1][1] =
        Cell::text("deadline from 2024-06-30 to RRULE:FREQ=HOURLY: why");
    let page = written(&document);
    assert!(!page.contains("RRULE"), "{page}");
    assert!(page.contains("every 3 months"));
    assert!(page.contains("by the rule FREQ=HOURLY:"));
}

#[test]
fn a_long_table_is_cut_with_a_count() {
    let mut document = sample();
    let row = document.tables[0].rows.kept[0].clone();
    document.tables[0].rows.kept = vec![row.clone(); MOST];
    let page = written(&document);
    assert_eq!(page.matches("abrir el paso").count(), MOST);
    assert!(!page.contains("The first"));
    document.tables[0].rows.kept.push(row.clone());
    let page = written(&document);
    assert_eq!(page.matches("abrir el paso").count(), MOST);
    assert!(page.contains("The first 1000 of 1001 rows."));
    // Of several reports fewer rows are shown, and those only if they are asked for.
    let mut whole = sample();
    document.tables[0].rows.kept = vec![row; LONG + 1];
    whole.sections = vec![document];
    assert!(written(&whole).contains("<details>"));
}

/// `letter` with each number up to a count.
fn ids(letter: &str, count: usize) -> Vec<String> {
    (1..=count)
        .map(|number| format!("{letter}{number}"))
        .collect()
}

/// One of the days of some years.
fn day(at: usize) -> String {
    let (year, month) = (1990 + at / 336 % 33, at / 28 % 12 + 1);
    format!("{year}-{month:02}-{:02}", at % 28 + 1)
}

/// A text as long as those of treaties.
const LONG_TEXT: &str = "a promise of many words, as treaties have them, a promise of many words, as treaties have them, a promise of \
many words, as treaties have them, a promise of many words, as treaties have them, a promise of many words";

/// Parties, and agreements between them.
fn agreed(parties: &[String], agreements: &[String]) -> Vec<Event> {
    let mut events = vec![event(
        Kind::LedgerOpened,
        &[("origin", "example.org/large")],
    )];
    for id in parties {
        let name = format!("The party that is called {id} by all others");
        let texts = [("id", id.as_str()), ("kind", "state"), ("name", &name)];
        events.push(event(Kind::PartyRegistered, &texts));
    }
    for (at, id) in agreements.iter().enumerate() {
        let on = day(at);
        let texts = [
            ("id", id.as_str()),
            ("title", LONG_TEXT),
            ("party", &parties[at % 60]),
            ("party", &parties[(at * 7 + 1) % 60]),
            ("on", &on),
        ];
        events.push(event(Kind::AgreementRecorded, &texts));
    }
    events
}

/// 20,000 events: what was agreed, 2,600 promises, and what became of them.
fn large() -> Vec<Event> {
    let (parties, agreements, promises) = (ids("p", 60), ids("a", 340), ids("c", 2_600));
    let mut events = agreed(&parties, &agreements);
    for (at, id) in promises.iter().enumerate() {
        let (on, due) = (day(at), day(at + 3_000));
        let texts = [
            ("id", id.as_str()),
            ("agreement", &agreements[at % 340]),
            ("text", LONG_TEXT),
            ("debtor", &parties[at % 60]),
            ("creditor", &parties[(at * 7 + 1) % 60]),
            ("theme", ["trade", "security"][at % 2]),
            ("deadline", &due),
            ("on", &on),
        ];
        events.push(event(Kind::CommitmentRecorded, &texts));
    }
    const MOVES: [&str; 6] = [
        "active",
        "claimed",
        "active",
        "suspended",
        "active",
        "breached",
    ];
    for at in 0..20_000 - events.len() {
        let on = day(at / 2 + 3_000);
        let texts = [
            ("commitment", promises[at % promises.len()].as_str()),
            ("to", MOVES[at / promises.len() % 6]),
            ("by", &parties[at % promises.len() % 60]),
            ("on", &on),
            ("note", LONG_TEXT),
        ];
        events.push(event(Kind::StatusChanged, &texts));
    }
    events
}

/// All reports of 20,000 events in one page, as a browser takes it on a slow line.
#[test]
fn a_page_of_all_reports_of_a_large_ledger_stays_small() {
    let state = state(&large());
    let view = View {
        state: &state,
        as_of: "2024-01-01".parse().unwrap(),
    };
    let page = written(&All.document(&view, &Question::default()));
    assert!(page.contains("promises in 340 agreements"));
    assert!(page.len() < 3_000_000, "{}", page.len());
}
