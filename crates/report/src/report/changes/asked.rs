//! Which records a question about changes asks for.

use servanda_core::value::id::Seq;
use servanda_core::view::View;

use crate::report::question::Question;
use crate::report::select;

/// Which records are asked for.
pub struct Asked {
    records: select::Records,
    question: Question,
}

impl Asked {
    /// Reads the question.
    pub fn new(view: &View<'_>, question: &Question) -> Self {
        Self {
            records: select::Records::new(view, question),
            question: question.clone(),
        }
    }

    /// Whether a record is there, had happened, and is asked for.
    pub fn wants(&self, view: &View<'_>, seq: Seq) -> bool {
        let is_there = view.state.kind(seq).is_some();
        is_there && self.includes(view, seq) && view.has_happened(seq)
    }

    /// Whether a record is asked for, whether or not it had happened.
    pub fn includes(&self, view: &View<'_>, seq: Seq) -> bool {
        self.records.includes(view.state, seq)
            && select::within_recorded(view.state, seq, &self.question)
    }
}
