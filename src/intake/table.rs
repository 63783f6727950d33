//! Foreign tables: rows of cells, each with its line, read from bytes in some encoding.

use std::fmt;

use servanda_core::value::unicode::normal;

/// The longest table, in bytes. It is held in memory as a whole.
pub const TABLE_LIMIT: u64 = 256 * 1024 * 1024;

/// The form of a table's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The encoding of its bytes.
    pub encoding: Encoding,
    /// The character between cells.
    pub delimiter: u8,
    /// Whether a cell may stand in double quotes.
    pub quotes: bool,
    /// The number of lines before the header that do not belong to the table.
    pub skip_lines: usize,
    /// The names of the columns, if the file has no header line.
    pub header: Option<Vec<String>>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            encoding: Encoding::Utf8,
            delimiter: b',',
            quotes: true,
            skip_lines: 0,
            header: None,
        }
    }
}

/// An encoding of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// UTF-16, with a byte order mark.
    Utf16,
    /// ISO 8859-1.
    Latin1,
    /// What Windows wrote in western Europe; ISO 8859-1 with letters in place of some control characters.
    Windows1252,
}

impl Encoding {
    /// The words for the encodings.
    pub const WORDS: &'static [(&'static str, Encoding)] = &[
        ("utf-8", Encoding::Utf8),
        ("utf-16", Encoding::Utf16),
        ("latin-1", Encoding::Latin1),
        ("windows-1252", Encoding::Windows1252),
    ];

    /// Decodes bytes.
    ///
    /// # Errors
    /// When the bytes do not have the encoding.
    pub fn decode(self, bytes: &[u8]) -> Result<String, TableError> {
        match self {
            Self::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(text.trim_start_matches('\u{feff}').to_owned()),
                Err(error) => {
                    let at = error.valid_up_to();
                    let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
                    let message = format!(
                        "the byte {:02x} is not UTF-8; if the table is older, [table] encoding = \"windows-1252\"",
                        bytes[at]
                    );
                    Err(TableError { line, message })
                }
            },
            Self::Utf16 => utf16(bytes).ok_or_else(|| TableError {
                line: 1,
                message: "is not UTF-16 with a byte order mark".into(),
            }),
            Self::Latin1 => Ok(bytes.iter().copied().map(char::from).collect()),
            Self::Windows1252 => Ok(bytes.iter().copied().map(windows_1252).collect()),
        }
    }
}

impl Encoding {
    /// Encodes a text; a character that cannot be encoded becomes a question mark.
    fn encode(self, text: &str) -> Vec<u8> {
        let byte = |c: char| match self {
            Self::Windows1252 => (0..=u8::MAX).find(|byte| windows_1252(*byte) == c),
            _ => u8::try_from(c).ok(),
        };
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16 => "\u{feff}"
                .encode_utf16()
                .chain(text.encode_utf16())
                .flat_map(u16::to_le_bytes)
                .collect(),
            Self::Latin1 | Self::Windows1252 => {
                text.chars().map(|c| byte(c).unwrap_or(b'?')).collect()
            }
        }
    }
}

impl Form {
    /// Writes a table in this form.
    ///
    /// # Errors
    /// An error of the CSV writer.
    pub fn write(&self, headers: &[String], rows: &[Vec<String>]) -> Result<Vec<u8>, csv::Error> {
        let style = match self.quotes {
            true => csv::QuoteStyle::Necessary,
            false => csv::QuoteStyle::Never,
        };
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .delimiter(self.delimiter)
            .quote_style(style)
            .from_writer("\n".repeat(self.skip_lines).into_bytes());
        if self.header.is_none() {
            writer.write_record(headers)?;
        }
        for row in rows {
            writer.write_record(row)?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        Ok(self.encoding.encode(&String::from_utf8_lossy(&bytes)))
    }
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let (mark, rest) = bytes.split_at_checked(2)?;
    let read: fn([u8; 2]) -> u16 = match mark {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, odd) = rest.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().copied().map(read))
        .collect::<Result<_, _>>()
        .ok()
}

fn windows_1252(byte: u8) -> char {
    /// 0x80 to 0x9f; unassigned bytes stay control characters.
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

/// Why a table cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableError {
    /// The line, from 1.
    pub line: usize,
    /// The error.
    pub message: String,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The names of its columns.
    pub headers: Vec<String>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The lines it comes from: the first, and the last.
    pub lines: (usize, usize),
    /// Its cells.
    pub cells: Vec<String>,
}

