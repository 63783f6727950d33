use super::*;
use proptest::prelude::*;

fn table(text: impl AsRef<[u8]>) -> Result<Table, TableError> {
    Table::read("t.csv", text.as_ref(), &Form::default())
}

/// The rows with their lines, or the error and its hint.
fn rows(text: impl AsRef<[u8]>) -> Vec<(usize, Vec<String>)> {
    let rows = table(text).unwrap().rows.into_iter();
    rows.map(|row| (row.lines.0, row.cells)).collect()
}

#[test]
fn rows_know_their_lines_whatever_ends_them() {
    let form = Form {
        skip_lines: 2,
        ..Form::default()
    };
    let text = "A title\r\n\r\nName, Day\r\n\r\nx,1\r\n\"two\r\nlines\",2\r\ny,3\r\n";
    for end in ["\r\n", "\n", "\r"] {
        let text = text.replace("\r\n", end);
        let table = Table::read("t.csv", text.as_bytes(), &form).unwrap();
        let lines: Vec<_> = table.rows.iter().map(|row| row.lines).collect();
        assert_eq!(lines, [(5, 5), (6, 7), (8, 8)], "{end:?}");
        assert_eq!(table.rows[1].cells, ["two\nlines", "2"]);
        assert_eq!(table.column("Day"), Named::Column(1));
    }
    assert_eq!(table("a,a\n").unwrap().column("a"), Named::Several);
    assert!(table("").is_err());
}

#[test]
fn an_encoding_is_stated_or_told_by_its_mark() {
    let text = "a\nC\u{f4}te \u{2013} \u{20ac}\n";
    let with_mark = format!("\u{feff}{text}");
    let units = with_mark.encode_utf16();
    let utf16: Vec<u8> = units.clone().flat_map(u16::to_le_bytes).collect();
    let utf16_be: Vec<u8> = units.flat_map(u16::to_be_bytes).collect();
    for (label, bytes) in [
        (None, text.as_bytes()),
        (None, with_mark.as_bytes()),
        (None, &utf16),
        (None, &utf16_be),
        (Some("utf-16"), &utf16_be),
        (Some("windows-1252"), b"a\nC\xf4te \x96 \x80\n"),
        (Some("latin-1"), b"a\nC\xf4te \x96 \x80\n"),
    ] {
        let form = Form {
            encoding: label.map(|label| encoding(label).unwrap()),
            ..Form::default()
        };
        let table = Table::read("t.csv", bytes, &form).unwrap();
        assert_eq!(table.rows[0].cells, ["Côte – €"], "{label:?}");
    }
    let error = table(&utf16[2..]).unwrap_err();
    assert_eq!(
        error.hint.unwrap(),
        "if it is a text: [table] encoding = \"utf-16le\""
    );
    let odd = table(b"\xff\xfea\0\n\0b").unwrap_err();
    assert_eq!(odd.to_string(), "line 2: has bytes that are not UTF-16LE");
    assert_eq!(encoding("ebcdic"), None);
}

#[test]
fn a_row_that_is_no_text_is_one_row() {
    let table = table(b"a,b\n1,x\n2,C\xf4te\n3,y\n").unwrap();
    let unreadable: Vec<_> = table
        .rows
        .iter()
        .map(|row| row.unreadable.as_ref())
        .collect();
    assert_eq!((unreadable[0], unreadable[2]), (None, None));
    let wrong = unreadable[1].unwrap();
    assert_eq!(wrong.column, 1);
    assert!(
        wrong.reason.starts_with("the byte f4 is not UTF-8"),
        "{wrong:?}"
    );
    let rows = table.rows[1..2].iter().map(|row| (row, ["3".to_owned()]));
    let written = table.write(&Form::default(), ["bad_line"], rows).unwrap();
    assert_eq!(written, b"a,b,bad_line\n2,C\xf4te,3\n");
    assert!(super::tests::table(b"C\xf4te\n1\n").is_err());
}

