//! Maps the rows of a table to events: rows are read on all processors, and joined in their order.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::draft::{Together, fill, line, texts};
use super::job::{ImportJob, MappedEvent, Outcome, Place, Remark};
use super::key::{Hashed, Key};
use super::row_reader::{Made, Plan, ReadRow, RowReader, at_place};
use super::scope::{Columns, Cursor, Input};
use crate::intake::rules::template::Template;
use crate::intake::rules::{EventRule, Per};
use crate::intake::table::Row;
use servanda_core::event::{FieldError, Kind};
use servanda_core::value::base::excerpt;
use servanda_report::parallel::ahead;

impl ImportJob<'_> {
    /// Maps the rows of the table to events.
    pub fn run(&self) -> Outcome {
        let columns = Columns::new(self);
        let mut plan = Plan::new(self, &columns);
        let mut outcome = Outcome {
            rows: self.table.rows.len(),
            ..Outcome::default()
        };
        let source = match map_source(&plan) {
            Ok(source) => source,
            Err(remark) => {
                outcome.wrong_source = Some(remark);
                None
            }
        };
        plan.source = source.as_ref().map(|(_, id)| id.clone());
        let mut mapper = RowMapper::new(&plan, outcome);
        let reader = || {
            let mut reader = RowReader::new(&plan);
            move |at| reader.row(at)
        };
        ahead(0..self.table.rows.len(), reader, |at, read| {
            mapper.row(at, read);
        });
        let mut outcome = mapper.finish(source.map(|(event, _)| event));
        outcome.unused = columns.unused(self);
        outcome.columns = plan.headers;
        outcome
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
        text => Ok(text.unwrap_or_default().into_owned()),
    }
}

/// The text that a template of `[change_log]` gives for a row; none where it gives none, or where the row is not what it
/// should be in the columns that it is made of.
pub fn certain(job: &ImportJob<'_>, row: &Row, template: &Template) -> Option<String> {
    /// Stands for bytes that are no text.
    const NO_TEXT: char = '\u{fffd}';
    if row.cells.len() != job.table.headers.len() {
        return None;
    }
    let columns = Columns::new(job);
    let mut is_readable = true;
    columns.inputs(job, template.names(), &mut |input| {
        if let Input::Column(at) = input {
            is_readable &= row.unreadable.is_none() || !row.cells[at].contains(NO_TEXT);
        }
    });
    let filled = fill_one(job, row, template, "", true).ok();
    filled.filter(|_| is_readable)
}

/// The source that stands for the table, and its id; none for a table without rows.
fn map_source(plan: &Plan<'_>) -> Result<Option<(MappedEvent, String)>, Remark> {
    let (job, kind) = (plan.job, Kind::SourceRegistered);
    let Some(first) = job.table.rows.first() else {
        return Ok(None);
    };
    let cursor = Cursor::row(job, plan.columns, first);
    let place = Place::of(first.lines);
    let mut given = job.file.source();
    let filled = fill(&job.rules.source, &mut given, &cursor)
        .and_then(|()| plan.recorded_at(&cursor))
        .map_err(|failure| failure.message);
    plan.add_recorder(&mut given);
    let built = filled.and_then(|recorded_at| {
        line(kind, &place, recorded_at, &given).map_err(|errors| {
            let list: Vec<String> = errors.iter().map(ToString::to_string).collect();
            list.join("; ")
        })
    });
    let first = |name: &str| texts(&given, name).first().map_or("", |text| &**text);
    match built {
        Ok(line) => {
            let key = Key::from(first("import_key"));
            let event = MappedEvent {
                rule: None,
                earlier: (job.earlier)(&key, &line),
                key,
                line,
                place,
                row: 0,
            };
            Ok(Some((event, first("id").to_owned())))
        }
        Err(error) => Err(Remark::new(place, None, format!("[source]: {error}"))),
    }
}

/// What gave an import key.
#[derive(Clone, Copy)]
enum GivenBy {
    /// The row at this line alone.
    Line(usize),
    /// Rows together: the place of their event in [`RowMapper::once`].
    Rows(usize),
}

