//! What a text names: an entity by its id, by the beginning of it in any case, or by its name; a record by its number or
//! by the id that it defines.

use servanda_core::event::Kind;
use servanda_core::rules::Known;
use servanda_core::state::{EntityKind, State};
use servanda_core::value::base::excerpt;
use servanda_core::value::id::{PartyId, Seq, Slug, Subject};
use servanda_core::value::party::Name;
use servanda_core::value::unicode;
use servanda_core::view::sentences::Sentences;

use super::suggest::{did_you_mean, near};

/// Most candidates that an error lists.
const LISTED: usize = 8;

/// Fewest characters by which a word in a name is found.
const WORD_LENGTH: usize = 3;

/// A text that does not name one entity or record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotNamed {
    /// Nothing has such an id, name or number.
    #[error("{what} is called `{text}`{}", did_you_mean(near))]
    Nothing {
        /// What was looked for: "no party".
        what: String,
        /// The text.
        text: String,
        /// What it may have meant.
        near: Vec<String>,
    },
    /// There is no record of this number.
    #[error("there is no record {0}")]
    NoRecord(String),
    /// It is the id of something else.
    #[error("{id} is no {}, it names the {} of record {record}", wanted.word(), found.word())]
    OtherKind {
        /// The id.
        id: Slug,
        /// What was looked for.
        wanted: EntityKind,
        /// What it is.
        found: EntityKind,
        /// The record that defines it.
        record: Seq,
    },
    /// Several ids or names begin with the text.
    #[error("`{text}` may be {}", candidates.join(", "))]
    Ambiguous {
        /// The text.
        text: String,
        /// The first of them, with their names.
        candidates: Vec<String>,
    },
}

/// The names in a state.
pub struct Names<'s> {
    state: &'s State,
    sentences: Sentences<'s>,
}

/// An entity that may be meant.
type Candidate<'s> = (&'s Slug, EntityKind);

impl<'s> Names<'s> {
    /// The names in a state.
    pub fn new(state: &'s State) -> Self {
        Self {
            state,
            sentences: Sentences::new(state),
        }
    }