#[test]
fn delimiters_are_recognised_by_the_header() {
    for (text, cells) in [
        ("a;b\n1;2,3\n", vec!["1", "2,3"]),
        ("a\tb\n1\t2\n", vec!["1", "2"]),
        ("\n\na|b\n1|2\n", vec!["1", "2"]),
        ("\"a;b;c\",d\n1,2\n", vec!["1", "2"]),
        ("a\n1;2\n", vec!["1;2"]),
    ] {
        assert_eq!(rows(text)[0].1, cells, "{text:?}");
    }
}

#[test]
fn quotation_marks_that_do_not_fit_are_refused_where_they_open() {
    for (text, line) in [
        ("a,b\n1,\"x\n2,y\n3,z\n", 2),
        ("a,b\n1,x\n2,\"Open \"the\" road\"\n", 3),
        ("a,b\r1,x\r2,\"Open \"the\" road\"\r", 3),
        ("a,b\n1,\"x\n2,\"y\"\n", 2),
    ] {
        let error = table(text).unwrap_err();
        assert_eq!(error.line, line, "{text:?}: {error}");
        assert!(error.hint.unwrap().contains("quotes = false"));
        let form = Form {
            quotes: false,
            ..Form::default()
        };
        assert!(Table::read("t.csv", text.as_bytes(), &form).is_ok());
    }
    let fitting = "a,b\n\"1\" ,\"say \"\"yes\"\"\"\n5\" pipe,\"two\nlines\"\n";
    assert_eq!(rows(fitting)[0].1, ["1", "say \"yes\""]);
    assert_eq!(rows(fitting)[1].1, ["5\" pipe", "two\nlines"]);
}

fn json(text: &str, sheet: Option<&str>) -> Result<Table, TableError> {
    let form = Form {
        sheet: sheet.map(str::to_owned),
        ..Form::default()
    };
    Table::read("t.JSON", text.as_bytes(), &form)
}

#[test]
fn a_json_document_is_a_table() {
    let text = r#"{"made": "today", "treaties": [
        {"no": 1.50, "who": ["A", "B"], "in": {"force": null, "of": true}},
        {"who": "C", "text": "two\r\nlines",
         "acts": [{"by": "A", "on": "1951"}, {"by": "B", "on": "1952"}]}
    ]}"#;
    let table = json(text, None).unwrap();
    assert_eq!(
        table.headers,
        [
            "no", "who", "in.force", "in.of", "text", "acts.by", "acts.on"
        ]
    );
    assert_eq!(
        table.rows[0].cells,
        ["1.50", "A\u{1f}B", "", "true", "", "", ""]
    );
    assert_eq!(table.rows[1].cells[5..], ["A\u{1f}B", "1951\u{1f}1952"]);
    assert_eq!(table.rows[1].lines, (3, 4));
    assert_eq!(
        json(r#"[{"a":1},{"b":2}]"#, None).unwrap().rows[1].cells,
        ["", "2"]
    );
}

