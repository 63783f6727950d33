//! How a report looks: one file a format. Reports know nothing of it.

use std::io;

use crate::report::Document;

pub mod csv;
pub mod json;
pub mod table;

/// How a format is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether colour may be used; never the only sign of anything.
    pub colour: bool,
    /// How many columns a terminal has; none for as wide as it needs to be.
    pub width: Option<u16>,
}

/// A format of documents.
pub trait Render {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Writes a document.
    ///
    /// # Errors
    /// Those of writing.
    fn render(&self, document: &Document, style: Style, out: &mut dyn io::Write) -> io::Result<()>;
}

/// The formats, in the order in which help lists them.
pub const FORMATS: &[&dyn Render] = &[&table::TableFormat, &json::Json, &csv::Csv];
