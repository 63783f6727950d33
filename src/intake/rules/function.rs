//! The values of names, and the functions on them.

use std::borrow::Cow;
use std::fmt;

use smallvec::SmallVec;

use super::slug::slug;
use servanda_core::value::base::excerpt;

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

/// The texts of a value: most values have one.
pub type Texts<'s> = SmallVec<[Cow<'s, str>; 1]>;

/// The texts of fields, by name, as they are found in a row; no name stands twice.
pub type Given<'a, 'b> = SmallVec<[(&'a str, Texts<'b>); USUAL]>;

/// Fields of most rules at the most: their texts take no allocation.
pub const USUAL: usize = 10;

/// A value, and the column that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found<'s> {
    /// The texts; none if the value is empty.
    pub texts: Texts<'s>,
    /// The header of the column.
    pub column: Option<&'s str>,
}

/// The values of names. They borrow from what lives for `'s`: a row, and the rules.
pub trait Scope<'s> {
    /// The value of a name.
    ///
    /// # Errors
    /// When no value has the name, or it has an error.
    fn value(&self, name: &str) -> Result<Found<'s>, Failure>;

    /// Applies a function that needs the rules: `date`, `code`, a map.
    ///
    /// # Errors
    /// Why the text does not fit.
    fn call(&self, function: &Function, text: &str) -> Result<Option<String>, String>;

    /// What a function makes of a text, by `make` or as it was made before.
    ///
    /// # Errors
    /// That of `make`.
    fn recall(
        &self,
        _function: &Function,
        _text: &str,
        make: &dyn Fn() -> Result<Option<String>, String>,
    ) -> Result<Option<String>, String> {
        make()
    }
}

impl Function {
    /// Adds what the function makes of a text, unless that is empty.
    pub(super) fn apply<'s>(
        &self,
        text: Cow<'s, str>,
        scope: &dyn Scope<'s>,
        into: &mut Texts<'s>,
    ) -> Result<(), String> {
        let made = match self {
            Self::Lower => part(Cow::Owned(text.to_lowercase()), str::trim),
            Self::Upper => part(Cow::Owned(text.to_uppercase()), str::trim),
            Self::Before(mark) => part(text, |text| {
                text.split_once(mark)
                    .map_or(text, |(before, _)| before)
                    .trim()
            }),
            Self::After(mark) => part(text, |text| {
                text.split_once(mark).map_or("", |(_, after)| after).trim()
            }),
            Self::AfterLast(mark) => part(text, |text| {
                text.rsplit_once(mark).map_or("", |(_, after)| after).trim()
            }),
            Self::Split(mark) => {
                let filled = |text: &&str| !text.is_empty();
                match text {
                    Cow::Borrowed(text) => {
                        let texts = text.split(mark.as_str()).map(str::trim).filter(filled);
                        into.extend(texts.map(Cow::Borrowed));
                    }
                    Cow::Owned(text) => {
                        let texts = text.split(mark.as_str()).map(str::trim).filter(filled);
                        into.extend(texts.map(|text| Cow::Owned(text.to_owned())));
                    }
                }
                return Ok(());
            }
            Self::Slug | Self::Date | Self::Code | Self::Map(_) => {
                let make = || match self {
                    Self::Slug => id(&text).map(Some),
                    _ => scope.call(self, &text),
                };
                match scope.recall(self, &text, &make)? {
                    Some(made) => Cow::Owned(made),
                    None => return Ok(()),
                }
            }
        };
        if !made.is_empty() {
            into.push(made);
        }
        Ok(())
    }

    pub(super) fn named(name: &str, argument: Option<String>) -> Result<Self, String> {
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

/// The id of a name.
fn id(name: &str) -> Result<String, String> {
    let none = || format!("`{}` has no letter or digit for an id", excerpt(name));
    slug(name).ok_or_else(none)
}

/// A part of a text.
fn part<'s>(text: Cow<'s, str>, take: impl FnOnce(&str) -> &str) -> Cow<'s, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(take(text)),
        Cow::Owned(text) => Cow::Owned(take(&text).to_owned()),
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
