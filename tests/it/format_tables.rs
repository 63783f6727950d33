//! The tables of events, fields and words in docs/format.md, docs/verify.py and docs/verify.js: generated from the
//! declarations.

use std::fmt::Write as _;
use std::fs;

use servanda_core::chain::codec::SCHEMA;
use servanda_core::event::{Envelope, Erasable, FieldSpec, Kind};
use servanda_core::value::agreement::{Action, AgreementStatus, Form};
use servanda_core::value::base::Shape;
use servanda_core::value::commitment::{Capacity, Contest, Modality, Standing};
use servanda_core::value::party::PartyKind;
use servanda_core::value::source::{Bearing, Confidence, SourceKind};

use crate::format::{read, root};

type Codes = &'static [(u8, &'static str, u8)];

/// The lists of words that payloads hold by their numbers.
const WORDS: &[(&str, Codes)] = &[
    ("PartyKind", PartyKind::CODES),
    ("SourceKind", SourceKind::CODES),
    ("Bearing", Bearing::CODES),
    ("Confidence", Confidence::CODES),
    ("Form", Form::CODES),
    ("AgreementStatus", AgreementStatus::CODES),
    ("Action", Action::CODES),
    ("Modality", Modality::CODES),
    ("Standing", Standing::CODES),
    ("Capacity", Capacity::CODES),
    ("Contest", Contest::CODES),
];

/// The name of a field's type in the document.
fn type_name(spec: &FieldSpec) -> &'static str {
    match spec.label {
        "BOOL" => "Bool",
        "PARTY" | "SOURCE" | "AGREEMENT" | "COMMITMENT" | "RECORDER" => "Slug",
        "RECORD" if spec.is_target() => "Target",
        "RECORD" => "Seq",
        "ID|RECORD" => "Subject",
        "FIELD" => "FieldName",
        "TEXT" => "Text",
        "NAME[@LANG]" => "Name",
        "SCHEME:VALUE" => "Identifier",
        "LANG" => "Language",
        "DIGEST" => "Digest",
        "WHEN" => "When",
        "WHEN|SPAN after EVENT|RRULE:...|recurring|continuing|unspecified" => "Deadline",
        "SOURCE[: PLACE]" => "Citation",
        "RELATION:AGREEMENT" => "Link",
        "ROLE:PARTY" => "RoleHolder",
        "LEVEL|no-evidence" => "Level",
        label => {
            let is_same = |codes: Codes| codes.iter().map(|code| &code.1).eq(spec.words);
            let list = WORDS.iter().find(|(_, codes)| is_same(codes));
            list.unwrap_or_else(|| panic!("{label}: no type in docs/format.md"))
                .0
        }
    }
}

/// The types of fields, each with what stands for it where there is none, one or many.
fn field(spec: &FieldSpec, between: &str, many: &str) -> String {
    let many = match spec.shape {
        Shape::Optional => "?",
        Shape::Many => many,
        Shape::One | Shape::Flag => "",
    };
    let since = since(spec.since);
    format!("{}{between}{}{many}{since}", spec.name, type_name(spec))
}

/// Nothing for what schema 1 has.
fn since(schema: u8) -> String {
    match schema {
        1 => String::new(),
        later => format!("@{later}"),
    }
}

fn by_number() -> Vec<Kind> {
    let mut all = Kind::ALL.to_vec();
    all.sort_by_key(|kind| kind.spec().number);
    all
}

fn fields(specs: &[FieldSpec], between: &str, many: &str, apart: &str) -> String {
    let all: Vec<String> = specs
        .iter()
        .map(|spec| field(spec, between, many))
        .collect();
    all.join(apart)
}

fn markdown_events() -> String {
    let mut text =
        String::from("| number | event | word | erasable | fields |\n|---:|---|---|---|---|\n");
    for kind in by_number() {
        let spec = kind.spec();
        let erasable = match spec.form.erasable {
            Erasable::Never => "no",
            Erasable::Always => "yes",
            Erasable::WithTarget => "as its target",
        };
        let fields = fields(spec.fields, " ", "\\*", ", ");
        let since = since(spec.since);
        let (number, name, word) = (spec.number, spec.name, spec.word);
        _ = writeln!(
            text,
            "| {number}{since} | {name} | `{word}` | {erasable} | {fields} |"
        );
    }
    let envelope = fields(Envelope::FIELDS, " ", "\\*", ", ");
    _ = writeln!(text, "| | Envelope | | | {envelope} |");
    text
}

