//! Patterns for headers and cells: `*` stands for any text, `?` for one character, all else for itself.

/// Whether a text fits a pattern as a whole.
pub fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stood, and how far it has been stretched.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, stretched)) => {
                    star = Some((at, stretched + 1));
                    p = at + 1;
                    t = stretched + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Whether a text is a pattern, and not just itself.
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
