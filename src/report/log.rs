//! Stub.

use crate::domain::view::View;

use super::{Document, Question, Report};

/// The report `log`.
#[derive(Debug, Clone, Copy)]
pub struct Log;

impl Report for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn about(&self) -> &'static str {
        "log"
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        Document::new(self.name(), self.name(), view, question)
    }
}
