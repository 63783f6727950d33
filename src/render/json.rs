//! Stub.

use std::io;

use super::{Render, Style};
use crate::report::Document;

/// The format `json`.
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl Render for Json {
    fn name(&self) -> &'static str {
        "json"
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
