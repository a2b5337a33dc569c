//! What a node answers, and what several leaves answer together where a value is missing.

use super::{ClassScore, MissingStrategy, Tree};
use crate::models::{MiningFunction, normalization};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

impl Tree {
    /// Answers by one node, to which so many ways around missing values have led.
    pub(super) fn answer_with(
        &self,
        cx: &mut Cx<'_>,
        node: u32,
        defaults: i32,
        answer: &mut Answer,
    ) -> Result<(), Problem> {
        let found = &self.nodes[node as usize];
        answer.value = found.score;
        answer.entity = found.id;
        if let Some(regression) = self.embedded.get(found.embedded as usize) {
            regression.run(cx, answer)?;
            // Without a value that the regression needs, the node's own score stands.
            if answer.value.is_missing() {
                answer.value = found.score;
            }
            return Ok(());
        }
        if self.function == MiningFunction::Regression {
            return Ok(());
        }
        let (start, end) = found.distribution;
        let scores = &self.distributions[start as usize..end as usize];
        if scores.is_empty() {
            // The class alone: all of the probability is its.
            if !found.score.is_missing() {
                answer.scores.resize(cx.m.lists[answer.list].len(), 0.0);
                if let Some(class) = cx.m.lists[answer.list].iter().position(|class| *class == found.score) {
                    answer.scores[class] = 1.0;
                }
            }
            return Ok(());
        }
        answer.scores.resize(cx.m.lists[answer.list].len(), 0.0);
        let penalty = (0..defaults).fold(1.0, |penalty, _| self.math.round(penalty * self.penalty));
        if scores.iter().any(|score| score.confidence.is_some()) {
            answer.confidences.resize(answer.scores.len(), 0.0);
        }
        let mut best: Option<&ClassScore> = None;
        for score in scores {
            answer.scores[score.class as usize] = score.probability;
            if let Some(confidence) = score.confidence {
                answer.confidences[score.class as usize] = self.math.round(confidence * penalty);
            }
            if best.is_none_or(|best| score.probability > best.probability) {
                best = Some(score);
            }
        }
        if answer.confidences.is_empty() && defaults > 0 {
            answer.confidences.extend(answer.scores.iter().map(|score| self.math.round(score * penalty)));
        }
        if answer.value.is_missing()
            && let Some(best) = best
        {
            answer.value = cx.m.lists[answer.list][best.class as usize];
        }
        Ok(())
    }

    /// All leaves below that are not excluded, weighted by their share of the training rows.
    fn collect(
        &self,
        cx: &mut Cx<'_>,
        node: u32,
        weight: f64,
        leaves: &mut Vec<(u32, f64)>,
    ) -> Result<(), Problem> {
        let mut stack = vec![(node, weight)];
        while let Some((node, weight)) = stack.pop() {
            if self.is_leaf(node) {
                leaves.push((node, weight));
                continue;
            }
            let mut open = Vec::new();
            for child in self.children(node) {
                let holds = self.nodes[child as usize].predicate.holds(cx)?;
                if holds != Some(false) {
                    open.push(child);
                }
                // Rows that would not have gone to one of those before stop here: none goes on to those after.
                let stops = self.missing == MissingStrategy::AggregateNodes || open.len() == 1;
                if holds == Some(true) && stops {
                    break;
                }
            }
            // A node of which no child can hold answers itself, where a tree asks for that.
            let is_last = self.last_prediction && self.missing == MissingStrategy::WeightedConfidence;
            if open.is_empty() && is_last {
                leaves.push((node, weight));
            }
            let total: f64 = open.iter().map(|child| self.nodes[*child as usize].record_count).sum();
            for child in open.iter().rev() {
                let count = self.nodes[*child as usize].record_count;
                let share = if open.len() == 1 {
                    1.0
                } else if total > 0.0 {
                    count / total
                } else {
                    0.0
                };
                stack.push((*child, weight * share));
            }
        }
        Ok(())
    }

    /// Several leaves at once: their counts are added, or their confidences weighted.
    pub(super) fn answer_below(
        &self,
        cx: &mut Cx<'_>,
        node: u32,
        answer: &mut Answer,
    ) -> Result<(), Problem> {
        let mut leaves = Vec::new();
        self.collect(cx, node, 1.0, &mut leaves)?;
        let classes = cx.m.lists[answer.list].len();
        if self.function == MiningFunction::Regression {
            let numbers = leaves
                .iter()
                .filter_map(|(leaf, weight)| Some((self.nodes[*leaf as usize].score.num()?, weight)));
            let (sum, total) = numbers.fold((0.0, 0.0), |(sum, total), (x, w)| (sum + x * w, total + w));
            answer.value = if total > 0.0 { Value::Num(sum / total) } else { Value::Missing };
            return Ok(());
        }
        answer.scores.resize(classes, 0.0);
        let weighted = self.missing == MissingStrategy::WeightedConfidence;
        if weighted {
            answer.confidences.resize(classes, 0.0);
        }
        for (leaf, weight) in &leaves {
            let (start, end) = self.nodes[*leaf as usize].distribution;
            for score in &self.distributions[start as usize..end as usize] {
                let class = score.class as usize;
                if weighted {
                    answer.confidences[class] += weight * score.confidence.unwrap_or(score.probability);
                    answer.scores[class] += weight * score.probability;
                } else {
                    answer.scores[class] += score.count;
                }
            }
        }
        let best_of = |scores: &[f64]| {
            let mut best = None;
            for (class, score) in scores.iter().enumerate() {
                if *score > 0.0 && best.is_none_or(|best: usize| *score > scores[best]) {
                    best = Some(class);
                }
            }
            best
        };
        let best = if weighted { best_of(&answer.confidences) } else { best_of(&answer.scores) };
        normalization::simple_max(&mut answer.scores, self.math);
        answer.value = best.map_or(Value::Missing, |class| cx.m.lists[answer.list][class]);
        Ok(())
    }
}
