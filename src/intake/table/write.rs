//! Rows of a table written in its own form, so that the same rules read them.

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE};

use super::model::{Form, Row, Table};

impl Table {
    /// Writes some of its rows as text, each with further cells under further headers: as the table is written, if it
    /// is a text, and as CSV otherwise.
    ///
    /// # Errors
    /// An error of the CSV writer.
    pub fn write<'r, const N: usize>(
        &self,
        form: &Form,
        further: [&str; N],
        rows: impl Iterator<Item = (&'r Row, [String; N])>,
    ) -> Result<Vec<u8>, csv::Error> {
        let style = match form.quotes {
            true => csv::QuoteStyle::Necessary,
            false => csv::QuoteStyle::Never,
        };
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .delimiter(self.delimiter.unwrap_or(b','))
            .quote_style(style)
            .from_writer("\n".repeat(form.skip_lines).into_bytes());
        if form.header.is_none() {
            let headers = self.headers.iter().map(String::as_str);
            writer.write_record(headers.chain(further))?;
        }
        for (row, more) in rows {
            match &row.unreadable {
                Some(unreadable) => unreadable
                    .cells
                    .iter()
                    .try_for_each(|cell| writer.write_field(cell))?,
                None => row
                    .cells
                    .iter()
                    .try_for_each(|cell| writer.write_field(cell))?,
            }
            // A row that is too long stays too long, so that the user sees it.
            for _ in row.cells.len()..self.headers.len() {
                writer.write_field("")?;
            }
            more.iter().try_for_each(|cell| writer.write_field(cell))?;
            writer.write_record(None::<&[u8]>)?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        Ok(self.encoded(bytes))
    }

    /// A text in the encoding of the table. A character that it does not have becomes `&#NUMBER;`.
    fn encoded(&self, bytes: Vec<u8>) -> Vec<u8> {
        if self.encoding == UTF_8 {
            return bytes;
        }
        let text = String::from_utf8_lossy(&bytes);
        if [UTF_16LE, UTF_16BE].contains(&self.encoding) {
            let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
            return units.flat_map(u16::to_le_bytes).collect();
        }
        self.encoding.encode(&text).0.into_owned()
    }
}
