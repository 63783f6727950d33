//! Lists: parties, agreements, commitments, sources.

use crate::domain::view::View;

use super::{Document, Question, Report};

macro_rules! stub { ($($t:ident $n:literal)+) => {$(
/// The list.
#[derive(Debug, Clone, Copy)]
pub struct $t;

impl Report for $t {
    fn name(&self) -> &'static str {
        $n
    }

    fn about(&self) -> &'static str {
        $n
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        Document::new(self.name(), self.name(), view, question)
    }
}
)+} }
stub! { Parties "parties" Agreements "agreements" Commitments "commitments" Sources "sources" }
