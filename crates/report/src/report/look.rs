//! What a report of what is due finds of one commitment.

use std::cmp::Reverse;

use chrono::Days;

use servanda_core::value::agreement::AgreementStatus;
use servanda_core::value::commitment::Standing;
use servanda_core::value::when::Deadline;
use servanda_core::view::{Commitment, Due, View};

use super::cell::{Cell, Tone};
use super::cells::{self, whole};
use super::part::Part;
use super::rates::{Heard, Tally, is_silent};

/// The days that decide what is soon, in grace and silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans {
    /// How many days ahead a deadline counts as soon.
    pub soon: Days,
    /// For how many days after a deadline nothing is called overdue yet.
    pub grace: Days,
    /// After how many days without any event a live commitment counts as silent.
    pub silent: Days,
}

/// What is found of a commitment.
#[derive(Debug, PartialEq, Eq)]
pub struct Look {
    /// What it adds to the rates.
    pub tally: Tally,
    /// Why it wants attention, and when it was last heard of; none where it wants none.
    pub call: Option<(Urgency, Heard)>,
    /// Whether it has a rule of recurrence.
    pub is_recurring: bool,
    /// What it adds to the notes.
    pub part: Part,
}

impl Look {
    /// Looks at a commitment.
    pub fn of<'r>(view: &View<'r>, commitment: &Commitment<'r>, spans: Spans) -> Self {
        Self {
            tally: Tally::of_one(view, commitment, spans.soon, Some(spans.silent)),
            call: Urgency::call(view, commitment, spans),
            is_recurring: matches!(commitment.terms.deadline, Some(Deadline::Recurring(_))),
            part: Part::new(view, commitment),
        }
    }
}

/// Why a commitment wants attention; the first is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// The longest overdue come first.
    Overdue(Reverse<i64>),
    /// No debtor owes it as it stands, and that is argued about. Those longest past their deadline come first.
    Contested(Reverse<i64>),
    /// A debtor breached it, and nothing cured that.
    Breached,
    /// Past the deadline, but not for as long as the grace that was asked for.
    Grace(Reverse<i64>),
    /// The nearest come first.
    Soon(i64),
    /// Its agreement has ended, and nothing says what became of it.
    Ended,
    /// Its agreement is suspended, and nothing says that it is.
    Suspended,
    /// Nothing was heard of it for long.
    Silent,
    /// Nothing says by when.
    Undated,
}

impl Urgency {
    /// Why a commitment wants attention, and when it was last heard of; none where it wants none.
    pub fn call(
        view: &View<'_>,
        commitment: &Commitment<'_>,
        spans: Spans,
    ) -> Option<(Self, Heard)> {
        // Most want no attention, and nobody asks when these were last heard of.
        let heard = |urgency| (urgency, Heard::of(view, commitment, spans.silent));
        Self::of(view, commitment, spans).map(heard)
    }

    fn of(view: &View<'_>, commitment: &Commitment<'_>, spans: Spans) -> Option<Self> {
        let agreement = cells::unsettled(view, commitment);
        let breached = commitment.any(|standing| standing == Standing::Breached);
        let lapsed = agreement.is_some() && cells::lapsed_since(view, commitment).is_some();
        let lapse = match agreement {
            Some(AgreementStatus::Suspended) => Self::Suspended,
            _ => Self::Ended,
        };
        match view.due(commitment, spans.soon) {
            _ if lapsed && breached => Some(Self::Breached),
            Due::Overdue { .. } | Due::Soon { .. } if lapsed => Some(lapse),
            Due::Overdue { days } if days <= whole(spans.grace) => Some(Self::Grace(Reverse(days))),
            Due::Overdue { days } => Some(Self::Overdue(Reverse(days))),
            Due::Contested { days } => Some(Self::Contested(Reverse(days))),
            Due::NotOwed if commitment.is_contested() => Some(Self::Contested(Reverse(0))),
            _ if breached => Some(Self::Breached),
            Due::Soon { days } => Some(Self::Soon(days)),
            _ if agreement.is_some() => Some(lapse),
            Due::Undated => Some(Self::Undated),
            Due::Later | Due::Waiting | Due::Standing | Due::NotOwed => {
                is_silent(view, commitment, spans.silent).then_some(Self::Silent)
            }
        }
    }

    /// Its word.
    pub fn cell(self) -> Cell {
        let (word, tone) = match self {
            Self::Overdue(_) => ("overdue", Tone::Bad),
            Self::Contested(_) => ("contested", Tone::Bad),
            Self::Breached => ("breached", Tone::Bad),
            Self::Grace(_) => ("grace", Tone::Attention),
            Self::Soon(_) => ("soon", Tone::Attention),
            Self::Ended => ("agreement ended", Tone::Attention),
            Self::Suspended => ("agreement suspended", Tone::Attention),
            Self::Silent => ("silent", Tone::Attention),
            Self::Undated => ("undated", Tone::Plain),
        };
        Cell::Word(word.to_owned(), tone)
    }

    /// Days since the deadline, negative before it.
    pub fn days(self) -> Option<i64> {
        match self {
            Self::Overdue(Reverse(days)) | Self::Grace(Reverse(days)) => Some(days),
            Self::Contested(Reverse(days)) => (days > 0).then_some(days),
            Self::Soon(days) => Some(-days),
            Self::Breached | Self::Ended | Self::Suspended | Self::Silent | Self::Undated => None,
        }
    }
}
