//! Templates: texts with values in braces. `"{file.stem}:{Participant|slug}"`.
//!
//! A value is a name, and functions that are applied from left to right: `{Date|date}`. If it is empty, the next one after
//! `//` is taken: `{Date|date // 'unknown'}`; a text in single quotes is itself. A function followed by `?` gives an empty
//! value instead of an error. `{{` and `}}` are braces.
//!
//! A value may be a list (`{Parties|split(;)}`): the template then gives one text for each. A template with an empty value
//! gives no text, even if it has text around the value.

use std::fmt;
use std::str::FromStr;

use super::slug::slug;
use servanda_core::value::base::excerpt;

/// A text with values in braces.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Piece {
    Text(String),
    Value(Expression),
}

/// The contents of braces: the first of these that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Expression(Vec<Pipeline>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pipeline {
    from: From,
    functions: Vec<Call>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum From {
    Name(String),
    Literal(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Call {
    function: Function,
    /// Whether an error gives an empty value.
    lenient: bool,
}

/// A function on a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Function {
    /// Makes an id.
    Slug,
    /// Makes lower case.
    Lower,
    /// Makes upper case.
    Upper,
    /// Reads a date in one of the stated formats.
    Date,
    /// Takes the code after a date.
    Code,
    /// Takes the part before a text; the whole value if the text does not occur.
    Before(String),
    /// Takes the part after a text; nothing if the text does not occur.
    After(String),
    /// Takes the part after the last occurrence of a text; nothing if the text does not occur.
    AfterLast(String),
    /// Splits at a text into a list.
    Split(String),
    /// Looks it up in a map.
    Map(String),
}

/// The functions by name, for messages.
const FUNCTIONS: &str =
    "slug, lower, upper, date, code, before(TEXT), after(TEXT), after_last(TEXT), split(TEXT)";

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The column, if the value came from one.
    pub column: Option<String>,
    /// The error.
    pub message: String,
}

impl Failure {
    /// A failure without a column.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            column: None,
            message: message.into(),
        }
    }
}

/// A value, and the column that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The texts; none if the value is empty.
    pub texts: Vec<String>,
    /// The column.
    pub column: Option<String>,
}

/// The values of names.
pub trait Scope {
    /// The value of a name.
    ///
    /// # Errors
    /// When no value has the name, or it has an error.
    fn value(&self, name: &str) -> Result<Found, Failure>;

    /// Applies a function that needs the rules: `date`, `code`, a map.
    ///
    /// # Errors
    /// Why the text does not fit.
    fn call(&self, function: &Function, text: &str) -> Result<Option<String>, String>;
}

impl Template {
    /// Fills the template.
    ///
    /// # Errors
    /// The first value with an error.
    pub fn fill(&self, scope: &dyn Scope) -> Result<Vec<String>, Failure> {
        if let [Piece::Value(value)] = self.0.as_slice() {
            return value.find(scope);
        }
        let mut filled = vec![String::new()];
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.iter_mut().for_each(|so_far| so_far.push_str(text)),
                Piece::Value(value) => {
                    let values = value.find(scope)?;
                    filled = filled
                        .iter()
                        .flat_map(|so_far| values.iter().map(move |v| format!("{so_far}{v}")))
                        .collect();
                }
            }
        }
        Ok(filled)
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter_map(|piece| match piece {
                Piece::Text(_) => None,
                Piece::Value(value) => Some(value),
            })
            .flat_map(Expression::names)
    }

    /// The maps in it.
    pub fn maps(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter_map(|piece| match piece {
                Piece::Text(_) => None,
                Piece::Value(value) => Some(value),
            })
            .flat_map(Expression::maps)
    }
}

impl Expression {
    /// Evaluates the expression.
    ///
    /// # Errors
    /// The first value with an error.
    pub fn find(&self, scope: &dyn Scope) -> Result<Vec<String>, Failure> {
        for pipeline in &self.0 {
            let texts = pipeline.find(scope)?;
            if !texts.is_empty() {
                return Ok(texts);
            }
        }
        Ok(Vec::new())
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|pipeline| match &pipeline.from {
            From::Name(name) => Some(name.as_str()),
            From::Literal(_) => None,
        })
    }

    /// The maps in it.
    pub fn maps(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .flat_map(|pipeline| &pipeline.functions)
            .filter_map(|call| match &call.function {
                Function::Map(name) => Some(name.as_str()),
                _ => None,
            })
    }
}

