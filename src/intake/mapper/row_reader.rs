//! What the rules make of a row by itself. Here no row is compared with another, so that threads share the rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;
use smallvec::smallvec;

use super::draft::{Draft, Kept, fill, fold_parties, kept, line, texts};
use super::job::{ImportJob, MappedEvent, Place, Remark};
use super::key::Key;
use super::scope::{Columns, Cursor, Input, Memo};
use crate::intake::rules::function::{Failure, Given, Texts};
use crate::intake::rules::template::{Expression, Template};
use crate::intake::rules::{Conditions, EventRule, Per, glob};
use crate::intake::table::Row;
use servanda_core::event::{FieldError, Kind};
use servanda_core::value::when::Instant;

/// What rules need of a table: the same for every row.
pub(super) struct Plan<'a> {
    pub job: &'a ImportJob<'a>,
    pub columns: &'a Columns<'a>,
    /// For each rule, the columns whose cells make events.
    pub cells: Vec<Vec<usize>>,
    /// For each rule, the header of the first column that each field is made of.
    pub headers: Vec<Vec<(String, String)>>,
    /// For each rule whose rows make an event together, all that the event depends on.
    inputs: Vec<Option<Vec<Input>>>,
    /// For each rule, and each of its fields, whether all events that a row gives by it say the same there.
    shared: Vec<Vec<bool>>,
    /// The id of the source that stands for the table.
    pub source: Option<String>,
}

impl<'a> Plan<'a> {
    pub fn new(job: &'a ImportJob<'a>, columns: &'a Columns<'a>) -> Self {
        let cells = |rule: &EventRule| match &rule.per {
            Per::Cell(cells, except) => columns.fitting(job, cells, except),
            _ => Vec::new(),
        };
        let headers = |rule: &EventRule| {
            let fields = rule.fields.iter();
            let named = fields.filter_map(|(name, templates)| {
                let column = columns.first_of(job, templates)?;
                Some((name.clone(), job.table.headers[column].clone()))
            });
            named.collect()
        };
        let rules = job.rules.events.iter();
        let shared = |rule: &EventRule| {
            let fields = rule.fields.iter();
            fields
                .map(|(_, templates)| is_of_row(job, columns, templates))
                .collect()
        };
        Self {
            shared: rules.clone().map(shared).collect(),
            cells: rules.clone().map(cells).collect(),
            headers: rules.clone().map(headers).collect(),
            inputs: rules.map(|rule| inputs(job, columns, rule)).collect(),
            source: None,
            job,
            columns,
        }
    }

    /// When the table says that a row was recorded.
    pub fn recorded_at(&self, cursor: &Cursor<'_>) -> Result<Option<Instant>, Failure> {
        let Some(template) = recorded_at(self.job) else {
            return Ok(None);
        };
        let text = template.fill(cursor)?.into_iter().next();
        let time = text.map(|text| text.parse()).transpose();
        time.map_err(|error| Failure::new(format!("recorded_at: {error}")))
    }

    /// Adds who records the events, where the rules do not say.
    pub fn add_recorder<'b>(&self, given: &mut Given<'a, 'b>)
    where
        'a: 'b,
    {
        if let Some(name) = self.job.recorded_by
            && texts(given, "recorded_by").is_empty()
        {
            given.push(("recorded_by", smallvec![name.into()]));
        }
    }
}

/// Whether templates say the same for all cells and all values of a list of one row.
fn is_of_row(job: &ImportJob<'_>, columns: &Columns<'_>, templates: &[Template]) -> bool {
    let mut is_of_row = true;
    let names = templates.iter().flat_map(Template::names);
    columns.inputs(job, names, &mut |input| {
        is_of_row &= !matches!(input, Input::Cell | Input::Item);
    });
    is_of_row
}

fn recorded_at<'a>(job: &ImportJob<'a>) -> Option<&'a Template> {
    match (job.version, &job.rules.change_log) {
        (Some(_), Some(log)) => log.recorded_at.as_ref(),
        _ => job.rules.recorded_at.as_ref(),
    }
}