fn markdown_words() -> String {
    let mut text = String::from("| type | words |\n|---|---|\n");
    for (name, codes) in WORDS {
        let words: Vec<String> = codes
            .iter()
            .map(|(number, word, schema)| format!("{number} {word}{}", since(*schema)))
            .collect();
        _ = writeln!(text, "| {name} | {} |", words.join(", "));
    }
    text
}

/// How a programming language writes comments and constants.
struct Syntax {
    comment: &'static str,
    constant: &'static str,
    quotes: &'static str,
    end: &'static str,
}

const PYTHON: Syntax = Syntax {
    comment: "#",
    constant: "",
    quotes: "\"\"\"",
    end: "",
};

const JAVASCRIPT: Syntax = Syntax {
    comment: "//",
    constant: "const ",
    quotes: "`",
    end: ";",
};

/// The tables as constants of a program.
fn program(syntax: &Syntax) -> String {
    let Syntax {
        comment,
        constant,
        quotes,
        end,
    } = syntax;
    let mut text = format!(
        "{constant}SCHEMA = {SCHEMA}{end}\n\
         {comment} Number, name, word, whether payloads can be erased, fields in the order of their bytes; `?` is an option, `*`\n\
         {comment} a list, `@` stands before the schema that brought a field, a word or a kind, where that is not 1.\n\
         {constant}EVENTS = {quotes}\n"
    );
    let mut line = |items: Vec<String>| wrap(&mut text, &items);
    for kind in by_number() {
        let spec = kind.spec();
        let erasable = match spec.form.erasable {
            Erasable::Never => "never",
            Erasable::Always => "always",
            Erasable::WithTarget => "with-target",
        };
        let word = format!("{}{}", spec.word, since(spec.since));
        let mut items = vec![
            spec.number.to_string(),
            spec.name.into(),
            word,
            erasable.into(),
        ];
        items.extend(spec.fields.iter().map(|spec| field(spec, ":", "*")));
        line(items);
    }
    let next = |name: &str| format!("{quotes}{end}\n{constant}{name} = {quotes}\n");
    text += &next("ENVELOPE");
    let envelope = Envelope::FIELDS.iter().map(|spec| field(spec, ":", "*"));
    wrap(&mut text, &envelope.collect::<Vec<_>>());
    text += &next("WORDS");
    for (name, codes) in WORDS {
        let words = codes.iter();
        let words =
            words.map(|(number, word, schema)| format!("{number}={word}{}", since(*schema)));
        let items: Vec<String> = [(*name).to_owned()].into_iter().chain(words).collect();
        wrap(&mut text, &items);
    }
    text + quotes + end + "\n"
}

/// Adds items as one line of a text, which a backslash carries over lines of the source.
fn wrap(text: &mut String, items: &[String]) {
    let mut width = 0;
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 {
            text.push(' ');
            width += 1;
        }
        if width + item.len() > 110 {
            text.push_str("\\\n");
            width = 0;
        }
        text.push_str(item);
        width += item.len();
    }
    text.push('\n');
}

/// Compares what stands between two lines with what is generated, or writes it there if TABLES=overwrite.
#[track_caller]
fn compare(path: &str, begin: &str, end: &str, generated: &str) {
    let text = read(path);
    let (before, rest) = text.split_once(begin).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    if std::env::var("TABLES").as_deref() == Ok("overwrite") {
        fs::write(
            root().join(path),
            [before, begin, generated, end, after].concat(),
        )
        .unwrap();
    } else {
        assert_eq!(
            found, generated,
            "{path}: run this test with TABLES=overwrite"
        );
    }
}

#[test]
fn the_document_and_the_verifiers_list_what_is_declared() {
    for (path, syntax) in [("docs/verify.py", PYTHON), ("docs/verify.js", JAVASCRIPT)] {
        let [begin, end] = ["<generated>\n", "</generated>"];
        let comment = syntax.comment;
        compare(
            path,
            &format!("{comment} {begin}"),
            &format!("{comment} {end}"),
            &program(&syntax),
        );
    }
    let events = markdown_events();
    compare(
        "docs/format.md",
        "<!-- events -->\n",
        "<!-- /events -->",
        &events,
    );
    let words = markdown_words();
    compare(
        "docs/format.md",
        "<!-- words -->\n",
        "<!-- /words -->",
        &words,
    );
}
