//! Texts and tones as a page has them.

use crate::report::Tone;
use servanda_core::words::spelled_out;

/// The class of a tone in `page.css`.
pub(super) fn class_of(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Attention => "attention",
        Tone::Bad => "bad",
        Tone::Faint => "faint",
    }
}

/// A text as a page shows it: what is not seen, or turns its neighbours around, is spelled out. Markup is
/// escaped where the text is put into the page.
pub(super) fn shown(text: &str) -> String {
    spelled_out(text, " ", " ").into_owned()
}