    /// The state.
    pub fn state(&self) -> &'s State {
        self.state
    }

    /// The entities of a kind, or of all.
    pub fn entities(&self, wanted: Option<EntityKind>) -> Vec<Candidate<'s>> {
        let kinds = EntityKind::ALL.iter().copied();
        let kinds = kinds.filter(|kind| wanted.is_none_or(|wanted| wanted == *kind));
        let state = self.state;
        kinds
            .flat_map(|kind| state.ids(kind).map(move |id| (id, kind)))
            .collect()
    }

    /// What an entity is called, the present name first: the names of a party, the title of an agreement or source, the
    /// text of a commitment.
    pub fn of(&self, (id, kind): Candidate<'_>) -> Vec<String> {
        let defined = self.state.defining(id).map(|entry| entry.event.to_fields());
        let defined = defined.unwrap_or_default();
        if kind != EntityKind::Party {
            let fields = ["title", "text", "name"];
            let texts = fields.iter().flat_map(|field| defined.get(field));
            return texts.take(1).cloned().collect();
        }
        let mut names = self.sentences.names(&PartyId(id.clone()));
        let earlier = defined.get("name").iter();
        let earlier = earlier.filter_map(|name| name.parse::<Name>().ok());
        for name in earlier.map(|name| name.text.to_string()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// An entity for people: its id, and its name where that is another.
    pub fn shown(&self, candidate: Candidate<'_>) -> String {
        let (id, _) = candidate;
        match self.of(candidate).first() {
            Some(name) if name != id.as_str() => format!("{id} ({})", brief(name)),
            _ => id.to_string(),
        }
    }

    /// The entity that a text names, of a kind where one is asked for.
    ///
    /// # Errors
    /// [`NotNamed`]
    pub fn entity(&self, text: &str, wanted: Option<EntityKind>) -> Result<Slug, NotNamed> {
        let text = &*unicode::normal(text);
        let exact = text.parse::<Slug>().ok();
        let exact = exact.and_then(|id| Some((self.state.entity(&id)?, id)));
        if let Some(((found, record), id)) = exact {
            return match wanted {
                Some(wanted) if wanted != found => Err(NotNamed::OtherKind {
                    id,
                    wanted,
                    found,
                    record,
                }),
                _ => Ok(id),
            };
        }
        let all = self.entities(wanted);
        match self.stages(text, &all).as_slice() {
            [] => Err(self.nothing(text, wanted, &all)),
            [(id, _)] => Ok((*id).clone()),
            many => Err(NotNamed::Ambiguous {
                text: excerpt(text),
                candidates: many
                    .iter()
                    .take(LISTED)
                    .map(|one| self.shown(*one))
                    .collect(),
            }),
        }
    }

    /// The candidates that a text may mean, by the first way in which it means any.
    fn stages(&self, text: &str, all: &[Candidate<'s>]) -> Vec<Candidate<'s>> {
        let by = |means: &dyn Fn(Candidate<'s>) -> bool| -> Vec<Candidate<'s>> {
            all.iter().copied().filter(|one| means(*one)).collect()
        };
        let wanted = folded(text);
        if text.is_empty() || wanted.is_empty() {
            return Vec::new();
        }
        let begins = |id: &Slug| {
            let start = id.as_str().get(..text.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(text))
        };
        let has_words = |name: &String| {
            let name = folded(name);
            wanted.len() >= WORD_LENGTH
                && wanted
                    .split(' ')
                    .all(|word| name.split(' ').any(|part| part.starts_with(word)))
        };
        let found = by(&|(id, _)| id.as_str().eq_ignore_ascii_case(text));
        if !found.is_empty() {
            return found;
        }
        let found = by(&|one| self.of(one).iter().any(|name| folded(name) == wanted));
        if !found.is_empty() {
            return found;
        }
        let found = by(&|(id, _)| id.as_str().starts_with(text));
        if !found.is_empty() {
            return found;
        }
        let found = by(&|(id, _)| begins(id));
        if !found.is_empty() {
            return found;
        }
        by(&|one| self.of(one).iter().any(has_words))
    }

    fn nothing(&self, text: &str, wanted: Option<EntityKind>, all: &[Candidate<'s>]) -> NotNamed {
        let ids = near(text, all.iter().map(|(id, _)| id.as_str()));
        let near = match ids.is_empty() {
            false => ids,
            true => {
                let names: Vec<(String, &Slug)> = all
                    .iter()
                    .flat_map(|one| self.of(*one).into_iter().map(|name| (folded(&name), one.0)))
                    .collect();
                let alike = near(&folded(text), names.iter().map(|(name, _)| name.as_str()));
                let ids = alike.iter().filter_map(|name| {
                    let found = names.iter().find(|(other, _)| other == name);
                    found.map(|(_, id)| id.to_string())
                });
                ids.collect()
            }
        };
        let what = match wanted {
            Some(kind) => format!("no {}", kind.word()),
            None => "nothing here".to_owned(),
        };
        NotNamed::Nothing {
            what,
            text: excerpt(text),
            near,
        }
    }

    /// The entity or record that a text names.
    ///
    /// # Errors
    /// [`NotNamed`]
    pub fn subject(&self, text: &str) -> Result<Subject, NotNamed> {
        match self.number(text) {
            Some(seq) => seq.map(Subject::Record),
            None => self.entity(text, None).map(Subject::Entity),
        }
    }

    /// The record that a text names by its number, or by the id that it defines. `field` is a field of it that is meant:
    /// where a later record gave that field of the entity another value, an id is ambiguous.
    ///
    /// # Errors
    /// [`NotNamed`]
    pub fn record(&self, text: &str, field: Option<&str>) -> Result<Seq, NotNamed> {
        if let Some(seq) = self.number(text) {
            return seq;
        }
        let id = self.entity(text, None)?;
        let Some((_, defined)) = self.state.entity(&id) else {
            return Err(self.nothing(text, None, &[]));
        };
        let about = Subject::Entity(id);
        // These replace what the record that defines the entity says.
        let replaces = |kind| matches!(kind, Kind::CommitmentAmended | Kind::PartyRenamed);
        let is_meant = |name: &str| field.is_none_or(|field| field == name);
        let mut candidates = vec![defined];
        for entry in self.state.trail_of(&about, replaces) {
            let subject = entry
                .event
                .references()
                .first()
                .map(|(_, named)| named.subject());
            let fields = entry.event.to_fields();
            let own = entry.event.kind().own_fields().iter().skip(1);
            let sets = own.filter(|spec| !fields.get(spec.name).is_empty());
            if subject.as_ref() == Some(&about) && sets.into_iter().any(|spec| is_meant(spec.name))
            {
                candidates.push(entry.seq);
            }
        }
        match candidates.as_slice() {
            [one] => Ok(*one),
            many => Err(NotNamed::Ambiguous {
                text: excerpt(text),
                candidates: many.iter().map(|seq| self.record_shown(*seq)).collect(),
            }),
        }
    }

    /// A record for people: its number and what it says.
    pub fn record_shown(&self, seq: Seq) -> String {
        match self.state.entry(seq) {
            Some(entry) => format!("{seq} ({})", brief(&self.sentences.of(entry))),
            None => seq.to_string(),
        }
    }

    /// The record that a number names: `12` or `#12`. None where the text is no number.
    fn number(&self, text: &str) -> Option<Result<Seq, NotNamed>> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let seq = digits.parse::<Seq>().ok();
        let there = seq.filter(|seq| seq.0 < self.state.count());
        Some(there.ok_or_else(|| NotNamed::NoRecord(excerpt(digits))))
    }
}

/// The beginning of a text, for a list.
pub fn brief(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", line[..at].trim_end()),
        None => line.to_owned(),
    }
}

/// A name for comparing: its words in small letters without accents, one space between two.
fn folded(name: &str) -> String {
    let name = unicode::folded(name);
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}
