//! Texts and tones as a page has them.

use maud::{Markup, html};

use crate::report::Tone;
use servanda_core::words::spelled_out;

/// The class of a tone in `shared.css`.
pub(super) fn class_of(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Attention => "attention",
        Tone::Bad => "bad",
        Tone::Faint => "faint",
    }
}

/// The signs that say a tone without colour, with what they mean.
const SIGNS: [(Tone, &str, &str); 3] = [
    (Tone::Good, "✓", "as it should be"),
    (Tone::Attention, "!", "worth a look"),
    (Tone::Bad, "✕", "as it should not be"),
];

/// A word with its tone: shown by a sign and by colour, never by colour alone. The word says what the sign says, so that a
/// screen reader passes over the sign.
pub(super) fn toned(word: &str, tone: Tone) -> Markup {
    let sign = SIGNS.iter().find(|(of, ..)| *of == tone);
    html! {
        span.word.(class_of(tone)) {
            @if let Some((_, sign, _)) = sign { span.sign aria-hidden="true" { (sign) " " } }
            (shown(word))
        }
    }
}

/// What those signs mean that stand for these tones; nothing where no tone has one.
pub(super) fn legend(has: impl Fn(Tone) -> bool) -> Option<String> {
    let used = SIGNS.iter().filter(|(tone, ..)| has(*tone));
    let used: Vec<String> = used
        .map(|(_, sign, means)| format!("{sign} {means}"))
        .collect();
    (!used.is_empty()).then(|| format!("Signs: {}.", used.join(", ")))
}

/// A text as a page shows it: what is not seen, or turns its neighbours around, is spelled out. Markup is
/// escaped where the text is put into the page.
pub(super) fn shown(text: &str) -> String {
    spelled_out(text, " ", " ").into_owned()
}

/// Whether a word is a date, which is not broken: `2023-05`, `2023-05-11`, a time.
pub(super) fn is_date(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 7 && bytes[4] == b'-' && bytes[..4].iter().all(u8::is_ascii_digit)
}
