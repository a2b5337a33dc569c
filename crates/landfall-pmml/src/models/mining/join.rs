//! What several segments answer, joined: sums, means, middles, votes.

use super::{Method, Mining, OnMissing};
use crate::functions::median;
use crate::models::{MiningFunction, normalization};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

/// What a segment's model answered, as far as it is joined.
pub(super) struct Part {
    value: Value,
    weight: f64,
    /// Its probabilities within all parts' scores.
    scores: std::ops::Range<usize>,
}

impl Mining {
    /// Runs all segments whose predicate holds; `None` when too many are without prediction.
    pub(super) fn parts(
        &self,
        cx: &mut Cx<'_>,
        scores: &mut Vec<f64>,
        list: usize,
    ) -> Result<Option<Vec<Part>>, Problem> {
        let mut parts = Vec::with_capacity(self.segments.len());
        let mut inner = Answer::default();
        let (mut weights, mut missing) = (0.0, 0.0);
        // All segments answer, whatever becomes of the whole: their own fields are asked, too.
        let mut lacks_one = false;
        for segment in &self.segments {
            if segment.predicate.holds(cx)? != Some(true) {
                continue;
            }
            segment.run(cx, &mut inner)?;
            let weight = match segment.weight_field {
                Some(field) => cx.number(field)?,
                None => Some(segment.weight),
            };
            // A segment of unknown weight has as good as no prediction.
            let known = weight.is_some();
            let weight = weight.unwrap_or(segment.weight);
            // Against the threshold segments count by their weight, whether the method asks for it or not.
            weights += weight;
            if inner.value.is_missing() || !known {
                missing += weight;
                match self.on_missing {
                    OnMissing::Skip => continue,
                    // To have none is a vote, too.
                    OnMissing::Continue if matches!(self.method, Method::Vote { .. }) => {}
                    OnMissing::Continue if self.method == Method::All => continue,
                    OnMissing::Continue | OnMissing::ReturnMissing => {
                        lacks_one = true;
                        continue;
                    }
                }
            }
            let start = scores.len();
            if self.function == MiningFunction::Classification {
                self.add_scores(cx, &inner, list, scores);
            }
            parts.push(Part { value: inner.value, weight, scores: start..scores.len() });
        }
        if lacks_one {
            return Ok(None);
        }
        let votes_for_none = |part: &&Part| part.value.is_missing();
        let vote =
            |part: &Part| if self.method == (Method::Vote { weighted: true }) { part.weight } else { 1.0 };
        let none: f64 = parts.iter().filter(votes_for_none).map(vote).sum();
        if none > 0.0 {
            parts.retain(|part| !part.value.is_missing());
            let most = parts.iter().map(|part| votes_of(&parts, part.value, vote)).fold(0.0, f64::max);
            if none > most {
                return Ok(None);
            }
        }
        let too_many = weights > 0.0 && missing / weights > self.threshold;
        // A sum over segments that are all left out is zero; no other method answers anything of none.
        let sums = self.function == MiningFunction::Regression && matches!(self.method, Method::Sum { .. });
        let answers = !parts.is_empty() || (sums && missing > 0.0);
        Ok((answers && !too_many).then_some(parts))
    }

    /// The inner model's probabilities, in the outer list of classes.
    fn add_scores(&self, cx: &Cx<'_>, inner: &Answer, list: usize, scores: &mut Vec<f64>) {
        let outer = &cx.m.lists[list];
        let start = scores.len();
        scores.resize(start + outer.len(), 0.0);
        for (class, score) in inner.scores.iter().enumerate() {
            let place = if inner.list == list {
                Some(class)
            } else {
                outer.iter().position(|other| *other == cx.m.lists[inner.list][class])
            };
            if let Some(place) = place {
                scores[start + place] = *score;
            }
        }
    }

    pub(super) fn join_numbers(&self, parts: &[Part], answer: &mut Answer) {
        let math = self.math;
        let numbers = parts.iter().filter_map(|part| Some((part.value.num()?, part.weight)));
        let sum = |weighted: bool| {
            numbers
                .clone()
                .fold(0.0, |sum, (x, w)| math.round(sum + if weighted { math.round(x * w) } else { x }))
        };
        let weights = || numbers.clone().fold(0.0, |sum, (_, w)| math.round(sum + w));
        answer.value = Value::Num(match self.method {
            Method::Sum { weighted } => sum(weighted),
            Method::Average { weighted: false } => math.round(sum(false) / parts.len() as f64),
            Method::Average { weighted: true } => math.round(sum(true) / weights()),
            Method::Median { weighted: true } => weighted_median(numbers.clone().collect()),
            Method::Median { .. } => math.round(median(numbers.clone().map(|(x, _)| x).collect())),
            _ => numbers.clone().map(|(x, _)| x).fold(f64::NEG_INFINITY, f64::max),
        });
        // How far the parts are from each other.
        let mean = sum(false) / parts.len() as f64;
        let squares = numbers.clone().map(|(x, _)| (x - mean) * (x - mean)).sum::<f64>();
        answer.deviation = (parts.len() > 1).then(|| (squares / (parts.len() - 1) as f64).sqrt());
    }

