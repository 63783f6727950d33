//! Charts as inline SVG. Each is an image with a title and a description in words, followed by a link to the table of
//! its numbers. Series differ by dashes and hatching as well as by colour.

use chrono::{Datelike, Days, NaiveDate};
use maud::{Markup, html};

use super::text::{class_of, shown};
use crate::report::Tone;
use crate::report::chart::{Bar, Chart, Line, Mark, Plot, StackedBar, Threshold};

/// Width of the drawing, in its own units: wide enough for labels, narrow enough to be read on a phone.
const WIDTH: f64 = 480.0;
/// Height of a row of text.
const ROW: f64 = 16.0;
/// Height of a bar.
const BAR: f64 = 12.0;
/// Most characters of a label: as many as fit in a row. The whole label is in its tooltip, and in the table.
const LABEL: usize = 60;
/// Most bars and marks that are drawn one by one. The table has the rest.
const MOST: usize = 40;
/// Dashes of lines there are in `page.css`.
const DASHES: usize = 5;

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

fn short(label: &str) -> String {
    let label = shown(label);
    if label.chars().count() <= LABEL {
        return label;
    }
    label.chars().take(LABEL - 1).chain(['…']).collect()
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
                    text x="0" y=(at(top + 12.0)) { (short(&bar.label)) }
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
    let legend = ROW * used.len().div_ceil(2) as f64 + 8.0;
    let says: Vec<String> = drawn
        .iter()
        .map(|bar| format!("{}: {}", bar.label, in_words(parts, bar)))
        .collect();
    Some(Drawing {
        height: legend + row * drawn.len() as f64,
        says: says.join("; "),
        markup: html! {
            defs { @for kind in 1..HATCHES { (hatch(id, kind)) } }
            @for (place, &part) in used.iter().enumerate() {
                @let (name, tone) = &parts[part];
                @let left = WIDTH / 2.0 * (place % 2) as f64;
                @let top = ROW * (place / 2) as f64;
                (block(id, place, *tone, left, top + 2.0, 12.0))
                text x=(at(left + 18.0)) y=(at(top + 12.0)) { (short(name)) }
            }
            @for (place, bar) in drawn.iter().enumerate() {
                @let top = legend + row * place as f64;
                g {
                    title { (shown(&bar.label)) ": " (shown(&in_words(parts, bar))) }
                    text x="0" y=(at(top + 12.0)) { (short(&bar.label)) }
                    text.quiet x=(WIDTH) y=(at(top + 12.0)) text-anchor="end" { (total(bar)) }
                    @for (place, (part, left, width)) in pieces(bar, &used, most) {
                        (block(id, place, parts[part].1, left, top + ROW, width))
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

/// The pieces of a bar: the place of the part in the legend, which part, where it begins, how long it is.
fn pieces(bar: &StackedBar, used: &[usize], most: i64) -> Vec<(usize, (usize, f64, f64))> {
    let mut left = 0.0;
    let mut pieces = Vec::new();
    for (place, &part) in used.iter().enumerate() {
        let width = share(bar.counts.get(part).copied().unwrap_or(0), most);
        if width > 0.0 {
            pieces.push((place, (part, left, width)));
        }
        left += width;
    }
    pieces
}

/// Hatchings there are, the first of which is none.
const HATCHES: usize = 4;

fn hatch(id: &str, kind: usize) -> Markup {
    let line = match kind {
        1 => "M0 6 L6 0",
        2 => "M0 0 L6 6",
        _ => "M3 0 L3 6",
    };
    html! {
        pattern id=(format!("{id}-hatch{kind}")) width="6" height="6" patternUnits="userSpaceOnUse" {
            path.hatch d=(line) {}
        }
    }
}

/// A piece of a bar in the colour of its tone and the hatching of its place.
fn block(id: &str, part: usize, tone: Tone, left: f64, top: f64, width: f64) -> Markup {
    let kind = part % HATCHES;
    html! {
        rect.fill.(class_of(tone)) x=(at(left)) y=(at(top)) width=(at(width)) height=(BAR) {}
        @if kind > 0 {
            rect x=(at(left)) y=(at(top)) width=(at(width)) height=(BAR) fill=(format!("url(#{id}-hatch{kind})")) {}
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
            let every = all.len().div_ceil(6).max(1);
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
                    line.line.(dash(place)) x1="0" x2="30" y1=(at(y + 8.0)) y2=(at(y + 8.0)) {}
                    text x="38" y=(at(y + 12.0)) { (short(&line.label)) }
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
                text x=(WIDTH) y=(at(y - 4.0)) text-anchor="end" { (short(&threshold.label)) }
            }
            @for (place, mark) in marks.iter().take(MOST).enumerate() { (flag(&frame, mark, legend + ROW * place as f64)) }
            @for (place, line) in lines.iter().enumerate() { path.line.(dash(place)) d=(staircase(&frame, line)) {} }
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

fn dash(place: usize) -> String {
    format!("s{}", place % DASHES)
}

/// A day that means something: a line down to the axis, its label on whichever side has room.
fn flag(frame: &Frame, mark: &Mark, top: f64) -> Markup {
    let x = frame.x(mark.last);
    let (anchor, shift) = if x > WIDTH / 2.0 {
        ("end", -4.0)
    } else {
        ("start", 4.0)
    };
    html! {
        g {
            title { (day_of(mark)) " " (shown(&mark.label)) }
            line.mark x1=(at(x)) x2=(at(x)) y1=(at(top + 2.0)) y2=(at(frame.top + frame.height)) {}
            text x=(at(x + shift)) y=(at(top + 12.0)) text-anchor=(anchor) { (day_of(mark)) " " (short(&mark.label)) }
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
                    text x="0" y=(at(top + 12.0)) { tspan.quiet { (day_of(mark)) } " " (short(&mark.label)) }
                    line.axis x1=(at(frame.left)) x2=(WIDTH) y1=(at(top + 21.0)) y2=(at(top + 21.0)) {}
                    rect.fill.dot.(class_of(mark.tone)) x=(at(from - 4.0)) y=(at(top + 16.5)) width=(at(to - from + 9.0)) height="9" rx="4.5" {}
                }
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn drawn(plot: Plot) -> String {
        let chart = Chart {
            name: "c".to_owned(),
            title: "Parties bound".into(),
            table: "t",
            plot,
        };
        figure(&chart, "chart-c", "table-t", "Parties").into_string()
    }

    #[test]
    fn a_curve_holds_its_count_until_the_next_and_says_the_threshold() {
        let svg = drawn(Plot::Steps {
            lines: vec![Line {
                label: "parties".into(),
                points: vec![
                    (day("2016-01-01"), 0),
                    (day("2016-07-01"), 10),
                    (day("2020-01-01"), 8),
                ],
            }],
            thresholds: vec![Threshold {
                count: 10,
                label: "10 parties".into(),
            }],
            marks: vec![Mark {
                first: day("2016-07-01"),
                last: day("2016-07-01"),
                label: "in force".into(),
                tone: Tone::Good,
            }],
        });
        assert!(svg.contains("2016-07-01 in force"));
        assert!(svg.contains("10 parties"));
        assert!(svg.contains(">2018<"), "{svg}");
        assert!(svg.contains("parties: from 0 on 2016-01-01 to 8 on 2020-01-01"));
        assert!(svg.contains(r##"href="#table-t""##));
    }

    #[test]
    fn every_plot_is_drawn_whatever_it_holds() {
        let mark = |first, last| Mark {
            first: day(first),
            last: day(last),
            label: "x".repeat(200),
            tone: Tone::Bad,
        };
        let far = vec![mark("0001-01-01", "9999-12-31"); 100];
        for plot in [
            Plot::Bars(Vec::new()),
            Plot::Bars(vec![Bar {
                label: String::new(),
                count: 0,
                tone: Tone::Plain,
            }]),
            Plot::Bars(vec![Bar {
                label: "max".into(),
                count: i64::MAX,
                tone: Tone::Plain,
            }]),
            Plot::Stacked {
                parts: vec![("a".into(), Tone::Good); 9],
                bars: vec![StackedBar {
                    label: "b".into(),
                    counts: vec![1; 9],
                }],
            },
            Plot::Timeline(Vec::new()),
            Plot::Timeline(far.clone()),
            Plot::Steps {
                lines: Vec::new(),
                thresholds: Vec::new(),
                marks: Vec::new(),
            },
            Plot::Steps {
                lines: Vec::new(),
                thresholds: vec![Threshold {
                    count: i64::MAX,
                    label: "t".into(),
                }],
                marks: far,
            },
        ] {
            let svg = drawn(plot);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn levels_are_round_and_few() {
        assert_eq!(levels(1), [0, 1]);
        assert_eq!(levels(198), [0, 50, 100, 150]);
        assert_eq!(levels(4), [0, 1, 2, 3, 4]);
        assert!(levels(i64::MAX).len() <= 6);
    }
}
