//! Which logs are trusted, and which witnesses are enough: C2SP tlog-policy, a draft
//! (<https://c2sp.org/tlog-policy>).
//!
//! ```text
//! # Two of three strangers must have seen it.
//! log servanda.example/log1+146d4a70+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c
//!
//! witness ana <vkey> https://ana.example/witness/
//! witness ben <vkey>
//! witness cem <vkey>
//! group strangers 2 ana ben cem
//! quorum strangers
//! ```
//!
//! Unlike the specification, names and URLs have to be UTF-8 here; comments may be anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::chain::checkpoint::{CheckpointError, SignedCheckpoint, VerifiedCheckpoint};
use crate::chain::key::{KeyError, SignatureType, VerifierKey};
use crate::chain::text;

/// Longest policy, in bytes.
pub const MAX_LEN: usize = 256 * 1024;

/// Most logs, most witnesses and most groups. The specification wants at least 32 of each.
pub const MAX_ENTRIES: usize = 256;

/// The quorum that asks for no witness.
const NONE: &str = "none";

/// Where and why a policy was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line} of the policy: {fault}")]
pub struct PolicyError {
    /// One-based. The last line for what the policy as a whole lacks.
    pub line: usize,
    /// What is wrong there.
    pub fault: PolicyFault,
}

/// What can be wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyFault {
    /// More than [`MAX_LEN`] bytes.
    #[error("{len} bytes are above the limit of {MAX_LEN}")]
    TooLong {
        /// Its bytes.
        len: usize,
    },
    /// A name or URL that is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// A control character other than tab and newline.
    #[error("it holds a control character, a carriage return perhaps")]
    ControlCharacter,
    /// The last line is cut off: its names may be, too.
    #[error("it does not end in a newline; is the file cut off?")]
    Unterminated,
    /// Not `log`, `witness`, `group` or `quorum`.
    #[error("{0:?} is not log, witness, group or quorum")]
    Keyword(String),
    /// Too few or too many words.
    #[error("it should read: {0}")]
    Usage(&'static str),
    /// The key does not parse.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A log with a witness's key, or the other way round.
    #[error("a {entry} has no key of type {found}")]
    KeyType {
        /// `log` or `witness`.
        entry: &'static str,
        /// The type of the key.
        found: SignatureType,
    },
    /// The same public key twice among the logs or among the witnesses, also under two names.
    #[error("its key is listed before")]
    DuplicateKey,
    /// A name defined twice, or `none`.
    #[error("the name {0:?} is taken")]
    NameTaken(String),
    /// A name that no line before defines, or `none` as a member of a group.
    #[error("no line before defines {0:?}")]
    UnknownName(String),
    /// A witness or group that is a member already, here or elsewhere.
    #[error("{0:?} is a member of a group already")]
    SecondMembership(String),
    /// Not `all`, `any` or a number from 1 to the number of members.
    #[error("a group asks for all, any or 1 to {members} of its members")]
    Threshold {
        /// Members listed.
        members: usize,
    },
    /// A second quorum line.
    #[error("there is a quorum already")]
    SecondQuorum,
    /// No quorum line at all.
    #[error("there is no quorum line")]
    NoQuorum,
    /// More than [`MAX_ENTRIES`] of a kind.
    #[error("there are more than {MAX_ENTRIES} of them")]
    TooMany,
}

/// Why a checkpoint does not satisfy a policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyUnmet {
    /// It is not signed by a log of the policy, or a signature is wrong.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Too few witnesses cosigned it, or not the right ones.
    #[error("the quorum {quorum} is not met: {}", cosigners(.cosigned))]
    Quorum {
        /// The name of the quorum.
        quorum: String,
        /// Names of the witnesses that did cosign, in the policy's words.
        cosigned: Vec<String>,
    },
}

/// A log whose checkpoints are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its key, named after its origin.
    pub key: VerifierKey,
    /// Where to reach it, if said.
    pub url: Option<String>,
}

/// A witness that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What the policy calls it; its key has a name of its own.
    pub name: String,
    /// Its key, for cosignature/v1.
    pub key: VerifierKey,
    /// The prefix of its submission URL, if said.
    pub url: Option<String>,
}

/// How many members of a group are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// Every one.
    All,
    /// One.
    Any,
    /// This many, at least one and at most as many as there are.
    AtLeast(usize),
}

/// Witnesses and groups of which some are enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What the policy calls it.
    pub name: String,
    /// How many of the members.
    pub threshold: Threshold,
    /// Names of witnesses and of groups defined before this one; at least one.
    pub members: Vec<String>,
}

