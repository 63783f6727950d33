//! A workbook for spreadsheets (Office Open XML, ECMA-376): a sheet for each table, and one with what a reader must know.
//!
//! Texts are written as texts, never as formulas. Numbers, days since 1900 and yes or no have their own types. A sheet
//! has room for 1,048,575 rows below its header, and a cell for 32,767 characters: what is cut is named on the first
//! sheet.

use std::collections::BTreeSet;
use std::io;

use chrono::{Datelike as _, NaiveDate};
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError,
};

use super::format::{Render, Style, clocks};
use super::text::spelled_out;
use crate::report::{Cell, Document, Table};

/// The format `xlsx`.
#[derive(Debug, Clone, Copy)]
pub struct Xlsx;

/// Rows below the header of a sheet.
const ROWS_MAX: usize = 1_048_575;
/// Characters of a cell, and of a sheet's name.
const CELL_MAX: usize = 32_767;
const NAME_MAX: usize = 31;
/// Characters of a column's width.
const WIDTH_MAX: usize = 60;

impl Render for Xlsx {
    fn name(&self) -> &'static str {
        "xlsx"
    }

    fn is_text(&self) -> bool {
        false
    }

    fn render(&self, document: &Document<'_>, _: Style, out: &mut dyn io::Write) -> io::Result<()> {
        let bytes = workbook(document).map_err(io::Error::other)?;
        out.write_all(&bytes)
    }
}

fn workbook(document: &Document<'_>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    // The same report gives the same bytes, whenever it is written.
    let made = document
        .as_of
        .and_then(excel_day)
        .map_or_else(|| ExcelDateTime::from_ymd(2000, 1, 1), Ok)?;
    let properties = DocProperties::new()
        .set_title(&document.title)
        .set_creation_datetime(&made);
    workbook.set_properties(&properties);
    let mut book = Book {
        names: BTreeSet::new(),
        looks: Looks::new(),
        notes: Vec::new(),
    };
    workbook.add_worksheet().set_name(book.name("About"))?;
    for part in document.parts() {
        for table in &part.tables {
            let prefix = if document.sections.is_empty() {
                ""
            } else {
                part.report
            };
            let name = book.name(&format!("{prefix} {}", table.name));
            let sheet = workbook.add_worksheet_with_constant_memory()?;
            sheet.set_name(&name)?;
            book.table(sheet, table, &name)?;
        }
    }
    book.about(workbook.worksheet_from_index(0)?, document)?;
    workbook.save_to_buffer()
}

/// How cells look.
struct Looks {
    header: Format,
    text: Format,
    day: Format,
}

impl Looks {
    fn new() -> Self {
        let text = Format::new().set_align(FormatAlign::Top).set_text_wrap();
        Self {
            header: Format::new().set_bold(),
            day: text.clone().set_num_format("yyyy-mm-dd"),
            text,
        }
    }
}

/// What the sheets of a workbook share.
struct Book {
    /// The names of sheets that are taken, in small letters.
    names: BTreeSet<String>,
    looks: Looks,
    /// What was cut.
    notes: Vec<String>,
}

impl Book {
    /// A name for a sheet that no other one has.
    fn name(&mut self, wanted: &str) -> String {
        let wanted = wanted.trim().replace('_', " ");
        for count in 1.. {
            let suffix = if count == 1 {
                String::new()
            } else {
                format!(" {count}")
            };
            let room = NAME_MAX - suffix.len();
            let name: String = wanted.chars().take(room).chain(suffix.chars()).collect();
            if self.names.insert(name.to_lowercase()) {
                return name;
            }
        }
        wanted
    }

    fn table(
        &mut self,
        sheet: &mut Worksheet,
        table: &Table<'_>,
        name: &str,
    ) -> Result<(), XlsxError> {
        let mut widths: Vec<usize> = table
            .columns
            .iter()
            .map(|column| column.len() + 3)
            .collect();
        for (at, column) in (0..).zip(&table.columns) {
            sheet.write_string_with_format(0, at, *column, &self.looks.header)?;
        }
        sheet.set_freeze_panes(1, 0)?;
        let mut last = 0;
        for (number, row) in (1..).zip(table.rows.iter()) {
            if number as usize > ROWS_MAX {
                self.notes.push(format!(
                    "{name}: the first {ROWS_MAX} rows only; csv has room for all"
                ));
                break;
            }
            last = number;
            for ((at, cell), width) in (0..).zip(row.iter()).zip(&mut widths) {
                *width = self.cell(sheet, (number, at), cell, name)?.max(*width);
            }
        }
        for (at, width) in (0_u16..).zip(&widths) {
            sheet.set_column_width(at, u32::try_from((*width).min(WIDTH_MAX)).unwrap_or(0))?;
        }
        if let Some(end) = u16::try_from(widths.len())
            .ok()
            .and_then(|count| count.checked_sub(1))
        {
            sheet.autofilter(0, 0, last, end)?;
        }
        Ok(())
    }

