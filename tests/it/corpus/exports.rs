//! Tamperings with the text of an export that no store can be like: only verify.py and verify.js read exports.

use super::story::Story;
use super::{Case, Expect, Store};

pub fn all() -> Vec<Case> {
    let text = Store::bound(&Story::honest()).export();
    let lines: Vec<&str> = text.lines().collect();
    let link = "\"link\":\"";
    let mut cases = Vec::new();
    let mut add = |name: &str, export: String| {
        cases.push(Case {
            name: format!("export: {name}"),
            store: None,
            export: Some(export),
            expect: Expect::Refused,
        });
    };
    add("nothing", String::new());
    add("without its last newline", text.trim_end().to_owned());
    add(
        "without the head",
        lines[..lines.len() - 1].join("\n") + "\n",
    );
    add(
        "the head first",
        format!("{}\n{text}", lines[lines.len() - 1]),
    );
    add(
        "the head twice",
        format!("{text}{}\n", lines[lines.len() - 1]),
    );
    add(
        "a line of something else behind the head",
        format!("{text}{{}}\n"),
    );
    add("a mark of the byte order", format!("\u{feff}{text}"));
    for at in [0, 3, 18, 32] {
        let with = |line: String| {
            let mut lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
            lines[at] = line;
            lines.join("\n") + "\n"
        };
        let line = lines[at];
        let number = format!("\"seq\":{at}");
        for (name, from, to) in [
            ("a member more", "{", "{\"more\":1,".to_owned()),
            ("a member twice", "{", format!("{{{number},")),
            ("no number", &*number, "\"seq\":null".to_owned()),
            ("a number with a sign", &number, format!("\"seq\":-{at}")),
            ("a number with a fraction", &number, format!("{number}.0")),
            ("a number with an exponent", &number, format!("{number}e0")),
            ("a number as a text", &number, format!("\"seq\":\"{at}\"")),
            (
                "a number beyond 64 bits",
                &number,
                format!("\"seq\":{}", u128::MAX),
            ),
            ("no link", link, "\"link\":null,\"x\":\"".to_owned()),
            ("a link too long", link, format!("{link}00")),
            (
                "upper-case digits",
                "\"record\":\"01",
                "\"record\":\"0A".to_owned(),
            ),
            (
                "half a byte",
                "\"record\":\"01",
                "\"record\":\"1".to_owned(),
            ),
            (
                "a space among the digits",
                "\"record\":\"01",
                "\"record\":\"01 ".to_owned(),
            ),
            (
                "an escape in a name",
                "\"seq\"",
                "\"s\\u0065q\",\"seq\"".to_owned(),
            ),
        ] {
            assert!(line.contains(from), "{name}");
            add(
                &format!("{name} in line {at}"),
                with(line.replacen(from, &to, 1)),
            );
        }
        add(
            &format!("an empty line before line {at}"),
            with(format!("\n{line}")),
        );
        add(
            &format!("line {at} cut"),
            with(line[..line.len() / 2].to_owned()),
        );
        add(&format!("line {at} in a list"), with(format!("[{line}]")));
        let digit = line.find(link).unwrap() + link.len();
        let other = if &line[digit..=digit] == "0" {
            "1"
        } else {
            "0"
        };
        let changed = format!("{}{other}{}", &line[..digit], &line[digit + 1..]);
        add(&format!("another link in line {at}"), with(changed));
    }
    cases
}
