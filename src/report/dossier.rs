//! The dossier of anything.

use crate::domain::id::Subject;
use crate::domain::view::View;

use super::{Document, Question};

/// The dossier of something; none where the view has no such thing.
pub fn dossier(view: &View<'_>, subject: &Subject, question: &Question) -> Option<Document> {
    let title = format!("Dossier of {subject}");
    Some(Document::new("dossier", title, view, question))
}
