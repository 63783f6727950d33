//! Patterns for headers and cells: `*` fits any text, `?` any character, every other character itself.

/// Whether a text fits a pattern as a whole.
pub fn fits(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // The pattern after the last `*`, and the text from where it was tried.
    let mut star: Option<(&str, &str)> = None;
    loop {
        match pattern.chars().next() {
            None if text.is_empty() => return true,
            Some('*') => {
                pattern = &pattern[1..];
                star = Some((pattern, text));
            }
            Some(c) if c == '?' && !text.is_empty() || text.starts_with(c) => {
                pattern = &pattern[c.len_utf8()..];
                text = behind_first(text);
            }
            _ => match star {
                Some((rest, tried)) if !tried.is_empty() => {
                    pattern = rest;
                    text = behind_first(tried);
                    star = Some((pattern, text));
                }
                _ => return false,
            },
        }
    }
}

/// A text without its first character.
fn behind_first(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

/// Whether a text has wildcards.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("?*", "x"),
            ("Rat*(a)*", "Ratification, Accession(a)"),
            ("*ab", "aab"),
            ("C?te", "Côte"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "x"), ("?*", ""), ("a", "A"), ("*a", "ab"), ("a?", "a")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_without_wildcards_fits_itself_only(a in "[a-c]{0,4}", b in "[a-c]{0,4}") {
            prop_assert_eq!(fits(&a, &b), a == b);
            let around = format!("*{}*", a);
            prop_assert_eq!(fits(&around, &b), b.contains(&a));
        }
    }
}
