//! Effects: how they change the facts of entities.

use super::assessments::{Assessment, Assessments};
use super::effect::Effect;
use super::entity::Entity;
use super::facts::{
    AgreementFacts, AgreementMove, Amendment, CommitmentFacts, Conclusion, Facts, PartyFacts, Terms,
};
use super::folds::Folds;
use super::id_table::{Id, IdTable, Ids};
use super::named::Named;
use super::paged::Paged;
use super::sides::{AllSides, Deadlines, Sides};
use super::standing::Stood;
use super::word::{Word, Words};
use crate::value::id::{AgreementId, CommitmentId, PartyId, Slug};

/// Applies the effects of one record.
pub(super) struct Keeper<'a> {
    /// The entities, by the numbers of their ids.
    pub all: &'a mut Paged<Entity>,
    pub names: &'a IdTable,
    /// The numbers of ids that were looked up.
    pub known: &'a Named<'a>,
    pub assessments: &'a mut Assessments,
    pub words: &'a mut Words,
    pub sides: &'a mut AllSides,
    pub deadlines: &'a mut Deadlines,
    /// They must not outlive what they were made of.
    pub folds: &'a mut Folds<Stood>,
    pub record: u32,
    /// Whether the record counts. If it does not, its effects are taken out.
    pub counts: bool,
}

