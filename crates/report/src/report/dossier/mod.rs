//! The dossier of a commitment, agreement, party, source, recorder or record: all that is known of it, and the record
//! that each part comes from.

mod agreement;
mod commitment;
mod party;
mod record;
mod shared;
mod source;
#[cfg(test)]
mod tests;

use servanda_core::rules::Known;
use servanda_core::state::EntityKind;
use servanda_core::value::id::{AgreementId, CommitmentId, PartyId, SourceId, Subject};
use servanda_core::view::View;

use super::document::{Document, Report};
use super::question::{Question, Takes};
use shared::Dossier;

/// The report `dossier`.
#[derive(Debug, Clone, Copy)]
pub struct DossierReport;

impl Report for DossierReport {
    fn name(&self) -> &'static str {
        "dossier"
    }

    fn about(&self) -> &'static str {
        "All that is known of one party, source, agreement, commitment or record, as `show` has it"
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Subject, Takes::Limit]
    }

    fn narrows(&self) -> bool {
        false
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let subject = question.subject.as_ref();
        let found = subject.and_then(|subject| dossier(view, subject, question));
        found.unwrap_or_else(|| {
            let title = subject.map_or("Nothing".to_owned(), ToString::to_string);
            let mut document = Document::new(self.name(), title, view, question);
            document
                .notes
                .push(format!("there is no such thing as of {}", view.as_of));
            document
        })
    }
}

/// The dossier of something; none where the view has no such thing.
///
/// Where the question has a limit, a table has at most so many rows: of records the latest, of other things the first. A
/// note says how many there are. Records that are not shown are not read.
///
/// A record is shown as it reads today, also if it was retracted or happens later. An entity is shown as of the view's day.
pub fn dossier<'r>(
    view: &View<'r>,
    subject: &Subject,
    question: &Question,
) -> Option<Document<'r>> {
    let of = Dossier::new(view, question);
    let id = match subject {
        Subject::Record(seq) => return record::dossier(&of, *seq),
        Subject::Entity(id) => id,
    };
    match view.state.entity(id)?.0 {
        EntityKind::Commitment => {
            let commitment = view.commitment(&CommitmentId(id.clone()))?;
            Some(commitment::dossier(&of, &commitment))
        }
        EntityKind::Agreement => {
            let agreement = view.agreement(&AgreementId(id.clone()))?;
            Some(agreement::dossier(&of, agreement))
        }
        EntityKind::Party => Some(party::dossier(&of, &view.party(&PartyId(id.clone()))?)),
        EntityKind::Source => Some(source::dossier(&of, &view.source(&SourceId(id.clone()))?)),
        EntityKind::Recorder => record::recorder(&of, id),
    }
}
