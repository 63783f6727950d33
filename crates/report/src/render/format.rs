//! What a format is: a way to write documents.

use std::io;

use crate::report::Document;

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

    /// Whether it has room for a document that is made of several.
    fn holds_sections(&self) -> bool {
        true
    }

    /// Whether it shows the rows of the first table, and nothing else of a document.
    fn holds_first_table_only(&self) -> bool {
        false
    }

    /// Whether it is text, which a terminal can show.
    fn is_text(&self) -> bool {
        true
    }

    /// What the format cannot say of a document, where that is all of it, with what to do instead.
    fn leaves_out(&self, _: &Document<'_>) -> Option<&'static str> {
        None
    }

    /// Writes a document: its rows as they are made, to `out`, which should have a buffer.
    ///
    /// # Errors
    /// The first error of `out`, after which no row is made any more.
    fn render(
        &self,
        document: &Document<'_>,
        style: Style,
        out: &mut dyn io::Write,
    ) -> io::Result<()>;
}

/// The day and the knowledge that a document speaks of.
pub(super) fn clocks(document: &Document<'_>) -> Option<String> {
    let day = document.as_of.map(|day| format!("as of {day}"));
    let known = document
        .known_at
        .as_ref()
        .map(|known| format!("as known at {known}"));
    match (day, known) {
        (Some(day), Some(known)) => Some(format!("{day}, {known}")),
        (one, other) => one.or(other),
    }
}
