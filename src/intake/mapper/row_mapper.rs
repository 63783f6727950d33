//! Maps the rows of a table to events, one after the other.

use std::collections::HashMap;
use std::rc::Rc;

use super::draft::{Draft, Given, Together, fill, fold_parties, line, texts};
use super::job::{ImportJob, MappedEvent, Outcome, Place, Remark};
use super::scope::{Columns, Cursor};
use crate::intake::rules::template::{Expression, Failure, Template};
use crate::intake::rules::{Conditions, EventRule, Per, glob};
use crate::intake::table::Row;
use servanda_core::event::{FieldError, Kind};
use servanda_core::value::base::excerpt;
use servanda_core::value::when::Instant;

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
        .map_err(|failure| at_place(&place, None, failure))?;
    match texts.into_iter().next() {
        None if needed => {
            let reason = format!("[change_log] {name} is empty");
            Err(Remark::new(place, None, reason))
        }
        text => Ok(text.unwrap_or_default()),
    }
}

/// Maps rows to events.
struct RowMapper<'a> {
    job: &'a ImportJob<'a>,
    columns: &'a Columns<'a>,
    /// For each rule, the columns whose cells make events.
    cells: Vec<Vec<usize>>,
    outcome: Outcome,
    /// Events that several rows make together.
    once: Vec<Together<'a>>,
    /// The place in `once` of the event with a key.
    places: HashMap<Rc<str>, usize>,
    /// The line that gave the event with a key.
    keys: HashMap<Rc<str>, usize>,
    source: Option<(MappedEvent, String)>,
}

impl<'a> RowMapper<'a> {
    fn new(job: &'a ImportJob<'a>, columns: &'a Columns<'a>) -> Self {
        let cells = job.rules.events.iter().map(|rule| match &rule.per {
            Per::Cell(cells, except) => columns.fitting(job, cells, except),
            _ => Vec::new(),
        });
        let of_rule = |rule: &EventRule| {
            let fields = rule.fields.iter();
            let named = fields.filter_map(|(name, templates)| {
                let column = columns.first_of(job, templates)?;
                Some((name.clone(), job.table.headers[column].clone()))
            });
            named.collect()
        };
        let mut mapper = Self {
            job,
            columns,
            cells: cells.collect(),
            outcome: Outcome {
                rows: job.table.rows.len(),
                columns: job.rules.events.iter().map(of_rule).collect(),
                ..Outcome::default()
            },
            once: Vec::new(),
            places: HashMap::new(),
            keys: HashMap::new(),
            source: None,
        };
        mapper.source = mapper.map_source();
        mapper
    }

    /// Makes the source that stands for the table.
    fn map_source(&mut self) -> Option<(MappedEvent, String)> {
        let kind = Kind::SourceRegistered;
        let first = self.job.table.rows.first()?;
        let cursor = Cursor::row(self.job, self.columns, first);
        let place = Place::of(first.lines);
        let mut given = self.job.file.source();
        let filled = fill(&self.job.rules.source, &mut given, &cursor)
            .and_then(|()| self.recorded_at(&cursor))
            .map_err(|failure| failure.message);
        self.add_recorder(&mut given);
        let id = texts(&given, "id").first().cloned().unwrap_or_default();
        let built = filled.and_then(|recorded_at| {
            line(kind, &place, recorded_at, &given).map_err(|errors| {
                let list: Vec<String> = errors.iter().map(ToString::to_string).collect();
                list.join("; ")
            })
        });
        match built {
            Ok(line) => {
                let key = texts(&given, "import_key").first();
                let event = MappedEvent {
                    rule: None,
                    key: key.map_or("", String::as_str).into(),
                    line,
                    place,
                    row: 0,
                };
                Some((event, id))
            }
            Err(error) => {
                let reason = format!("[source]: {error}");
                self.outcome.bad.push(Remark::new(place, None, reason));
                None
            }
        }
    }

