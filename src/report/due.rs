//! Stub.

use crate::domain::view::View;

use super::{Document, Question, Report};

/// The report `due`.
#[derive(Debug, Clone, Copy)]
pub struct DueReport;

impl Report for DueReport {
    fn name(&self) -> &'static str {
        "due"
    }

    fn about(&self) -> &'static str {
        "due"
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        Document::new(self.name(), self.name(), view, question)
    }
}
