//! An event on its way from a row: the texts of its fields, and the rows that make it together.

use std::collections::HashSet;
use std::rc::Rc;

use super::job::{MappedEvent, Place, Remark};
use super::scope::Cursor;
use crate::intake::rules::EventRule;
use crate::intake::rules::template::{Failure, Template};
use servanda_core::event::{FieldError, FieldSpec, Kind};
use servanda_core::ndjson::Line;
use servanda_core::value::base::{Leaf, Shape, excerpt};
use servanda_core::value::id::PartyId;
use servanda_core::value::when::Instant;

/// The texts of fields, by name; no name stands twice.
pub(super) type Given<'a> = Vec<(&'a str, Vec<String>)>;

/// The texts of a field.
pub(super) fn texts<'g>(given: &'g Given<'_>, name: &str) -> &'g [String] {
    given
        .iter()
        .find(|(found, _)| *found == name)
        .map_or(&[], |(_, texts)| texts)
}

/// Fills the templates of fields.
pub(super) fn fill<'a>(
    templates: &'a [(String, Vec<Template>)],
    given: &mut Given<'a>,
    cursor: &Cursor<'_>,
) -> Result<(), Failure> {
    for (name, templates) in templates {
        let mut texts = Vec::new();
        for template in templates {
            texts.extend(template.fill(cursor)?);
        }
        match given.iter_mut().find(|(found, _)| found == name) {
            Some((_, found)) => *found = texts,
            None => given.push((name, texts)),
        }
    }
    Ok(())
}

/// Names each party of a list once: two spellings in a row may be of one party.
pub(super) fn fold_parties(kind: Kind, given: &mut Given<'_>) {
    let is_list = |spec: &FieldSpec| spec.shape == Shape::Many && spec.label == PartyId::LABEL;
    for (name, texts) in given {
        if texts.len() < 2 || !kind.field(name).is_some_and(is_list) {
            continue;
        }
        let mut known = HashSet::new();
        texts.retain(|text| known.insert(text.clone()));
    }
}

/// Makes the line of an event.
pub(super) fn line(
    kind: Kind,
    place: &Place,
    recorded_at: Option<Instant>,
    given: &Given<'_>,
) -> Result<Box<Line>, Vec<FieldError>> {
    let given: Vec<(&str, &[String])> = given
        .iter()
        .map(|(name, texts)| (*name, texts.as_slice()))
        .collect();
    Line::of_fields(place.line, kind, recorded_at, &given).map(Box::new)
}

/// An event that a row gives.
pub(super) struct Draft<'a> {
    pub number: usize,
    pub rule: &'a EventRule,
    pub key: Rc<str>,
    /// The texts of its fields; none for an event that no other row makes.
    pub given: Given<'a>,
    pub place: Place,
    pub recorded_at: Option<Instant>,
    /// None if an earlier row made the same event.
    pub line: Option<Box<Line>>,
}

impl Draft<'_> {
    /// How the event differs from the one that an earlier row made under the same key.
    pub fn differs(&self, earlier: &Given<'_>, line: usize) -> Option<Remark> {
        let names = self.rule.fields.iter().map(|(name, _)| name.as_str());
        let compared = names.filter(|name| {
            *name != "source" && !self.rule.gather.iter().any(|found| found == name)
        });
        for name in compared {
            let (before, now) = (texts(earlier, name), texts(&self.given, name));
            if before == now {
                continue;
            }
            let mut reason = format!(
                "gives `{}` again with another {name}: `{}`, and `{}` in line {line}",
                self.key,
                excerpt(&now.join("; ")),
                excerpt(&before.join("; ")),
            );
            let spec = self.rule.kind.field(name);
            if spec.is_some_and(|spec| spec.shape == Shape::Many) {
                reason.push_str(&format!("; gather = [\"{name}\"] keeps both"));
            }
            return Some(Remark::new(
                self.place.clone(),
                Some(self.rule.kind),
                reason,
            ));
        }
        None
    }
}

/// An event that several rows make together.
pub(super) struct Together<'a> {
    draft: Draft<'a>,
    gathered: Vec<(&'a str, Gathered)>,
    pub rows: Vec<usize>,
}

/// Distinct values in the order in which they were found.
#[derive(Default)]
struct Gathered {
    texts: Vec<String>,
    known: HashSet<String>,
}

impl<'a> Together<'a> {
    /// The first row makes it.
    pub fn new(draft: Draft<'a>, row: usize) -> Self {
        let gathered = draft.rule.gather.iter();
        let mut together = Self {
            gathered: gathered
                .map(|name| (name.as_str(), Gathered::default()))
                .collect(),
            rows: Vec::new(),
            draft,
        };
        let given = std::mem::take(&mut together.draft.given);
        together.add(&given, row);
        together.draft.given = given;
        together
    }

    /// Another row makes it, too.
    pub fn add(&mut self, given: &Given<'_>, row: usize) {
        for (name, gathered) in &mut self.gathered {
            for text in texts(given, name) {
                if gathered.known.insert(text.clone()) {
                    gathered.texts.push(text.clone());
                }
            }
        }
        if self.rows.last() != Some(&row) {
            self.rows.push(row);
        }
    }

    /// Whether a row gives nothing that earlier ones did not give.
    pub fn has_all(&self, draft: &Draft<'_>) -> bool {
        let has = |(name, gathered): &(&str, Gathered)| {
            let mut texts = texts(&draft.given, name).iter();
            texts.all(|text| gathered.known.contains(text))
        };
        self.gathered.iter().all(has) && draft.differs(&self.draft.given, 0).is_none()
    }

    /// The texts of the first row, and its line.
    pub fn first(&self) -> (&Given<'a>, usize) {
        (&self.draft.given, self.draft.place.line)
    }

    /// The event of all the rows.
    pub fn finish(mut self) -> Result<MappedEvent, Vec<FieldError>> {
        let rule = self.draft.rule;
        let place = self.draft.place;
        for (name, gathered) in self.gathered {
            let found = self
                .draft
                .given
                .iter_mut()
                .find(|(found, _)| *found == name);
            found
                .into_iter()
                .for_each(|(_, texts)| texts.clone_from(&gathered.texts));
        }
        let line = match self.draft.line {
            Some(line) if rule.gather.is_empty() => line,
            _ => line(rule.kind, &place, self.draft.recorded_at, &self.draft.given)?,
        };
        Ok(MappedEvent {
            rule: Some(self.draft.number),
            key: self.draft.key,
            row: self.rows.first().copied().unwrap_or_default(),
            line,
            place,
        })
    }
}