impl Pipeline {
    fn find(&self, scope: &dyn Scope) -> Result<Vec<String>, Failure> {
        let mut found = match &self.from {
            From::Name(name) => scope.value(name)?,
            From::Literal(text) => Found {
                texts: vec![text.clone()],
                column: None,
            },
        };
        for call in &self.functions {
            let mut next = Vec::with_capacity(found.texts.len());
            for text in &found.texts {
                match call.function.apply(text, scope) {
                    Ok(texts) => next.extend(texts.into_iter().filter(|text| !text.is_empty())),
                    Err(_) if call.lenient => {}
                    Err(message) => {
                        return Err(Failure {
                            column: found.column,
                            message,
                        });
                    }
                }
            }
            found.texts = next;
        }
        Ok(found.texts)
    }
}

impl Function {
    fn apply(&self, text: &str, scope: &dyn Scope) -> Result<Vec<String>, String> {
        let one = |text: &str| Ok(vec![text.trim().to_owned()]);
        match self {
            Self::Slug => slug(text)
                .map(|id| vec![id])
                .ok_or_else(|| format!("`{}` has no letter or digit for an id", excerpt(text))),
            Self::Lower => one(&text.to_lowercase()),
            Self::Upper => one(&text.to_uppercase()),
            Self::Before(mark) => one(text.split_once(mark).map_or(text, |(before, _)| before)),
            Self::After(mark) => one(text.split_once(mark).map_or("", |(_, after)| after)),
            Self::AfterLast(mark) => one(text.rsplit_once(mark).map_or("", |(_, after)| after)),
            Self::Split(mark) => Ok(text.split(mark).map(|t| t.trim().to_owned()).collect()),
            Self::Date | Self::Code | Self::Map(_) => scope
                .call(self, text)
                .map(|text| text.into_iter().collect()),
        }
    }

    fn named(name: &str, argument: Option<String>) -> Result<Self, String> {
        let with = |make: fn(String) -> Self| match &argument {
            Some(text) if !text.is_empty() => Ok(make(text.clone())),
            _ => Err(format!("`{name}` needs a text: {name}( - )")),
        };
        let plain = match name {
            "before" => return with(Self::Before),
            "after" => return with(Self::After),
            "after_last" => return with(Self::AfterLast),
            "split" => return with(Self::Split),
            "slug" => Self::Slug,
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            "date" => Self::Date,
            "code" => Self::Code,
            other => Self::Map(other.to_owned()),
        };
        match argument {
            None => Ok(plain),
            Some(_) => Err(format!("`{name}` takes no text in parentheses")),
        }
    }
}

impl Function {
    /// Whether a name is that of a function; no map can have it.
    pub fn is_name(name: &str) -> bool {
        FUNCTIONS
            .split(", ")
            .any(|f| f.split('(').next() == Some(name))
    }

    /// The functions by name, for messages.
    pub fn list() -> &'static str {
        FUNCTIONS
    }
}

/// Reads templates character by character.
struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes the text before the first of these marks, or before the end.
    fn until(&mut self, marks: &[&str]) -> &'t str {
        let end = marks.iter().filter_map(|mark| self.rest.find(mark)).min();
        let (found, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        found
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes a text in single quotes, after the first quote.
    fn quoted(&mut self) -> Result<String, String> {
        let text = self.until(&["'"]).to_owned();
        match self.eat("'") {
            true => Ok(text),
            false => Err(format!(
                "the quote before `{}` is not closed",
                excerpt(&text)
            )),
        }
    }

    fn expression(&mut self) -> Result<Expression, String> {
        let mut alternatives = vec![self.pipeline()?];
        while self.eat("//") {
            alternatives.push(self.pipeline()?);
        }
        Ok(Expression(alternatives))
    }

    fn pipeline(&mut self) -> Result<Pipeline, String> {
        self.space();
        let from = if self.eat("'") {
            From::Literal(self.quoted()?)
        } else {
            let name = self.until(&["|", "}", "{", "//"]).trim();
            if name.is_empty() {
                return Err("a name is missing: write {COLUMN}, or {{ for a brace".into());
            }
            From::Name(name.to_owned())
        };
        self.space();
        let mut functions = Vec::new();
        while self.eat("|") {
            functions.push(self.call()?);
            self.space();
        }
        Ok(Pipeline { from, functions })
    }

    fn call(&mut self) -> Result<Call, String> {
        self.space();
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if name.is_empty() {
            return Err(format!(
                "a function's name is missing after `|`: {FUNCTIONS}, or a map"
            ));
        }
        let argument = if self.eat("(") {
            let text = if self.eat("'") {
                self.quoted()?
            } else {
                self.until(&[")"]).to_owned()
            };
            if !self.eat(")") {
                return Err(format!("`{name}(` is not closed"));
            }
            Some(text)
        } else {
            None
        };
        Ok(Call {
            function: Function::named(name, argument)?,
            lenient: self.eat("?"),
        })
    }
}

impl FromStr for Expression {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text };
        let expression = parser.expression()?;
        match parser.rest {
            "" => Ok(expression),
            rest => Err(format!("`{}` does not belong there", excerpt(rest))),
        }
    }
}

