use super::super::sample;
use super::*;

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
id  text              parties    count  due
───────────────────────────────────────────────
C1  abrir el paso de  colombia,      4  overdue
    la frontera       venezuela
    común, y más
C2  国境での会談      –             12  later
(nothing under: last heard)

Notes
- the year is inferred
";
    assert_eq!(drawn(&document, false, Some(54)), expected);
}

#[test]
fn a_terminal_too_narrow_for_columns_gets_blocks() {
    let mut document = sample();
    document.tables.truncate(1);
    let expected = "\
Sample of tables
as of 2023-06-01, as
known at record 12

Commitments
id       C1
text     abrir el paso ↵
         2
parties  colombia,
         venezuela
count    4
due      overdue

id       C2
text     国境での会談
count    12
due      later

(nothing under: last
heard)

Notes
- the year is inferred
";
    assert_eq!(drawn(&document, false, Some(24)), expected);
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
