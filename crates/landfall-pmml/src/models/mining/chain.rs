//! Segments one after the other: chains, whose later models take what earlier ones have answered, and the first that fits.

use super::{Mining, OnMissing, Segment};
use crate::blocks::{Answers, BlockCx};
use crate::models::predicate::Predicate;
use crate::models::{Body, MiningFunction};
use crate::run::{Answer, Cx};
use landfall_model::Problem;

impl Mining {
    /// Whether a segment predicts the model's own target.
    fn predicts_own(&self, segment: &Segment) -> bool {
        let target = segment.model.target.as_ref();
        target.is_some_and(|target| self.results.iter().any(|(name, _)| *name == target.name))
    }

    /// [`Mining::chain`] over columns, where all segments answer each row.
    pub(super) fn chain_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let by_target = self.segments.iter().any(|segment| self.predicts_own(segment));
        let mut inner = cx.take_answers();
        let mut answered = true;
        for segment in &self.segments {
            let plain = matches!(segment.predicate, Predicate::True);
            answered &= plain && segment.model.over_columns(cx, &mut inner);
            answered &= answered && segment.outputs.iter().all(|field| field.over_columns(cx, &inner));
            if !answered {
                break;
            }
            if let Some(target) = &segment.model.target {
                for (_, slot) in self.results.iter().filter(|(name, _)| *name == target.name) {
                    cx.set(*slot, &inner.value);
                }
            }
            if !by_target || self.predicts_own(segment) {
                std::mem::swap(answers, &mut inner);
                if self.names_segment && self.function != MiningFunction::Clustering {
                    answers.entity.values(cx.rows()).fill(segment.id);
                }
            }
        }
        if answers.scores.is_empty() {
            answers.list = self.list;
        }
        cx.give_answers(inner);
        answered
    }

    /// Answers one row by all segments that fit, in turn.
    pub(super) fn chain(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let mut inner = Answer::default();
        let list = answer.list;
        // Where segments predict the model's own target, only their answer is the model's.
        let by_target = self.segments.iter().any(|segment| self.predicts_own(segment));
        for (place, segment) in self.segments.iter().enumerate() {
            if segment.predicate.holds(cx)? != Some(true) {
                continue;
            }
            segment.run(cx, &mut inner)?;
            self.take_targets(cx, segment)?;
            if !by_target || self.predicts_own(segment) {
                answer.clone_from(&inner);
                self.count_rules(place, answer);
                if self.names_segment && self.function != MiningFunction::Clustering {
                    answer.entity = segment.id;
                }
            }
            if inner.value.is_missing() && self.on_missing == OnMissing::ReturnMissing {
                answer.clear();
                answer.list = list;
                return Ok(());
            }
        }
        if answer.scores.is_empty() {
            answer.list = list;
        }
        Ok(())
    }

    /// The rules of a segment are counted after those of the segments before it.
    fn count_rules(&self, place: usize, answer: &mut Answer) {
        if !answer.rules.is_empty() {
            let before: usize =
                self.segments[..place].iter().map(|other| other.model.body.rule_count()).sum();
            answer.rules.iter_mut().for_each(|rule| rule.rule += before);
        }
    }

    /// The predictions of a segment's targets become those of the model's targets of the same names.
    fn take_targets(&self, cx: &mut Cx<'_>, segment: &Segment) -> Result<(), Problem> {
        for (name, slot) in &segment.model.results {
            for (_, own) in self.results.iter().filter(|(other, _)| other == name) {
                let value = cx.get(*slot)?;
                cx.set(*own, value);
            }
        }
        Ok(())
    }

    /// Answers by the first segment that fits.
    pub(super) fn select_first(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        for (place, segment) in self.segments.iter().enumerate() {
            if segment.predicate.holds(cx)? == Some(true) {
                segment.run(cx, answer)?;
                if answer.value.is_missing() && self.on_missing == OnMissing::Skip {
                    continue;
                }
                if self.sets_targets() {
                    self.take_targets(cx, segment)?;
                }
                if answer.entity.is_missing() || self.function != MiningFunction::Clustering {
                    answer.entity = segment.id;
                }
                self.count_rules(place, answer);
                return Ok(());
            }
        }
        answer.clear();
        Ok(())
    }
}
