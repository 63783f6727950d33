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

/// The fields that a filled-in template gives.
///
/// # Errors
/// Lines that are not `name: value`.
pub fn read(text: &str) -> Result<Fields, Vec<FieldError>> {
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
    if errors.is_empty() {
        Ok(fields)
    } else {
        Err(errors)
    }
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
        assert_eq!(read(&text), Ok(fields));
    }

    #[test]
    fn a_line_that_is_no_field_is_named() {
        let errors = read("text: a\nwhat is this\n").unwrap_err();
        assert_eq!(errors[0].field, "what is this");
    }
}
