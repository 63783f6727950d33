//! Histories for the tests of reports: lines of texts, checked by the rules and folded as a ledger would.

use super::document::{Row, Table};
use super::flow::Flow;
use chrono::NaiveDate;

use super::cell::Cell;
use super::document::{Document, Report};
use super::question::Question;
use servanda_core::event::{Entry, Event, Fields, Kind};
use servanda_core::rules;
use servanda_core::state::State;
use servanda_core::value::id::{Seq, Subject};
use servanda_core::value::when::Instant;
use servanda_core::view::View;

/// A state in the making.
pub struct History {
    pub state: State,
    clock: Instant,
}

impl History {
    /// A ledger just opened, at noon of a day.
    pub fn opened(day: &str) -> Self {
        let mut history = Self {
            state: State::default(),
            clock: Instant(0),
        };
        history.on(day);
        history.say("ledger | origin=example.org/test");
        history
    }

    /// From now on it is noon of this day, and a second later with every record.
    pub fn on(&mut self, day: &str) -> &mut Self {
        self.clock = format!("{day}T12:00:00Z").parse().unwrap();
        self
    }

    /// Records `kind | field=text | field=text`, if the rules allow it.
    pub fn say(&mut self, line: &str) -> Seq {
        let event = event(line);
        let event = rules::complete(&self.state, event);
        if let Err(rejection) = rules::check(&self.state, &event) {
            panic!("{line}: {rejection}");
        }
        let seq = Seq(self.state.count());
        self.state.apply(&Entry {
            seq,
            recorded_at: self.clock,
            event,
        });
        self.clock.0 += 1_000_000;
        seq
    }

    /// Records several lines.
    pub fn say_all(&mut self, lines: &[&str]) -> &mut Self {
        for line in lines {
            self.say(line);
        }
        self
    }

    pub fn view(&self, day: &str) -> View<'_> {
        View {
            state: &self.state,
            as_of: self::day(day),
        }
    }

    /// What a report says as of a day.
    pub fn ask(&self, report: &dyn Report, day: &str, question: &Question) -> Document<'static> {
        kept(report.document(&self.view(day), question))
    }

    /// A dossier as of a day.
    pub fn dossier(&self, of: &str, day: &str) -> Option<Document<'static>> {
        let subject: Subject = of.parse().unwrap();
        super::dossier::dossier(&self.view(day), &subject, &Question::default()).map(kept)
    }
}

