//! Maps the rows of a table to events, one after the other.

use std::collections::{HashMap, HashSet};

use super::build::check;
use super::job::{ImportJob, MappedEvent, Outcome, Place, Remark};
use super::scope::{Columns, Cursor};
use crate::intake::rules::template::{Expression, Failure, Template};
use crate::intake::rules::{Conditions, EventRule, Per, glob};
use crate::intake::table::Row;
use servanda_core::event::{FieldSpec, Fields, Kind};
use servanda_core::value::base::{Leaf, Shape, excerpt};
use servanda_core::value::id::PartyId;

impl ImportJob<'_> {
    /// Maps the rows of the table to events.
    pub fn run(&self) -> Outcome {
        let columns = Columns::new(self);
        let mut mapper = RowMapper::new(self, &columns);
        for at in 0..self.table.rows.len() {
            mapper.row(at);
        }
        mapper.finish()
    }
}

/// Fills a template of `[change_log]` from one row.
pub fn fill_one(
    job: &ImportJob<'_>,
    row: &Row,
    template: &Template,
    name: &str,
    needed: bool,
) -> Result<String, Remark> {
    let columns = Columns::new(job);
    let place = Place::of(row.lines);
    let texts = template
        .fill(&Cursor::row(job, &columns, row))
        .map_err(|failure| at_place(&place, failure))?;
    match texts.into_iter().next() {
        None if needed => Err(Remark {
            place,
            reason: format!("[change_log] {name} is empty"),
        }),
        text => Ok(text.unwrap_or_default()),
    }
}

/// Distinct values in the order in which they were found.
#[derive(Default)]
struct Gathered {
    texts: Vec<String>,
    known: HashSet<String>,
}

impl Gathered {
    fn add(&mut self, text: &str) {
        if self.known.insert(text.to_owned()) {
            self.texts.push(text.to_owned());
        }
    }
}

/// Maps rows to events.
struct RowMapper<'a> {
    job: &'a ImportJob<'a>,
    columns: &'a Columns,
    /// For each rule, the columns whose cells make events.
    cells: Vec<Vec<usize>>,
    outcome: Outcome,
    /// Events that several rows make together.
    once: Vec<MappedEvent>,
    /// The place in `once` of the event with a key.
    places: HashMap<String, usize>,
    /// The values that events in `once` gather, by place and field.
    gathered: HashMap<(usize, &'a str), Gathered>,
    /// The line that gave the event with a key.
    keys: HashMap<String, usize>,
    source: Option<MappedEvent>,
}

impl<'a> RowMapper<'a> {
    fn new(job: &'a ImportJob<'a>, columns: &'a Columns) -> Self {
        let cells = job.rules.events.iter().map(|rule| match &rule.per {
            Per::Cell(cells, except) => columns.fitting(job, cells, except),
            _ => Vec::new(),
        });
        let mut mapper = Self {
            job,
            columns,
            cells: cells.collect(),
            outcome: Outcome {
                rows: job.table.rows.len(),
                ..Outcome::default()
            },
            once: Vec::new(),
            places: HashMap::new(),
            keys: HashMap::new(),
            gathered: HashMap::new(),
            source: None,
        };
        mapper.source = mapper.map_source();
        mapper
    }

    /// Makes the source that stands for the table.
    fn map_source(&mut self) -> Option<MappedEvent> {
        let first = self.job.table.rows.first()?;
        let cursor = Cursor::row(self.job, self.columns, first);
        let mut fields = self.job.file.source();
        let place = Place::of(first.lines);
        let filled = fill_fields(&self.job.rules.source, &mut fields, &cursor)
            .and_then(|()| self.recorded_at(&cursor))
            .map_err(|failure| format!("[source]: {}", failure.message));
        let built = filled.and_then(|recorded_at| {
            check(Kind::SourceRegistered, &fields)
                .map_err(|error| format!("[source]: {error}"))
                .map(|()| recorded_at)
        });
        match built {
            Ok(recorded_at) => Some(MappedEvent {
                rule: None,
                kind: Kind::SourceRegistered,
                fields,
                place,
                recorded_at,
            }),
            Err(reason) => {
                self.outcome.bad.push(Remark { place, reason });
                None
            }
        }
    }

