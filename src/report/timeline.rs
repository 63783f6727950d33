//! Stub.

use crate::domain::view::View;

use super::{Document, Question, Report};

/// The report `timeline`.
#[derive(Debug, Clone, Copy)]
pub struct Timeline;

impl Report for Timeline {
    fn name(&self) -> &'static str {
        "timeline"
    }

    fn about(&self) -> &'static str {
        "timeline"
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        Document::new(self.name(), self.name(), view, question)
    }
}
