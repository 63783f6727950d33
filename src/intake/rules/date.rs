//! Dates in stated formats; the program guesses none.

use std::fmt;
use std::str::FromStr;

use servanda_core::value::base::excerpt;
use servanda_core::value::when::When;

/// How the dates of a table are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dates {
    /// The formats, in the order in which they are tried.
    pub formats: Vec<Format>,
    /// The languages of names of months.
    pub months: Vec<Language>,
    /// Further names of months, with their number.
    pub month_names: Vec<(String, u8)>,
    /// Letters that may follow a date after a space, and say what happened on it.
    pub codes: Vec<String>,
    /// Texts that are not dates, and their meanings.
    pub sentinels: Vec<(String, When)>,
}

/// A part of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    Day,
    MonthName,
    /// Two digits that are ignored: hours, minutes, seconds.
    Time(char),
    Space,
    Literal(char),
}

/// A format such as `%d %b %Y`. One without a day gives a month, one without a month gives a year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format(Vec<Part>);

impl FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '%' => match chars.next() {
                    Some('Y') => Part::Year,
                    Some('m') => Part::Month,
                    Some('d' | 'e') => Part::Day,
                    Some('b' | 'B') => Part::MonthName,
                    Some(c @ ('H' | 'M' | 'S')) => Part::Time(c),
                    Some('%') => Part::Literal('%'),
                    Some('y') => {
                        return Err("%y leaves the century to a guess; write %Y".into());
                    }
                    other => {
                        let found = other.map_or(String::new(), String::from);
                        return Err(format!(
                            "`%{found}` is not one of %Y %m %d %b (a month's name) %H %M %S %%"
                        ));
                    }
                },
                c if c.is_whitespace() => Part::Space,
                c => Part::Literal(c),
            });
        }
        let count = |part: &[Part]| parts.iter().filter(|p| part.contains(p)).count();
        let months = count(&[Part::Month, Part::MonthName]);
        let days = count(&[Part::Day]);
        if count(&[Part::Year]) != 1 || months > 1 || days > months {
            return Err(format!(
                "`{}` needs %Y once, and at most a month (%m or %b) and a day of it (%d)",
                excerpt(text)
            ));
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Year => f.write_str("%Y"),
            Part::Month => f.write_str("%m"),
            Part::Day => f.write_str("%d"),
            Part::MonthName => f.write_str("%b"),
            Part::Time(c) => write!(f, "%{c}"),
            Part::Space => f.write_str(" "),
            Part::Literal('%') => f.write_str("%%"),
            Part::Literal(c) => write!(f, "{c}"),
        })
    }
}

impl Format {
    /// Whether it has a month's name.
    pub fn has_month_name(&self) -> bool {
        self.0.contains(&Part::MonthName)
    }
}

/// A language whose names of months are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language(&'static str);

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for Language {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match MONTHS.iter().find(|(tag, _)| *tag == text) {
            Some((tag, _)) => Ok(Self(tag)),
            None => {
                let known: Vec<&str> = MONTHS.iter().map(|(tag, _)| *tag).collect();
                Err(format!(
                    "`{}` is not one of {}; other names go under `month_names`",
                    excerpt(text),
                    known.join(", ")
                ))
            }
        }
    }
}

/// The names of months by language: in full, then shortened.
const MONTHS: &[(&str, [&str; 12])] = &[
    (
        "de",
        [
            "januar jan jänner",
            "februar feb",
            "märz mär mrz",
            "april apr",
            "mai",
            "juni jun",
            "juli jul",
            "august aug",
            "september sep sept",
            "oktober okt",
            "november nov",
            "dezember dez",
        ],
    ),
    (
        "en",
        [
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep",
            "october oct",
            "november nov",
            "december dec",
        ],
    ),
    (
        "es",
        [
            "enero ene",
            "febrero feb",
            "marzo mar",
            "abril abr",
            "mayo may",
            "junio jun",
            "julio jul",
            "agosto ago",
            "septiembre setiembre sep sept",
            "octubre oct",
            "noviembre nov",
            "diciembre dic",
        ],
    ),
    (
        "fr",
        [
            "janvier janv",
            "février févr fév",
            "mars",
            "avril avr",
            "mai",
            "juin",
            "juillet juil",
            "août",
            "septembre sept",
            "octobre oct",
            "novembre nov",
            "décembre déc",
        ],
    ),
    (
        "pt",
        [
            "janeiro jan",
            "fevereiro fev",
            "março mar",
            "abril abr",
            "maio mai",
            "junho jun",
            "julho jul",
            "agosto ago",
            "setembro set",
            "outubro out",
            "novembro nov",
            "dezembro dez",
        ],
    ),
];

impl Dates {
    /// Reads a date.
    ///
    /// # Errors
    /// Why the text is not a date.
    pub fn read(&self, text: &str) -> Result<When, String> {
        let sentinel = |text: &str| self.sentinels.iter().find(|(found, _)| found == text);
        let (date, _) = self.without_code(text);
        if let Some((_, when)) = sentinel(text).or_else(|| sentinel(date)) {
            return Ok(*when);
        }
        let mut wrong = None;
        for format in &self.formats {
            match self.read_as(date, format).map(|text| text.parse()) {
                Some(Ok(when)) => return Ok(when),
                Some(Err(error)) => wrong = Some(error.to_string()),
                None => {}
            }
        }
        Err(wrong.unwrap_or_else(|| {
            let formats: Vec<String> = self.formats.iter().map(ToString::to_string).collect();
            match formats.as_slice() {
                [] => format!("`{}` is not read: [dates] gives no formats", excerpt(text)),
                _ => format!(
                    "`{}` is no date of the form {}",
                    excerpt(text),
                    formats.join(" or ")
                ),
            }
        }))
    }

