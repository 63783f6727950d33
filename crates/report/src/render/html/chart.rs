//! Charts as inline SVG. Each is an image with a title and a description in words, followed by a link to the table of
//! its numbers. Series differ by dashes and hatching as well as by colour.

use chrono::{Datelike, Days, NaiveDate};
use maud::{Markup, html};

use super::text::{class_of, shown};
use crate::report::Tone;
use crate::report::chart::{Bar, Chart, Line, Mark, Plot, StackedBar, Threshold};

/// Width of the drawing, in its own units: that of a phone, so that its letters of 13 pixels have that size there.
const WIDTH: f64 = 340.0;
/// Height of a row of text.
const ROW: f64 = 16.0;
/// Height of a bar.
const BAR: f64 = 12.0;
/// Width of a letter, roughly.
const LETTER: f64 = 7.0;
/// Most bars and marks that are drawn one by one. The table has the rest.
const MOST: usize = 40;
/// Colours of series there are in `page.css`.
const COLOURS: usize = 6;
/// Dashes of lines there are in `page.css`, the first of which is none.
const DASHES: usize = 7;

/// A chart with its caption; `table` is the id of the table that holds its numbers.
pub(super) fn figure(chart: &Chart, id: &str, table: &str, table_title: &str) -> Markup {
    let drawing = match &chart.plot {
        Plot::Steps {
            lines,
            thresholds,
            marks,
        } => steps(lines, thresholds, marks),
        Plot::Bars(bars) => self::bars(bars),
        Plot::Stacked { parts, bars } => stacked(parts, bars, id),
        Plot::Timeline(marks) => timeline(marks),
    };
    let Some(Drawing {
        height,
        says,
        markup,
    }) = drawing
    else {
        return html! {};
    };
    html! {
        figure id=(id) {
            figcaption {
                (shown(&chart.title))
                small { "Numbers: " a href=(format!("#{table}")) { (shown(table_title)) } }
            }
            svg role="img" viewBox=(format!("0 0 {WIDTH} {height}")) aria-label=(shown(&format!("{}. {says}", chart.title))) {
                (markup)
            }
        }
    }
}

/// What is drawn, how high it is, and the same in words.
struct Drawing {
    height: f64,
    says: String,
    markup: Markup,
}

/// As much of a label as there is room for. The whole label is in its tooltip, and in the table.
fn fitting(label: &str, room: f64) -> String {
    let (label, most) = (shown(label), (room / LETTER).max(4.0) as usize);
    if label.chars().count() <= most {
        return label;
    }
    label.chars().take(most - 1).chain(['…']).collect()
}

/// A number as a coordinate.
fn at(value: f64) -> String {
    format!("{value:.1}")
}

fn bars(all: &[Bar]) -> Option<Drawing> {
    let most = all.iter().map(|bar| bar.count).max()?.max(1);
    let drawn = &all[..all.len().min(MOST)];
    let row = ROW + BAR + 8.0;
    let list: Vec<String> = drawn
        .iter()
        .map(|bar| format!("{}: {}", bar.label, bar.count))
        .collect();
    Some(Drawing {
        height: row * drawn.len() as f64,
        says: list.join(", "),
        markup: html! {
            @for (place, bar) in drawn.iter().enumerate() {
                @let top = row * place as f64;
                g {
                    title { (shown(&bar.label)) ": " (bar.count) }
                    text x="0" y=(at(top + 12.0)) { (fitting(&bar.label, WIDTH - 60.0)) }
                    text.quiet x=(WIDTH) y=(at(top + 12.0)) text-anchor="end" { (bar.count) }
                    rect.track x="0" y=(at(top + ROW)) width=(WIDTH) height=(BAR) rx="2" {}
                    rect.fill.(class_of(bar.tone)) x="0" y=(at(top + ROW)) width=(at(share(bar.count, most))) height=(BAR) rx="2" {}
                }
            }
        },
    })
}

/// The length of a count where the largest takes the whole width.
fn share(count: i64, most: i64) -> f64 {
    WIDTH * count.max(0) as f64 / most.max(1) as f64
}