/// All that the event of a rule depends on, where rows make it together and it does not differ from row to row.
fn inputs(job: &ImportJob<'_>, columns: &Columns<'_>, rule: &EventRule) -> Option<Vec<Input>> {
    let mut all = Vec::new();
    let mut tell = |input: Input| {
        if !all.contains(&input) {
            all.push(input);
        }
    };
    let templates = rule.fields.iter().flat_map(|(_, templates)| templates);
    let templates = templates.chain(recorded_at(job));
    columns.inputs(job, templates.flat_map(Template::names), &mut tell);
    let conditions = rule.when.iter().chain(&rule.unless);
    let names = conditions.flat_map(|(expression, _)| expression.names());
    columns.inputs(job, names, &mut tell);
    (rule.once && !all.contains(&Input::Row)).then_some(all)
}

/// What a row gives.
#[derive(Default)]
pub(super) struct ReadRow<'a> {
    pub made: Vec<Made<'a>>,
    /// Whether each cell made an event.
    pub taken: Vec<bool>,
    pub wrong: Vec<Remark>,
    /// Why the row is left out on purpose.
    pub skipped: Option<Remark>,
}

/// An event that a row makes.
pub(super) enum Made<'a> {
    /// One that no other row makes.
    Own(MappedEvent),
    /// One that rows make together.
    Together(Box<Draft<'a>>),
    /// The same event as of an earlier row, made of the same texts.
    Again {
        key: Key,
        /// The number of the earlier row.
        first: usize,
    },
}

impl Made<'_> {
    /// Its import key.
    pub fn key(&self) -> &Key {
        match self {
            Self::Own(event) => &event.key,
            Self::Together(draft) => &draft.key,
            Self::Again { key, .. } => key,
        }
    }

    /// Whether no other row makes it.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }
}

/// What an event was made of, and the event: its key, and the row that made it; none where the conditions did not hold.
type Memory = HashMap<Vec<u8>, Option<(Key, usize)>, RandomState>;

/// The most events that are remembered.
const REMEMBERED: usize = 16_384;

/// A rule that is applied to a row.
#[derive(Clone, Copy)]
struct OneRule<'a, 'b> {
    number: usize,
    rule: &'a EventRule,
    /// The number of the row.
    at: usize,
    /// How the row is cited.
    citation: Option<&'b str>,
    /// The texts of the fields in which all events that the row gives say the same; none where each fills all fields.
    shared: Option<&'b Kept<'a>>,
}

impl<'a, 'b> OneRule<'a, 'b> {
    /// The place in the source that stands for the table, unless the rule names another source.
    fn citation(self, source: Option<&'a str>, place: &Place) -> Option<(&'a str, Texts<'b>)>
    where
        'a: 'b,
    {
        let source =
            source.filter(|_| self.rule.fields.iter().all(|(name, _)| name != "source"))?;
        let citation = match (self.rule.gather.is_empty(), &place.column, self.citation) {
            (false, ..) => Cow::Borrowed(source),
            (true, None, Some(citation)) => Cow::Borrowed(citation),
            (true, ..) => Cow::Owned(format!("{source}: {place}")),
        };
        Some(("source", smallvec![citation]))
    }
}

/// Reads rows one after the other.
pub(super) struct RowReader<'a> {
    plan: &'a Plan<'a>,
    /// The events that rows make together; none where each is made anew.
    memory: Option<Memory>,
    /// Holds what an event is made of while it is looked up.
    inputs: Vec<u8>,
    functions: Rc<Memo>,
}

impl<'a> RowReader<'a> {
    /// A reader that makes an event which rows make together once. What it gives for a row holds if no earlier row that it
    /// read was bad.
    pub fn new(plan: &'a Plan<'a>) -> Self {
        Self {
            memory: Some(Memory::default()),
            ..Self::of_one_row(plan)
        }
    }

    /// A reader of one row by itself.
    pub fn of_one_row(plan: &'a Plan<'a>) -> Self {
        Self {
            plan,
            memory: None,
            inputs: Vec::new(),
            functions: Rc::default(),
        }
    }

