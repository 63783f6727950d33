//! Foreign tables: rows of cells, each with its line, read from texts, JSON documents and workbooks.

mod json;
mod model;
mod sheet;
mod text;
mod write;

pub use model::{Form, Named, Row, TABLE_LIMIT, Table, TableError, UNPACKED_LIMIT, Unreadable};
pub(crate) use model::{LIST, encoding, has_mark};

#[cfg(test)]
mod tests;

impl Table {
    /// Reads a table from the bytes of a file: a workbook, a JSON document (by its name), or a text.
    ///
    /// # Errors
    /// When the bytes are no table of that kind, or have no header.
    pub fn read(name: &str, bytes: &[u8], form: &Form) -> Result<Self, TableError> {
        if sheet::is_workbook(bytes) {
            sheet::read(bytes, form, UNPACKED_LIMIT)
        } else if json::is_document(name) {
            json::read(bytes, form)
        } else {
            text::read(bytes, form)
        }
    }
}
