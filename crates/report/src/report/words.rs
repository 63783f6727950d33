//! Words that are looked for in texts.

use servanda_core::value::unicode::folded;

/// Words to look for.
#[derive(Debug, Clone)]
pub struct Wanted(Vec<String>);

impl Wanted {
    /// Looks for these, each as a part of a text.
    pub fn new(words: &[String]) -> Self {
        Self(words.iter().map(|word| folded(word)).collect())
    }

    /// Whether each word stands in one of these texts at least.
    pub fn stand_in<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> bool {
        let mut open: Vec<&str> = self.0.iter().map(String::as_str).collect();
        for text in texts {
            if open.is_empty() {
                break;
            }
            let text = folded(text);
            open.retain(|word| !text.contains(word));
        }
        open.is_empty()
    }

    /// Whether any of the words stands in a text.
    pub fn touch(&self, text: &str) -> bool {
        let text = folded(text);
        self.0.iter().any(|word| text.contains(word.as_str()))
    }

    /// The part of a text around the first word in it, of about `length` characters, with `…` where it is cut.
    pub fn excerpt(&self, text: &str, length: usize) -> String {
        let letters: Vec<char> = text.chars().collect();
        if letters.len() <= length {
            return text.to_owned();
        }
        // Where the word begins in the text, by the letters that each of its letters becomes.
        let mut plain = String::new();
        let mut starts = Vec::with_capacity(letters.len());
        for letter in &letters {
            starts.push(plain.len());
            plain.push_str(&folded(letter.encode_utf8(&mut [0; 4])));
        }
        let found = self.0.iter().filter_map(|word| plain.find(word.as_str()));
        let found = found.min().unwrap_or(0);
        let at = starts.partition_point(|start| *start < found);
        let from = at.saturating_sub(length / 3).min(letters.len() - length);
        let cut: String = letters[from..from + length].iter().collect();
        let before = if from > 0 { "…" } else { "" };
        let after = if from + length < letters.len() {
            "…"
        } else {
            ""
        };
        format!("{before}{}{after}", cut.trim())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wanted(words: &[&str]) -> Wanted {
        Wanted::new(
            &words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn case_and_accents_do_not_matter() {
        for (text, word) in [
            ("José Pérez", "jose"),
            ("jose perez", "JOSÉ"),
            ("ＢＲＩＤＧＥ", "bridge"),
            ("ПАРИЖ", "париж"),
        ] {
            assert!(wanted(&[word]).stand_in([text]), "{text} {word}");
        }
        assert!(wanted(&["bridge", "pier"]).stand_in(["the Bridge", "its pier"]));
        assert!(!wanted(&["bridge", "road"]).stand_in(["the Bridge", "its pier"]));
        assert!(wanted(&[]).stand_in([]));
    }

    #[test]
    fn an_excerpt_shows_the_word() {
        let text = format!(
            "{} the bridge over the river {}",
            "before ".repeat(40),
            "after ".repeat(40)
        );
        let excerpt = wanted(&["BRIDGE"]).excerpt(&text, 60);
        assert!(excerpt.contains("bridge") && excerpt.starts_with('…') && excerpt.ends_with('…'));
        assert!(excerpt.chars().count() <= 62, "{excerpt}");
        assert_eq!(wanted(&["x"]).excerpt("short", 60), "short");
    }

    proptest! {
        #[test]
        fn an_excerpt_of_any_text_is_short(text in ".{0,300}", word in ".{0,5}", length in 3..80_usize) {
            let excerpt = wanted(&[&word]).excerpt(&text, length);
            prop_assert!(excerpt.chars().count() <= length.max(text.chars().count().min(length)) + 2);
        }
    }
}
