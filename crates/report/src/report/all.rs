//! The whole ledger: every report that needs no subject, one after the other.

use servanda_core::view::View;

use super::document::{Document, Report};
use super::question::{Question, Takes};
use super::{
    cells, certificate, changes, curve, dossier, due, irregular, matrix, party, repeats, status,
    timeline,
};

/// The reports of the command `report`, in the order in which help lists them.
pub const REPORTS: &[&dyn Report] = &[
    &status::Status,
    &due::DueReport,
    &party::PartyReport,
    &matrix::Matrix,
    &curve::Curve,
    &timeline::Timeline,
    &changes::Changes,
    &repeats::Repeats,
    &irregular::Irregular,
    &dossier::DossierReport,
    &certificate::Certificate,
    &All,
];

/// The report `all`.
#[derive(Debug, Clone, Copy)]
pub struct All;

impl Report for All {
    fn name(&self) -> &'static str {
        "all"
    }

    fn about(&self) -> &'static str {
        "Every report of the ledger in one, such as a page in HTML"
    }

    fn has_sections(&self) -> bool {
        true
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Thresholds, Takes::Limit, Takes::Provenance]
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let mut document = Document::new(self.name(), title(view), view, question);
        let parts = REPORTS.iter().filter(|report| is_part(**report));
        document.sections = parts
            .map(|report| report.document(view, question))
            .collect();
        document
    }
}

fn is_part(report: &dyn Report) -> bool {
    report.name() != All.name() && !report.takes().contains(&Takes::Subject)
}

fn title(view: &View<'_>) -> String {
    match cells::opening(view.state) {
        Some(opening) => match &opening.purpose {
            Some(purpose) => format!("{}: {purpose}", opening.origin),
            None => opening.origin.to_string(),
        },
        None => "The whole ledger".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn it_says_what_each_report_says() {
        let history = communique();
        let question = Question::default();
        let all = history.ask(&All, "2024-01-01", &question);
        assert_eq!(all.title, "example.org/test");
        let names: Vec<&str> = all.sections.iter().map(|section| section.report).collect();
        for report in REPORTS {
            let there = names.contains(&report.name());
            assert_eq!(there, is_part(*report), "{}", report.name());
            if there {
                let alone = history.ask(*report, "2024-01-01", &question);
                assert!(all.sections.contains(&alone), "{}", report.name());
            }
        }
        assert!(!names.contains(&"dossier") && !names.contains(&"all"));
    }
}