impl Keeper<'_> {
    /// Sets a fact, or takes it out if the record does not count.
    pub fn set(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::PartOf { party, parent } => {
                self.folds.clear();
                let parent = self.party(parent);
                self.change_party(party, |party, record, counts| {
                    party.parent.set(record, counts.then_some(parent));
                });
            }
            Effect::Succeeded {
                predecessor,
                successors,
            } => {
                self.folds.clear();
                let (number, all) = (self.party(predecessor), self.parties(successors));
                for successor in successors {
                    self.change_party(successor, |party, record, counts| {
                        party.succeeded.set(record, counts.then_some(number));
                    });
                }
                self.change_party(predecessor, |party, record, counts| {
                    party.successors.set(record, counts.then_some(all));
                });
            }
            Effect::HasKey(party) => self.change_party(party, |party, record, counts| {
                party.keys.set(record, counts.then_some(()));
            }),
            Effect::Revoked(recorder) => self.change(&recorder.0, |facts, record, counts| {
                let recorder = facts.recorder.get_or_insert_default();
                recorder.revoked.set(record, counts.then_some(()));
            }),
            effect => self.set_agreement(effect),
        }
    }

    fn set_agreement(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Concluded {
                agreement,
                on,
                parties,
                parties_unknown,
            } => {
                let concluded = Conclusion {
                    on,
                    parties: self.parties(parties),
                    parties_unknown,
                };
                self.change_agreement(agreement, |agreement, record, counts| {
                    agreement.concluded.set(record, counts.then_some(concluded));
                });
            }
            Effect::AgreementMoves {
                agreement,
                to,
                effective,
            } => {
                let to = AgreementMove { to, effective };
                self.change_agreement(agreement, |agreement, record, counts| {
                    agreement.moves.set(record, counts.then_some(to));
                });
            }
            Effect::Acts(agreement, party, action) => {
                let act = (self.party(party), action);
                self.change_agreement(agreement, |agreement, record, counts| {
                    agreement.acts.set(record, counts.then_some(act));
                });
            }
            effect => self.set_terms(effect),
        }
    }

    fn set_terms(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Promised {
                commitment,
                agreement,
                debtor,
                creditor,
                mutual,
                deadline,
                standing,
            } => {
                let terms = self.counts.then(|| {
                    let sides = Sides {
                        debtor: self.parties(debtor),
                        creditor: self.parties(creditor),
                        mutual,
                    };
                    Terms {
                        agreement: self.number(&agreement.0),
                        sides: self.sides.number(sides),
                        deadline: self.deadlines.number(deadline.cloned()),
                        standing,
                    }
                });
                self.change_commitment(commitment, |commitment, record, _| {
                    commitment.terms.set(record, terms);
                });
            }
            Effect::Amended {
                commitment,
                debtor,
                creditor,
                deadline,
            } => {
                let amendment = Amendment {
                    debtor: self.parties(debtor),
                    creditor: self.parties(creditor),
                    deadline: deadline.cloned(),
                };
                self.change_commitment(commitment, |commitment, record, counts| {
                    let amendment = counts.then_some(amendment);
                    commitment.amendments.set(record, amendment);
                });
            }
            Effect::StandingMoves(said) => {
                let word = self.counts.then(|| {
                    let word = Word {
                        to: said.to,
                        by: self.parties(said.by),
                        capacity: said.capacity,
                        debtor: self.parties(said.debtor),
                    };
                    self.words.number(word)
                });
                self.change_commitment(said.commitment, |commitment, record, _| {
                    commitment.moves.set(record, word);
                });
            }
            effect => self.set_about_commitment(effect),
        }
    }

    fn set_about_commitment(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::ContestMoves(commitment, to) => {
                self.change_commitment(commitment, |commitment, record, counts| {
                    commitment.contests.set(record, counts.then_some(to));
                });
            }
            Effect::Assessed {
                commitment,
                by,
                scale,
                level,
            } => {
                let assessment = self.counts.then(|| {
                    let by = self.parties(by);
                    let parts = (&by, scale, level);
                    let is_same = |one: &Assessment| (&one.by, &one.scale, &one.level) == parts;
                    let make = || Assessment {
                        by: by.clone(),
                        scale: scale.apart(),
                        level: level.clone(),
                    };
                    self.assessments.number_of(&parts, is_same, make)
                });
                self.change_commitment(commitment, |commitment, record, _| {
                    commitment.assessments.set(record, assessment);
                });
            }
            Effect::Occurred(commitment) => {
                self.change_commitment(commitment, |commitment, record, counts| {
                    commitment.occurrences.set(record, counts.then_some(()));
                });
            }
            _ => {}
        }
    }

    fn change_party(&mut self, id: &PartyId, change: impl FnOnce(&mut PartyFacts, u32, bool)) {
        self.change(&id.0, |facts, record, counts| {
            change(facts.party.get_or_insert_default(), record, counts);
        });
    }

    fn change_agreement(
        &mut self,
        id: &AgreementId,
        change: impl FnOnce(&mut AgreementFacts, u32, bool),
    ) {
        self.change(&id.0, |facts, record, counts| {
            change(facts.agreement.get_or_insert_default(), record, counts);
        });
    }

    fn change_commitment(
        &mut self,
        id: &CommitmentId,
        change: impl FnOnce(&mut CommitmentFacts, u32, bool),
    ) {
        self.folds.forget(self.number(&id.0), self.record);
        self.change(&id.0, |facts, record, counts| {
            change(facts.commitment.get_or_insert_default(), record, counts);
        });
    }

    fn change(&mut self, slug: &Slug, change: impl FnOnce(&mut Facts, u32, bool)) {
        let id = self.number(slug);
        let Some(entity) = self.all.get_mut(id as usize) else {
            return;
        };
        change(&mut entity.facts, self.record, self.counts);
        if !self.counts {
            entity.facts.drop_empty();
        }
    }

    /// The number of an id. Every id that a record names has one before its facts are set. Without one, a snapshot was
    /// forged, and there is nothing to take out.
    fn number(&self, slug: &Slug) -> Id {
        let known = self.known.find(slug);
        known.or_else(|| self.names.find(slug)).unwrap_or(Id::MAX)
    }

    fn party(&self, party: &PartyId) -> Id {
        self.number(&party.0)
    }

    fn parties(&self, parties: &[PartyId]) -> Ids {
        parties.iter().map(|party| self.party(party)).collect()
    }
}