    fn recorded_at(&self, cursor: &Cursor<'_>) -> Result<Option<String>, Failure> {
        let template = match (self.job.version, &self.job.rules.change_log) {
            (Some(_), Some(log)) => log.recorded_at.as_ref(),
            _ => self.job.rules.recorded_at.as_ref(),
        };
        match template {
            Some(template) => Ok(template.fill(cursor)?.into_iter().next()),
            None => Ok(None),
        }
    }

    fn row(&mut self, at: usize) {
        let job = self.job;
        let row = &job.table.rows[at];
        let place = Place::of(row.lines);
        let touched = job.touched.is_none_or(|touched| touched[at]);
        if row.cells.len() != job.table.headers.len() {
            let (found, wanted) = (row.cells.len(), job.table.headers.len());
            let reason = format!("has {found} cells; the header has {wanted}");
            self.outcome.bad.push(Remark { place, reason });
            return;
        }
        if row.cells.iter().all(String::is_empty) {
            let reason = "is empty".to_owned();
            self.outcome.skipped.push(Remark { place, reason });
            return;
        }
        let cursor = Cursor::row(job, self.columns, row);
        let mut made = Vec::new();
        let mut wrong = Vec::new();
        match self.skips(&cursor) {
            Ok(None) => {}
            Ok(Some(reason)) => {
                self.outcome.skipped.push(Remark { place, reason });
                return;
            }
            Err(failure) => wrong.push(at_place(&place, failure)),
        }
        let mut taken = vec![false; row.cells.len()];
        for (number, rule) in job.rules.events.iter().enumerate() {
            if touched || !rule.gather.is_empty() {
                self.events(number, rule, &cursor, &mut taken, &mut made, &mut wrong);
            }
        }
        self.check_keys(&made, &mut wrong);
        if !wrong.is_empty() {
            self.outcome.bad.extend(wrong);
            return;
        }
        if touched {
            self.note_skipped(row.cells.as_slice(), &place, &taken, &made);
        }
        made.into_iter().for_each(|made| self.keep(made));
    }

    fn skips(&self, cursor: &Cursor<'_>) -> Result<Option<String>, Failure> {
        for skip in &self.job.rules.skips {
            if holds(&skip.when, &skip.unless, cursor)? {
                return Ok(Some(skip.reason.clone()));
            }
        }
        Ok(None)
    }

