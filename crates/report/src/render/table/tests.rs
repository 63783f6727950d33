use super::super::markdown::Markdown;
use super::super::sample;
use super::*;
use crate::report::Cell;

fn drawn(document: &Document<'_>, colour: bool, width: Option<u16>) -> String {
    let mut out = Vec::new();
    let style = Style { colour, width };
    TableFormat.render(document, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn widest(text: &str) -> usize {
    text.lines().map(width).max().unwrap()
}

#[test]
fn recurrence_is_said_in_words() {
    let mut document = sample();
    document.tables[0].rows.kept[0][1] = Cell::text("RRULE:FREQ=MONTHLY;INTERVAL=3");
    document.tables[0].rows.kept[1][1] =
        Cell::text("deadline from 2024-06-30 to RRULE:FREQ=HOURLY: why");
    let mut markdown = Vec::new();
    let style = Style {
        colour: false,
        width: None,
    };
    Markdown.render(&document, style, &mut markdown).unwrap();
    for text in [
        drawn(&document, false, None),
        String::from_utf8(markdown).unwrap(),
    ] {
        assert!(!text.contains("RRULE"), "{text}");
        assert!(text.contains("every 3 months"), "{text}");
        assert!(text.contains("by the rule FREQ=HOURLY: why"), "{text}");
    }
}

#[test]
fn a_document_as_wide_as_it_needs_to_be() {
    let expected = "\
Sample of tables
as of 2023-06-01, as known at record 12

Commitments
id  text               parties              count  due
──────────────────────────────────────────────────────────
C1  abrir el paso ↵ 2  colombia, venezuela      4  overdue
C2  国境での会談       –                       12  later
(nothing under: last heard)

Rates
none

Notes
- the year is inferred
";
    assert_eq!(drawn(&sample(), false, None), expected);
}

#[test]
fn sections_follow_one_another() {
    let document = Document {
        title: "Both".into(),
        sections: vec![sample(), sample()],
        ..Document::default()
    };
    let one = drawn(&sample(), false, None);
    let expected = format!("Both\n\n\n{one}\n\n{one}");
    assert_eq!(drawn(&document, false, None), expected);
}

#[test]
fn a_terminal_that_is_narrow_wraps() {
    let mut document = sample();
    document.tables.truncate(1);
    document.tables[0].rows.kept[0][1] = Cell::text("abrir el paso de la frontera común, y más");
    let expected = "\
Sample of tables
as of 2023-06-01, as known at record 12

Commitments
id  text                             parties    count  due
──────────────────────────────────────────────────────────────
C1  abrir el paso de la frontera     colombia,      4  overdue
    común, y más                     venezuela
C2  国境での会談                     –             12  later
(nothing under: last heard)

Notes
- the year is inferred
";
    assert_eq!(drawn(&document, false, Some(62)), expected);
}

/// Three commitments of one agreement.
fn commitments() -> Document<'static> {
    let columns = &["id", "agreement", "text", "parties", "standing", "flags"];
    let mut table =
        Table::new("commitments", "Commitments", columns).lead(&["id", "text", "standing"]);
    let texts = [
        "open the bridge over the river to all that walk and ride",
        "count what passes in both directions, and tell the other side",
        "meet",
    ];
    for (at, text) in texts.into_iter().enumerate() {
        table.push(vec![
            Cell::Text(format!("C{}", at + 1)),
            Cell::text("A1"),
            Cell::text(text),
            Cell::list(["northland", "southland"]),
            Cell::Word(
                if at == 0 { "breached" } else { "agreed" }.into(),
                Tone::Bad,
            ),
            Cell::List(if at == 1 {
                vec!["inferred on".into()]
            } else {
                Vec::new()
            }),
        ]);
    }
    Document {
        title: "Status".into(),
        tables: vec![table],
        ..Document::default()
    }
}

#[test]
fn what_has_no_room_stands_beneath_its_row_or_once_above_all() {
    let expected = "\
Status

Commitments
(in every row: agreement: A1 · parties: northland,
southland)
id  text                                  standing
──────────────────────────────────────────────────
C1  open the bridge over the river to     breached
    all that walk and ride
C2  count what passes in both             agreed
    directions, and tell the other side
    flags: inferred on
C3  meet                                  agreed
";
    assert_eq!(drawn(&commitments(), false, Some(50)), expected);
    let wide = drawn(&commitments(), false, Some(120));
    assert!(
        wide.contains("id  agreement  text") && !wide.contains("in every row"),
        "{wide}"
    );
    let one = drawn(&commitments(), false, Some(16));
    assert!(one.contains("C1  open the"), "{one}");
}

#[test]
fn the_only_row_says_all_beneath() {
    let mut document = commitments();
    document.tables[0].rows.truncate(1);
    let drawn = drawn(&document, false, Some(50));
    assert!(
        drawn.contains("\n    parties: northland, southland\n"),
        "{drawn}"
    );
    assert!(!drawn.contains("in every row"), "{drawn}");
}

#[test]
fn a_long_list_is_counted_on_a_terminal_and_whole_in_a_pipe() {
    let mut document = commitments();
    let names: Vec<String> = (1..=20).map(|at| format!("p{at}")).collect();
    document.tables[0].rows.kept[0][3] = Cell::list(&names);
    assert!(drawn(&document, false, Some(400)).contains("p12 and 8 more"));
    assert!(drawn(&document, false, None).contains("p20"));
}

#[test]
fn a_long_id_is_broken_and_never_shortened() {
    let id = "united-kingdom-of-great-britain-and-northern-ireland";
    let mut document = commitments();
    document.tables[0].rows.kept[0][0] = Cell::text(id);
    let drawn = drawn(&document, false, Some(80));
    assert!(drawn.contains("\nunited-kingdom-of-great-  "), "{drawn}");
    assert!(drawn.contains("\nbritain-and-northern-  "), "{drawn}");
}

#[test]
fn a_pipe_pads_no_cell_to_one_that_is_long_beyond_measure() {
    let mut document = commitments();
    document.tables[0].rows.kept[0][2] = Cell::Text("x".repeat(65_537));
    let drawn = drawn(&document, false, None);
    assert!(drawn.contains(&"x".repeat(65_537)));
    assert!(drawn.len() < 70_000, "{}", drawn.len());
}

#[test]
fn every_width_is_kept() {
    for columns in 0..20 {
        // Too narrow to keep to, but no reason to fall over.
        assert!(!drawn(&sample(), false, Some(columns)).is_empty());
    }
    for columns in 20..=140 {
        let drawn = drawn(&sample(), false, Some(columns));
        assert!(widest(&drawn) <= usize::from(columns), "{columns}: {drawn}");
        assert!(
            drawn.lines().all(|line| line.trim_end() == line),
            "{columns}"
        );
    }
}

#[test]
fn any_script_is_aligned_by_the_columns_that_it_takes() {
    // Wide characters take two columns; combining marks and joiners none.
    for (text, columns) in [
        ("Cúcuta", 6),
        ("Cu\u{301}cuta", 6),
        ("国境での会談", 12),
        ("اتفاق", 5),
        ("한국", 4),
        ("🤝", 2),
    ] {
        assert_eq!(width(text), columns, "{text}");
    }
    let mut document = Document::default();
    let mut table = Table::new("names", "Names", &["name", "mark"]);
    for name in ["Cu\u{301}cuta", "国境", "اتفاق", "समझौता", "🤝"] {
        table.rows.push(vec![Cell::text(name), Cell::text("|")]);
    }
    document.tables.push(table);
    let text = drawn(&document, false, None);
    let places: Vec<usize> = text
        .lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(before, _)| width(&before.replace(' ', ".")))
        .collect();
    assert_eq!(places.len(), 5, "{text}");
    assert!(places.iter().all(|place| *place == places[0]), "{text}");
}

