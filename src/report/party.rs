//! Stub.

use crate::domain::view::View;

use super::{Document, Question, Report};

/// The report `party`.
#[derive(Debug, Clone, Copy)]
pub struct PartyReport;

impl Report for PartyReport {
    fn name(&self) -> &'static str {
        "party"
    }

    fn about(&self) -> &'static str {
        "party"
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        Document::new(self.name(), self.name(), view, question)
    }
}
