//! Templates: texts with values in braces. `"{file.stem}:{Participant|slug}"`.
//!
//! A value is a name, and functions that are applied from left to right: `{Date|date}`. If it is empty, the next one after
//! `//` is taken: `{Date|date // 'unknown'}`; a text in single quotes is itself. A function followed by `?` gives an empty
//! value instead of an error. `{{` and `}}` are braces.
//!
//! A value may be a list (`{Parties|split(;)}`): the template then gives one text for each. A template with an empty value
//! gives no text, even if it has text around the value.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use smallvec::{SmallVec, smallvec};

use super::function::{Failure, Found, Function, Scope, Texts};
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

/// Bytes that most filled templates have room in: ids and import keys.
const USUAL: usize = 40;

impl Template {
    /// Fills the template.
    ///
    /// # Errors
    /// The first value with an error.
    pub fn fill<'s>(&'s self, scope: &dyn Scope<'s>) -> Result<Texts<'s>, Failure> {
        match self.0.as_slice() {
            [Piece::Value(value)] => return value.find(scope),
            [Piece::Text(text)] => return Ok(smallvec![Cow::Borrowed(text.as_str())]),
            _ => {}
        }
        let mut filled: SmallVec<[String; 1]> = smallvec![String::with_capacity(USUAL)];
        for piece in &self.0 {
            let values = match piece {
                Piece::Text(text) => smallvec![Cow::Borrowed(text.as_str())],
                Piece::Value(value) => value.find(scope)?,
            };
            match values.as_slice() {
                [one] => filled.iter_mut().for_each(|so_far| so_far.push_str(one)),
                many => {
                    let each = |so_far: &String| {
                        many.iter()
                            .map(|v| format!("{so_far}{v}"))
                            .collect::<Vec<_>>()
                    };
                    filled = filled.iter().flat_map(each).collect();
                }
            }
        }
        Ok(filled.into_iter().map(Cow::Owned).collect())
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
    pub fn find<'s>(&'s self, scope: &dyn Scope<'s>) -> Result<Texts<'s>, Failure> {
        for pipeline in &self.0 {
            let texts = pipeline.find(scope)?;
            if !texts.is_empty() {
                return Ok(texts);
            }
        }
        Ok(Texts::new())
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
    fn find<'s>(&'s self, scope: &dyn Scope<'s>) -> Result<Texts<'s>, Failure> {
        let Found { mut texts, column } = match &self.from {
            From::Name(name) => scope.value(name)?,
            From::Literal(text) => Found {
                texts: smallvec![Cow::Borrowed(text.as_str())],
                column: None,
            },
        };
        for call in &self.functions {
            let mut next = Texts::with_capacity(texts.len());
            for text in texts {
                match call.function.apply(text, scope, &mut next) {
                    Err(message) if !call.lenient => {
                        return Err(Failure {
                            column: column.map(str::to_owned),
                            message,
                        });
                    }
                    Ok(()) | Err(_) => {}
                }
            }
            texts = next;
        }
        Ok(texts)
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
                "a function's name is missing after `|`: {}, or a map",
                Function::list()
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Names;

    impl<'s> Scope<'s> for Names {
        fn value(&self, name: &str) -> Result<Found<'s>, Failure> {
            let texts: &[&'s str] = match name {
                "who" => &["Côte d'Ivoire"],
                "Accession(a), Succession(d)" => &["24 Jan 1983 a"],
                "list" => &["a; b ;;c"],
                "none" => &[],
                _ => return Err(Failure::new(format!("nothing is called {name}"))),
            };
            Ok(Found {
                texts: texts.iter().map(|text| Cow::Borrowed(*text)).collect(),
                column: Some("a column"),
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
        let filled = template.fill(&Names).map_err(|failure| failure.message)?;
        Ok(filled.into_iter().map(Cow::into_owned).collect())
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
