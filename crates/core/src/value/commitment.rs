//! Commitments: the standing of each, and the table of how it may move.

use std::fmt;
use std::str::FromStr;

use crate::value::base::{Leaf, Text, ValueError, coded_words};
use crate::wire::wire_texts;

coded_words! {
    /// The force of a commitment's words.
    Modality "MODALITY" unkept {
        /// Must, shall, will.
        0 Obligation = "obligation",
        /// May.
        1 Permission = "permission",
        /// Must not.
        2 Prohibition = "prohibition",
        /// Seeks to, aims to.
        3 Intention = "intention",
    }
}

coded_words! {
    /// Where a commitment stands: one axis of three, beside assessment and contest.
    Standing "STANDING" {
        /// Put forward, not agreed.
        0 Proposed = "proposed",
        /// Agreed; not yet known to be in force.
        1 Agreed = "agreed",
        /// Agreed, waiting for its condition.
        2 Conditional = "conditional",
        /// In force.
        3 Active = "active",
        /// In force but set aside for a time.
        4 Suspended = "suspended",
        /// Its debtor says it is fulfilled.
        5 Claimed = "claimed",
        /// Kept in part, as was accepted or found; the rest is still owed.
        13 Partial = "partial" since 2,
        /// Fulfilment accepted or found.
        6 Fulfilled = "fulfilled",
        /// Declared breached; never by the clock alone.
        7 Breached = "breached",
        /// The creditor gave up the right.
        8 Waived = "waived",
        /// The creditor freed the debtor.
        9 Released = "released",
        /// The debtor withdrew.
        10 Cancelled = "cancelled",
        /// It ended by its own terms.
        11 Expired = "expired",
        /// A later commitment took its place.
        12 Superseded = "superseded",
    }
}

impl Standing {
    /// Whether anything is still owed, or may yet come to be.
    pub fn is_live(self) -> bool {
        use Standing::*;
        !matches!(
            self,
            Fulfilled | Waived | Released | Cancelled | Expired | Superseded
        )
    }

    /// Whether a deadline that has passed makes it overdue: it is owed now, and nobody has claimed or
    /// found that all of it was kept.
    pub fn can_be_overdue(self) -> bool {
        matches!(
            self,
            Standing::Agreed | Standing::Active | Standing::Partial
        )
    }

    /// Whether it was owed and not taken away since, whatever became of it. Once its deadline has passed it counts as due.
    pub fn was_owed(self) -> bool {
        use Standing::*;
        matches!(
            self,
            Agreed | Active | Claimed | Partial | Fulfilled | Breached
        )
    }

    /// Whether it tells how far a debtor kept to the commitment. The others tell what became of the commitment itself.
    pub fn tells_of_keeping(self) -> bool {
        use Standing::*;
        matches!(self, Claimed | Partial | Fulfilled | Breached)
    }

    /// Where a commitment stands whose debtors stand at these: the first of a list at which any of them does. So it is
    /// breached if any breached it, and fulfilled where all did whom nothing freed. None for none.
    pub fn of_all(debtors: impl IntoIterator<Item = Standing>) -> Option<Standing> {
        use Standing::*;
        const ORDER: [Standing; 14] = [
            Breached,
            Active,
            Agreed,
            Partial,
            Suspended,
            Conditional,
            Proposed,
            Claimed,
            Fulfilled,
            Cancelled,
            Expired,
            Superseded,
            Released,
            Waived,
        ];
        let place = |standing: &Standing| ORDER.iter().position(|other| other == standing);
        debtors.into_iter().min_by_key(place)
    }
}

coded_words! {
    /// In which capacity a party asserts that a commitment's standing moves.
    Capacity "CAPACITY" {
        /// As a debtor.
        0 Debtor = "debtor",
        /// As a creditor.
        1 Creditor = "creditor",
        /// As an arbiter.
        2 Arbiter = "arbiter",
        /// As an assessor.
        3 Assessor = "assessor",
        /// Nobody: the terms themselves say so.
        4 Terms = "terms",
    }
}

coded_words! {
    /// Whether a commitment's standing is argued about: the third axis.
    Contest "CONTEST" {
        /// Nobody argues.
        0 None = "none",
        /// One side says something is wrong.
        1 Claimed = "claimed",
        /// The other side denies it.
        2 Disputed = "disputed",
        /// The dispute was settled.
        3 Settled = "settled",
    }
}

impl Contest {
    /// The states that may follow this one.
    pub fn next(self) -> &'static [Contest] {
        match self {
            Contest::None | Contest::Settled => &[Contest::Claimed, Contest::Disputed],
            Contest::Claimed => &[Contest::Disputed, Contest::Settled],
            Contest::Disputed => &[Contest::Settled],
        }
    }
}