    /// The code after a date; empty where there is none.
    pub fn code<'t>(&self, text: &'t str) -> &'t str {
        self.without_code(text).1
    }

    /// A text without the code after it, and the code.
    fn without_code<'t>(&self, text: &'t str) -> (&'t str, &'t str) {
        match text.rsplit_once(char::is_whitespace) {
            Some((date, code)) if self.codes.iter().any(|known| known == code) => {
                (date.trim_end(), code)
            }
            _ => (text, ""),
        }
    }

    /// Reads a text in a format, and writes it in the form of [`When`].
    fn read_as(&self, text: &str, format: &Format) -> Option<String> {
        let (mut year, mut month, mut day) = (0, None, None);
        let mut rest = text;
        for part in &format.0 {
            rest = match part {
                Part::Year => number(rest, 4, 4, &mut year)?,
                Part::Month => number(rest, 1, 2, month.insert(0))?,
                Part::Day => number(rest, 1, 2, day.insert(0))?,
                Part::Time(_) => number(rest, 2, 2, &mut 0)?,
                Part::MonthName => {
                    let is_name = |c: char| c.is_alphabetic() || c == '.';
                    let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                    month = Some(u16::from(self.month(&rest[..end])?));
                    &rest[end..]
                }
                Part::Space => {
                    let trimmed = rest.trim_start();
                    if trimmed.len() == rest.len() {
                        return None;
                    }
                    trimmed
                }
                Part::Literal(c) => rest.strip_prefix(*c)?,
            };
        }
        let tail = |part: Option<u16>| part.map_or(String::new(), |part| format!("-{part:02}"));
        rest.is_empty()
            .then(|| format!("{year:04}{}{}", tail(month), tail(day)))
    }

    fn month(&self, name: &str) -> Option<u8> {
        let own = self.month_names.iter().find(|(own, _)| own == name);
        if let Some((_, month)) = own {
            return Some(*month);
        }
        let name = name.trim_end_matches('.').to_lowercase();
        (1..=12).find(|month| {
            MONTHS
                .iter()
                .filter(|(tag, _)| self.months.iter().any(|language| language.0 == *tag))
                .any(|(_, names)| {
                    names[usize::from(*month) - 1]
                        .split(' ')
                        .any(|known| known == name)
                })
        })
    }
}

/// Reads a number of up to so many digits from the front.
fn number<'t>(text: &'t str, least: usize, most: usize, into: &mut u16) -> Option<&'t str> {
    let digits = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if digits < least {
        return None;
    }
    *into = text[..digits].parse().ok()?;
    Some(&text[digits..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dates(formats: &[&str]) -> Dates {
        Dates {
            formats: formats.iter().map(|f| f.parse().unwrap()).collect(),
            months: vec!["en".parse().unwrap()],
            month_names: vec![("Sept".into(), 9)],
            codes: vec!["a".into(), "AA".into()],
            sentinels: vec![("31.12.9999".into(), When::NotApplicable)],
        }
    }

    #[test]
    fn dates_of_stated_formats() {
        let dates = dates(&["%d %b %Y", "%d.%m.%Y", "%b %Y", "%Y", "%Y-%m-%dT%H:%M:%S"]);
        for (text, when) in [
            ("24 Jan 1983 a", "1983-01-24"),
            ("4  July 2006", "2006-07-04"),
            ("5 Sept 2000 AA", "2000-09-05"),
            ("1.2.2003", "2003-02-01"),
            ("MARCH 1999", "1999-03"),
            ("1999", "1999"),
            ("31.12.9999", "not-applicable"),
            ("31.12.9999 a", "not-applicable"),
            ("2021-01-21T15:37:30", "2021-01-21"),
        ] {
            assert_eq!(
                dates.read(text).map(|w| w.to_string()),
                Ok(when.into()),
                "{text}"
            );
        }
        assert_eq!(dates.code("24 Jan 1983 AA"), "AA");
        assert_eq!(dates.code("24 Jan 1983"), "");
    }

    #[test]
    fn what_is_no_date_says_why() {
        let dates = dates(&["%d %b %Y", "%d.%m.%Y"]);
        for (text, why) in [
            ("24 Jan 1983 x", "no date of the form %d %b %Y or %d.%m.%Y"),
            ("31 Feb 1983", "1983-02 has days 01 to 28"),
            ("1.13.2000", "there is no month 13"),
            ("24 Janvier 1983", "no date of the form"),
            ("24 Jan 1983, again", "no date of the form"),
            ("", "no date of the form"),
        ] {
            let error = dates.read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        for (format, why) in [
            ("%d/%m/%y", "century"),
            ("%d", "needs %Y once"),
            ("%Y %d", "needs %Y once"),
            ("%Q", "is not one of"),
            ("%", "is not one of"),
        ] {
            let error = format.parse::<Format>().unwrap_err();
            assert!(error.contains(why), "{format}: {error}");
        }
        let error = "xx".parse::<Language>().unwrap_err();
        assert!(error.contains("de, en, es, fr, pt"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,30}", format in "[%YmdbHMS .é-]{0,12}") {
            if let Ok(format) = format.parse::<Format>() {
                prop_assert_eq!(format.to_string().parse::<Format>(), Ok(format.clone()));
                let dates = Dates { formats: vec![format], ..dates(&[]) };
                let _ = dates.read(&text);
            }
        }
    }
}
