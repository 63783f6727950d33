//! An event on its way from a row: the texts of its fields, and the rows that make it together.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::job::{ImportJob, MappedEvent, Place, Remark};
use super::key::Key;
use super::scope::Cursor;
use crate::intake::rules::EventRule;
use crate::intake::rules::function::{Failure, Given, Texts, USUAL};
use crate::intake::rules::template::Template;
use servanda_core::event::{FieldError, FieldSpec, Kind};
use servanda_core::ndjson::Line;
use servanda_core::value::base::{Leaf, Shape, excerpt};
use servanda_core::value::id::PartyId;
use servanda_core::value::when::Instant;

/// The texts of fields that outlive the row.
pub(super) type Kept<'a> = Vec<(&'a str, Vec<String>)>;

/// The texts of a field.
pub(super) fn texts<'g, T: AsRef<[S]>, S>(given: &'g [(&str, T)], name: &str) -> &'g [S] {
    given
        .iter()
        .find(|(found, _)| *found == name)
        .map_or(&[], |(_, texts)| texts.as_ref())
}

/// Texts that outlive the row.
pub(super) fn kept<'a>(given: &[(&'a str, Texts<'_>)]) -> Kept<'a> {
    let owned = |(name, texts): &(&'a str, Texts<'_>)| {
        let texts = texts.iter().map(|text| text.clone().into_owned());
        (*name, texts.collect())
    };
    given.iter().map(owned).collect()
}

/// Fills the templates of fields.
pub(super) fn fill<'a: 'b, 'b>(
    templates: impl IntoIterator<Item = &'a (String, Vec<Template>)>,
    given: &mut Given<'a, 'b>,
    cursor: &Cursor<'b>,
) -> Result<(), Failure> {
    for (name, templates) in templates {
        let texts = match templates.as_slice() {
            [one] => one.fill(cursor)?,
            several => {
                let mut texts = Texts::new();
                for template in several {
                    texts.extend(template.fill(cursor)?);
                }
                texts
            }
        };
        match given.iter_mut().find(|(found, _)| found == name) {
            Some((_, found)) => *found = texts,
            None => given.push((name, texts)),
        }
    }
    Ok(())
}

/// Names each party of a list once: two spellings in a row may be of one party.
pub(super) fn fold_parties(kind: Kind, given: &mut Given<'_, '_>) {
    let is_list = |spec: &FieldSpec| spec.shape == Shape::Many && spec.label == PartyId::LABEL;
    for (name, texts) in given {
        if texts.len() < 2 || !kind.field(name).is_some_and(is_list) {
            continue;
        }
        let mut known: HashSet<&str, RandomState> = HashSet::default();
        let are_new: Vec<bool> = texts.iter().map(|text| known.insert(text)).collect();
        if are_new.contains(&false) {
            let mut are_new = are_new.into_iter();
            texts.retain(|_| are_new.next().is_some_and(|is_new| is_new));
        }
    }
}

/// Makes the line of an event.
pub(super) fn line<T: AsRef<[S]>, S: AsRef<str>>(
    kind: Kind,
    place: &Place,
    recorded_at: Option<Instant>,
    given: &[(&str, T)],
) -> Result<Box<Line>, Vec<FieldError>> {
    let given: SmallVec<[(&str, &[S]); USUAL]> = given
        .iter()
        .map(|(name, texts)| (*name, texts.as_ref()))
        .collect();
    Line::of_fields(place.line, kind, recorded_at, &given).map(Box::new)
}

/// An event that a row gives, and others may give, too.
pub(super) struct Draft<'a> {
    pub number: usize,
    pub rule: &'a EventRule,
    pub key: Key,
    /// The texts of its fields.
    pub given: Kept<'a>,
    pub place: Place,
    pub recorded_at: Option<Instant>,
    pub line: Box<Line>,
}

impl Draft<'_> {
    /// How the event differs from the one that an earlier row made under the same key.
    pub fn differs(&self, earlier: &Kept<'_>, line: usize) -> Option<Remark> {
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
    pub fn add(&mut self, given: &Kept<'_>, row: usize) {
        for (name, gathered) in &mut self.gathered {
            for text in texts(given, name) {
                if gathered.known.insert(text.clone()) {
                    gathered.texts.push(text.clone());
                }
            }
        }
        self.add_row(row);
    }

    /// Another row makes it, too, and says nothing new.
    pub fn add_row(&mut self, row: usize) {
        if self.rows.last() != Some(&row) {
            self.rows.push(row);
        }
    }

    /// The texts of the first row, and its line.
    pub fn first(&self) -> (&Kept<'a>, usize) {
        (&self.draft.given, self.draft.place.line)
    }

    /// The event of all the rows.
    pub fn finish(mut self, job: &ImportJob<'_>) -> Result<MappedEvent, Vec<FieldError>> {
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
        let line = match rule.gather.is_empty() {
            true => self.draft.line,
            false => line(rule.kind, &place, self.draft.recorded_at, &self.draft.given)?,
        };
        Ok(MappedEvent {
            rule: Some(self.draft.number),
            earlier: (job.earlier)(&self.draft.key, &line),
            key: self.draft.key,
            row: self.rows.first().copied().unwrap_or_default(),
            line,
            place,
        })
    }
}
