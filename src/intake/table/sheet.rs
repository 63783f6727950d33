//! Tables in workbooks: a sheet of an XLSX or ODS file. Dates of cells are written as ISO 8601 writes them.

use std::fmt::Display;
use std::io::{self, Cursor, Read as _};

use calamine::{Data, ExcelDateTime, Ods, Reader, Xlsx};

use zip::ZipArchive;

use super::model::{Form, Row, Table, TableError, chosen};
use servanda_core::value::unicode::normal;

/// Whether bytes are a workbook: both kinds are ZIP archives.
pub(super) fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// A filled cell: its row and column, from 0, and its text.
type Cell = (u32, u32, String);

/// Reads a sheet of a workbook that has at most `limit` bytes once it is unpacked.
///
/// # Errors
/// The bytes are no workbook, have more than the limit, or have several sheets of which none is chosen.
pub(super) fn read(bytes: &[u8], form: &Form, limit: u64) -> Result<Table, TableError> {
    check_unpacked(bytes, limit)?;
    let mut cells = cells(bytes, form, limit)?;
    cells.retain(|(row, _, text)| *row as usize >= form.skip_lines && !text.is_empty());
    cells.sort_by_key(|(row, column, _)| (*row, *column));
    let mut width = form.header.as_ref().map(Vec::len);
    let rows = cells
        .chunk_by(|(one, ..), (other, ..)| one == other)
        .map(|cells| {
            let line = cells[0].0 as usize + 1;
            let last = cells
                .iter()
                .map(|(_, column, _)| *column as usize + 1)
                .max();
            // The first row is the header. A cell right of it makes a row too long, wherever it stands.
            let width = *width.get_or_insert(last.unwrap_or_default());
            let mut row = Row {
                lines: (line, line),
                cells: vec![String::new(); width],
                unreadable: None,
            };
            for (_, column, text) in cells {
                match row.cells.get_mut(*column as usize) {
                    Some(cell) => cell.clone_from(text),
                    None => row.cells.push(text.clone()),
                }
            }
            row
        });
    Table::of_rows(rows, form)
}

fn failed(error: &dyn Display) -> TableError {
    TableError::new(1, format!("is no workbook: {error}"))
}

fn too_large(limit: u64) -> TableError {
    TableError::new(
        1,
        format!("has more than {limit} bytes once it is unpacked"),
    )
}

/// Unpacks a workbook without keeping it: what its parts say of their own length may be wrong.
fn check_unpacked(bytes: &[u8], limit: u64) -> Result<(), TableError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| failed(&error))?;
    let mut left = limit;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|error| failed(&error))?;
        let mut part = part.take(left.saturating_add(1));
        let length = io::copy(&mut part, &mut io::sink()).map_err(|error| failed(&error))?;
        left = left.checked_sub(length).ok_or_else(|| too_large(limit))?;
    }
    Ok(())
}

/// The cells of the sheet that is meant. Many cells can share one text of the file, so their texts are limited too.
fn cells(bytes: &[u8], form: &Form, limit: u64) -> Result<Vec<Cell>, TableError> {
    let mut left = limit;
    let mut found = |row: u32, column: u32, value: &Data| {
        let text = text(value);
        let rest = left.checked_sub(text.len() as u64);
        left = rest.ok_or_else(|| too_large(limit))?;
        Ok((row, column, text))
    };
    if let Ok(mut book) = Ods::new(Cursor::new(bytes)) {
        let name = sheet(&book, form)?;
        let range = book
            .worksheet_range(&name)
            .map_err(|error| failed(&error))?;
        let (top, left) = range.start().unwrap_or_default();
        let used = range.used_cells();
        let cells =
            used.map(|(row, column, value)| found(top + row as u32, left + column as u32, value));
        return cells.collect();
    }
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(|error| failed(&error))?;
    let name = sheet(&book, form)?;
    let mut reader = book
        .worksheet_cells_reader(&name)
        .map_err(|error| failed(&error))?;
    let mut cells = Vec::new();
    while let Some(cell) = reader.next_cell().map_err(|error| failed(&error))? {
        let (row, column) = cell.get_position();
        cells.push(found(row, column, &cell.get_value().clone().into())?);
    }
    Ok(cells)
}

/// The name of the sheet that is meant.
fn sheet<R: std::io::Read + std::io::Seek>(
    book: &impl Reader<R>,
    form: &Form,
) -> Result<String, TableError> {
    let names = book.sheet_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(chosen(&names, form, ["sheet", "sheets"])?.to_owned())
}

/// The text of a cell.
fn text(value: &Data) -> String {
    match value {
        Data::Empty => String::new(),
        Data::String(text) => normal(text.trim()).into_owned(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(flag) => flag.to_string(),
        Data::DateTime(time) => iso(time),
        Data::DateTimeIso(time) => {
            let midnight = time.strip_suffix("T00:00:00");
            midnight.unwrap_or(time).to_owned()
        }
        Data::DurationIso(duration) => duration.clone(),
        Data::Error(error) => error.to_string(),
    }
}

/// A date, a date with a time of day, or a time of day alone.
fn iso(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    let date = format!("{year:04}-{month:02}-{day:02}");
    match (time.is_duration(), time.as_f64()) {
        (true, days) => days.to_string(),
        (false, days) if days < 1.0 => clock,
        (false, _) if clock == "00:00:00" => date,
        (false, _) => format!("{date}T{clock}"),
    }
}
