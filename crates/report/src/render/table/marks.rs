//! Colours in lines that are laid out: first as marks that take no room, then as what a terminal understands.

use anstyle::{AnsiColor, Effects, Style as Ansi};

use super::super::format::Style;
use crate::report::Tone;

/// Marks of the tones that have a colour. They take no room when columns are measured, no text can hold them
/// ([`harmless`]), and [`coloured`] puts colours in their place once every line is laid out.
const MARKS: [(Tone, char); 4] = [
    (Tone::Good, '\u{2061}'),
    (Tone::Attention, '\u{2062}'),
    (Tone::Bad, '\u{2063}'),
    (Tone::Faint, '\u{2064}'),
];
const MARK_END: char = '\u{2060}';

/// A text with marks around each of its words, so that a wrapped one keeps its colour to itself.
pub fn toned(text: &str, tone: Tone, style: Style) -> String {
    let mark = MARKS.iter().find(|(marked, _)| *marked == tone);
    match mark {
        Some((_, mark)) if style.colour => {
            let words = text
                .split(' ')
                .map(|word| format!("{mark}{word}{MARK_END}"));
            words.collect::<Vec<_>>().join(" ")
        }
        _ => text.to_owned(),
    }
}

/// A line with colours in place of marks.
pub fn coloured(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match MARKS.iter().find(|(_, mark)| *mark == c) {
            Some((tone, _)) => out.push_str(&colour_of(*tone).render().to_string()),
            None if c == MARK_END => out.push_str(&anstyle::Reset.render().to_string()),
            None => out.push(c),
        }
    }
    out
}

fn colour_of(tone: Tone) -> Ansi {
    match tone {
        Tone::Plain => Ansi::new(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Attention => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default(),
        Tone::Faint => Ansi::new().effects(Effects::DIMMED),
    }
}
