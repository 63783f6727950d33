//! Rules read from TOML. All errors are found in one run, each with its line and key. Unknown keys are refused, because a
//! misspelt key would have no effect.

use std::cell::RefCell;
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::date::{Dates, Format};
use super::function::Function;
use super::model::{
    ChangeLog, Conditions, EventRule, Lookup, Map, OnChange, Other, Per, RULES_LIMIT, Rules,
    RulesError, Skip,
};
use super::name_pattern::is_name;
use super::template::{Expression, Template};
use super::toml::{Item, Reader, Section};
use crate::intake::table::{Form, encoding};
use servanda_core::event::{FieldSpec, Kind};
use servanda_core::value::base::{Shape, excerpt};
use servanda_core::value::unicode;

impl FromStr for Rules {
    type Err = Vec<RulesError>;
    fn from_str(text: &str) -> Result<Self, Vec<RulesError>> {
        let whole = |message: String| {
            vec![RulesError {
                line: 1,
                key: String::new(),
                message,
            }]
        };
        if text.len() > RULES_LIMIT {
            return Err(whole(format!("more than {RULES_LIMIT} bytes are no rules")));
        }
        // They are compared with the cells and headers of tables, which are read in this form.
        let text = unicode::normal(text.trim_start_matches('\u{feff}'));
        let text = text.as_ref();
        let reader = Reader {
            text,
            errors: RefCell::default(),
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                reader.fail(at, "", format!("not TOML: {}", error.message()));
                return Err(reader.errors.into_inner());
            }
        };
        let top = Section {
            reader: &reader,
            path: String::new(),
            at: 0,
            table: Some(table.get_ref()),
            taken: RefCell::default(),
        };
        let rules = rules(&top);
        let mut errors = reader.errors.into_inner();
        errors.sort_by_key(|error| error.line);
        match errors.is_empty() {
            true => Ok(rules),
            false => Err(errors),
        }
    }
}

fn rules(top: &Section<'_, '_>) -> Rules {
    let mut rules = Rules::default();
    let mut recorded_at = None;
    if let Some(item) = top.take("table") {
        let section = item.section();
        rules.form = form(&section);
        if let Some(item) = section.take("header") {
            rules.form.header = Some(item.texts());
        }
        rules.file_name = section.take("file_name").and_then(|item| item.parsed());
        if let Some(item) = section.take("empty") {
            rules.empty = item.texts();
        }
        recorded_at = section.take("recorded_at");
        section.close();
    }
    for (name, item) in entries(top, "columns") {
        check_name(&name, &item);
        rules.columns.push((name, item.texts()));
    }
    if let Some(item) = top.take("dates") {
        rules.dates = dates(&item.section());
    }
    for (name, item) in entries(top, "map") {
        check_name(&name, &item);
        if Function::is_name(&name) {
            item.fail("this is the name of a function; give the map another");
        }
        rules.maps.push((name, map(&item.section())));
    }
    for (name, item) in entries(top, "let") {
        check_name(&name, &item);
        if let Some(template) = template(&item, &rules) {
            rules.lets.push((name, template));
        }
    }
    for (name, item) in entries(top, "lookup") {
        check_name(&name, &item);
        if let Some(lookup) = lookup(&item.section(), &rules) {
            rules.lookups.push((name, lookup));
        }
    }
    rules.recorded_at = recorded_at.and_then(|item| template(&item, &rules));
    if let Some(item) = top.take("change_log") {
        rules.change_log = change_log(&item.section(), &rules);
    }
    if let Some(item) = top.take("source") {
        rules.source = fields(&item.section(), Kind::SourceRegistered, &rules);
    }
    for item in top.take("skip").iter().flat_map(Item::list) {
        rules.skips.extend(skip(&item.section(), &rules));
    }
    match top.take("event") {
        None => top
            .reader
            .fail(0, "", "[[event]] is missing: the event that a row gives"),
        Some(events) => {
            for item in events.list() {
                rules.events.extend(event(&item.section(), &rules));
            }
        }
    }
    top.close();
    rules
}

fn entries<'r, 'a>(top: &Section<'r, 'a>, key: &'static str) -> Vec<(String, Item<'r, 'a>)> {
    top.take(key)
        .map_or(Vec::new(), |item| item.section().rest())
}

fn check_name(name: &str, item: &Item<'_, '_>) {
    if !is_name(name) {
        item.fail("a name has letters, digits, `_` and `-` only");
    }
}

