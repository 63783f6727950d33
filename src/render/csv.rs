//! Stub.

use std::io;

use super::{Render, Style};
use crate::report::Document;

/// The format `csv`.
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl Render for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn render(
        &self,
        _document: &Document,
        _style: Style,
        _out: &mut dyn io::Write,
    ) -> io::Result<()> {
        Ok(())
    }
}