/// A policy that is sound: every name is defined, and before it is used. Prints in a canonical order
/// and without comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: String,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`] with the line that is wrong.
    pub fn parse(policy: &[u8]) -> Result<Self, PolicyError> {
        let mut draft = Draft::default();
        let at = |line| move |fault| PolicyError { line, fault };
        let len = policy.len();
        if len > MAX_LEN {
            return Err(at(1)(PolicyFault::TooLong { len }));
        }
        let mut line = 0;
        for bytes in policy.split_inclusive(|byte| *byte == b'\n') {
            line += 1;
            draft.read_line(bytes).map_err(at(line))?;
        }
        draft.finish().map_err(at(line.max(1)))
    }

    /// The logs, in the order they were listed. There may be none.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses, in the order they were listed. There may be none.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The groups, each after its members.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The name of the witness or group that decides; `None` if no witness is asked for.
    pub fn quorum(&self) -> Option<&str> {
        (self.quorum != NONE).then_some(self.quorum.as_str())
    }

    /// Whether these witnesses, by their names in the policy, are enough. Names that the policy does
    /// not give to a witness count for nothing.
    pub fn evaluate(&self, cosigned: &BTreeSet<&str>) -> bool {
        let Some(quorum) = self.quorum() else {
            return true;
        };
        let mut met: BTreeMap<&str, bool> = BTreeMap::new();
        for Witness { name, .. } in &self.witnesses {
            met.insert(name, cosigned.contains(name.as_str()));
        }
        // In order, no recursion: a group only has members that were defined before it.
        for group in &self.groups {
            let is_met = |name: &&String| met.get(name.as_str()) == Some(&true);
            let count = group.members.iter().filter(is_met).count();
            let wanted = group.threshold.of(group.members.len());
            met.insert(&group.name, count >= wanted);
        }
        met.get(quorum) == Some(&true)
    }

    /// Checks that a log of the policy signed the checkpoint and that its witnesses cosigned it in
    /// the numbers asked for.
    ///
    /// # Errors
    /// [`PolicyUnmet`] says which of the two is missing, or which signature is wrong.
    pub fn check<'k>(
        &'k self,
        checkpoint: &SignedCheckpoint,
    ) -> Result<VerifiedCheckpoint<'k>, PolicyUnmet> {
        let logs = self.logs.iter().map(|log| &log.key);
        let witnesses = self.witnesses.iter().map(|witness| &witness.key);
        let verified = checkpoint.verify(logs, witnesses)?;
        let cosigned = self.names(&verified);
        if self.evaluate(&cosigned) {
            return Ok(verified);
        }
        Err(PolicyUnmet::Quorum {
            quorum: self.quorum.clone(),
            cosigned: cosigned.into_iter().map(str::to_owned).collect(),
        })
    }

    /// What the policy calls the witnesses that cosigned.
    pub fn names(&self, verified: &VerifiedCheckpoint<'_>) -> BTreeSet<&str> {
        let cosigned = |witness: &&Witness| {
            let mut cosignatures = verified.cosignatures().iter();
            cosignatures.any(|cosignature| *cosignature.key == witness.key)
        };
        let witnesses = self.witnesses.iter().filter(cosigned);
        witnesses.map(|witness| witness.name.as_str()).collect()
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(policy: &str) -> Result<Self, PolicyError> {
        Self::parse(policy.as_bytes())
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Log { key, url } in &self.logs {
            writeln!(f, "log {key}{}", optional(url))?;
        }
        for Witness { name, key, url } in &self.witnesses {
            writeln!(f, "witness {name} {key}{}", optional(url))?;
        }
        for group in &self.groups {
            let (name, members) = (&group.name, group.members.join(" "));
            writeln!(f, "group {name} {} {members}", group.threshold)?;
        }
        writeln!(f, "quorum {}", self.quorum)
    }
}

impl Threshold {
    /// How many that is, of `members`.
    fn of(self, members: usize) -> usize {
        match self {
            Self::All => members,
            Self::Any => 1,
            Self::AtLeast(count) => count,
        }
    }

    fn parse(word: &str, members: usize) -> Option<Self> {
        match word {
            "all" => Some(Self::All),
            "any" => Some(Self::Any),
            number => {
                let count = usize::try_from(text::decimal(number)?).ok()?;
                (1..=members)
                    .contains(&count)
                    .then_some(Self::AtLeast(count))
            }
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Any => f.write_str("any"),
            Self::AtLeast(count) => write!(f, "{count}"),
        }
    }
}

/// A policy while it is read.
#[derive(Default)]
struct Draft {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<String>,
    /// Names of witnesses and groups, and whether they are members of a group.
    names: BTreeMap<String, bool>,
}

impl Draft {
    fn read_line(&mut self, line: &[u8]) -> Result<(), PolicyFault> {
        let line = line.strip_suffix(b"\n").ok_or(PolicyFault::Unterminated)?;
        let control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        if line.iter().any(control) {
            return Err(PolicyFault::ControlCharacter);
        }
        if line.trim_ascii_start().starts_with(b"#") {
            return Ok(());
        }
        let line = std::str::from_utf8(line).map_err(|_| PolicyFault::NotUtf8)?;
        // Only these two separate words: a no-break space is part of one.
        let words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        match words.collect::<Vec<_>>().as_slice() {
            [] => Ok(()),
            ["log", rest @ ..] => self.log(rest),
            ["witness", rest @ ..] => self.witness(rest),
            ["group", rest @ ..] => self.group(rest),
            ["quorum", rest @ ..] => self.quorum(rest),
            [other, ..] => Err(PolicyFault::Keyword((*other).to_owned())),
        }
    }