fn stacked(parts: &[(String, Tone)], all: &[StackedBar], id: &str) -> Option<Drawing> {
    let total = |bar: &StackedBar| {
        let counts = bar.counts.iter().copied();
        counts.fold(0, i64::saturating_add)
    };
    let most = all.iter().map(total).max()?.max(1);
    let drawn = &all[..all.len().min(MOST)];
    let row = ROW + BAR + 8.0;
    // What no bar has would only fill the legend.
    let used: Vec<usize> = (0..parts.len())
        .filter(|&part| {
            drawn
                .iter()
                .any(|bar| bar.counts.get(part).is_some_and(|&count| count > 0))
        })
        .collect();
    let looks = looks(used.iter().map(|part| parts[*part].1));
    let legend = ROW * used.len().div_ceil(2) as f64 + 8.0;
    let says: Vec<String> = drawn
        .iter()
        .map(|bar| format!("{}: {}", bar.label, in_words(parts, bar)))
        .collect();
    Some(Drawing {
        height: legend + row * drawn.len() as f64,
        says: says.join("; "),
        markup: html! {
            defs { @for kind in 1..HATCHES.len() { @if looks.iter().any(|look| look.hatch == kind) { (hatch(id, kind)) } } }
            @for (place, &part) in used.iter().enumerate() {
                @let name = &parts[part].0;
                @let left = WIDTH / 2.0 * (place % 2) as f64;
                @let top = ROW * (place / 2) as f64;
                (block(id, &looks[place], left, top + 2.0, 12.0))
                text x=(at(left + 18.0)) y=(at(top + 12.0)) { (fitting(name, WIDTH / 2.0 - 22.0)) }
            }
            @for (place, bar) in drawn.iter().enumerate() {
                @let top = legend + row * place as f64;
                g {
                    title { (shown(&bar.label)) ": " (shown(&in_words(parts, bar))) }
                    text x="0" y=(at(top + 12.0)) { (fitting(&bar.label, WIDTH - 60.0)) }
                    text.quiet x=(WIDTH) y=(at(top + 12.0)) text-anchor="end" { (total(bar)) }
                    @for (place, left, width) in pieces(bar, &used, most) {
                        (block(id, &looks[place], left, top + ROW, width))
                    }
                }
            }
        },
    })
}

fn in_words(parts: &[(String, Tone)], bar: &StackedBar) -> String {
    let named = parts
        .iter()
        .zip(&bar.counts)
        .filter(|(_, count)| **count != 0);
    let list: Vec<String> = named
        .map(|((part, _), count)| format!("{part} {count}"))
        .collect();
    list.join(", ")
}

/// The pieces of a bar: the place of the part in the legend, where it begins, how long it is.
fn pieces(bar: &StackedBar, used: &[usize], most: i64) -> Vec<(usize, f64, f64)> {
    let mut left = 0.0;
    let mut pieces = Vec::new();
    for (place, &part) in used.iter().enumerate() {
        let width = share(bar.counts.get(part).copied().unwrap_or(0), most);
        if width > 0.0 {
            pieces.push((place, left, width));
        }
        left += width;
    }
    pieces
}

/// How a part of bars looks.
struct Look {
    /// The class of its colour.
    colour: String,
    /// Its hatching; the first is none.
    hatch: usize,
}

/// How parts of these tones look, no two of them alike: parts of one tone have its colour, and differ by hatching; those that
/// mean neither good nor bad have colours of their own.
fn looks(tones: impl Iterator<Item = Tone>) -> Vec<Look> {
    let mut seen: Vec<Tone> = Vec::new();
    let look = |tone: Tone| {
        let before = seen.iter().filter(|other| **other == tone).count();
        seen.push(tone);
        match tone {
            Tone::Plain => Look {
                colour: format!("s{}", before % COLOURS),
                hatch: before / COLOURS % HATCHES.len(),
            },
            _ => Look {
                colour: class_of(tone).to_owned(),
                hatch: before % HATCHES.len(),
            },
        }
    };
    tones.map(look).collect()
}

/// Hatchings; the first is none.
const HATCHES: [&str; 7] = [
    "",
    "M0 6 L6 0",
    "M0 0 L6 6",
    "M3 0 L3 6",
    "M0 3 L6 3",
    "M0 6 L6 0 M0 0 L6 6",
    "M2 3 L4 3",
];

fn hatch(id: &str, kind: usize) -> Markup {
    html! {
        pattern id=(format!("{id}-hatch{kind}")) width="6" height="6" patternUnits="userSpaceOnUse" {
            path.hatch d=(HATCHES[kind]) {}
        }
    }
}

/// A piece of a bar.
fn block(id: &str, look: &Look, left: f64, top: f64, width: f64) -> Markup {
    html! {
        rect.fill.(look.colour) x=(at(left)) y=(at(top)) width=(at(width)) height=(BAR) {}
        @if look.hatch > 0 {
            rect x=(at(left)) y=(at(top)) width=(at(width)) height=(BAR) fill=(format!("url(#{id}-hatch{})", look.hatch)) {}
        }
    }
}

/// From days and counts to places.
struct Frame {
    first: NaiveDate,
    last: NaiveDate,
    most: i64,
    left: f64,
    top: f64,
    height: f64,
}

impl Frame {
    fn x(&self, day: NaiveDate) -> f64 {
        let span = (self.last - self.first).num_days().max(1) as f64;
        let days = (day - self.first).num_days() as f64;
        self.left + (WIDTH - self.left) * (days / span).clamp(0.0, 1.0)
    }