    fn recorded_at(&self, cursor: &Cursor<'_>) -> Result<Option<Instant>, Failure> {
        let template = match (self.job.version, &self.job.rules.change_log) {
            (Some(_), Some(log)) => log.recorded_at.as_ref(),
            _ => self.job.rules.recorded_at.as_ref(),
        };
        let Some(template) = template else {
            return Ok(None);
        };
        let text = template.fill(cursor)?.into_iter().next();
        let time = text.map(|text| text.parse()).transpose();
        time.map_err(|error| Failure::new(format!("recorded_at: {error}")))
    }

    fn add_recorder(&self, given: &mut Given<'_>) {
        if let Some(name) = self.job.recorded_by
            && texts(given, "recorded_by").is_empty()
        {
            given.push(("recorded_by", vec![name.to_owned()]));
        }
    }

    fn row(&mut self, at: usize) {
        let job = self.job;
        let row = &job.table.rows[at];
        if job.left_out.is_some_and(|rows| rows.contains(&at)) {
            return;
        }
        let place = Place::of(row.lines);
        let touched = job.touched.is_none_or(|touched| touched[at]);
        if let Some(remark) = unfit(row, &job.table.headers, &place) {
            self.outcome.bad.push(remark);
            return;
        }
        let skip = |reason: String| Remark::new(place.clone(), None, reason);
        if row.cells.iter().all(String::is_empty) {
            self.outcome.skipped.push(skip("is empty".to_owned()));
            return;
        }
        let cursor = Cursor::row(job, self.columns, row);
        let mut made = Vec::new();
        let mut wrong = Vec::new();
        match self.skips(&cursor) {
            Ok(None) => {}
            Ok(Some(reason)) => {
                self.outcome.skipped.push(skip(reason));
                return;
            }
            Err(failure) => wrong.push(at_place(&place, None, failure)),
        }
        let mut taken = vec![false; row.cells.len()];
        for (number, rule) in job.rules.events.iter().enumerate() {
            if touched || !rule.gather.is_empty() {
                self.events(number, rule, &cursor, &mut taken, &mut made, &mut wrong);
            }
        }
        self.check_keys(&made, &mut wrong);
        if !wrong.is_empty() {
            self.outcome.bad.extend(told_once(wrong));
            return;
        }
        if touched {
            self.note_skipped(row.cells.as_slice(), &place, &taken, &made);
        }
        made.into_iter().for_each(|made| self.keep(made, at));
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
        rule: &'a EventRule,
        cursor: &Cursor<'_>,
        taken: &mut [bool],
        made: &mut Vec<Draft<'a>>,
        wrong: &mut Vec<Remark>,
    ) {
        let mut one = |cursor: &Cursor<'_>| match self.event(number, rule, cursor) {
            Ok(Some(event)) => {
                made.push(event);
                true
            }
            Ok(None) => false,
            Err(remarks) => {
                wrong.extend(remarks);
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
                Err(failure) => wrong.push(at_place(&cursor.place(), Some(rule.kind), failure)),
            },
        }
    }

    /// Applies a rule at the cursor; none where its conditions do not hold.
    fn event(
        &self,
        number: usize,
        rule: &'a EventRule,
        cursor: &Cursor<'_>,
    ) -> Result<Option<Draft<'a>>, Vec<Remark>> {
        let place = cursor.place();
        let fail = |failure: Failure| vec![at_place(&place, Some(rule.kind), failure)];
        if !holds(&rule.when, &rule.unless, cursor).map_err(fail)? {
            return Ok(None);
        }
        let mut given = Given::with_capacity(rule.fields.len() + 2);
        let cites = self
            .source
            .as_ref()
            .filter(|_| rule.fields.iter().all(|(name, _)| name != "source"));
        if let Some((_, id)) = cites {
            let citation = match rule.gather.is_empty() {
                true => format!("{id}: {place}"),
                false => id.clone(),
            };
            given.push(("source", vec![citation]));
        }
        fill(&rule.fields, &mut given, cursor).map_err(fail)?;
        fold_parties(rule.kind, &mut given);
        let recorded_at = self.recorded_at(cursor).map_err(fail)?;
        self.add_recorder(&mut given);
        let Some(key) = texts(&given, "import_key").first() else {
            return Err(fail(Failure::new("import_key: is empty")));
        };
        let mut draft = Draft {
            number,
            rule,
            key: key.as_str().into(),
            given,
            place,
            recorded_at,
            line: None,
        };
        let known = self.places.get(&draft.key).filter(|_| rule.once);
        if known.is_none_or(|known| !self.once[*known].has_all(&draft)) {
            let line = line(rule.kind, &draft.place, recorded_at, &draft.given)
                .map_err(|errors| self.wrong_fields(&draft, errors))?;
            draft.line = Some(line);
            if !rule.once {
                draft.given = Given::new();
            }
        }
        Ok(Some(draft))
    }

    /// Errors in fields, each with the column that the field is made of.
    fn wrong_fields(&self, draft: &Draft<'_>, errors: Vec<FieldError>) -> Vec<Remark> {
        let columns = &self.outcome.columns[draft.number];
        let at = |error: FieldError| {
            let column = columns.iter().find(|(name, _)| *name == error.field);
            let place = match &draft.place.column {
                Some(_) => draft.place.clone(),
                None => draft.place.at(column.map(|(_, header)| header.as_str())),
            };
            Remark::new(place, Some(draft.rule.kind), error.to_string())
        };
        errors.into_iter().map(at).collect()
    }

    /// Checks that the keys of a row are its own, or agree with earlier rows that gave them.
    fn check_keys(&self, made: &[Draft<'_>], wrong: &mut Vec<Remark>) {
        for (at, draft) in made.iter().enumerate() {
            let known = self.places.get(&draft.key);
            let earlier = known.map(|place| self.once[*place].first()).or_else(|| {
                let mut here = made[..at].iter();
                let found = here.find(|other| other.key == draft.key)?;
                Some((&found.given, found.place.line))
            });
            let line = earlier.map(|(_, line)| line);
            let line = line.or_else(|| self.keys.get(&draft.key).copied());
            let remark = match (draft.rule.once, earlier, line) {
                (_, _, None) => None,
                (true, Some((given, line)), _) => draft.differs(given, line),
                (_, _, Some(line)) => {
                    let key = &draft.key;
                    let reason =
                        format!("gives the import key `{key}` again, which line {line} gave");
                    Some(Remark::new(
                        draft.place.clone(),
                        Some(draft.rule.kind),
                        reason,
                    ))
                }
            };
            wrong.extend(remark);
        }
    }

    fn keep(&mut self, draft: Draft<'a>, row: usize) {
        if draft.rule.once {
            match self.places.get(&draft.key) {
                Some(place) => self.once[*place].add(&draft.given, row),
                None => {
                    self.places.insert(Rc::clone(&draft.key), self.once.len());
                    self.once.push(Together::new(draft, row));
                }
            }
        } else if let Some(line) = draft.line {
            self.keys.insert(Rc::clone(&draft.key), draft.place.line);
            self.outcome.events.push(MappedEvent {
                rule: Some(draft.number),
                key: draft.key,
                line,
                place: draft.place,
                row,
            });
        }
    }

    /// Notes the cells of a row that gave no event, and a row that gave none.
    fn note_skipped(
        &mut self,
        cells: &[String],
        place: &Place,
        taken: &[bool],
        made: &[Draft<'_>],
    ) {
        let mut covered: Vec<usize> = self.cells.concat();
        covered.sort_unstable();
        covered.dedup();
        let header = |column: &usize| self.job.table.headers[*column].as_str();
        for column in &covered {
            let cell = cells[*column].as_str();
            if !taken[*column] && !cell.is_empty() && !self.job.rules.is_empty(cell) {
                let reason = format!("`{}`: no rule takes it", excerpt(cell));
                let remark = Remark::new(place.at(Some(header(column))), None, reason);
                self.outcome.skipped.push(remark);
            }
        }
        let rules = &self.job.rules.events;
        let by_cells = |rule: &EventRule| matches!(rule.per, Per::Cell(..));
        let is_by_cells =
            rules.iter().all(|rule| rule.once || by_cells(rule)) && rules.iter().any(by_cells);
        let has_own = made.iter().any(|draft| !draft.rule.once);
        let is_filled = covered.iter().any(|column| !cells[*column].is_empty());
        let reason = match (is_by_cells, covered.as_slice()) {
            (true, _) if has_own || is_filled => return,
            (true, []) => {
                "no event: the table has no column that a rule makes events of".to_owned()
            }
            (true, columns) => {
                let names: Vec<&str> = columns.iter().map(header).collect();
                format!("no event: nothing stands under {}", names.join(" or "))
            }
            (false, _) if !made.is_empty() => return,
            (false, _) => "no event: the conditions of no rule hold".to_owned(),
        };
        self.outcome
            .skipped
            .push(Remark::new(place.clone(), None, reason));
    }

    fn finish(mut self) -> Outcome {
        let rows = std::mem::take(&mut self.outcome.events);
        let mut once = Vec::with_capacity(self.once.len());
        for mut together in self.once {
            let rows = std::mem::take(&mut together.rows);
            let place = self.job.table.rows[rows[0]].lines;
            together.rows.push(rows[0]);
            match together.finish() {
                Ok(event) => {
                    self.outcome.together.insert(Rc::clone(&event.key), rows);
                    once.push(event);
                }
                Err(errors) => {
                    let at =
                        |error: FieldError| Remark::new(Place::of(place), None, error.to_string());
                    self.outcome.bad.extend(errors.into_iter().map(at));
                }
            }
        }
        let mut all: Vec<MappedEvent> = Vec::with_capacity(1 + once.len() + rows.len());
        all.extend(self.source.map(|(source, _)| source));
        // Events that others name must come first: those in `once`, in the order of the rules. A table that states
        // its recorded times keeps its own order.
        if self.job.rules.recorded_at.is_some() && self.job.version.is_none() {
            let mut merged: Vec<(bool, MappedEvent)> = Vec::new();
            merged.extend(once.into_iter().map(|made| (false, made)));
            merged.extend(rows.into_iter().map(|made| (true, made)));
            merged.sort_by_key(|(own, made)| (made.place.line, *own, made.rule));
            all.extend(merged.into_iter().map(|(_, made)| made));
        } else {
            once.sort_by_key(|made| made.rule);
            all.extend(once);
            all.extend(rows);
        }
        self.outcome.events = all;
        self.outcome.unused = self.columns.unused(self.job);
        self.outcome
    }
}

/// Why a row has not the form of its table.
fn unfit(row: &Row, headers: &[String], place: &Place) -> Option<Remark> {
    if let Some(unreadable) = &row.unreadable {
        let header = headers.get(unreadable.column).map(String::as_str);
        return Some(Remark::new(place.at(header), None, &unreadable.reason));
    }
    let (found, wanted) = (row.cells.len(), headers.len());
    let reason = format!("has {found} cells; the header has {wanted}");
    (found != wanted).then(|| Remark::new(place.clone(), None, reason))
}

/// Remarks on one row, of which those with the same reason at the same cell are one.
fn told_once(remarks: Vec<Remark>) -> Vec<Remark> {
    let mut told: Vec<Remark> = Vec::new();
    for remark in remarks {
        let same =
            |other: &&mut Remark| other.place == remark.place && other.reason == remark.reason;
        match told.iter_mut().find(same) {
            None => told.push(remark),
            Some(other) => {
                let kinds = remark.kinds.into_iter();
                let new = kinds
                    .filter(|kind| !other.kinds.contains(kind))
                    .collect::<Vec<_>>();
                other.kinds.extend(new);
            }
        }
    }
    told
}

fn at_place(place: &Place, kind: Option<Kind>, failure: Failure) -> Remark {
    Remark::new(place.at(failure.column.as_deref()), kind, failure.message)
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