    /// Applies a rule to a row.
    fn events(
        &self,
        number: usize,
        rule: &EventRule,
        cursor: &Cursor<'_>,
        taken: &mut [bool],
        made: &mut Vec<MappedEvent>,
        wrong: &mut Vec<Remark>,
    ) {
        let mut one = |cursor: &Cursor<'_>| match self.event(number, rule, cursor) {
            Ok(Some(event)) => {
                made.push(event);
                true
            }
            Ok(None) => false,
            Err(remark) => {
                wrong.push(remark);
                true
            }
        };
        match &rule.per {
            Per::Row => {
                one(cursor);
            }
            Per::Cell(..) => {
                for column in &self.cells[number] {
                    if !cursor.is_empty(*column) {
                        taken[*column] |= one(&cursor.at_cell(*column));
                    }
                }
            }
            Per::Item(list) => match list.find(cursor) {
                Ok(items) => {
                    for item in items {
                        one(&cursor.at_item(&item));
                    }
                }
                Err(failure) => wrong.push(at_place(&cursor.place(), failure)),
            },
        }
    }

    /// Applies a rule at the cursor; none where its conditions do not hold.
    fn event(
        &self,
        number: usize,
        rule: &EventRule,
        cursor: &Cursor<'_>,
    ) -> Result<Option<MappedEvent>, Remark> {
        let place = cursor.place();
        let fail = |failure: Failure| at_place(&place, failure);
        if !holds(&rule.when, &rule.unless, cursor).map_err(fail)? {
            return Ok(None);
        }
        let mut fields = Fields::default();
        let cites = self
            .source
            .as_ref()
            .filter(|_| rule.fields.iter().all(|(name, _)| name != "source"));
        if let Some(source) = cites {
            let id = source.fields.get("id").first().map_or("", String::as_str);
            let citation = match rule.gather.is_empty() {
                true => format!("{id}: {place}"),
                false => id.to_owned(),
            };
            fields.set("source", vec![citation]);
        }
        fill_fields(&rule.fields, &mut fields, cursor).map_err(fail)?;
        fold_parties(rule.kind, &mut fields);
        let recorded_at = self.recorded_at(cursor).map_err(fail)?;
        check(rule.kind, &fields).map_err(|error| Remark {
            place: place.clone(),
            reason: error,
        })?;
        Ok(Some(MappedEvent {
            rule: Some(number),
            kind: rule.kind,
            fields,
            place,
            recorded_at,
        }))
    }

    /// Checks that the keys of a row are its own, or agree with earlier rows that gave them.
    fn check_keys(&self, made: &[MappedEvent], wrong: &mut Vec<Remark>) {
        for (at, event) in made.iter().enumerate() {
            let rule = event.rule.map(|rule| &self.job.rules.events[rule]);
            let earlier = match self.places.get(event.key()) {
                Some(place) => Some(&self.once[*place]),
                None => made[..at].iter().find(|other| other.key() == event.key()),
            };
            let line = self.keys.get(event.key()).copied();
            let reason = match (rule.is_some_and(|rule| rule.once), earlier, line) {
                (true, Some(earlier), _) => rule.and_then(|rule| differs(earlier, event, rule)),
                (false, Some(earlier), _) => Some(same_key(event, earlier.place.line)),
                (_, None, Some(line)) => Some(same_key(event, line)),
                (_, None, None) => None,
            };
            if let Some(reason) = reason {
                let place = event.place.clone();
                wrong.push(Remark { place, reason });
            }
        }
    }

    fn keep(&mut self, event: MappedEvent) {
        let rule = event.rule.map(|rule| &self.job.rules.events[rule]);
        let Some(rule) = rule.filter(|rule| rule.once) else {
            self.keys.insert(event.key().to_owned(), event.place.line);
            self.outcome.events.push(event);
            return;
        };
        let known = self.places.get(event.key()).copied();
        let place = known.unwrap_or(self.once.len());
        for name in &rule.gather {
            let gathered = self.gathered.entry((place, name.as_str())).or_default();
            event
                .fields
                .get(name)
                .iter()
                .for_each(|text| gathered.add(text));
        }
        if known.is_none() {
            self.places.insert(event.key().to_owned(), place);
            self.once.push(event);
        }
    }

    /// Notes the cells of a row that gave no event.
    fn note_skipped(
        &mut self,
        cells: &[String],
        place: &Place,
        taken: &[bool],
        made: &[MappedEvent],
    ) {
        let mut covered: Vec<usize> = self.cells.concat();
        covered.sort_unstable();
        covered.dedup();
        for column in &covered {
            if !taken[*column]
                && !cells[*column].is_empty()
                && !self.job.rules.is_empty(&cells[*column])
            {
                let place = Place {
                    column: Some(self.job.table.headers[*column].clone()),
                    ..place.clone()
                };
                let reason = format!("`{}`: no rule takes it", excerpt(&cells[*column]));
                self.outcome.skipped.push(Remark { place, reason });
            }
        }
        let rules = &self.job.rules.events;
        let is_own = |event: &MappedEvent| event.rule.is_some_and(|rule| !rules[rule].once);
        if made.iter().any(is_own) || rules.iter().all(|rule| rule.once) {
            return;
        }
        let filled = covered.iter().any(|column| !cells[*column].is_empty());
        if filled {
            return;
        }
        let names: Vec<&str> = covered
            .iter()
            .map(|at| self.job.table.headers[*at].as_str())
            .collect();
        let by_cells = rules
            .iter()
            .all(|rule| rule.once || matches!(rule.per, Per::Cell(..)));
        let reason = match (by_cells, names.as_slice()) {
            (true, []) => {
                "no event: the table has no column that a rule makes events of".to_owned()
            }
            (true, names) => format!("no event: nothing stands under {}", names.join(" or ")),
            (false, _) => "no event: the conditions of no rule hold".to_owned(),
        };
        let place = place.clone();
        self.outcome.skipped.push(Remark { place, reason });
    }

    fn finish(mut self) -> Outcome {
        for ((place, name), gathered) in self.gathered {
            self.once[place].fields.set(name, gathered.texts);
        }
        let rows = std::mem::take(&mut self.outcome.events);
        let mut all: Vec<MappedEvent> = Vec::with_capacity(1 + self.once.len() + rows.len());
        all.extend(self.source);
        // Events that others name must come first: those in `once`, in the order of the rules. A table that states
        // its recorded times keeps its own order.
        if self.job.rules.recorded_at.is_some() && self.job.version.is_none() {
            let mut merged: Vec<(bool, MappedEvent)> = Vec::new();
            merged.extend(self.once.into_iter().map(|made| (false, made)));
            merged.extend(rows.into_iter().map(|made| (true, made)));
            merged.sort_by_key(|(own, made)| (made.place.line, *own, made.rule));
            all.extend(merged.into_iter().map(|(_, made)| made));
        } else {
            self.once.sort_by_key(|made| made.rule);
            all.extend(self.once);
            all.extend(rows);
        }
        self.outcome.events = all;
        self.outcome.unused = self.columns.unused(self.job);
        self.outcome
    }
}

