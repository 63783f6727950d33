//! Types the answers that make given events, whatever the program asks.

use serde_json::{Map, Value};

use super::secretary::Secretary;

/// What was exported of an event.
pub type Event = Map<String, Value>;

/// The events of lines of NDJSON, without the ledger's opening and what the ledger adds to them.
pub fn events(ndjson: &str) -> Vec<Event> {
    let lines = ndjson.lines().map(|line| {
        let mut event: Event = serde_json::from_str(line).unwrap();
        for added in ["seq", "recorded_at", "old"] {
            event.remove(added);
        }
        event
    });
    lines.filter(|event| event["event"] != "ledger").collect()
}

/// The fields that name parties.
const PARTIES: &[&str] = &[
    "party",
    "parent",
    "by",
    "present",
    "debtor",
    "creditor",
    "successor",
];

/// The texts of a field.
fn texts(event: &Event, field: &str) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match event.get(field) {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().map(text).collect(),
        Some(value) => vec![text(value)],
    }
}

/// Who answers for one event.
struct Robot<'a> {
    event: &'a Event,
    /// The field that was asked for last, and how many of its texts were answered.
    field: String,
    answered: Vec<(String, usize)>,
    /// The answer to the question that follows from the last one: a place, a party, a record.
    second: Option<String>,
    is_last: bool,
}

/// Records events by answering, and gives the receipts.
pub fn record(mut secretary: Secretary, events: &[Event]) -> String {
    for (at, event) in events.iter().enumerate() {
        Robot {
            event,
            field: String::new(),
            answered: Vec::new(),
            second: None,
            is_last: at + 1 == events.len(),
        }
        .answer(&mut secretary);
    }
    secretary.has_recorded()
}

impl Robot<'_> {
    fn answer(&mut self, secretary: &mut Secretary) {
        loop {
            let (before, asked) = secretary.reads();
            let question = asked.lines().next().unwrap_or_default();
            let question = question.trim_start_matches('?').trim().to_owned();
            let answer = match question.as_str() {
                "What happened?" | "What else happened?" => {
                    format!("{}: ", self.event["event"].as_str().unwrap())
                }
                "Which field?" => format!("{} (", self.field.replace('_', " ")),
                "Is it right?" => match self.rest() {
                    Some(field) => {
                        self.field = field;
                        "change or add a field".to_owned()
                    }
                    None => {
                        let last = match self.is_last {
                            true => "record it now",
                            false => "keep it",
                        };
                        secretary.types(&format!("{last}\r"));
                        return;
                    }
                },
                "place:" if self.field == "source" => self.second.take().unwrap_or_default(),
                _ if question == "which record:" || question.ends_with("which agreement:") => {
                    self.second.take().unwrap()
                }
                _ if question.starts_with("It cannot") => panic!("{before}{asked}"),
                _ => self.field_answer(&question, &asked),
            };
            secretary.types(&format!("{answer}\r"));
        }
    }

    /// A field that was not asked for yet.
    fn rest(&self) -> Option<String> {
        let given = |field: &str| {
            let found = self.answered.iter().find(|(name, _)| name == field);
            found.map_or(0, |(_, count)| *count)
        };
        let mut fields = self.event.keys().filter(|field| *field != "event");
        let rest = fields.find(|field| given(field) < texts(self.event, field).len());
        rest.cloned()
    }

    /// The answer to a question for a field.
    fn field_answer(&mut self, question: &str, asked: &str) -> String {
        let (title, _) = question.split_once(':').unwrap_or((question, ""));
        let title = title.trim_start_matches("another ");
        let field = match title {
            "source, or place" => "source".to_owned(),
            _ if title.starts_with("what ") => "to".to_owned(),
            _ => title.replace(' ', "_"),
        };
        self.field.clone_from(&field);
        let place = self.answered.iter().position(|(name, _)| *name == field);
        let place = place.unwrap_or_else(|| {
            self.answered.push((field.clone(), 0));
            self.answered.len() - 1
        });
        let next = &mut self.answered[place].1;
        let all = texts(self.event, &field);
        let Some(text) = all.get(*next) else {
            return String::new();
        };
        *next += 1;
        if !asked.contains("type to search") {
            return text.clone();
        }
        self.choice(&field, text)
    }

    /// What finds an answer in a list.
    fn choice(&mut self, field: &str, text: &str) -> String {
        if text == "true" {
            return "yes".to_owned();
        }
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        if field == "source" {
            let (source, place) = text.split_once(": ").unwrap_or((text, ""));
            self.second = Some(place.to_owned());
            return format!("{source}: ");
        }
        if let Some((word, other)) = text.split_once(':').filter(|_| field == "link") {
            self.second = Some(format!("{other}: "));
            return word.to_owned();
        }
        if is_number && field == "about" {
            self.second = Some(format!("{text}: "));
            return "a record".to_owned();
        }
        match field {
            "record" | "field" | "inferred" => format!("{text}: "),
            _ if PARTIES.contains(&field) => format!("({text})"),
            _ => text.to_owned(),
        }
    }
}
