//! Rules applied to a table: what each row becomes, and what becomes of what fits no rule. A row goes in as a whole
//! or not at all.

mod scope;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use self::scope::{Columns, Cursor};
pub use self::scope::{File, Index};
use super::rules::template::{Failure, Template};
use super::rules::{Conditions, EventRule, Per, Rules, glob};
use super::table::Table;
use servanda_core::event::{Event, FieldError, Fields, Kind};
use servanda_core::value::base::excerpt;

/// Where something stands in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The last line, where a row has several.
    pub last: usize,
    /// The header of the column, where it is one cell.
    pub column: Option<String>,
}

impl Place {
    fn of(lines: (usize, usize)) -> Self {
        Self {
            line: lines.0,
            last: lines.1,
            column: None,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.last == self.line {
            true => write!(f, "line {}", self.line)?,
            false => write!(f, "lines {} to {}", self.line, self.last)?,
        }
        match &self.column {
            Some(column) => write!(f, ", column {column}"),
            None => Ok(()),
        }
    }
}

/// An event that a row became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The place of its rule in the rules; none for the source that the table itself is.
    pub rule: Option<usize>,
    /// What it is.
    pub kind: Kind,
    /// Its fields.
    pub fields: Fields,
    /// Where it comes from.
    pub place: Place,
    /// When it was recorded in the table's own account.
    pub recorded_at: Option<String>,
}

impl Made {
    /// Its import key.
    pub fn key(&self) -> &str {
        self.fields
            .get("import_key")
            .first()
            .map_or("", String::as_str)
    }
}

/// What is said of a place: why it is bad, or was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The place.
    pub place: Place,
    /// What is said.
    pub reason: String,
}

/// What became of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many rows it has.
    pub rows: usize,
    /// The events, in the order in which they are to be appended.
    pub made: Vec<Made>,
    /// What does not fit. The rows of these places made no events.
    pub bad: Vec<Remark>,
    /// What was left out.
    pub skipped: Vec<Remark>,
    /// Columns that nothing asked for, with the number of their filled cells.
    pub unused: Vec<(String, usize)>,
}

/// A table and all that its rules need to know.
pub struct Job<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// The file.
    pub file: &'a File,
    /// The table.
    pub table: &'a Table,
    /// The second tables, in the order of the rules.
    pub lookups: &'a [Rc<Index>],
    /// Which version of a table this is, where rules speak of versions.
    pub version: Option<&'a str>,
    /// Which rows are to be looked at, where not all are: the others only count for what is gathered.
    pub touched: Option<&'a [bool]>,
}

impl Job<'_> {
    /// Makes the events of the table.
    pub fn run(&self) -> Outcome {
        let columns = Columns::new(self);
        let mut maker = Maker::new(self, &columns);
        for at in 0..self.table.rows.len() {
            maker.row(at);
        }
        maker.finish()
    }
}