    fn y(&self, count: i64) -> f64 {
        self.top + self.height * (1.0 - count as f64 / self.most.max(1) as f64)
    }

    /// Years, or months of a short stretch, not more than fit.
    fn ticks(&self) -> Vec<(NaiveDate, String)> {
        let years = self.last.year() - self.first.year();
        if years < 2 {
            let all = months(self.first, self.last);
            let every = all.len().div_ceil(5).max(1);
            return all
                .into_iter()
                .step_by(every)
                .map(|day| (day, day.format("%Y-%m").to_string()))
                .collect();
        }
        let every = [1, 2, 5, 10, 20, 50, 100, 500, 1_000, 10_000, 100_000]
            .into_iter()
            .find(|every| years / every <= 7)
            .unwrap_or(100_000);
        (self.first.year()..=self.last.year())
            .filter(|year| year % every == 0)
            .filter_map(|year| NaiveDate::from_ymd_opt(year, 1, 1))
            .filter(|day| *day >= self.first)
            .map(|day| (day, day.format("%Y").to_string()))
            .collect()
    }

    fn time_axis(&self) -> Markup {
        let foot = self.top + self.height;
        html! {
            line.axis x1=(at(self.left)) x2=(WIDTH) y1=(at(foot)) y2=(at(foot)) {}
            @for (day, label) in self.ticks() {
                @let x = self.x(day);
                line.axis x1=(at(x)) x2=(at(x)) y1=(at(foot)) y2=(at(foot + 4.0)) {}
                text.quiet x=(at(x.clamp(self.left + 14.0, WIDTH - 18.0))) y=(at(foot + 17.0)) text-anchor="middle" { (label) }
            }
        }
    }
}

/// The first day of each month in a stretch.
fn months(first: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
    let mut month = first.with_day(1).unwrap_or(first);
    let mut all = Vec::new();
    while month <= last {
        if month >= first {
            all.push(month);
        }
        match month.checked_add_months(chrono::Months::new(1)) {
            Some(next) => month = next,
            None => break,
        }
    }
    if all.is_empty() { vec![first] } else { all }
}

/// Round counts for the lines across: 0 to at least the most, in about four steps.
fn levels(most: i64) -> Vec<i64> {
    let mut unit: i64 = 1;
    let step = loop {
        let found = [1, 2, 5]
            .map(|factor| unit.saturating_mul(factor))
            .into_iter()
            .find(|step| most / step <= 4);
        match found {
            Some(step) => break step,
            None => unit = unit.saturating_mul(10),
        }
    };
    (0..=most / step).map(|level| level * step).collect()
}

fn steps(lines: &[Line], thresholds: &[Threshold], marks: &[Mark]) -> Option<Drawing> {
    let days = || {
        let points = lines
            .iter()
            .flat_map(|line| line.points.iter().map(|(day, _)| *day));
        points.chain(marks.iter().flat_map(|mark| [mark.first, mark.last]))
    };
    let counts = lines
        .iter()
        .flat_map(|line| line.points.iter().map(|(_, count)| *count));
    let most = counts
        .chain(thresholds.iter().map(|threshold| threshold.count))
        .max()?
        .max(1);
    let legend = if lines.len() > 1 {
        ROW * lines.len() as f64
    } else {
        0.0
    };
    let first = days().min()?;
    // A count that never changed is a level line, and wants some length.
    let least = first.checked_add_days(Days::new(30)).unwrap_or(first);
    let frame = Frame {
        first,
        last: days().max()?.max(least),
        most,
        left: 10.0 + 7.0 * most.to_string().len() as f64,
        top: legend + 6.0 + ROW * marks.len().min(MOST) as f64,
        height: 180.0,
    };
    Some(Drawing {
        height: frame.top + frame.height + 24.0,
        says: said(lines, marks),
        markup: html! {
            @if legend > 0.0 {
                @for (place, line) in lines.iter().enumerate() {
                    @let y = ROW * place as f64;
                    line class=(series(place)) x1="0" x2="36" y1=(at(y + 8.0)) y2=(at(y + 8.0)) {}
                    text x="44" y=(at(y + 12.0)) { (fitting(&line.label, WIDTH - 44.0)) }
                }
            }
            @for level in levels(most) {
                @let y = frame.y(level);
                line.axis x1=(at(frame.left)) x2=(WIDTH) y1=(at(y)) y2=(at(y)) {}
                text.quiet x=(at(frame.left - 5.0)) y=(at(y + 4.0)) text-anchor="end" { (level) }
            }
            (frame.time_axis())
            @for threshold in thresholds {
                @let y = frame.y(threshold.count);
                line.threshold x1=(at(frame.left)) x2=(WIDTH) y1=(at(y)) y2=(at(y)) {}
                text x=(WIDTH) y=(at(y - 4.0)) text-anchor="end" { (fitting(&threshold.label, WIDTH - frame.left)) }
            }
            @for (place, mark) in marks.iter().take(MOST).enumerate() { (flag(&frame, mark, legend + ROW * place as f64)) }
            @for (place, line) in lines.iter().enumerate() { path class=(series(place)) d=(staircase(&frame, line)) {} }
        },
    })
}