/// Joins rows in their order.
struct RowMapper<'a> {
    plan: &'a Plan<'a>,
    outcome: Outcome,
    /// The columns whose cells make events.
    covered: Vec<usize>,
    /// Events that several rows make together.
    once: Vec<Together<'a>>,
    /// What gave each key.
    keys: HashMap<Key, GivenBy, Hashed>,
    /// The numbers of the rows that were refused.
    refused: HashSet<usize>,
}

impl<'a> RowMapper<'a> {
    fn new(plan: &'a Plan<'a>, outcome: Outcome) -> Self {
        let mut covered: Vec<usize> = plan.cells.concat();
        covered.sort_unstable();
        covered.dedup();
        Self {
            plan,
            outcome,
            covered,
            once: Vec::new(),
            keys: HashMap::default(),
            refused: HashSet::new(),
        }
    }

    /// Takes the next row.
    fn row(&mut self, at: usize, mut read: ReadRow<'a>) {
        let is_again_of_refused = |made: &Made<'_>| match made {
            Made::Again { first, .. } => *first != at && self.refused.contains(first),
            Made::Own(_) | Made::Together(_) => false,
        };
        if !self.refused.is_empty() && read.made.iter().any(is_again_of_refused) {
            read = RowReader::of_one_row(self.plan).row(at);
        }
        if let Some(remark) = read.skipped {
            self.outcome.skipped.push(remark);
            return;
        }
        let is_right = read.wrong.is_empty();
        if !(is_right && self.note_new_keys(&read.made)) {
            self.check_keys(&read.made, &mut read.wrong);
            if read.wrong.is_empty() {
                self.note_keys(&read.made);
            }
        }
        if !read.wrong.is_empty() {
            self.refused.insert(at);
            self.outcome.bad.extend(told_once(read.wrong));
            return;
        }
        let job = self.plan.job;
        let is_in = job.left_out.is_none_or(|rows| !rows.contains(&at));
        if is_in && job.touched.is_none_or(|touched| touched[at]) {
            self.note_skipped(&job.table.rows[at], &read.taken, &read.made);
        }
        read.made.into_iter().for_each(|made| self.keep(made, at));
    }

    /// Notes the keys of a row, if each is new. Otherwise none is noted, and they must be checked.
    fn note_new_keys(&mut self, made: &[Made<'_>]) -> bool {
        let mut next = self.once.len();
        for (at, one) in made.iter().enumerate() {
            let by = match one {
                Made::Again { .. } => continue,
                Made::Own(event) => GivenBy::Line(event.place.line),
                Made::Together(_) => {
                    next += 1;
                    GivenBy::Rows(next - 1)
                }
            };
            match self.keys.entry(one.key().clone()) {
                Entry::Vacant(free) => _ = free.insert(by),
                Entry::Occupied(_) => {
                    let noted = made[..at].iter();
                    for one in noted.filter(|one| !matches!(one, Made::Again { .. })) {
                        self.keys.remove(one.key());
                    }
                    return false;
                }
            }
        }
        true
    }

    /// Notes the keys of a row that were checked.
    fn note_keys(&mut self, made: &[Made<'_>]) {
        let mut next = self.once.len();
        for one in made {
            match one {
                Made::Again { .. } => {}
                Made::Own(event) => {
                    let by = GivenBy::Line(event.place.line);
                    self.keys.insert(event.key.clone(), by);
                }
                Made::Together(draft) => {
                    if let Entry::Vacant(free) = self.keys.entry(draft.key.clone()) {
                        free.insert(GivenBy::Rows(next));
                        next += 1;
                    }
                }
            }
        }
    }

    /// Checks that the keys of a row are its own, or agree with earlier rows that gave them.
    fn check_keys(&self, made: &[Made<'_>], wrong: &mut Vec<Remark>) {
        let mut here: HashMap<&Key, &Made<'_>, Hashed> = HashMap::default();
        here.reserve(made.len());
        let rules = &self.plan.job.rules.events;
        for made in made {
            let key = made.key();
            let in_row = here.get(key).copied();
            here.entry(key).or_insert(made);
            let (place, kind) = match made {
                // It agrees with an earlier one that was looked at.
                Made::Again { .. } => continue,
                Made::Own(event) => (&event.place, event.rule.map(|rule| rules[rule].kind)),
                Made::Together(draft) => (&draft.place, Some(draft.rule.kind)),
            };
            let by = self.keys.get(key).copied();
            let together = match by {
                Some(GivenBy::Rows(place)) => Some(self.once[place].first()),
                _ => None,
            };
            let together = together.or(match in_row {
                Some(Made::Together(draft)) => Some((&draft.given, draft.place.line)),
                _ => None,
            });
            let line = match (together, in_row) {
                (Some((_, line)), _) => Some(line),
                (None, Some(Made::Own(event))) => Some(event.place.line),
                (None, _) => match by {
                    Some(GivenBy::Line(line)) => Some(line),
                    _ => None,
                },
            };
            let remark = match (made, together, line) {
                (_, _, None) => None,
                (Made::Together(draft), Some((given, line)), _) => draft.differs(given, line),
                (_, _, Some(line)) => {
                    let reason =
                        format!("gives the import key `{key}` again, which line {line} gave");
                    Some(Remark::new(place.clone(), kind, reason))
                }
            };
            wrong.extend(remark);
        }
    }

    /// Keeps an event whose key was noted.
    fn keep(&mut self, made: Made<'a>, row: usize) {
        let known = match &made {
            Made::Own(_) => None,
            Made::Together(_) | Made::Again { .. } => match self.keys.get(made.key()) {
                Some(GivenBy::Rows(place)) => self.once.get_mut(*place),
                _ => None,
            },
        };
        match (made, known) {
            (Made::Own(event), _) => self.outcome.events.push(event),
            (Made::Again { .. }, Some(known)) => known.add_row(row),
            (Made::Together(draft), Some(known)) => known.add(&draft.given, row),
            (Made::Together(draft), None) => self.once.push(Together::new(*draft, row)),
            (Made::Again { .. }, None) => {}
        }
    }

    /// Notes the cells of a row that gave no event, and a row that gave none.
    fn note_skipped(&mut self, row: &Row, taken: &[bool], made: &[Made<'_>]) {
        let (place, cells) = (Place::of(row.lines), row.cells.as_slice());
        let job = self.plan.job;
        let header = |column: &usize| job.table.headers[*column].as_str();
        for column in &self.covered {
            let cell = cells[*column].as_str();
            if !taken[*column] && !cell.is_empty() && !job.rules.is_empty(cell) {
                let reason = format!("`{}`: no rule takes it", excerpt(cell));
                let remark = Remark::new(place.at(Some(header(column))), None, reason);
                self.outcome.skipped.push(remark);
            }
        }
        let rules = &job.rules.events;
        let by_cells = |rule: &EventRule| matches!(rule.per, Per::Cell(..));
        let is_by_cells =
            rules.iter().all(|rule| rule.once || by_cells(rule)) && rules.iter().any(by_cells);
        let has_own = made.iter().any(Made::is_own);
        let is_filled = self.covered.iter().any(|column| !cells[*column].is_empty());
        let reason = match (is_by_cells, self.covered.as_slice()) {
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
        self.outcome.skipped.push(Remark::new(place, None, reason));
    }

    /// All events, in the order in which they must be appended.
    fn finish(mut self, source: Option<MappedEvent>) -> Outcome {
        let job = self.plan.job;
        let rows = std::mem::take(&mut self.outcome.events);
        let mut once = Vec::with_capacity(self.once.len());
        for mut together in self.once {
            let rows = std::mem::take(&mut together.rows);
            let place = job.table.rows[rows[0]].lines;
            together.rows.push(rows[0]);
            match together.finish(job) {
                Ok(event) => {
                    self.outcome.together.insert(event.key.clone(), rows);
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
        all.extend(source);
        // Events that others name must come first: those in `once`, in the order of the rules. A table that states
        // its recorded times keeps its own order.
        if job.rules.recorded_at.is_some() && job.version.is_none() {
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
        self.outcome
    }
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
