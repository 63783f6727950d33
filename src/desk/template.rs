//! The template that `record --edit` opens: one line a field, `name: value`, what begins with `#` ignored.
//! A field that takes several stands several times; a line that begins with two spaces goes on the one above.

use servanda_core::event::{FieldError, FieldSpec, Fields, Kind};
use servanda_core::value::base::Shape;

/// A template for an event of a kind, with what is known filled in.
pub fn write(kind: Kind, fields: &Fields) -> String {
    let mut text = format!("# {kind}: {}\n", kind.spec().about().replace('\n', " "));
    text.push_str("# Fill in what is known; what stays empty is left out. Save an empty file to record nothing.\n");
    for spec in kind.fields() {
        text.push_str(&format!("\n# {} {}\n", spec.help(), hint(spec)));
        let texts = fields.get(spec.name);
        if texts.is_empty() {
            text.push_str(&format!("{}:\n", spec.name));
        }
        for value in texts {
            text.push_str(&format!("{}: {}\n", spec.name, value.replace('\n', "\n  ")));
        }
    }
    text
}

/// The beginning of a line that says what is wrong.
const MARK: &str = "# error: ";

/// What is wrong with a template, for a line in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The field whose line it stands before; it stands at the top where there is no such line.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

/// A template with what is wrong in it marked. The marks of an earlier attempt are gone; every other line stays.
pub fn marked(text: &str, marks: &[Mark]) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with(MARK))
        .collect();
    let is_of = |line: &str, field: &str| {
        let name = line.split_once(':').map_or(line, |(name, _)| name);
        let name = name.trim().replace('-', "_");
        !line.starts_with(['#', ' ']) && !field.is_empty() && (name == field || line == field)
    };
    let mut before: Vec<(usize, &Mark)> = marks
        .iter()
        .map(|mark| {
            let place = lines.iter().position(|line| is_of(line, &mark.field));
            (place.unwrap_or(0), mark)
        })
        .collect();
    before.sort_by_key(|(place, _)| *place);
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        for (_, mark) in before.iter().filter(|(place, _)| *place == at) {
            let message = mark.message.replace('\n', " ");
            out.push_str(&format!("{MARK}{message}\n"));
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// The text of a file that holds a template, which begins with a comment as JSON never does.
pub fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.trim_start().starts_with('#').then_some(text)
}

fn hint(spec: &FieldSpec) -> String {
    let form = if spec.words.is_empty() {
        spec.label.to_owned()
    } else {
        spec.words.join(", ")
    };
    let number = match spec.shape {
        Shape::Many => "; may stand several times",
        _ if spec.is_required() => "; required",
        _ => "",
    };
    format!("({form}{number})")
}

/// The fields that a filled-in template gives, and an error for each line that is not `name: value`.
pub fn read(text: &str) -> (Fields, Vec<FieldError>) {
    let mut values: Vec<(String, String)> = Vec::new();
    let mut errors = Vec::new();
    for line in text.lines() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        match (
            line.strip_prefix("  "),
            values.last_mut(),
            line.split_once(':'),
        ) {
            (Some(more), Some((_, value)), _) => {
                value.push('\n');
                value.push_str(more);
            }
            (None, _, Some((name, value))) => {
                values.push((name.trim().replace('-', "_"), value.trim().to_owned()));
            }
            _ => errors.push(FieldError::new(
                servanda_core::value::base::excerpt(line),
                "is not a line `name: value`",
            )),
        }
    }
    let mut fields = Fields::default();
    for (name, value) in values {
        if !value.trim().is_empty() {
            let mut texts = fields.get(&name).to_vec();
            texts.push(value);
            fields.set(&name, texts);
        }
    }
    (fields, errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_reads_back_what_was_filled_in() {
        let mut fields = Fields::default();
        fields.set("text", vec!["first line\nsecond line".into()]);
        fields.set("about", vec!["C1".into(), "12".into()]);
        let text = write(Kind::Noted, &fields);
        assert_eq!(read(&text), (fields, Vec::new()));
    }

    #[test]
    fn marks_stand_before_their_fields_and_change_no_other_line() {
        let mark = |field: &str, message: &str| Mark {
            field: field.into(),
            message: message.into(),
        };
        let typed = "# note: A remark\ntext: a\nb\n  more: b\nrecorded-by: me\n";
        let marks = [
            mark("recorded_by", "who?"),
            mark("b", "is not a line"),
            mark("about", "is required"),
        ];
        let once = marked(typed, &marks);
        assert_eq!(
            once,
            "# error: is required\n# note: A remark\ntext: a\n# error: is not a line\nb\n  more: b\n\
             # error: who?\nrecorded-by: me\n"
        );
        assert_eq!(marked(&once, &marks), once);
        assert_eq!(marked(&once, &[]), typed);
    }

    proptest::proptest! {
        #[test]
        fn marking_loses_no_line(text in "([a-z]{0,4}:? ?[a-z# ]{0,6}\n){0,8}", field in "[a-z]{0,4}") {
            let text = text.replace("# error: ", "");
            let mark = Mark { field, message: "wrong".into() };
            let again = marked(&marked(&text, &[mark]), &[]);
            proptest::prop_assert_eq!(again, text);
        }
    }

    #[test]
    fn a_line_that_is_no_field_is_named() {
        let (fields, errors) = read("text: a\nwhat is this\n");
        assert_eq!(errors[0].field, "what is this");
        assert_eq!(fields.get("text"), ["a"]);
    }
}