/// Reads the keys that say how a table's file is written.
fn form(section: &Section<'_, '_>) -> Form {
    let mut form = Form::default();
    if let Some(item) = section.take("encoding") {
        form.encoding = item.text().and_then(encoding);
        if form.encoding.is_none() {
            item.fail("is no encoding; there are utf-8, utf-16, windows-1252, iso-8859-2 and all others of the WHATWG");
        }
    }
    let character = |item: &Item<'_, '_>| match item.text() {
        Some("tab") => Some(b'\t'),
        Some(text) if text.len() == 1 && text != "\"" && text != "\n" => Some(text.as_bytes()[0]),
        Some(_) => {
            item.fail("write one ASCII character, or \"tab\"");
            None
        }
        None => None,
    };
    if let Some(item) = section.take("delimiter") {
        form.delimiter = character(&item);
    }
    if let Some(item) = section.take("quotes") {
        form.quotes = item.flag();
    }
    if let Some(item) = section.take("skip_lines") {
        form.skip_lines = item.number();
    }
    if let Some(item) = section.take("sheet") {
        form.sheet = item.text().map(ToOwned::to_owned);
    }
    form
}

fn dates(section: &Section<'_, '_>) -> Dates {
    let mut dates = Dates::default();
    if let Some(item) = section.take("formats") {
        dates.formats = item.all();
    }
    if let Some(item) = section.take("months") {
        dates.months = item.all();
    }
    if let Some(item) = section.take("month_names") {
        for (name, number) in item.section().rest() {
            match u8::try_from(number.number()) {
                Ok(month @ 1..=12) => dates.month_names.push((name, month)),
                _ => number.fail("months run from 1 to 12"),
            }
        }
    }
    if let Some(item) = section.take("codes") {
        dates.codes = item.texts();
        if dates
            .codes
            .iter()
            .any(|code| code.is_empty() || code.contains(char::is_whitespace))
        {
            item.fail("a code is a text without spaces");
        }
    }
    if let Some(item) = section.take("sentinels") {
        for (text, when) in item.section().rest() {
            dates
                .sentinels
                .extend(when.parsed().map(|when| (text, when)));
        }
    }
    if let Some(item) = section.table.and_then(|_| section.take("formats"))
        && dates.formats.iter().any(Format::has_month_name)
        && dates.months.is_empty()
        && dates.month_names.is_empty()
    {
        item.fail("%b needs a language: months = [\"en\"]");
    }
    section.close();
    dates
}

fn map(section: &Section<'_, '_>) -> Map {
    let mut map = Map::default();
    if let Some(item) = section.take("fold_case") {
        map.fold_case = item.flag();
    }
    if let Some(item) = section.take("other") {
        let words = [
            ("refuse", Other::Refuse),
            ("keep", Other::Keep),
            ("drop", Other::Drop),
        ];
        map.other = item.word(&words).unwrap_or_default();
    }
    if let Some(item) = section.take("values") {
        for (text, to) in item.section().rest() {
            let is_there = map.values.iter().any(|(found, _)| match map.fold_case {
                true => found.to_lowercase() == text.to_lowercase(),
                false => *found == text,
            });
            if is_there {
                to.fail("stands twice, because case does not matter");
            }
            map.values.extend(to.text().map(|to| (text, to.to_owned())));
        }
    }
    section.close();
    map
}

fn lookup(section: &Section<'_, '_>, rules: &Rules) -> Option<Lookup> {
    let form = form(section);
    let file = section
        .need(
            "file",
            "the file of the second table, relative to the first",
        )
        .and_then(|item| item.text());
    let key = section
        .need("key", "the key of its rows, from its own columns")
        .and_then(|item| template(&item, rules));
    let by = section
        .need("by", "the key to look up, from the columns of the table")
        .and_then(|item| template(&item, rules));
    section.close();
    Some(Lookup {
        file: file?.to_owned(),
        form,
        key: key?,
        by: by?,
    })
}

fn change_log(section: &Section<'_, '_>, rules: &Rules) -> Option<ChangeLog> {
    let need = |key, what| {
        section
            .need(key, what)
            .and_then(|item| template(&item, rules))
    };
    let row = need("row", "the row of the other table that changed");
    let column = need("column", "the header of the column that changed");
    let value = need("value", "the new text of the cell");
    let version = need("version", "the text that the rows of one version share");
    let files = section
        .take("files")
        .map_or(Vec::new(), |item| item.texts());
    let recorded_at = section
        .take("recorded_at")
        .and_then(|item| template(&item, rules));
    section.close();
    Some(ChangeLog {
        files,
        recorded_at,
        row: row?,
        column: column?,
        value: value?,
        version: version?,
    })
}

fn skip(section: &Section<'_, '_>, rules: &Rules) -> Option<Skip> {
    let when = conditions(section, "when", rules);
    let unless = conditions(section, "unless", rules);
    let reason = section
        .need("reason", "why these rows are left out")
        .and_then(|item| item.text());
    section.close();
    Some(Skip {
        when,
        unless,
        reason: reason?.to_owned(),
    })
}

