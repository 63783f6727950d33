//! Words that pages and the API share.

use servanda_core::rules::Advice;
use servanda_core::value::commitment::{Asserter, Capacity};

/// What a recorder can do instead of a refused event, in words of its fields.
pub fn advice(advice: &Advice) -> String {
    match advice {
        Advice::Use(words) | Advice::Do(words) => words.clone(),
        Advice::Move(row) => {
            let by: Vec<String> = row.by.iter().map(|one| asserter(*one)).collect();
            format!("{} ({}; by {})", row.to, row.cause, by.join(" or "))
        }
        Advice::AssertedBy(one) => format!("asserted by {}", asserter(*one)),
        Advice::AsRegular => "record it without a reason for being irregular".to_owned(),
        Advice::BothCases => {
            "another id: one that differs in more than upper and lower case".to_owned()
        }
        Advice::DeclareKey(party) => format!("declare the key of {party} first (party-key)"),
    }
}

/// Who must assert a move, with the capacity that no role tells.
pub fn asserter(asserter: Asserter) -> String {
    let capacity = match asserter {
        Asserter::Arbiter => Capacity::Arbiter,
        Asserter::Assessor => Capacity::Assessor,
        Asserter::Terms => Capacity::Terms,
        _ => return asserter.to_string(),
    };
    format!("{asserter} (capacity {capacity})")
}

/// A name of a field or column, for people: `last heard`.
pub fn spaced(name: &str) -> String {
    name.replace(['_', '-'], " ")
}

/// A text with a capital letter at its beginning.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
