//! Tables in text: CSV with any delimiter, in any encoding.

use std::borrow::Cow;

use csv::ByteRecord;
use encoding_rs::{Encoding, UTF_8};

use super::model::{Form, Row, Table, TableError, Unreadable};
use servanda_core::value::unicode::normal;

/// The characters that tables have between cells, in the order in which they are preferred.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What to do about quotation marks that do not fit together.
const QUOTES: &str = "a quotation mark inside a quoted cell is written twice; if quotation marks are only text, say so in the rules: [table] quotes = false";

/// Reads a table.
///
/// # Errors
/// The bytes are no text, a quotation mark does not fit, or there is no header.
pub(super) fn read(bytes: &[u8], form: &Form) -> Result<Table, TableError> {
    let (text, encoding) = decoded(bytes, form.encoding)?;
    let text = behind_lines(&text, form.skip_lines);
    let delimiter = form
        .delimiter
        .unwrap_or_else(|| recognised(text, form.quotes));
    if form.quotes {
        check_quotes(text, delimiter, form.skip_lines + 1)?;
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .quoting(form.quotes)
        .from_reader(text);
    let mut lines = LineCount {
        text,
        passed: 0,
        line: form.skip_lines + 1,
    };
    // Memory cannot fail to be read, and rows may have any length, so that no record is wrong.
    let records = reader.byte_records().filter_map(Result::ok);
    let rows = records.map(|record| row(&record, &mut lines));
    Ok(Table {
        delimiter: Some(delimiter),
        encoding,
        ..Table::of_rows(rows, form)?
    })
}

/// The text of a file in UTF-8, without a byte order mark. Where the file is in UTF-8 itself, single rows may be wrong.
///
/// # Errors
/// The bytes do not have the encoding.
pub(super) fn decoded<'b>(
    bytes: &'b [u8],
    stated: Option<&'static Encoding>,
) -> Result<(Cow<'b, [u8]>, &'static Encoding), TableError> {
    let marked = Encoding::for_bom(bytes);
    let (encoding, mark) = marked.unwrap_or((stated.unwrap_or(UTF_8), 0));
    let rest = &bytes[mark..];
    if encoding == UTF_8 {
        let zero = rest.iter().take(256).position(|byte| *byte == 0);
        return match zero {
            None => Ok((Cow::Borrowed(rest), UTF_8)),
            Some(at) => {
                let label = if at.is_multiple_of(2) {
                    "utf-16be"
                } else {
                    "utf-16le"
                };
                let error = TableError::new(1, "has bytes 00: it is in UTF-16, or no text");
                Err(error.hint(format!("if it is a text: [table] encoding = \"{label}\"")))
            }
        };
    }
    let (text, is_wrong) = encoding.decode_without_bom_handling(rest);
    if is_wrong {
        let before = text
            .split(char::REPLACEMENT_CHARACTER)
            .next()
            .unwrap_or_default();
        let message = format!("has bytes that are not {}", encoding.name());
        return Err(TableError::new(line_ends(before.as_bytes()) + 1, message));
    }
    Ok((Cow::Owned(text.into_owned().into_bytes()), encoding))
}

/// The row of a record.
fn row(record: &ByteRecord, lines: &mut LineCount<'_>) -> Row {
    let first = lines.at(record.position().map_or(0, |at| at.byte() as usize));
    let mut cells = Vec::with_capacity(record.len());
    let mut last = first;
    let mut unreadable = None;
    for (column, cell) in record.iter().enumerate() {
        let text = String::from_utf8_lossy(cell);
        if let (Cow::Owned(_), None) = (&text, &unreadable) {
            let at = cell
                .utf8_chunks()
                .next()
                .map_or(0, |chunk| chunk.valid().len());
            unreadable = Some(Box::new(Unreadable {
                column,
                reason: format!(
                    "the byte {:02x} is not UTF-8; if the table is older, [table] encoding = \"windows-1252\"",
                    cell[at]
                ),
                cells: record.clone(),
            }));
        }
        last += line_ends(cell);
        let text = normal(text.trim());
        cells.push(match text.contains('\r') {
            true => text.replace('\r', "\n"),
            false => text.into_owned(),
        });
    }
    Row {
        lines: (first, last),
        cells,
        unreadable,
    }
}