    fn log(&mut self, words: &[&str]) -> Result<(), PolicyFault> {
        let (key, url) = match words {
            [key] => (key, None),
            [key, url] => (key, Some((*url).to_owned())),
            _ => return Err(PolicyFault::Usage("log <vkey> [<url>]")),
        };
        let key = parse_key(key, "log", SignatureType::Ed25519)?;
        check_new(&key, self.logs.iter().map(|log| &log.key))?;
        push(&mut self.logs, Log { key, url })
    }

    fn witness(&mut self, words: &[&str]) -> Result<(), PolicyFault> {
        let (name, key, url) = match words {
            [name, key] => (name, key, None),
            [name, key, url] => (name, key, Some((*url).to_owned())),
            _ => return Err(PolicyFault::Usage("witness <name> <vkey> [<url>]")),
        };
        let key = parse_key(key, "witness", SignatureType::CosignatureV1)?;
        check_new(&key, self.witnesses.iter().map(|witness| &witness.key))?;
        let name = self.define(name)?;
        push(&mut self.witnesses, Witness { name, key, url })
    }

    fn group(&mut self, words: &[&str]) -> Result<(), PolicyFault> {
        let [name, threshold, members @ ..] = words else {
            return Err(PolicyFault::Usage(GROUP_USAGE));
        };
        let count = members.len();
        if count == 0 {
            return Err(PolicyFault::Usage(GROUP_USAGE));
        }
        let wrong = PolicyFault::Threshold { members: count };
        let threshold = Threshold::parse(threshold, count).ok_or(wrong)?;
        let members = members.iter().map(|member| self.join(member));
        let members = members.collect::<Result<_, _>>()?;
        // After its members, so that it cannot be one of them.
        let name = self.define(name)?;
        let group = Group {
            name,
            threshold,
            members,
        };
        push(&mut self.groups, group)
    }

    fn quorum(&mut self, words: &[&str]) -> Result<(), PolicyFault> {
        let [name] = words else {
            return Err(PolicyFault::Usage("quorum <name>, or quorum none"));
        };
        if self.quorum.is_some() {
            return Err(PolicyFault::SecondQuorum);
        }
        if *name != NONE && !self.names.contains_key(*name) {
            return Err(PolicyFault::UnknownName((*name).to_owned()));
        }
        self.quorum = Some((*name).to_owned());
        Ok(())
    }

    /// Takes a name that is free.
    fn define(&mut self, name: &str) -> Result<String, PolicyFault> {
        let taken = name == NONE || self.names.insert(name.to_owned(), false).is_some();
        if taken {
            return Err(PolicyFault::NameTaken(name.to_owned()));
        }
        Ok(name.to_owned())
    }

    /// Makes a name a member of a group: once only, so that no witness counts twice.
    fn join(&mut self, name: &str) -> Result<String, PolicyFault> {
        match self.names.get_mut(name) {
            None => Err(PolicyFault::UnknownName(name.to_owned())),
            Some(true) => Err(PolicyFault::SecondMembership(name.to_owned())),
            Some(member) => {
                *member = true;
                Ok(name.to_owned())
            }
        }
    }

    fn finish(self) -> Result<Policy, PolicyFault> {
        Ok(Policy {
            logs: self.logs,
            witnesses: self.witnesses,
            groups: self.groups,
            quorum: self.quorum.ok_or(PolicyFault::NoQuorum)?,
        })
    }
}

const GROUP_USAGE: &str = "group <name> all|any|<k> <member>...";

fn parse_key(
    key: &str,
    entry: &'static str,
    wanted: SignatureType,
) -> Result<VerifierKey, PolicyFault> {
    let key: VerifierKey = key.parse()?;
    match key.kind() {
        found if found == wanted => Ok(key),
        found => Err(PolicyFault::KeyType { entry, found }),
    }
}

/// The same bytes under another name are the same key.
fn check_new<'a>(
    key: &VerifierKey,
    mut others: impl Iterator<Item = &'a VerifierKey>,
) -> Result<(), PolicyFault> {
    if others.any(|other| other.public_bytes() == key.public_bytes()) {
        return Err(PolicyFault::DuplicateKey);
    }
    Ok(())
}

fn push<T>(entries: &mut Vec<T>, entry: T) -> Result<(), PolicyFault> {
    if entries.len() == MAX_ENTRIES {
        return Err(PolicyFault::TooMany);
    }
    entries.push(entry);
    Ok(())
}

fn optional(url: &Option<String>) -> String {
    url.iter().map(|url| format!(" {url}")).collect()
}

fn cosigners(names: &[String]) -> String {
    match names {
        [] => "no witness cosigned".to_owned(),
        names => format!("only {} cosigned", names.join(", ")),
    }
}

#[cfg(test)]
mod tests;