/// What a template gives for a row of a job's table, by itself.
pub(super) fn fill_one(
    job: &Job<'_>,
    row: &super::table::Row,
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

/// Values in the order in which they were found, each once.
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

/// Collects what the rows become.
struct Maker<'a> {
    job: &'a Job<'a>,
    columns: &'a Columns,
    /// The columns of each rule that is made by cells.
    cells: Vec<Vec<usize>>,
    outcome: Outcome,
    /// Events that are made once, with the order in which their rules stand.
    once: Vec<Made>,
    /// Where the event of a key is in `once`.
    places: HashMap<String, usize>,
    /// The values that events made once gather, by their place in `once` and the field.
    gathered: HashMap<(usize, &'a str), Gathered>,
    /// The line that made the event of a key.
    keys: HashMap<String, usize>,
    source: Option<Made>,
}

impl<'a> Maker<'a> {
    fn new(job: &'a Job<'a>, columns: &'a Columns) -> Self {
        let cells = job.rules.events.iter().map(|rule| match &rule.per {
            Per::Cell(cells, except) => columns.fitting(job, cells, except),
            _ => Vec::new(),
        });
        let mut maker = Self {
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
        maker.source = maker.make_source();
        maker
    }

    /// The source that the table itself is.
    fn make_source(&mut self) -> Option<Made> {
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
            Ok(recorded_at) => Some(Made {
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

    /// The events that a rule makes of a row.
    fn events(
        &self,
        number: usize,
        rule: &EventRule,
        cursor: &Cursor<'_>,
        taken: &mut [bool],
        made: &mut Vec<Made>,
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

    /// The event that a rule makes of what the cursor is at; none where its conditions do not hold.
    fn event(
        &self,
        number: usize,
        rule: &EventRule,
        cursor: &Cursor<'_>,
    ) -> Result<Option<Made>, Remark> {
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
        let recorded_at = self.recorded_at(cursor).map_err(fail)?;
        check(rule.kind, &fields).map_err(|error| Remark {
            place: place.clone(),
            reason: error,
        })?;
        Ok(Some(Made {
            rule: Some(number),
            kind: rule.kind,
            fields,
            place,
            recorded_at,
        }))
    }

    /// Whether the keys that a row gives are its own, or agree with the rows that gave them before.
    fn check_keys(&self, made: &[Made], wrong: &mut Vec<Remark>) {
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

    fn keep(&mut self, event: Made) {
        let rule = event.rule.map(|rule| &self.job.rules.events[rule]);
        let Some(rule) = rule.filter(|rule| rule.once) else {
            self.keys.insert(event.key().to_owned(), event.place.line);
            self.outcome.made.push(event);
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

    /// Notes what a row has that became nothing.
    fn note_skipped(&mut self, cells: &[String], place: &Place, taken: &[bool], made: &[Made]) {
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
        let is_own = |event: &Made| event.rule.is_some_and(|rule| !rules[rule].once);
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
        let rows = std::mem::take(&mut self.outcome.made);
        let mut all: Vec<Made> = Vec::with_capacity(1 + self.once.len() + rows.len());
        all.extend(self.source);
        // What is named must be there before: what is made once comes first, in the order of the rules. Where the
        // table tells when it was recorded, its own order is kept.
        if self.job.rules.recorded_at.is_some() && self.job.version.is_none() {
            let mut merged: Vec<(bool, Made)> = Vec::new();
            merged.extend(self.once.into_iter().map(|made| (false, made)));
            merged.extend(rows.into_iter().map(|made| (true, made)));
            merged.sort_by_key(|(own, made)| (made.place.line, *own, made.rule));
            all.extend(merged.into_iter().map(|(_, made)| made));
        } else {
            self.once.sort_by_key(|made| made.rule);
            all.extend(self.once);
            all.extend(rows);
        }
        self.outcome.made = all;
        self.outcome.unused = self.columns.unused(self.job);
        self.outcome
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

fn same_key(event: &Made, line: usize) -> String {
    format!(
        "gives the import key `{}` again, which line {line} gave",
        event.key()
    )
}

/// How an event that is made once differs from what another row made of it.
fn differs(earlier: &Made, event: &Made, rule: &EventRule) -> Option<String> {
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

/// Whether all of the first conditions hold, and none of the second.
fn holds(when: &Conditions, unless: &Conditions, cursor: &Cursor<'_>) -> Result<bool, Failure> {
    let fits = |(expression, patterns): &(_, Vec<String>)| -> Result<bool, Failure> {
        let texts = super::rules::template::Expression::find(expression, cursor)?;
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

/// Whether fields make an event.
fn check(kind: Kind, fields: &Fields) -> Result<(), String> {
    built(kind, fields, |_| None).map(|_| ()).map_err(|errors| {
        let list: Vec<String> = errors.iter().map(ToString::to_string).collect();
        list.join("; ")
    })
}

/// The event of some fields, where `@KEY` stands for a record: the one that is found, or any.
///
/// # Errors
/// Everything that is wrong with the fields.
pub fn built(
    kind: Kind,
    fields: &Fields,
    find: impl Fn(&str) -> Option<u64>,
) -> Result<Event, Vec<FieldError>> {
    let mut fields = fields.clone();
    for spec in kind.fields().filter(|spec| spec.may_name_records()) {
        let texts = fields
            .get(spec.name)
            .iter()
            .map(|text| match text.strip_prefix('@') {
                Some(key) => find(key).unwrap_or(0).to_string(),
                None => text.clone(),
            });
        let texts = texts.collect();
        fields.set(spec.name, texts);
    }
    Event::build(kind, &fields)
}

#[cfg(test)]
mod tests;
