//! The names of the rules, and how an event is refused.

use crate::value::base::words;
use crate::value::commitment::{Asserter, Transition};
use crate::value::id::PartyId;

words! {
    /// The rules, by name.
    Rule "RULE" {
        /// Fields are complete and fit together.
        Complete = "complete",
        /// An event fits into a record.
        Size = "size",
        /// A ledger is opened once, by its first record.
        OpenedOnce = "opened-once",
        /// What is named exists, and is of the right kind.
        Known = "known",
        /// An id is given once.
        UniqueId = "unique-id",
        /// An import key is used once.
        UniqueImportKey = "unique-import-key",
        /// A mutual commitment names both sides.
        BothSides = "both-sides",
        /// A correction changes a field that can be corrected, from the value it has to one that it may have.
        Correctable = "correctable",
        /// A retraction or redaction leaves nothing hanging.
        NothingDepends = "nothing-depends",
        /// A party does not succeed itself, nothing repeats itself, and no deadlines wait for each other.
        NoCircle = "no-circle",
        /// A list names a party once.
        NamedOnce = "named-once",
        /// A recurrence rule does not end before it begins.
        SomeDay = "some-day",
        /// A recorder's key is revoked once.
        RecorderAdmitted = "recorder-admitted",
        /// A party acknowledges with a key that the ledger knows, and what can be acknowledged.
        PartyKey = "party-key",
        /// An event is recorded as irregular only if it breaks a rule.
        IrregularOnly = "irregular-only",
        /// A standing moves as the table of transitions says.
        StandingMove = "standing-move",
        /// A move is about debtors of the commitment.
        MoveOfDebtor = "move-of-debtor",
        /// A move is asserted by those whose word it takes.
        StandingAsserter = "standing-asserter",
        /// An agreement's status moves in order.
        AgreementMove = "agreement-move",
        /// A contest moves in order.
        ContestMove = "contest-move",
        /// Only who took part can withdraw.
        Withdrawal = "withdrawal",
        /// Only recurring commitments have occurrences.
        Recurring = "recurring",
        /// A recurrence rule is one of RFC 5545, and some day follows it.
        RecurrenceRule = "recurrence-rule",
        /// Nothing moves before the agreement was concluded.
        NotBeforeAgreement = "not-before-agreement",
    }
}

impl Rule {
    /// Whether an event that breaks it may be recorded as irregular.
    pub fn is_waivable(self) -> bool {
        use Rule::*;
        matches!(
            self,
            StandingMove
                | MoveOfDebtor
                | StandingAsserter
                | AgreementMove
                | ContestMove
                | Withdrawal
                | Recurring
                | NotBeforeAgreement
        )
    }
}

/// What a recorder can do instead. The program that shows it finds the words, and the flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// Use this word: a kind of event, a field, a status.
    Use(String),
    /// Do this, in plain words.
    Do(String),
    /// Make this move of a commitment's standing.
    Move(&'static Transition),
    /// Have it asserted by these.
    AssertedBy(Asserter),
    /// Record it as an event that breaks no rule.
    AsRegular,
    /// Say that ids which differ in upper and lower case only are meant to be two.
    BothCases,
    /// Declare the key of this party first.
    DeclareKey(PartyId),
}

impl Advice {
    /// Words to use.
    pub(crate) fn words<T: ToString>(words: impl IntoIterator<Item = T>) -> Vec<Self> {
        let words = words.into_iter();
        words.map(|word| Self::Use(word.to_string())).collect()
    }
}

/// Why an event is refused: the rule, what stands now, and what would be allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (rule {rule})")]
pub struct Rejection {
    /// The rule that it breaks.
    pub rule: Rule,
    /// What is wrong, with what stands now.
    pub message: String,
    /// What would be allowed.
    pub allowed: Vec<Advice>,
}

impl Rejection {
    /// A refusal without advice.
    pub(crate) fn new(rule: Rule, message: impl Into<String>) -> Self {
        Self {
            rule,
            message: message.into(),
            allowed: Vec::new(),
        }
    }

    /// The refusal of an event that does not fit into a record; `why` says how large it is.
    pub fn too_large(why: impl ToString) -> Self {
        let advice = "register the document as a source, by its digest".to_owned();
        Self::new(Rule::Size, why.to_string()).allowing([
            Advice::Do("shorten the texts".to_owned()),
            Advice::Do(advice),
        ])
    }

    /// The names of the fields that it may be about, of which the kind of the event has one or none.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let said = self.message.split_once(": ").map(|(field, _)| field);
        let by_rule: &[&str] = match self.rule {
            Rule::StandingMove => &["to", "standing"],
            Rule::AgreementMove | Rule::ContestMove => &["to"],
            Rule::StandingAsserter => &["by"],
            Rule::MoveOfDebtor => &["debtor"],
            Rule::Withdrawal => &["action"],
            Rule::Recurring => &["commitment"],
            Rule::RecurrenceRule => &["deadline"],
            Rule::NotBeforeAgreement => &["on"],
            Rule::UniqueId => &["id"],
            Rule::UniqueImportKey => &["import_key"],
            Rule::IrregularOnly => &["irregular"],
            _ => &[],
        };
        said.into_iter().chain(by_rule.iter().copied())
    }

    /// Adds what would be allowed.
    pub(crate) fn allowing(mut self, allowed: impl IntoIterator<Item = Advice>) -> Self {
        self.allowed.extend(allowed);
        self
    }
}
