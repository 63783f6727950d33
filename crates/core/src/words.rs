//! Words that leave the program.
//!
//! Texts come from events, files, flags and other machines. All that a person may read passes [`harmless`] or
//! [`spelled_out`]; all JSON passes [`harmless_json`].

use std::borrow::Cow;
use std::fmt::Write as _;

/// "1 event", "2 events".
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// A text on one line that cannot move a cursor, hide, turn its neighbours around or look like another row: line ends
/// are shown as `↵`, tabs as spaces, and what [`is_unseen`] is spelled out, as `\u{202e}`.
pub fn harmless(text: &str) -> String {
    spelled_out(text, " ↵ ", " ").into_owned()
}

/// As [`harmless`], with these in place of line ends and tabs.
pub fn spelled_out<'t>(text: &'t str, line_end: &str, tab: &str) -> Cow<'t, str> {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~');
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str(line_end),
            '\t' => out.push_str(tab),
            c if is_unseen(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// JSON in which what is unseen stands as an escape of JSON. A reader gets the same texts.
pub fn harmless_json(json: &str) -> Cow<'_, str> {
    // Below U+007F there are only the line ends between values: JSON escapes these characters inside texts.
    let is_harmful = |c: char| c >= '\u{7f}' && is_unseen(c);
    if !json.contains(is_harmful) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_harmful(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("a string takes every text");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// What controls a terminal, or takes no room and changes how the rest reads: control characters, marks of direction,
/// spaces without width, tags. Joiners, which several scripts need, do not count.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unseen_is_spelled_out_and_the_rest_stays() {
        let text = "a\nrecord 99\t\u{202e}\u{1b}[31m \u{9b} é\u{200d}\u{e0041}";
        assert_eq!(
            harmless(text),
            "a ↵ record 99 \\u{202e}\\u{1b}[31m \\u{9b} é\u{200d}\\u{e0041}"
        );
        assert_eq!(spelled_out("a\nb\tc", "\n", "\t"), "a\nb\tc");
    }

    #[test]
    fn json_says_the_same_and_hides_nothing() {
        for text in ["plain", "\u{202e}\u{7f}\u{9b}\u{e0041} é\n", "日本"] {
            let json = serde_json::to_string_pretty(&[text]).unwrap();
            let escaped = harmless_json(&json);
            assert!(!escaped.chars().any(|c| is_unseen(c) && c != '\n'));
            let again: Vec<String> = serde_json::from_str(&escaped).unwrap();
            assert_eq!(again, [text]);
        }
        assert!(matches!(harmless_json("[\"日本\"]"), Cow::Borrowed(_)));
    }
}