    /// Writes a cell, and gives its width in characters.
    fn cell(
        &mut self,
        sheet: &mut Worksheet,
        at: (u32, u16),
        cell: &Cell,
        name: &str,
    ) -> Result<usize, XlsxError> {
        let (row, column) = at;
        let text = match cell {
            Cell::None => return Ok(0),
            Cell::Number(number) => {
                // A spreadsheet counts in floating point, as all counts of a ledger fit.
                #[allow(clippy::cast_precision_loss)]
                sheet.write_number_with_format(row, column, *number as f64, &self.looks.text)?;
                return Ok(number.to_string().len());
            }
            Cell::Flag(flag) => {
                sheet.write_boolean_with_format(row, column, *flag, &self.looks.text)?;
                return Ok(5);
            }
            Cell::Text(text) | Cell::Word(text, _) => text.clone(),
            Cell::List(texts) => texts.join("; "),
        };
        if let Some(day) = text.parse().ok().and_then(excel_day) {
            sheet.write_datetime_with_format(row, column, &day, &self.looks.day)?;
            return Ok(text.len());
        }
        let mut text = spelled_out(&text, "\n", " ").into_owned();
        if text.chars().count() > CELL_MAX {
            text = text.chars().take(CELL_MAX - 1).chain(['…']).collect();
            self.notes.push(format!(
                "{name}: a cell of row {} is cut to {CELL_MAX} characters",
                row + 1
            ));
        }
        sheet.write_string_with_format(row, column, &text, &self.looks.text)?;
        Ok(text
            .lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0))
    }

    /// The first sheet: what the workbook is about, and what a reader must know.
    fn about(&self, sheet: &mut Worksheet, document: &Document<'_>) -> Result<(), XlsxError> {
        sheet.set_column_width(0, 100)?;
        sheet.write_string_with_format(
            0,
            0,
            &*spelled_out(&document.title, " ", " "),
            &self.looks.header,
        )?;
        let notes = document.parts().flat_map(|part| &part.notes);
        let lines = clocks(document)
            .into_iter()
            .chain(notes.chain(&self.notes).cloned());
        for (row, line) in (1..).zip(lines) {
            sheet.write_string_with_format(
                row,
                0,
                &*spelled_out(&line, " ", " "),
                &self.looks.text,
            )?;
        }
        Ok(())
    }
}

/// A day as a spreadsheet counts it; none before 1900, where it cannot.
fn excel_day(day: NaiveDate) -> Option<ExcelDateTime> {
    let year = u16::try_from(day.year())
        .ok()
        .filter(|year| (1900..=9999).contains(year))?;
    ExcelDateTime::from_ymd(
        year,
        u8::try_from(day.month()).ok()?,
        u8::try_from(day.day()).ok()?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader as _, Xlsx as Read};

    use super::super::sample;
    use super::*;

    fn opened(document: &Document<'_>) -> Read<Cursor<Vec<u8>>> {
        let mut out = Vec::new();
        let style = Style {
            colour: true,
            width: None,
        };
        Xlsx.render(document, style, &mut out).unwrap();
        calamine::open_workbook_from_rs(Cursor::new(out)).unwrap()
    }

    fn rows(book: &mut Read<Cursor<Vec<u8>>>, sheet: &str) -> Vec<Vec<Data>> {
        let range = book.worksheet_range(sheet).unwrap();
        range.rows().map(<[Data]>::to_vec).collect()
    }

    #[test]
    fn every_table_is_a_sheet_that_another_reader_reads() {
        let mut document = sample();
        document.tables[0].rows.kept[0][5] = Cell::text("2023-06-01");
        document.tables[0].rows.kept[1][1] = Cell::text("=HYPERLINK(\"http://x\")");
        let mut book = opened(&document);
        assert_eq!(book.sheet_names(), ["About", "commitments", "rates"]);
        let rows = rows(&mut book, "commitments");
        assert_eq!(rows[0][0], Data::String("id".into()));
        assert_eq!(rows[1][1], Data::String("abrir el paso\n2".into()));
        assert_eq!(rows[1][2], Data::String("colombia; venezuela".into()));
        assert_eq!(rows[1][3], Data::Float(4.0));
        // Days since the end of 1899.
        assert!(
            matches!(&rows[1][5], Data::DateTime(day) if (day.as_f64() - 45_078.0).abs() < 0.1)
        );
        assert_eq!(rows[2][1], Data::String("=HYPERLINK(\"http://x\")".into()));
        assert!(book.worksheet_formula("commitments").unwrap().is_empty());
    }

    #[test]
    fn what_a_reader_must_know_is_on_the_first_sheet() {
        let rows = rows(&mut opened(&sample()), "About");
        assert_eq!(rows[0][0], Data::String("Sample of tables".into()));
        assert_eq!(
            rows[1][0],
            Data::String("as of 2023-06-01, as known at record 12".into())
        );
        assert_eq!(rows[2][0], Data::String("the year is inferred".into()));
    }

    #[test]
    fn sheets_of_several_reports_have_names_of_their_own() {
        let mut whole = sample();
        whole.sections = vec![sample(), sample()];
        let mut names = opened(&whole).sheet_names();
        assert_eq!(names.len(), 7);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 7, "{names:?}");
        assert!(names.iter().all(|name| name.chars().count() <= NAME_MAX));
    }

    #[test]
    fn the_same_report_gives_the_same_bytes() {
        let written = || workbook(&sample()).unwrap();
        assert_eq!(written(), written());
    }

    #[test]
    fn a_cell_that_is_too_long_is_cut_and_named() {
        let mut document = sample();
        document.tables[0].rows.kept[0][1] = Cell::text("x".repeat(40_000));
        let mut book = opened(&document);
        let about = rows(&mut book, "About");
        let last = about.last().unwrap()[0].to_string();
        assert!(
            last.contains("a cell of row 2 is cut to 32767 characters"),
            "{last}"
        );
    }
}
