//! Tables as data.

use std::fmt;

use encoding_rs::Encoding;

/// The longest table, in bytes. It is held in memory as a whole.
pub const TABLE_LIMIT: u64 = 256 * 1024 * 1024;

/// The most bytes that a workbook may have once it is unpacked, and that the texts of its cells may have together. A small
/// file can hold any number of equal bytes.
pub const UNPACKED_LIMIT: u64 = 512 * 1024 * 1024;

/// The character between the values of a cell that holds a list. No text of an event may have it.
pub const LIST: char = '\u{1f}';

/// How rules say that a table's file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The encoding of its bytes; none for UTF-8. A byte order mark goes before either.
    pub encoding: Option<&'static Encoding>,
    /// The character between cells; none for the one that the first line has most of.
    pub delimiter: Option<u8>,
    /// Whether a cell may stand in double quotes.
    pub quotes: bool,
    /// The number of lines before the header that do not belong to the table.
    pub skip_lines: usize,
    /// The names of the columns, if the file has no header line.
    pub header: Option<Vec<String>>,
    /// The name of the sheet in a workbook, or of the list in a JSON document, if there are several.
    pub sheet: Option<String>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            encoding: None,
            delimiter: None,
            quotes: true,
            skip_lines: 0,
            header: None,
            sheet: None,
        }
    }
}

/// The encoding that a label names: those of the WHATWG's standard, and `latin-1`.
pub fn encoding(label: &str) -> Option<&'static Encoding> {
    match label {
        "latin-1" => Some(encoding_rs::WINDOWS_1252),
        label => Encoding::for_label_no_replacement(label.as_bytes()),
    }
}

/// Whether bytes begin with a byte order mark, which tells their encoding.
pub fn has_mark(bytes: &[u8]) -> bool {
    Encoding::for_bom(bytes).is_some()
}

/// Why a table cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableError {
    /// The line, from 1.
    pub line: usize,
    /// The error.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The sheets or lists of which one must be chosen.
    pub parts: Vec<String>,
}

impl TableError {
    pub(super) fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
            hint: None,
            parts: Vec::new(),
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The names of its columns.
    pub headers: Vec<String>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// The character between cells, in a text.
    pub delimiter: Option<u8>,
    /// The encoding of its bytes.
    pub encoding: &'static Encoding,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            rows: Vec::new(),
            delimiter: None,
            encoding: encoding_rs::UTF_8,
        }
    }
}

/// A row of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The lines it comes from: the first, and the last.
    pub lines: (usize, usize),
    /// Its cells.
    pub cells: Vec<String>,
    /// Why it is no text, where it is none.
    pub unreadable: Option<Box<Unreadable>>,
}

/// A row with bytes that are not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The first column with such bytes.
    pub column: usize,
    /// The error.
    pub reason: String,
    /// The bytes of its cells.
    pub(super) cells: csv::ByteRecord,
}

/// What a header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// No column.
    Nothing,
    /// The column at this place.
    Column(usize),
    /// Several columns, so that nobody knows which is meant.
    Several,
}

impl Table {
    /// What a header names.
    pub fn column(&self, header: &str) -> Named {
        let mut places = (0..self.headers.len()).filter(|at| self.headers[*at] == header);
        match (places.next(), places.next()) {
            (None, _) => Named::Nothing,
            (Some(at), None) => Named::Column(at),
            (Some(_), Some(_)) => Named::Several,
        }
    }

    /// A table whose first row names the columns, unless the form has their names.
    pub(super) fn of_rows(
        mut rows: impl Iterator<Item = Row>,
        form: &Form,
    ) -> Result<Self, TableError> {
        let headers = match &form.header {
            Some(headers) => headers.clone(),
            None => {
                let first = rows.next().ok_or_else(|| {
                    let message = "is empty; the first line of a table names its columns";
                    TableError::new(form.skip_lines + 1, message)
                })?;
                if let Some(wrong) = first.unreadable {
                    return Err(TableError::new(first.lines.0, wrong.reason));
                }
                first.cells
            }
        };
        Ok(Self {
            headers,
            rows: rows.collect(),
            ..Self::default()
        })
    }
}

/// The one that is meant of the named parts of a file; `what` one of them is, and several are.
pub(super) fn chosen<'n>(
    names: &[&'n str],
    form: &Form,
    [what, several]: [&str; 2],
) -> Result<&'n str, TableError> {
    let listed = || {
        let names: Vec<String> = names
            .iter()
            .take(20)
            .map(|name| format!("`{name}`"))
            .collect();
        names.join(", ")
    };
    match (&form.sheet, names) {
        (Some(wanted), _) => names
            .iter()
            .find(|name| *name == wanted)
            .copied()
            .ok_or_else(|| {
                TableError::new(
                    1,
                    format!("has no {what} called `{wanted}`; it has {}", listed()),
                )
            }),
        (None, [one]) => Ok(one),
        (None, []) => Err(TableError::new(1, format!("has no {what}"))),
        (None, [first, ..]) => {
            let message = format!("has several {several}: {}", listed());
            let error = TableError::new(1, message);
            Err(TableError {
                parts: names.iter().map(ToString::to_string).collect(),
                ..error.hint(format!("choose one: [table] sheet = \"{first}\""))
            })
        }
    }
}
