//! Errors of values.

use crate::wire::WireError;

/// Why a text is not a value of its type. Says what was found and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);

impl ValueError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<ValueError> for WireError {
    fn from(error: ValueError) -> Self {
        Self::Malformed(error.0)
    }
}

/// The error for a word outside a closed list: names the list.
pub fn unknown_word(found: &str, words: &[&str]) -> ValueError {
    ValueError(format!(
        "`{}` is not one of: {}",
        excerpt(found),
        words.join(", ")
    ))
}

/// The start of a text, for messages: at most 40 characters, control characters escaped.
pub fn excerpt(text: &str) -> String {
    let mut out: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        out.push('…');
    }
    out
}