/// The lines and marks in words.
fn said(lines: &[Line], marks: &[Mark]) -> String {
    let lines = lines.iter().filter_map(|line| {
        let ((first, from), (last, to)) = (line.points.first()?, line.points.last()?);
        let label = &line.label;
        Some(format!("{label}: from {from} on {first} to {to} on {last}"))
    });
    let marks = marks
        .iter()
        .map(|mark| format!("{}: {}", day_of(mark), mark.label));
    lines.chain(marks).collect::<Vec<String>>().join("; ")
}

/// The classes of a line: no two of the first 42 have the same colour and the same dashes.
fn series(place: usize) -> String {
    let (colour, again) = (place % COLOURS, place / COLOURS);
    format!("line s{colour} d{}", (colour + again) % DASHES)
}

/// A day that means something: a line down to the axis, its label on whichever side has room.
fn flag(frame: &Frame, mark: &Mark, top: f64) -> Markup {
    let x = frame.x(mark.last);
    let (anchor, shift, room) = if x > WIDTH / 2.0 {
        ("end", -4.0, x)
    } else {
        ("start", 4.0, WIDTH - x)
    };
    let day = day_of(mark);
    let room = room - 10.0 - LETTER * day.chars().count() as f64;
    html! {
        g {
            title { (day_of(mark)) " " (shown(&mark.label)) }
            line.mark x1=(at(x)) x2=(at(x)) y1=(at(top + 2.0)) y2=(at(frame.top + frame.height)) {}
            text x=(at(x + shift)) y=(at(top + 12.0)) text-anchor=(anchor) { (day) @if room > 30.0 { " " (fitting(&mark.label, room)) } }
        }
    }
}

/// A count holds until the next one: a path of level and upright pieces.
fn staircase(frame: &Frame, line: &Line) -> String {
    let mut path = String::new();
    for (place, (day, count)) in line.points.iter().enumerate() {
        let (x, y) = (at(frame.x(*day)), at(frame.y(*count)));
        if place == 0 {
            path.push_str(&format!("M{x} {y}"));
        } else {
            path.push_str(&format!("H{x}V{y}"));
        }
    }
    if !line.points.is_empty() {
        path.push_str(&format!("H{}", at(frame.x(frame.last))));
    }
    path
}

fn day_of(mark: &Mark) -> String {
    if mark.first == mark.last {
        mark.first.to_string()
    } else {
        format!("{} to {}", mark.first, mark.last)
    }
}

/// A row for each day: where it lies in time, and what it was.
fn timeline(all: &[Mark]) -> Option<Drawing> {
    let drawn = &all[..all.len().min(MOST)];
    let row = ROW + 14.0;
    let frame = Frame {
        first: drawn.iter().map(|mark| mark.first).min()?,
        last: drawn.iter().map(|mark| mark.last).max()?,
        most: 1,
        left: 8.0,
        top: 0.0,
        height: row * drawn.len() as f64 + 4.0,
    };
    let list: Vec<String> = drawn
        .iter()
        .map(|mark| format!("{} {}", day_of(mark), mark.label))
        .collect();
    Some(Drawing {
        height: frame.height + 24.0,
        says: list.join("; "),
        markup: html! {
            (frame.time_axis())
            @for (place, mark) in drawn.iter().enumerate() {
                @let top = row * place as f64;
                @let (from, to) = (frame.x(mark.first).min(WIDTH - 8.0), frame.x(mark.last).min(WIDTH - 8.0));
                g {
                    title { (day_of(mark)) " " (shown(&mark.label)) }
                    @let day = day_of(mark);
                    @let room = WIDTH - LETTER * (day.chars().count() + 1) as f64;
                    text x="0" y=(at(top + 12.0)) { tspan.quiet { (day) } " " (fitting(&mark.label, room)) }
                    line.axis x1=(at(frame.left)) x2=(WIDTH) y1=(at(top + 21.0)) y2=(at(top + 21.0)) {}
                    rect.fill.dot.(class_of(mark.tone)) x=(at(from - 4.0)) y=(at(top + 16.5)) width=(at(to - from + 9.0)) height="9" rx="4.5" {}
                }
            }
        },
    })
}

#[cfg(test)]
mod tests;