#[test]
fn what_is_no_table_in_json_is_told() {
    for (text, sheet, why) in [
        ("{\"a\":\n1", None, "line 2: is no JSON"),
        ("{\"a\":1}", None, "has no list of objects"),
        ("7", None, "has no list of objects"),
        (
            "{\"a\":[{}],\"b\":[{}]}",
            None,
            "has several lists of objects: `a`, `b`",
        ),
        (
            "{\"a\":[{}]}",
            Some("c"),
            "has no list of objects called `c`; it has `a`",
        ),
        ("[{},\n2]", None, "line 2: is no object"),
        (
            "[{\"a\":1,\"a\":2}]",
            None,
            "line 1: `a` stands twice in an object",
        ),
    ] {
        let error = json(text, sheet).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert!(json("{\"a\":[{\"x\":1}],\"b\":[{}]}", Some("a")).is_ok());
}

proptest! {
    #[test]
    fn csv_out_and_in_again(
        cells in proptest::collection::vec(proptest::collection::vec("[a-z\",;\t\n é]{0,6}", 3), 0..6),
        delimiter in proptest::sample::select(vec![b',', b';', b'\t']),
        label in proptest::sample::select(vec!["utf-8", "utf-16", "windows-1252"]),
        skip_lines in 0usize..3,
    ) {
        let form = Form { delimiter: Some(delimiter), skip_lines, encoding: encoding(label), ..Form::default() };
        let table = Table {
            headers: ["a", "b"].map(String::from).to_vec(),
            delimiter: Some(delimiter),
            encoding: encoding(label).unwrap(),
            ..Table::default()
        };
        let rows: Vec<Row> = cells.iter().map(|cells| Row { cells: cells[..2].to_vec(), ..Row::default() }).collect();
        let rows = rows.iter().zip(&cells).map(|(row, cells)| (row, [cells[2].clone()]));
        let written = table.write(&form, ["c"], rows).unwrap();
        let found = Table::read("t.csv", &written, &form).unwrap();
        let found: Vec<Vec<String>> = found.rows.into_iter().map(|row| row.cells).collect();
        let trimmed: Vec<Vec<String>> = cells
            .iter()
            .map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect())
            .collect();
        prop_assert_eq!(found, trimmed);
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, label in proptest::sample::select(vec!["utf-8", "utf-16", "shift_jis"])) {
        let form = Form { encoding: encoding(label), ..Form::default() };
        for name in ["t.csv", "t.json"] {
            let _ = Table::read(name, &bytes, &form);
            let _ = Table::read(name, &[b"PK\x03\x04", bytes.as_slice()].concat(), &form);
        }
    }

    #[test]
    fn no_json_panics(text in "[\\[\\]{}\",:a1n ]{0,40}") {
        let _ = json(&text, None);
    }
}

/// A workbook of one sheet, with a part of so many zeros beside it and so many cells that share one text.
fn workbook(zeros: usize, cells: usize, text: &str) -> Vec<u8> {
    let rows: String = (1..=cells)
        .map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>0</v></c></row>"))
        .collect();
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let parts = [
        (
            "[Content_Types].xml",
            format!("<Types xmlns=\"{package}/content-types\"/>"),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"r0\" \
                 Type=\"{relations}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{relations}\"><sheets>\
                 <sheet name=\"one\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\">\
                 <Relationship Id=\"r1\" Type=\"{relations}/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
                 <Relationship Id=\"r2\" Type=\"{relations}/sharedStrings\" Target=\"sharedStrings.xml\"/>\
                 </Relationships>"
            ),
        ),
        (
            "xl/sharedStrings.xml",
            format!("<sst xmlns=\"{main}\"><si><t>{text}</t></si></sst>"),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
        ("xl/media/zeros.bin", "0".repeat(zeros)),
    ];
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        std::io::Write::write_all(&mut archive, text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn a_workbook_that_unpacks_to_more_than_the_limit_is_refused() {
    const LIMIT: u64 = 100_000;
    let form = Form::default();
    let fine = sheet::read(&workbook(1_000, 3, "Who"), &form, LIMIT).unwrap();
    assert_eq!(fine.rows.len(), 2);
    let error = "has more than 100000 bytes once it is unpacked";
    // A bomb: parts of nothing but zeros.
    let bomb = workbook(1_000_000, 3, "Who");
    assert!(bomb.len() < 10_000, "{}", bomb.len());
    let refused = sheet::read(&bomb, &form, LIMIT).unwrap_err();
    assert!(refused.to_string().contains(error), "{refused}");
    // Another one: many cells that share a text.
    let shared = workbook(0, 200, &"w".repeat(2_000));
    let refused = sheet::read(&shared, &form, LIMIT).unwrap_err();
    assert!(refused.to_string().contains(error), "{refused}");
}