    pub(super) fn join_classes(&self, cx: &Cx<'_>, parts: &[Part], scores: &[f64], answer: &mut Answer) {
        let math = self.math;
        let classes = &cx.m.lists[answer.list];
        answer.scores.clear();
        answer.scores.resize(classes.len(), 0.0);
        let of = |part: &Part, class: usize| scores.get(part.scores.start + class).copied().unwrap_or(0.0);
        match self.method {
            Method::Vote { weighted } => {
                for part in parts {
                    if let Some(class) = classes.iter().position(|class| *class == part.value) {
                        let vote = if weighted { part.weight } else { 1.0 };
                        answer.scores[class] = math.round(answer.scores[class] + vote);
                    }
                }
                normalization::simple_max(&mut answer.scores, math);
            }
            Method::Max | Method::Median { .. } => {
                let of_class = |class: usize| parts.iter().map(move |part| (of(part, class), part.weight));
                let chosen = |class: usize| self.chosen(of_class(class).collect());
                let mean = |(low, high): (f64, f64)| math.round((low + high) / 2.0);
                let mut winner: Option<(usize, f64)> = None;
                for class in 0..classes.len() {
                    let score = mean(chosen(class));
                    if winner.is_none_or(|(_, best)| score > best) {
                        winner = Some((class, score));
                    }
                }
                let Some((winner, _)) = winner else { return };
                // The parts that have what was chosen of the winner say the rest.
                let (low, high) = chosen(winner);
                let says = |part: &&Part| [low, high].contains(&of(part, winner));
                let count = parts.iter().filter(says).count() as f64;
                for class in 0..classes.len() {
                    let sum = parts.iter().filter(says).fold(0.0, |sum, p| math.round(sum + of(p, class)));
                    answer.scores[class] = math.round(sum / count);
                }
                answer.value = classes[winner];
                return;
            }
            Method::Average { weighted } | Method::Sum { weighted } => {
                let weight = |part: &Part| if weighted { part.weight } else { 1.0 };
                let total = parts.iter().fold(0.0, |sum, part| math.round(sum + weight(part)));
                for class in 0..classes.len() {
                    let add =
                        |sum: f64, part: &Part| math.round(sum + math.round(of(part, class) * weight(part)));
                    let sum = parts.iter().fold(0.0, add);
                    let average = matches!(self.method, Method::Average { .. });
                    answer.scores[class] = if average { math.round(sum / total) } else { sum };
                }
            }
            _ => {}
        }
        answer.value = answer.best().map_or(Value::Missing, |class| classes[class]);
    }
}

impl Mining {
    /// Of numbers with their weights the greatest or the middle one, as often as it stands there; of an even count the
    /// two in the middle.
    fn chosen(&self, values: Vec<(f64, f64)>) -> (f64, f64) {
        let mut numbers: Vec<f64> = values.iter().map(|(x, _)| *x).collect();
        numbers.sort_by(f64::total_cmp);
        let count = numbers.len();
        match self.method {
            _ if count == 0 => (f64::NAN, f64::NAN),
            Method::Max => (numbers[count - 1], numbers[count - 1]),
            Method::Median { weighted: true } => {
                let middle = weighted_median(values);
                (middle, middle)
            }
            _ => (numbers[(count - 1) / 2], numbers[count / 2]),
        }
    }
}

/// What a value has of the votes.
fn votes_of(parts: &[Part], value: Value, vote: impl Fn(&Part) -> f64) -> f64 {
    parts.iter().filter(|part| part.value == value).map(vote).sum()
}

/// The first value at which half of the weight is reached.
fn weighted_median(mut values: Vec<(f64, f64)>) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, w)| w).sum::<f64>() / 2.0;
    let mut below = 0.0;
    let reaches = |(_, weight): &&(f64, f64)| {
        below += weight;
        below >= half
    };
    values.iter().find(reaches).map_or(f64::NAN, |(value, _)| *value)
}

impl Mining {
    /// Clusters: the one with the most votes.
    pub(super) fn vote_entities(&self, parts: &[Part], answer: &mut Answer) {
        let mut votes: Vec<(Value, f64)> = Vec::new();
        let weighted = matches!(self.method, Method::Vote { weighted: true });
        for part in parts {
            let vote = if weighted { part.weight } else { 1.0 };
            match votes.iter_mut().find(|(value, _)| *value == part.value) {
                Some((_, count)) => *count += vote,
                None => votes.push((part.value, vote)),
            }
        }
        let mut best: Option<(Value, f64)> = None;
        for (value, count) in votes {
            if best.is_none_or(|(_, most)| count > most) {
                best = Some((value, count));
            }
        }
        answer.value = best.map_or(Value::Missing, |(value, _)| value);
        answer.entity = answer.value;
    }
}