/// Who must stand behind a move of a debtor's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asserter {
    /// Every debtor.
    AllDebtors,
    /// That debtor.
    Debtor,
    /// A creditor of that debtor; where the debtor claimed first, one that did not claim.
    Creditor,
    /// An arbiter, acting for neither side.
    Arbiter,
    /// An assessor, acting for neither side.
    Assessor,
    /// The terms themselves (or anybody who points to them).
    Terms,
    /// Every debtor and every creditor.
    AllParties,
    /// A debtor or a creditor.
    AnyParty,
}

impl Asserter {
    /// The capacity in which it is asserted, where no role in the commitment tells that.
    pub fn capacity(self) -> Option<Capacity> {
        match self {
            Self::Arbiter => Some(Capacity::Arbiter),
            Self::Assessor => Some(Capacity::Assessor),
            Self::Terms => Some(Capacity::Terms),
            _ => None,
        }
    }
}

impl fmt::Display for Asserter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AllDebtors => "all debtors",
            Self::Debtor => "a debtor",
            Self::Creditor => "a creditor",
            Self::Arbiter => "an arbiter",
            Self::Assessor => "an assessor",
            Self::Terms => "the terms",
            Self::AllParties => "all parties",
            Self::AnyParty => "a party to it",
        })
    }
}

/// One row of the transition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// From any of these.
    pub from: &'static [Standing],
    /// To this.
    pub to: Standing,
    /// Why.
    pub cause: &'static str,
    /// Any one of these suffices.
    pub by: &'static [Asserter],
}

const LIVE: &[Standing] = &[
    Standing::Proposed,
    Standing::Agreed,
    Standing::Conditional,
    Standing::Active,
    Standing::Suspended,
    Standing::Claimed,
    Standing::Partial,
    Standing::Breached,
];

#[rustfmt::skip]
/// How a standing may move: the only such list (Singh's commitment operations, with claim and acceptance
/// kept apart). A move outside it is refused unless it is recorded as irregular.
pub const TRANSITIONS: &[Transition] = {
    use Asserter::*;
    use Standing::*;
    &[
        Transition { from: &[Proposed], to: Agreed, cause: "concluded", by: &[AllDebtors] },
        Transition { from: &[Agreed], to: Conditional, cause: "has a condition", by: &[Terms, AnyParty] },
        Transition { from: &[Agreed, Conditional], to: Active, cause: "in force or condition met", by: &[Terms, AnyParty] },
        Transition { from: &[Active], to: Suspended, cause: "suspended", by: &[AllParties, Terms] },
        Transition { from: &[Suspended], to: Active, cause: "resumed", by: &[AllParties, Terms] },
        Transition { from: &[Agreed, Active, Partial], to: Claimed, cause: "fulfilment claimed", by: &[Debtor] },
        Transition { from: &[Claimed, Partial], to: Fulfilled, cause: "accepted, or found so", by: &[Creditor, Arbiter, Assessor] },
        Transition { from: &[Active, Claimed], to: Partial, cause: "accepted or found in part", by: &[Creditor, Arbiter, Assessor] },
        Transition { from: &[Claimed], to: Active, cause: "claim rejected", by: &[Creditor, Arbiter] },
        Transition { from: &[Active, Claimed, Partial], to: Breached, cause: "declared", by: &[Creditor, Arbiter] },
        Transition { from: &[Breached], to: Active, cause: "cured", by: &[Creditor] },
        Transition { from: &[Breached], to: Fulfilled, cause: "cured", by: &[Creditor] },
        Transition { from: LIVE, to: Released, cause: "released", by: &[Creditor] },
        Transition { from: LIVE, to: Waived, cause: "waived", by: &[Creditor] },
        Transition { from: LIVE, to: Cancelled, cause: "withdrew", by: &[Debtor] },
        Transition { from: &[Proposed, Conditional], to: Expired, cause: "by its terms", by: &[Terms] },
        Transition { from: LIVE, to: Superseded, cause: "novation or later agreement", by: &[AllParties] },
    ]
};

/// The rows that lead from one standing to another.
pub fn transition(from: Standing, to: Standing) -> Option<&'static Transition> {
    TRANSITIONS
        .iter()
        .find(|row| row.to == to && row.from.contains(&from))
}

/// The rows that lead on from a standing.
pub fn transitions_from(from: Standing) -> impl Iterator<Item = &'static Transition> {
    TRANSITIONS
        .iter()
        .filter(move |row| row.from.contains(&from))
}

/// A level on an assessor's scale, or the finding that there was no evidence, which is not level 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The assessor found nothing to judge by.
    NoEvidence,
    /// A level in the scale's own words: `2`, `intermediate`.
    At(Text),
}