#[test]
fn colour_changes_no_text_and_is_off_unless_asked_for() {
    let plain = drawn(&sample(), false, Some(80));
    let coloured = drawn(&sample(), true, Some(80));
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}[31moverdue\u{1b}[0m"));
    assert!(coloured.contains("\u{1b}[1mCommitments\u{1b}[0m"));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn no_text_plays_with_the_terminal() {
    let mut document = sample();
    document.title = "a\u{1b}[2Jb".into();
    document.tables[0].rows.kept[0][1] = Cell::text("x\u{202e}y\u{2063}z\r\n\tw");
    document.notes = vec!["one\ntwo\u{7}".into()];
    let drawn = drawn(&document, true, None);
    assert!(drawn.contains("a\\u{1b}[2Jb"), "{drawn}");
    assert!(
        drawn.contains("x\\u{202e}y\\u{2063}z\\u{d} ↵  w"),
        "{drawn}"
    );
    assert!(drawn.contains("- one ↵ two\\u{7}"), "{drawn}");
}

#[test]
fn a_day_without_room_stands_above_its_rows() {
    let mut document = commitments();
    let table = &mut document.tables[0];
    table.columns[1] = "recorded";
    table.days = Some("recorded");
    for (row, time) in table
        .rows
        .kept
        .iter_mut()
        .zip(["T23:00:00Z", "T01:00:00Z", ""])
    {
        row[1] = match time {
            "" => Cell::text("2023-05-11T00:00:00Z"),
            time => Cell::Text(format!("2023-05-12{time}")),
        };
    }
    let expected = "\
(recorded: 2023-05-12)
C1  open the bridge over the river to     breached
    all that walk and ride
C2  count what passes in both             agreed
    directions, and tell the other side
    flags: inferred on
(recorded: 2023-05-11)
C3  meet                                  agreed
";
    let narrow = drawn(&document, false, Some(50));
    assert!(narrow.ends_with(expected), "{narrow}");
    assert!(drawn(&document, false, Some(120)).contains("2023-05-12T23:00:00Z"));
}

#[test]
fn times_that_are_the_same_by_chance_change_no_layout() {
    let mut document = commitments();
    let table = &mut document.tables[0];
    table.columns[1] = "recorded";
    table.days = Some("recorded");
    let mut at_times = |seconds: [u8; 3]| {
        for (row, second) in document.tables[0].rows.kept.iter_mut().zip(seconds) {
            row[1] = Cell::Text(format!("2023-05-12T01:00:0{second}Z"));
        }
        let widths = [50, 60, 70, 80, 100, 120];
        widths.map(|width| drawn(&document, false, Some(width)))
    };
    let same = at_times([1, 1, 1]);
    let different = at_times([1, 2, 3]);
    let without_seconds = |drawn: String| {
        drawn
            .replace(":00:02Z", ":00:01Z")
            .replace(":00:03Z", ":00:01Z")
    };
    assert_eq!(same, different.map(without_seconds));
}
