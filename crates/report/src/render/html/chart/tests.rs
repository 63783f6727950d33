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
fn no_two_series_look_alike() {
    let lines: std::collections::HashSet<String> = (0..42).map(series).collect();
    assert_eq!(lines.len(), 42);
    let tones = [
        Tone::Plain,
        Tone::Good,
        Tone::Attention,
        Tone::Bad,
        Tone::Faint,
    ];
    let looks = looks(tones.into_iter().cycle().take(35));
    let all: std::collections::HashSet<_> = looks
        .iter()
        .map(|look| (look.colour.as_str(), look.hatch))
        .collect();
    assert_eq!(all.len(), 35);
}

#[test]
fn levels_are_round_and_few() {
    assert_eq!(levels(1), [0, 1]);
    assert_eq!(levels(198), [0, 50, 100, 150]);
    assert_eq!(levels(4), [0, 1, 2, 3, 4]);
    assert!(levels(i64::MAX).len() <= 6);
}