impl FromStr for Template {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut parser = Parser { rest: text };
        loop {
            literal.push_str(parser.until(&["{", "}"]));
            if parser.eat("{{") {
                literal.push('{');
            } else if parser.eat("}}") {
                literal.push('}');
            } else if parser.eat("{") {
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Value(parser.expression()?));
                if !parser.eat("}") {
                    return Err(match parser.rest {
                        "" => "a `{` is not closed; write {{ for a brace".to_owned(),
                        rest => format!("`{}` does not belong there", excerpt(rest)),
                    });
                }
            } else if parser.eat("}") {
                return Err("a `}` has no `{`; write }} for a brace".into());
            } else {
                break;
            }
        }
        if !literal.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self(pieces))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Piece::Value(value) => write!(f, "{{{value}}}"),
        })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, pipeline) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" // ")?;
            }
            match &pipeline.from {
                From::Name(name) => f.write_str(name)?,
                From::Literal(text) => write!(f, "'{text}'")?,
            }
            for call in &pipeline.functions {
                write!(
                    f,
                    "|{}{}",
                    call.function,
                    if call.lenient { "?" } else { "" }
                )?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slug => f.write_str("slug"),
            Self::Lower => f.write_str("lower"),
            Self::Upper => f.write_str("upper"),
            Self::Date => f.write_str("date"),
            Self::Code => f.write_str("code"),
            Self::Before(text) => write!(f, "before{}", Argument(text)),
            Self::After(text) => write!(f, "after{}", Argument(text)),
            Self::AfterLast(text) => write!(f, "after_last{}", Argument(text)),
            Self::Split(text) => write!(f, "split{}", Argument(text)),
            Self::Map(name) => f.write_str(name),
        }
    }
}

/// A function's text, in quotes if it needs them.
struct Argument<'t>(&'t str);

impl fmt::Display for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.contains(')') {
            true => write!(f, "('{}')", self.0),
            false => write!(f, "({})", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Names;

    impl Scope for Names {
        fn value(&self, name: &str) -> Result<Found, Failure> {
            let texts: &[&str] = match name {
                "who" => &["Côte d'Ivoire"],
                "Accession(a), Succession(d)" => &["24 Jan 1983 a"],
                "list" => &["a; b ;;c"],
                "none" => &[],
                _ => return Err(Failure::new(format!("nothing is called {name}"))),
            };
            Ok(Found {
                texts: texts.iter().map(|t| (*t).to_owned()).collect(),
                column: Some(name.to_owned()),
            })
        }

        fn call(&self, function: &Function, text: &str) -> Result<Option<String>, String> {
            match function {
                Function::Map(name) if name == "empty" => Ok(None),
                Function::Code => Ok(text.rsplit(' ').next().map(ToOwned::to_owned)),
                _ => Err(format!("no {function}")),
            }
        }
    }

    fn fill(text: &str) -> Result<Vec<String>, String> {
        let template: Template = text.parse()?;
        template.fill(&Names).map_err(|failure| failure.message)
    }

    #[test]
    fn templates_are_filled() {
        for (template, texts) in [
            ("", &[""][..]),
            ("plain {{text}}", &["plain {text}"]),
            ("p:{who|slug}", &["p:cote-d-ivoire"]),
            ("{Accession(a), Succession(d)|code|upper}", &["A"]),
            ("{list|split(;)}", &["a", "b", "c"]),
            ("{list|split(;)}!", &["a!", "b!", "c!"]),
            ("{none}", &[]),
            ("never {none}", &[]),
            ("{none // who|empty // 'else'} x", &["else x"]),
            ("{who|date? // who|before( )}", &["Côte"]),
            ("{who|after_last(d')}", &["Ivoire"]),
            ("{who|after(z)}", &[]),
        ] {
            assert_eq!(fill(template).unwrap(), texts, "{template}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (template, why) in [
            ("{who", "not closed"),
            ("who}", "has no `{`"),
            ("{}", "a name is missing"),
            ("{who|}", "a function's name is missing"),
            ("{who|split}", "needs a text"),
            ("{who|slug(x)}", "takes no text"),
            ("{who|split(;}", "is not closed"),
            ("{who // 'x}", "is not closed"),
            ("{who|slug slug}", "does not belong there"),
            ("{king}", "nothing is called king"),
            ("{who|date}", "no date"),
        ] {
            let error = fill(template).unwrap_err();
            assert!(error.contains(why), "{template}: {error}");
        }
    }

    proptest! {
        #[test]
        fn templates_print_as_they_read(text in "[a-z{}|/'()?;, .é]{0,24}") {
            if let Ok(template) = text.parse::<Template>() {
                let printed = template.to_string();
                prop_assert_eq!(printed.parse::<Template>(), Ok(template), "{}", printed);
            }
        }
    }
}
