//! The verdict of `verify` as tables.

use servanda_core::words::plural;
use servanda_ledger::verify::{Finding, Verdict};
use servanda_report::report::{Cell, Document, Table, Tone};

/// The verdict as a document.
pub fn document(verdict: &Verdict) -> Document<'static> {
    let origin = verdict
        .origin
        .as_deref()
        .unwrap_or("(its first record cannot be read)");
    let records = plural(to_usize(verdict.records), "record");
    let title = if verdict.is_sound() && verdict.trusted > 0 {
        let trusted = plural(to_usize(verdict.trusted), "record");
        format!("{origin}: sound since the checkpoint, {records}; the first {trusted} not verified")
    } else if verdict.is_sound() {
        format!("{origin}: sound, {records}")
    } else {
        format!(
            "{origin}: NOT SOUND, {}",
            plural(verdict.findings.len(), "finding")
        )
    };
    Document {
        report: "verify",
        title,
        tables: vec![
            findings(&verdict.findings),
            checked(verdict),
            not_checked(verdict),
            head(verdict),
        ],
        notes: remarks(verdict),
        ..Document::default()
    }
}

fn findings(findings: &[Finding]) -> Table<'static> {
    let mut table = Table::new(
        "findings",
        "Findings",
        &["records", "kind", "expected", "found"],
    )
    .or("nothing is wrong");
    for finding in findings {
        table.rows.push(vec![
            Cell::list(&finding.records),
            Cell::Word(finding.kind.word().to_owned(), Tone::Bad),
            Cell::text(&finding.expected),
            Cell::text(&finding.found),
        ]);
    }
    table
}

fn checked(verdict: &Verdict) -> Table<'static> {
    let mut table = Table::new("checked", "Checked", &["what", "count"]);
    for check in &verdict.checked {
        table.rows.push(vec![
            Cell::text(check.what),
            Cell::count(to_usize(check.count)),
        ]);
    }
    table
}

fn not_checked(verdict: &Verdict) -> Table<'static> {
    let mut table = Table::new("not_checked", "Not checked", &["what"]);
    table.rows = verdict
        .not_checked
        .iter()
        .map(|what| vec![Cell::text(what)])
        .collect();
    table
}

fn head(verdict: &Verdict) -> Table<'static> {
    let columns = ["records", "link", "first_recorded", "last_recorded"];
    let mut table = Table::new("head", "Head", &columns);
    table.rows.push(vec![
        Cell::count(to_usize(verdict.head.count)),
        Cell::text(verdict.head.link),
        Cell::maybe(verdict.first_recorded),
        Cell::maybe(verdict.last_recorded),
    ]);
    table
}

/// A count as tables take it.
pub fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The remarks, with the command that finishes an erasure.
fn remarks(verdict: &Verdict) -> Vec<String> {
    let unfinished = (verdict.unfinished_erasures > 0).then(|| {
        "`servanda redact --finish` erases what was redacted and is still there".to_owned()
    });
    verdict.remarks.iter().cloned().chain(unfinished).collect()
}