fn event(section: &Section<'_, '_>, rules: &Rules) -> Option<EventRule> {
    let kind: Option<Kind> = section
        .need("event", "the kind of event, such as \"participation\"")
        .and_then(|item| item.parsed());
    let once = section.take("once").is_some_and(|item| item.flag());
    let cells = section.take("cells");
    let except = section.take("except");
    let each = section.take("each");
    if let (Some(each), Some(_)) = (&each, &cells) {
        each.fail("an event is made for each cell or for each value, not both");
    }
    if let (None, Some(except)) = (&cells, &except) {
        except.fail("has no meaning without `cells`");
    }
    let per = match (cells, each.and_then(|item| expression(&item, rules))) {
        (Some(cells), _) => Per::Cell(
            cells.texts(),
            except.map_or(Vec::new(), |item| item.texts()),
        ),
        (None, Some(list)) => Per::Item(list),
        (None, None) => Per::Row,
    };
    let when = conditions(section, "when", rules);
    let unless = conditions(section, "unless", rules);
    let gathered = section.take("gather");
    let changed = section.take("on_change");
    let if_irregular = section.take("if_irregular").and_then(|item| item.parsed());
    let kind = kind?;
    let gather = gathered.map_or(Vec::new(), |item| {
        if !once {
            item.fail("only an event that is made once gathers: once = true");
        }
        let names = item.texts();
        for name in &names {
            let spec = field(kind, name, &item);
            if spec.is_some_and(|spec| spec.shape != Shape::Many) {
                item.fail(format!("{name} takes one value only"));
            }
        }
        names
    });
    let on_change = changed.map_or(Vec::new(), |item| on_change(&item, kind));
    let fields = fields(section, kind, rules);
    if fields.iter().all(|(name, _)| name != "import_key") {
        section.reader.fail(
            section.at,
            &section.path,
            "import_key is missing: it identifies a row in later versions of the table, as in \"{file.stem}:{Name|slug}\"",
        );
    }
    Some(EventRule {
        kind,
        per,
        once,
        when,
        unless,
        gather,
        on_change,
        if_irregular,
        fields,
    })
}

fn on_change(item: &Item<'_, '_>, kind: Kind) -> Vec<(String, OnChange)> {
    let words = [
        ("correct", OnChange::Correct),
        ("append", OnChange::Append),
        ("keep", OnChange::Keep),
    ];
    if let DeValue::String(_) = item.value {
        return item
            .word(&words)
            .into_iter()
            .map(|what| ("*".to_owned(), what))
            .collect();
    }
    let mut all = Vec::new();
    for (name, item) in item.section().rest() {
        if name != "*" {
            field(kind, &name, &item);
        }
        all.extend(item.word(&words).map(|what| (name, what)));
    }
    all
}

/// Finds a field of an event, or reports that there is none.
fn field(kind: Kind, name: &str, item: &Item<'_, '_>) -> Option<&'static FieldSpec> {
    let spec = kind.fields().find(|spec| spec.name == name);
    if spec.is_none() {
        let known: Vec<&str> = kind.fields().map(|spec| spec.name).collect();
        item.fail(format!(
            "`{kind}` has no field `{}`; its fields are {}",
            excerpt(name),
            known.join(", ")
        ));
    }
    spec
}

/// Reads the rest of a section as fields of an event.
fn fields(section: &Section<'_, '_>, kind: Kind, rules: &Rules) -> Vec<(String, Vec<Template>)> {
    let mut all = Vec::new();
    for (name, item) in section.rest() {
        if field(kind, &name, &item).is_some() {
            let templates = item
                .list()
                .iter()
                .filter_map(|item| template(item, rules))
                .collect();
            all.push((name, templates));
        }
    }
    all
}

fn conditions(section: &Section<'_, '_>, key: &'static str, rules: &Rules) -> Conditions {
    let mut all = Vec::new();
    for (text, item) in section
        .take(key)
        .map_or(Vec::new(), |item| item.section().rest())
    {
        match text.parse::<Expression>() {
            Ok(expression) => {
                check_maps(expression.maps(), &item, rules);
                all.push((expression, item.texts()));
            }
            Err(error) => item.fail(error),
        }
    }
    all
}

fn template(item: &Item<'_, '_>, rules: &Rules) -> Option<Template> {
    let template: Template = item.parsed()?;
    check_maps(template.maps(), item, rules);
    Some(template)
}

fn expression(item: &Item<'_, '_>, rules: &Rules) -> Option<Expression> {
    let expression: Expression = item.parsed()?;
    check_maps(expression.maps(), item, rules);
    Some(expression)
}

fn check_maps<'n>(names: impl Iterator<Item = &'n str>, item: &Item<'_, '_>, rules: &Rules) {
    for name in names {
        if rules.maps.iter().all(|(known, _)| known != name) {
            item.fail(format!(
                "`{}` is no function and no [map]; the functions are {}",
                excerpt(name),
                Function::list()
            ));
        }
    }
}