impl Level {
    /// Its text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::NoEvidence => "no-evidence",
            Self::At(level) => level.as_str(),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Level {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "no-evidence" => Ok(Self::NoEvidence),
            level => level.parse().map(Self::At),
        }
    }
}

impl Leaf for Level {
    const LABEL: &'static str = "LEVEL|no-evidence";
    const KEPT: bool = false;
}

wire_texts! { Level }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_on_from_an_ended_commitment() {
        for &standing in Standing::ALL {
            let leads_on = transitions_from(standing).next().is_some();
            assert_eq!(leads_on, standing.is_live(), "{standing}");
        }
    }

    #[test]
    fn live_is_one_notion() {
        for &standing in Standing::ALL {
            assert_eq!(LIVE.contains(&standing), standing.is_live(), "{standing}");
        }
    }

    /// The tests of the rules follow the table, wherever it leads; here it is held to the plan.
    #[test]
    fn each_move_takes_the_word_that_was_planned() {
        use Asserter::*;
        use Standing::*;
        let by = |from, to| transition(from, to).unwrap().by;
        let planned: &[(&[Standing], Standing, &[Asserter])] = &[
            (&[Proposed], Agreed, &[AllDebtors]),
            (&[Agreed], Conditional, &[Terms, AnyParty]),
            (&[Agreed, Conditional], Active, &[Terms, AnyParty]),
            (&[Active], Suspended, &[AllParties, Terms]),
            (&[Suspended], Active, &[AllParties, Terms]),
            (&[Agreed, Active, Partial], Claimed, &[Debtor]),
            (
                &[Claimed, Partial],
                Fulfilled,
                &[Creditor, Arbiter, Assessor],
            ),
            (&[Active, Claimed], Partial, &[Creditor, Arbiter, Assessor]),
            (&[Claimed], Active, &[Creditor, Arbiter]),
            (&[Active, Claimed, Partial], Breached, &[Creditor, Arbiter]),
            (&[Breached], Active, &[Creditor]),
            (&[Breached], Fulfilled, &[Creditor]),
            (&[Proposed, Conditional], Expired, &[Terms]),
            (LIVE, Released, &[Creditor]),
            (LIVE, Waived, &[Creditor]),
            (LIVE, Cancelled, &[Debtor]),
            (LIVE, Superseded, &[AllParties]),
        ];
        for (froms, to, asserters) in planned {
            for from in *froms {
                assert_eq!(by(*from, *to), *asserters, "{from} to {to}");
            }
        }
    }

    #[test]
    fn the_standing_of_a_commitment_is_a_function_of_its_debtors() {
        use Standing::*;
        let whole = |all: &[Standing]| Standing::of_all(all.iter().copied());
        for &one in Standing::ALL {
            assert_eq!(whole(&[one]), Some(one));
            assert_eq!(whole(&[one, one]), Some(one));
            for &other in Standing::ALL {
                let both = whole(&[one, other]).unwrap();
                assert_eq!(Some(both), whole(&[other, one]));
                assert!(both == one || both == other);
                assert_eq!(both == Breached, one == Breached || other == Breached);
                // Nothing has ended while a debtor still owes.
                assert_eq!(both.is_live(), one.is_live() || other.is_live());
                let free = |standing: Standing| !standing.is_live() && standing != Fulfilled;
                let kept = |standing| standing == Fulfilled || free(standing);
                let all_kept = kept(one) && kept(other) && !(free(one) && free(other));
                assert_eq!(both == Fulfilled, all_kept, "{one} {other}");
                let claimed = |standing| standing == Claimed || kept(standing);
                let all_claimed = claimed(one) && claimed(other) && [one, other].contains(&Claimed);
                assert_eq!(both == Claimed, all_claimed, "{one} {other}");
            }
        }
        assert_eq!(whole(&[]), None);
    }

    #[test]
    fn the_table_has_the_planned_moves_and_no_others() {
        let mut moves = Vec::new();
        for &from in Standing::ALL {
            for &to in Standing::ALL {
                if transition(from, to).is_some() {
                    moves.push(format!("{from}>{to}"));
                }
            }
        }
        // 8 live standings x (released, waived, cancelled, superseded), and 21 moves of their own.
        assert_eq!(moves.len(), 8 * 4 + 21, "{moves:?}");
        for refused in [
            "agreed>fulfilled",
            "agreed>breached",
            "fulfilled>active",
            "proposed>active",
            "agreed>partial",
            "partial>active",
        ] {
            assert!(!moves.contains(&refused.to_owned()), "{refused}");
        }
    }
}