/// A document with all its rows made, which are as many as it says.
pub fn kept(document: Document<'_>) -> Document<'static> {
    fn all<T: Clone>(flow: &Flow<'_, T>) -> Flow<'static, T> {
        let items: Flow<'static, T> = flow.iter().map(|item| item.into_owned()).collect();
        assert_eq!(items.len(), flow.len());
        items
    }
    let table = |table: &Table<'_>| Table {
        lead: table.lead,
        days: table.days,
        name: table.name,
        title: table.title.clone(),
        columns: table.columns.clone(),
        rows: all(&table.rows),
        empty: table.empty,
    };
    Document {
        report: document.report,
        title: document.title,
        as_of: document.as_of,
        known_at: document.known_at,
        about: super::about::About::default(),
        answer: document.answer,
        tables: document.tables.iter().map(table).collect(),
        charts: document.charts,
        calendar_name: document.calendar_name.clone(),
        calendar_lacks: document.calendar_lacks,
        calendar: all(&document.calendar),
        notes: document.notes,
        sections: document.sections.into_iter().map(kept).collect(),
    }
}

fn event(line: &str) -> Event {
    let mut parts = line.split(" | ");
    let kind: Kind = parts.next().unwrap().parse().unwrap();
    let mut fields = Fields::default();
    for part in parts {
        let (name, text) = part.split_once('=').unwrap();
        let mut texts = fields.get(name).to_vec();
        texts.push(text.to_owned());
        fields.set(name, texts);
    }
    Event::build(kind, &fields).unwrap_or_else(|errors| panic!("{line}: {errors:?}"))
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Two states, an agreement and a commitment, `C1`, with this deadline (or what else is given).
pub fn simple(more: &str) -> History {
    let mut history = History::opened("2023-01-02");
    history.say_all(&[
        "party | id=colombia | kind=state | name=Colombia",
        "party | id=venezuela | kind=state | name=Venezuela",
        "party | id=monitor | kind=organisation | name=Monitor",
        "agreement | id=A1 | title=Pact | party=colombia | party=venezuela | on=2023-01-01",
        &format!(
            "commitment | id=C1 | agreement=A1 | text=open the bridge | debtor=colombia | creditor=venezuela{more}"
        ),
    ]);
    history
}

/// The communiqué: four mutual commitments, all agreed, none with a date.
pub fn communique() -> History {
    let mut history = History::opened("2023-06-01");
    history.say_all(&[
        "party | id=colombia | kind=state | name=Colombia | name=Kolumbien@de | identifier=iso3166:CO",
        "party | id=venezuela | kind=state | name=Venezuela",
        "party | id=mindef-co | kind=organ | name=Ministerio de Defensa | parent=colombia",
        "party | id=velasquez | kind=person | name=Iván Velásquez | parent=mindef-co",
        "source | id=S1 | kind=article | title=Ministers meet",
        "source | id=S2 | kind=statement | title=Official statement | derived_from=S1",
        "agreement | id=A1 | title=Outcome of the meeting | form=reported | party=colombia | party=venezuela | on=2023-05-11 | inferred=on | source=S1: paragraph 1",
        "commitment | id=C1 | agreement=A1 | text=increase the presence at the crossings | debtor=colombia | creditor=venezuela | mutual=true | source=S1: paragraph 3",
        "commitment | id=C2 | agreement=A1 | text=set up a channel | modality=intention | modality=obligation | debtor=colombia | creditor=venezuela | mutual=true | source=S1: paragraph 4 | source=S1: paragraph 9",
        "commitment | id=C3 | agreement=A1 | text=continue the meetings | debtor=colombia | creditor=venezuela | mutual=true | deadline=recurring | source=S1: paragraph 4",
        "commitment | id=C4 | agreement=A1 | text=resume communication | debtor=colombia | creditor=venezuela | mutual=true | deadline=unspecified | source=S1: paragraph 5",
        "meeting | text=the ministers met | place=Caracas | present=velasquez | led_to=A1 | on=2023-05-11 | inferred=on",
        "progress | text=16 activities of Bolivarian Shield | by=venezuela | source=S1",
        "statement | text=stresses the fight against smuggling | about=C1 | by=velasquez | source=S1: paragraph 12",
    ]);
    history
}

/// A cell as a test compares it.
pub fn plain(cell: &Cell) -> String {
    match cell {
        Cell::None => String::new(),
        Cell::Text(text) | Cell::Word(text, _) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::List(texts) => texts.join("; "),
    }
}

/// Some columns of a table, row by row.
pub fn columns(document: &Document<'_>, table: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let table = document.tables.iter().find(|found| found.name == table);
    let table = table.expect("the document has this table");
    let place = |column: &&str| {
        let found = table.columns.iter().position(|name| name == column);
        found.unwrap_or_else(|| panic!("no column {column}"))
    };
    let places: Vec<usize> = columns.iter().map(place).collect();
    for row in &table.rows.kept {
        assert_eq!(row.len(), table.columns.len(), "{}: {row:?}", table.name);
    }
    let pick = |row: &Row| places.iter().map(|&at| plain(&row[at])).collect();
    table.rows.kept.iter().map(pick).collect()
}

/// One column of a table.
pub fn column(document: &Document<'_>, table: &str, name: &str) -> Vec<String> {
    columns(document, table, &[name])
        .into_iter()
        .flatten()
        .collect()
}

/// The share of a rate, as `denominator/rate`.
pub fn share(document: &Document<'_>, rate: &str) -> String {
    let rows = columns(document, "rates", &["denominator", "rate", "share"]);
    let found = rows
        .into_iter()
        .find(|row| format!("{}/{}", row[0], row[1]) == rate);
    found.expect("the document has this rate").remove(2)
}

/// Whether some note holds this text.
pub fn notes(document: &Document<'_>, text: &str) -> bool {
    document.notes.iter().any(|note| note.contains(text))
}