    /// Reads the row with this number.
    pub fn row(&mut self, at: usize) -> ReadRow<'a> {
        let job = self.plan.job;
        let row = &job.table.rows[at];
        let place = Place::of(row.lines);
        let mut read = ReadRow::default();
        if job.left_out.is_some_and(|rows| rows.contains(&at)) {
            return read;
        }
        if let Some(remark) = unfit(row, &job.table.headers, &place) {
            read.wrong.push(remark);
            return read;
        }
        let functions = Rc::clone(&self.functions);
        let cursor = Cursor::row(job, self.plan.columns, row).with(&functions);
        let skipped = match row.cells.iter().all(String::is_empty) {
            true => Ok(Some("is empty".to_owned())),
            false => self.skips(&cursor),
        };
        match skipped {
            Ok(None) => {}
            Ok(Some(reason)) => {
                read.skipped = Some(Remark::new(place, None, reason));
                return read;
            }
            Err(failure) => read.wrong.push(at_place(&place, None, failure)),
        }
        let touched = job.touched.is_none_or(|touched| touched[at]);
        let citation = self.plan.source.as_ref();
        let citation = citation.map(|id| format!("{id}: {place}"));
        let citation = citation.as_deref();
        read.taken = vec![false; row.cells.len()];
        for (number, rule) in job.rules.events.iter().enumerate() {
            if touched || !rule.gather.is_empty() {
                let one = OneRule {
                    number,
                    rule,
                    at,
                    citation,
                    shared: None,
                };
                self.events(one, &cursor, &mut read);
            }
        }
        read
    }

    fn skips(&self, cursor: &Cursor<'_>) -> Result<Option<String>, Failure> {
        for skip in &self.plan.job.rules.skips {
            if holds(&skip.when, &skip.unless, cursor)? {
                return Ok(Some(skip.reason.clone()));
            }
        }
        Ok(None)
    }

    /// Applies a rule to a row.
    fn events<'b>(&mut self, one: OneRule<'a, 'b>, cursor: &Cursor<'b>, read: &mut ReadRow<'a>)
    where
        'a: 'b,
    {
        let shared = self.shared(one, cursor);
        let one = OneRule {
            shared: shared.as_ref(),
            ..one
        };
        match &one.rule.per {
            Per::Row => {
                self.made(one, cursor, read);
            }
            Per::Cell(..) => {
                let plan = self.plan;
                for column in &plan.cells[one.number] {
                    if !cursor.is_empty(*column) {
                        read.taken[*column] |= self.made(one, &cursor.at_cell(*column), read);
                    }
                }
            }
            Per::Item(list) => match list.find(cursor) {
                Ok(items) => {
                    for item in &items {
                        self.made(one, &cursor.at_item(item), read);
                    }
                }
                Err(failure) => {
                    let remark = at_place(&cursor.place(), Some(one.rule.kind), failure);
                    read.wrong.push(remark);
                }
            },
        }
    }

    /// The texts of the fields in which all events that a row gives by a rule say the same. Where they have an error, each
    /// event tells it.
    fn shared<'b>(&self, one: OneRule<'a, 'b>, cursor: &Cursor<'b>) -> Option<Kept<'a>>
    where
        'a: 'b,
    {
        if one.rule.once || matches!(one.rule.per, Per::Row) {
            return None;
        }
        let mut given = Given::new();
        fill(self.fields(one, true), &mut given, cursor).ok()?;
        Some(kept(&given))
    }

    /// The fields of a rule that are shared, or are not.
    fn fields(
        &self,
        one: OneRule<'a, '_>,
        are_shared: bool,
    ) -> impl Iterator<Item = &'a (String, Vec<Template>)> {
        let fields = one.rule.fields.iter().zip(&self.plan.shared[one.number]);
        fields
            .filter(move |(_, is_shared)| **is_shared == are_shared)
            .map(|(field, _)| field)
    }

    /// Adds what a rule makes at the cursor. Says whether that is an event or an error.
    fn made<'b>(
        &mut self,
        one: OneRule<'a, 'b>,
        cursor: &Cursor<'b>,
        read: &mut ReadRow<'a>,
    ) -> bool
    where
        'a: 'b,
    {
        let remembers = self.gather_inputs(one, cursor);
        let memory = self.memory.as_ref().filter(|_| remembers);
        if let Some(known) = memory.and_then(|memory| memory.get(&self.inputs)) {
            let again = known.as_ref().map(|(key, first)| Made::Again {
                key: key.clone(),
                first: *first,
            });
            let is_made = again.is_some();
            read.made.extend(again);
            return is_made;
        }
        let made = match self.event(one, cursor) {
            Ok(made) => made,
            Err(remarks) => {
                read.wrong.extend(remarks);
                return true;
            }
        };
        if let Some(memory) = self.memory.as_mut().filter(|_| remembers) {
            let known = made.as_ref().map(|made| (made.key().clone(), one.at));
            if memory.len() == REMEMBERED {
                memory.clear();
            }
            memory.insert(self.inputs.clone(), known);
        }
        let is_made = made.is_some();
        read.made.extend(made);
        is_made
    }

    /// Notes all that the event of a rule is made of. False where it must be made anew.
    fn gather_inputs(&mut self, one: OneRule<'_, '_>, cursor: &Cursor<'_>) -> bool {
        let inputs = self.plan.inputs[one.number].as_ref();
        let Some(inputs) = inputs.filter(|_| self.memory.is_some()) else {
            return false;
        };
        self.inputs.clear();
        self.inputs.extend(one.number.to_le_bytes());
        for input in inputs {
            let (column, text) = cursor.input(*input);
            self.inputs.extend(column.to_le_bytes());
            self.inputs.extend(text.len().to_le_bytes());
            self.inputs.extend(text.as_bytes());
        }
        true
    }

    /// Applies a rule at the cursor; none where its conditions do not hold.
    fn event<'b>(
        &self,
        one: OneRule<'a, 'b>,
        cursor: &Cursor<'b>,
    ) -> Result<Option<Made<'a>>, Vec<Remark>>
    where
        'a: 'b,
    {
        let (number, rule) = (one.number, one.rule);
        let place = cursor.place();
        let fail = |failure: Failure| vec![at_place(&place, Some(rule.kind), failure)];
        if !holds(&rule.when, &rule.unless, cursor).map_err(fail)? {
            return Ok(None);
        }
        let mut given = Given::new();
        given.extend(one.citation(self.plan.source.as_deref(), &place));
        match one.shared {
            None => fill(&rule.fields, &mut given, cursor),
            Some(shared) => {
                given.retain(|(name, _)| shared.iter().all(|(other, _)| other != name));
                given.extend(shared.iter().map(|(name, texts)| {
                    let texts = texts.iter().map(|text| Cow::Borrowed(text.as_str()));
                    (*name, texts.collect::<Texts<'_>>())
                }));
                fill(self.fields(one, false), &mut given, cursor)
            }
        }
        .map_err(fail)?;
        fold_parties(rule.kind, &mut given);
        let recorded_at = self.plan.recorded_at(cursor).map_err(fail)?;
        self.plan.add_recorder(&mut given);
        let Some(key) = texts(&given, "import_key").first() else {
            return Err(fail(Failure::new("import_key: is empty")));
        };
        let line = line(rule.kind, &place, recorded_at, &given)
            .map_err(|errors| self.wrong_fields(number, rule.kind, &place, errors))?;
        let key = Key::from(&**key);
        Ok(Some(match rule.once {
            false => Made::Own(MappedEvent {
                rule: Some(number),
                earlier: (self.plan.job.earlier)(&key, &line),
                key,
                line,
                place,
                row: one.at,
            }),
            true => Made::Together(Box::new(Draft {
                number,
                rule,
                key,
                given: kept(&given),
                place,
                recorded_at,
                line,
            })),
        }))
    }

    /// Errors in fields, each with the column that the field is made of.
    fn wrong_fields(
        &self,
        number: usize,
        kind: Kind,
        place: &Place,
        errors: Vec<FieldError>,
    ) -> Vec<Remark> {
        let columns = &self.plan.headers[number];
        let at = |error: FieldError| {
            let column = columns.iter().find(|(name, _)| *name == error.field);
            let place = match &place.column {
                Some(_) => place.clone(),
                None => place.at(column.map(|(_, header)| header.as_str())),
            };
            Remark::new(place, Some(kind), error.to_string())
        };
        errors.into_iter().map(at).collect()
    }
}

/// Why a row has not the form of its table.
pub fn unfit(row: &Row, headers: &[String], place: &Place) -> Option<Remark> {
    if let Some(unreadable) = &row.unreadable {
        let header = headers.get(unreadable.column).map(String::as_str);
        return Some(Remark::new(place.at(header), None, &unreadable.reason));
    }
    let (found, wanted) = (row.cells.len(), headers.len());
    let reason = format!("has {found} cells; the header has {wanted}");
    (found != wanted).then(|| Remark::new(place.clone(), None, reason))
}

pub(super) fn at_place(place: &Place, kind: Option<Kind>, failure: Failure) -> Remark {
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
