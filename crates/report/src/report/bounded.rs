//! Lists in notes, of which only the first items are shown, and the length of notes.

use std::borrow::Cow;

/// The most items that a note names one by one.
const TOLD: usize = 50;

/// The most characters of a note.
pub const NOTE: usize = 2_000;

/// The most characters of an item in a note that has several.
const ITEM: usize = 300;

/// Room for the number of the items that are not named.
const REST: usize = 40;

/// A text of at most so many characters, cut where it is longer.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept = text.char_indices().nth(most - 1).map_or(0, |(at, _)| at);
            Cow::Owned(format!("{}…", &text[..kept]))
        }
    }
}

/// Texts of which the first are kept and the others are counted.
#[derive(Debug, Default)]
pub struct Bounded {
    first: Vec<String>,
    more: usize,
}

impl Bounded {
    /// Adds a text, which is only made where it is kept.
    pub fn add(&mut self, text: impl FnOnce() -> String) {
        self.add_some(|| Some(text()));
    }

    /// Adds a text, where there is one; what is not kept counts without being made.
    pub fn add_some(&mut self, text: impl FnOnce() -> Option<String>) {
        if self.first.len() < TOLD {
            self.first.extend(text());
        } else {
            self.more += 1;
        }
    }

    /// The texts in a line, and how many more there are; none where there are none.
    pub fn joined(self, separator: &str) -> Option<String> {
        let (mut told, mut more, mut room) = (Vec::new(), self.more, NOTE / 2 + NOTE / 4);
        for text in &self.first {
            let text = cut(text, ITEM);
            let length = text.chars().count() + separator.len();
            if length + REST > room {
                more += 1;
                room = REST;
            } else {
                room -= length;
                told.push(text.into_owned());
            }
        }
        if more > 0 {
            told.push(and_more(more));
        }
        (!told.is_empty()).then(|| told.join(separator))
    }

    /// The texts, and a last one that says how many more there are of `what`.
    pub fn lines(mut self, what: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.first.drain(..).collect();
        for line in &mut lines {
            *line = cut(line, NOTE).into_owned();
        }
        if self.more > 0 {
            lines.push(format!("{} {what}", and_more(self.more)));
        }
        lines
    }
}

impl Extend<String> for Bounded {
    fn extend<I: IntoIterator<Item = String>>(&mut self, texts: I) {
        texts.into_iter().for_each(|text| self.add(|| text));
    }
}

/// `and 4,112 more`.
fn and_more(count: usize) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("and {grouped} more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_named_and_the_others_counted() {
        let of = |count: usize| {
            let mut bounded = Bounded::default();
            bounded.extend((0..count).map(|one| one.to_string()));
            bounded
        };
        assert_eq!(of(0).joined(", "), None);
        assert_eq!(of(3).joined(", ").as_deref(), Some("0, 1, 2"));
        assert!(of(TOLD).joined(", ").unwrap().ends_with(", 49"));
        let many = of(TOLD + 4_112);
        assert!(many.joined("; ").unwrap().ends_with("; 49; and 4,112 more"));
        let lines = of(TOLD + 1_000_001).lines("deadlines");
        assert_eq!(lines.len(), TOLD + 1);
        assert_eq!(lines[TOLD], "and 1,000,001 more deadlines");
    }

    #[test]
    fn no_note_is_long() {
        let length = |text: &str| text.chars().count();
        let long = "ü".repeat(32_000);
        assert_eq!(length(&cut(&long, NOTE)), NOTE);
        assert_eq!(cut("as it is", 8), "as it is");
        for (items, of_each) in [(1, 32_000), (49, 299), (49, 32_000), (5_000, 60)] {
            let many = || {
                let mut bounded = Bounded::default();
                bounded.extend((0..items).map(|_| "ü".repeat(of_each)));
                bounded
            };
            let joined = many().joined("; ").unwrap();
            assert!(length(&joined) < NOTE - 100, "{}", length(&joined));
            assert!(items == 1 || joined.contains("; and "), "{joined}");
            assert!(many().lines("x").iter().all(|line| length(line) <= NOTE));
        }
    }

    #[test]
    fn what_is_not_named_is_not_made() {
        let mut bounded = Bounded::default();
        let mut made = 0;
        for _ in 0..500 {
            bounded.add(|| {
                made += 1;
                String::new()
            });
        }
        assert_eq!(made, TOLD);
    }
}
