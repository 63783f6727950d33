//! A form as a line of a draft: the JSON of its event as far as it is known, and under `unfinished` what was being typed.

use serde_json::{Map, Value};

use servanda_core::event::Kind;
use servanda_core::ndjson;
use servanda_core::value::base::Shape;

use super::Form;

/// The key of a form that is open.
const UNFINISHED: &str = "unfinished";

impl Form {
    /// The line.
    pub fn to_json(&self) -> String {
        let mut object = Map::new();
        object.insert("event".to_owned(), self.kind.word().into());
        for (name, texts) in self.fields.iter() {
            let shape = self.kind.field(name).map(|field| field.shape);
            let value = match (shape, texts) {
                (Some(Shape::Flag), _) => Value::Bool(true),
                (Some(Shape::Many), texts) => texts.into(),
                (_, texts) => texts.join("; ").into(),
            };
            object.insert(name.to_owned(), value);
        }
        if self.is_open {
            let typed = self.typed.iter();
            let typed = typed.map(|(name, text)| (name.clone(), Value::from(text.as_str())));
            object.insert(UNFINISHED.to_owned(), typed.collect());
        }
        Value::Object(object).to_string()
    }

    /// The form of a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(line: &str) -> Result<Self, Vec<String>> {
        let object = serde_json::from_str(line);
        let mut object: Map<String, Value> = object.map_err(|error| vec![error.to_string()])?;
        let unfinished = object.remove(UNFINISHED);
        let rest = Value::Object(object).to_string();
        let read = ndjson::read_one(rest.as_bytes(), Kind::Noted);
        let read = read.map_err(|errors| {
            let errors = errors.iter().map(ToString::to_string);
            errors.collect::<Vec<_>>()
        });
        let Some((kind, fields)) = read? else {
            return Err(vec!["it is empty".to_owned()]);
        };
        let unknown = fields.iter().find(|(name, _)| kind.field(name).is_none());
        if let Some((name, _)) = unknown {
            return Err(vec![format!("a {kind} has no field {name}")]);
        }
        let typed = unfinished.as_ref().and_then(Value::as_object);
        let typed = typed.and_then(|typed| typed.iter().next());
        let typed = typed.and_then(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())));
        Ok(Self {
            kind,
            fields,
            is_open: unfinished.is_some(),
            typed,
            is_given: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use servanda_core::event::Fields;

    use super::*;

    #[test]
    fn a_line_of_a_draft_says_the_form() {
        let mut fields = Fields::default();
        fields.set("id", vec!["C1".into()]);
        fields.set("debtor", vec!["a".into(), "b".into()]);
        fields.set("mutual", vec!["true".into()]);
        fields.set("deadline", vec!["every 3 months".into()]);
        let mut form = Form::open(Kind::CommitmentRecorded, fields);
        for typed in [None, Some(("text".to_owned(), "Patr\u{a0}\"ol".to_owned()))] {
            form.typed = typed;
            for is_open in [true, false] {
                form.is_open = is_open;
                form.typed = form.typed.filter(|_| is_open);
                assert_eq!(Form::from_json(&form.to_json()), Ok(form.clone()));
            }
        }
        assert!(Form::from_json("{}").is_ok());
        for wrong in [
            "",
            "[]",
            "{\"event\":\"x\"}",
            "{\"event\":\"party\",\"x\":1}",
        ] {
            assert!(Form::from_json(wrong).is_err(), "{wrong}");
        }
    }
}