impl Table {
    /// Reads a table. Its texts are put into NFC, so that spellings of one text are one header and one value.
    ///
    /// # Errors
    /// When the bytes are not text, or have no header.
    pub fn read(bytes: &[u8], form: &Form) -> Result<Self, TableError> {
        let text = form.encoding.decode(bytes)?;
        let mut rest = text.as_str();
        for _ in 0..form.skip_lines {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(form.delimiter)
            .quoting(form.quotes)
            .from_reader(rest.as_bytes());
        let mut table = Self {
            headers: form.header.clone().unwrap_or_default(),
            rows: Vec::new(),
        };
        let mut lines = LineCount {
            text: rest.as_bytes(),
            passed: 0,
            line: form.skip_lines + 1,
        };
        let mut needs_header = form.header.is_none();
        for record in reader.records() {
            // The bytes are text, and rows may have any length, so no record is wrong.
            let Ok(record) = record else { continue };
            let first = lines.at(record.position().map_or(0, |at| at.byte() as usize));
            let cell = |cell: &str| normal(cell.trim()).into_owned();
            let cells: Vec<String> = record.iter().map(cell).collect();
            if needs_header {
                table.headers = cells;
                needs_header = false;
                continue;
            }
            let breaks = record
                .iter()
                .map(|cell| cell.matches('\n').count())
                .sum::<usize>();
            table.rows.push(Row {
                lines: (first, first + breaks),
                cells,
            });
        }
        if needs_header {
            return Err(TableError {
                line: form.skip_lines + 1,
                message: "is empty; the first line of a table names its columns".into(),
            });
        }
        Ok(table)
    }

    /// The place of the column with this header, if there is exactly one.
    pub fn column(&self, header: &str) -> Option<usize> {
        let mut places = (0..self.headers.len()).filter(|at| self.headers[*at] == header);
        let found = places.next();
        found.filter(|_| places.next().is_none())
    }
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
        self.line += between.iter().filter(|byte| **byte == b'\n').count();
        self.passed = byte;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], form: &Form) -> Vec<(usize, Vec<String>)> {
        let table = Table::read(bytes, form).unwrap();
        table
            .rows
            .into_iter()
            .map(|row| (row.lines.0, row.cells))
            .collect()
    }

    #[test]
    fn rows_know_their_lines() {
        let form = Form {
            skip_lines: 2,
            ..Form::default()
        };
        let text = b"A title\r\n\r\nName, Day\r\n\r\nx,1\r\n\"two\nlines\",2\r\ny,3\r\n";
        let rows = read(text, &form);
        let lines: Vec<usize> = rows.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [5, 6, 8]);
        assert_eq!(rows[1].1, ["two\nlines", "2"]);
        assert_eq!(Table::read(text, &form).unwrap().column("Day"), Some(1));
        assert_eq!(
            Table::read(b"a,a\n", &Form::default()).unwrap().column("a"),
            None
        );
        assert!(Table::read(b"", &form).is_err());
    }

    #[test]
    fn encodings() {
        let text = "a\nC\u{f4}te \u{2013} \u{20ac}\n";
        let with_mark = format!("\u{feff}{text}");
        let units = with_mark.encode_utf16();
        let utf16: Vec<u8> = units.clone().flat_map(u16::to_le_bytes).collect();
        let utf16_be: Vec<u8> = units.flat_map(u16::to_be_bytes).collect();
        for (encoding, bytes) in [
            (Encoding::Utf8, text.as_bytes()),
            (Encoding::Utf8, with_mark.as_bytes()),
            (Encoding::Utf16, &utf16),
            (Encoding::Utf16, &utf16_be),
            (Encoding::Windows1252, b"a\nC\xf4te \x96 \x80\n"),
        ] {
            assert_eq!(encoding.decode(bytes).as_deref(), Ok(text), "{encoding:?}");
        }
        assert_eq!(Encoding::Latin1.decode(b"\xe9").as_deref(), Ok("é"));
        let error = Encoding::Utf8.decode(b"a\nb\n\xe9").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("line 3: the byte e9 is not UTF-8"),
            "{error}"
        );
        assert!(Encoding::Utf16.decode(b"\xff\xfea").is_err());
    }

    proptest! {
        #[test]
        fn csv_out_and_in_again(
            rows in proptest::collection::vec(proptest::collection::vec("[a-z\",;\t\n é]{0,6}", 3), 0..6),
            delimiter in proptest::sample::select(vec![b',', b';', b'\t']),
            encoding in proptest::sample::select(Encoding::WORDS.to_vec()),
            skip_lines in 0usize..3,
        ) {
            let form = Form { delimiter, skip_lines, encoding: encoding.1, ..Form::default() };
            let headers = ["a", "b", "c"].map(String::from);
            let found = read(&form.write(&headers, &rows).unwrap(), &form);
            let cells: Vec<Vec<String>> = found.into_iter().map(|(_, cells)| cells).collect();
            let trimmed: Vec<Vec<String>> = rows
                .iter()
                .map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect())
                .collect();
            prop_assert_eq!(cells, trimmed);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            for (_, encoding) in Encoding::WORDS {
                let _ = Table::read(&bytes, &Form { encoding: *encoding, ..Form::default() });
            }
        }
    }
}