/// Whether a line ends at a byte: with LF, CR LF or CR.
fn is_line_end(text: &[u8], at: usize) -> bool {
    text[at] == b'\n' || text[at] == b'\r' && text.get(at + 1) != Some(&b'\n')
}

/// The number of lines that end in a text.
pub(super) fn line_ends(text: &[u8]) -> usize {
    (0..text.len()).filter(|at| is_line_end(text, *at)).count()
}

/// A text without its first lines.
fn behind_lines(text: &[u8], count: usize) -> &[u8] {
    let mut ends = (0..text.len()).filter(|at| is_line_end(text, *at));
    match count.checked_sub(1).map(|last| ends.nth(last)) {
        None => text,
        Some(end) => end.map_or(&[], |end| &text[end + 1..]),
    }
}

/// The delimiter that the first line which is not blank has most of, outside quotation marks.
fn recognised(text: &[u8], quotes: bool) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let (mut is_quoted, mut is_blank) = (false, true);
    for byte in text {
        match byte {
            b'\n' | b'\r' if is_quoted || is_blank => {}
            b'\n' | b'\r' => break,
            b'"' if quotes => is_quoted = !is_quoted,
            byte if !is_quoted => {
                let found = DELIMITERS.iter().position(|one| one == byte);
                found.into_iter().for_each(|at| counts[at] += 1);
            }
            _ => {}
        }
        is_blank &= matches!(byte, b'\n' | b'\r');
    }
    let best = (0..DELIMITERS.len()).rev().max_by_key(|at| counts[*at]);
    best.map_or(b',', |at| DELIMITERS[at])
}

/// Checks that each quotation mark that opens a cell is closed, and that nothing follows it in the cell. `line` is the
/// number of the first line.
fn check_quotes(text: &[u8], delimiter: u8, mut line: usize) -> Result<(), TableError> {
    let wrong = |line, why: &str| Err(TableError::new(line, why).hint(QUOTES));
    let (mut at, mut begins_cell) = (0, true);
    while let Some(byte) = text.get(at) {
        if *byte != b'"' || !begins_cell {
            begins_cell = [delimiter, b'\n', b'\r'].contains(byte);
            line += usize::from(is_line_end(text, at));
            at += 1;
            continue;
        }
        let opened = line;
        loop {
            at += 1;
            match (text.get(at), text.get(at + 1)) {
                (None, _) => {
                    return wrong(
                        opened,
                        "a quotation mark opens a cell here and is never closed",
                    );
                }
                (Some(b'"'), Some(b'"')) => at += 1,
                (Some(b'"'), _) => break,
                _ => line += usize::from(is_line_end(text, at)),
            }
        }
        let behind = text[at + 1..]
            .iter()
            .find(|byte| **byte != b' ' || delimiter == b' ');
        if behind.is_some_and(|byte| ![delimiter, b'\n', b'\r'].contains(byte)) {
            return wrong(
                opened,
                "a quotation mark opens a cell here, and there is more text after the one that closes it",
            );
        }
        at += 1;
        begins_cell = false;
    }
    Ok(())
}

/// Counts lines up to a place that moves forward.
struct LineCount<'t> {
    text: &'t [u8],
    passed: usize,
    line: usize,
}

impl LineCount<'_> {
    /// The line of the row that begins at a byte, or after the line ends at that byte.
    fn at(&mut self, mut byte: usize) -> usize {
        while let Some(b'\r' | b'\n') = self.text.get(byte) {
            byte += 1;
        }
        let between = self.text.get(self.passed..byte).unwrap_or_default();
        self.line += line_ends(between);
        self.passed = byte;
        self.line
    }
}
