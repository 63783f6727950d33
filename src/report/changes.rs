//! Stub.

use crate::domain::view::View;

use super::{Document, Question, Report};

/// The report `changes`.
#[derive(Debug, Clone, Copy)]
pub struct Changes;

impl Report for Changes {
    fn name(&self) -> &'static str {
        "changes"
    }

    fn about(&self) -> &'static str {
        "changes"
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        Document::new(self.name(), self.name(), view, question)
    }
}
