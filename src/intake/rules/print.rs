//! Rules printed as TOML that reads as the same rules.

use std::fmt::{self, Display, Formatter};

use super::date::Dates;
use super::model::{Conditions, EventRule, Map, OnChange, Other, Per, Rules};
use crate::intake::table::{Encoding, Form};
use servanda_core::value::when::When;

/// A text in the quotes of TOML.
pub(crate) struct Quoted<'t>(pub &'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() => write!(f, "\\u{:04X}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// A list of texts; a single text stands without its list.
struct Texts<'t, T>(&'t [T]);

impl<T: Display> Display for Texts<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let quoted: Vec<String> = self
            .0
            .iter()
            .map(|t| Quoted(&t.to_string()).to_string())
            .collect();
        match quoted.as_slice() {
            [one] => f.write_str(one),
            many => write!(f, "[{}]", many.join(", ")),
        }
    }
}

fn one(f: &mut Formatter<'_>, key: &str, value: impl Display) -> fmt::Result {
    writeln!(f, "{key} = {}", Quoted(&value.to_string()))
}

fn some<T: Display>(f: &mut Formatter<'_>, key: &str, values: &[T]) -> fmt::Result {
    match values.is_empty() {
        true => Ok(()),
        false => writeln!(f, "{key} = {}", Texts(values)),
    }
}

fn pairs<V>(
    f: &mut Formatter<'_>,
    key: &str,
    pairs: &[(impl Display, V)],
    value: impl Fn(&V) -> String,
) -> fmt::Result {
    if pairs.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = pairs
        .iter()
        .map(|(name, found)| format!("{} = {}", Quoted(&name.to_string()), value(found)))
        .collect();
    writeln!(f, "{key} = {{ {} }}", list.join(", "))
}

fn form(f: &mut Formatter<'_>, form: &Form) -> fmt::Result {
    let plain = Form::default();
    if form.encoding != plain.encoding {
        let word = Encoding::WORDS
            .iter()
            .find(|(_, found)| *found == form.encoding);
        one(f, "encoding", word.map_or("", |(word, _)| word))?;
    }
    match form.delimiter {
        b'\t' => one(f, "delimiter", "tab")?,
        other if other != plain.delimiter => one(f, "delimiter", char::from(other))?,
        _ => {}
    }
    if !form.quotes {
        writeln!(f, "quotes = false")?;
    }
    if form.skip_lines > 0 {
        writeln!(f, "skip_lines = {}", form.skip_lines)?;
    }
    match &form.header {
        Some(names) => {
            let names: Vec<String> = names.iter().map(|n| Quoted(n).to_string()).collect();
            writeln!(f, "header = [{}]", names.join(", "))
        }
        None => Ok(()),
    }
}

fn conditions(f: &mut Formatter<'_>, key: &str, all: &Conditions) -> fmt::Result {
    pairs(f, key, all, |patterns| Texts(patterns).to_string())
}

fn dates(f: &mut Formatter<'_>, dates: &Dates) -> fmt::Result {
    if *dates == Dates::default() {
        return Ok(());
    }
    writeln!(f, "\n[dates]")?;
    some(f, "formats", &dates.formats)?;
    some(f, "months", &dates.months)?;
    pairs(f, "month_names", &dates.month_names, ToString::to_string)?;
    some(f, "codes", &dates.codes)?;
    let quoted = |when: &When| Quoted(&when.to_string()).to_string();
    pairs(f, "sentinels", &dates.sentinels, quoted)
}

fn map(f: &mut Formatter<'_>, name: &str, map: &Map) -> fmt::Result {
    writeln!(f, "\n[map.{name:?}]")?;
    if map.fold_case {
        writeln!(f, "fold_case = true")?;
    }
    match map.other {
        Other::Refuse => {}
        Other::Keep => one(f, "other", "keep")?,
        Other::Drop => one(f, "other", "drop")?,
    }
    pairs(f, "values", &map.values, |to| Quoted(to).to_string())
}

impl Display for Rules {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "[table]")?;
        form(f, &self.form)?;
        if let Some(pattern) = &self.file_name {
            one(f, "file_name", pattern)?;
        }
        some(f, "empty", &self.empty)?;
        if let Some(template) = &self.recorded_at {
            one(f, "recorded_at", template)?;
        }
        if !self.columns.is_empty() {
            writeln!(f, "\n[columns]")?;
            for (name, headers) in &self.columns {
                writeln!(f, "{name:?} = {}", Texts(headers))?;
            }
        }
        dates(f, &self.dates)?;
        self.maps
            .iter()
            .try_for_each(|(name, found)| map(f, name, found))?;
        if !self.lets.is_empty() {
            writeln!(f, "\n[let]")?;
            for (name, template) in &self.lets {
                writeln!(f, "{name:?} = {}", Quoted(&template.to_string()))?;
            }
        }
        for (name, lookup) in &self.lookups {
            writeln!(f, "\n[lookup.{name:?}]")?;
            one(f, "file", &lookup.file)?;
            form(f, &lookup.form)?;
            one(f, "key", &lookup.key)?;
            one(f, "by", &lookup.by)?;
        }
        if let Some(log) = &self.change_log {
            writeln!(f, "\n[change_log]")?;
            some(f, "files", &log.files)?;
            one(f, "row", &log.row)?;
            one(f, "column", &log.column)?;
            one(f, "value", &log.value)?;
            one(f, "version", &log.version)?;
            if let Some(template) = &log.recorded_at {
                one(f, "recorded_at", template)?;
            }
        }
        if !self.source.is_empty() {
            writeln!(f, "\n[source]")?;
            for (name, templates) in &self.source {
                writeln!(f, "{name} = {}", Texts(templates))?;
            }
        }
        for skip in &self.skips {
            writeln!(f, "\n[[skip]]")?;
            conditions(f, "when", &skip.when)?;
            conditions(f, "unless", &skip.unless)?;
            one(f, "reason", &skip.reason)?;
        }
        self.events
            .iter()
            .try_for_each(|event| write!(f, "\n{event}"))
    }
}

impl Display for EventRule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "[[event]]")?;
        one(f, "event", self.kind)?;
        if self.once {
            writeln!(f, "once = true")?;
        }
        match &self.per {
            Per::Row => {}
            Per::Cell(cells, except) => {
                writeln!(f, "cells = {}", Texts(cells))?;
                some(f, "except", except)?;
            }
            Per::Item(list) => one(f, "each", list)?,
        }
        conditions(f, "when", &self.when)?;
        conditions(f, "unless", &self.unless)?;
        some(f, "gather", &self.gather)?;
        pairs(f, "on_change", &self.on_change, |what| {
            let word = match what {
                OnChange::Correct => "correct",
                OnChange::Append => "append",
                OnChange::Keep => "keep",
            };
            Quoted(word).to_string()
        })?;
        if let Some(reason) = &self.if_irregular {
            one(f, "if_irregular", reason)?;
        }
        for (name, templates) in &self.fields {
            writeln!(f, "{name} = {}", Texts(templates))?;
        }
        Ok(())
    }
}