/// Names each party of a list once: two spellings in a row may be of one party.
fn fold_parties(kind: Kind, fields: &mut Fields) {
    let is_list = |spec: &&FieldSpec| spec.shape == Shape::Many && spec.label == PartyId::LABEL;
    for spec in kind.fields().filter(is_list) {
        let texts = fields.get(spec.name);
        if texts.len() < 2 {
            continue;
        }
        let mut named = Gathered::default();
        texts.iter().for_each(|text| named.add(text));
        if named.texts.len() < texts.len() {
            fields.set(spec.name, named.texts);
        }
    }
}

fn at_place(place: &Place, failure: Failure) -> Remark {
    Remark {
        place: Place {
            column: failure.column.or_else(|| place.column.clone()),
            ..place.clone()
        },
        reason: failure.message,
    }
}

fn same_key(event: &MappedEvent, line: usize) -> String {
    format!(
        "gives the import key `{}` again, which line {line} gave",
        event.key()
    )
}

/// Describes how a row's event differs from the event that an earlier row made under the same key.
fn differs(earlier: &MappedEvent, event: &MappedEvent, rule: &EventRule) -> Option<String> {
    let passed_over =
        |name: &str| name == "source" || rule.gather.iter().any(|found| found == name);
    let names = rule.fields.iter().map(|(name, _)| name.as_str());
    names.filter(|name| !passed_over(name)).find_map(|name| {
        let (before, now) = (earlier.fields.get(name), event.fields.get(name));
        (before != now).then(|| {
            format!(
                "gives `{}` again with another {name}: `{}`, and `{}` in line {}",
                event.key(),
                excerpt(&now.join("; ")),
                excerpt(&before.join("; ")),
                earlier.place.line
            )
        })
    })
}

/// Whether all conditions in `when` hold, and none in `unless`.
fn holds(when: &Conditions, unless: &Conditions, cursor: &Cursor<'_>) -> Result<bool, Failure> {
    let fits = |(expression, patterns): &(_, Vec<String>)| -> Result<bool, Failure> {
        let texts = Expression::find(expression, cursor)?;
        let any = |text: &str| patterns.iter().any(|pattern| glob::fits(pattern, text));
        Ok(match texts.is_empty() {
            true => any(""),
            false => texts.iter().any(|text| any(text)),
        })
    };
    for condition in when {
        if !fits(condition)? {
            return Ok(false);
        }
    }
    for condition in unless {
        if fits(condition)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fill_fields(
    templates: &[(String, Vec<Template>)],
    fields: &mut Fields,
    cursor: &Cursor<'_>,
) -> Result<(), Failure> {
    for (name, templates) in templates {
        let mut texts = Vec::new();
        for template in templates {
            texts.extend(template.fill(cursor)?);
        }
        fields.set(name, texts);
    }
    Ok(())
}
