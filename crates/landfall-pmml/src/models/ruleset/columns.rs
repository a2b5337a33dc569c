//! The rules over columns.

use super::{Criterion, Otherwise, Rule, RuleSet, Simple};
use crate::blocks::{Answers, BlockCx};
use crate::models::columns::{Asking, Choice, FiringRule, Rules, Weight};
use crate::models::predicate::Predicate;
use crate::models::{Header, MiningFunction};
use crate::resolve::Build;
use crate::value::Value;

impl RuleSet {
    /// The same over columns; `None` where rules ask what columns do not tell, or only some of them say probabilities.
    pub(super) fn columns(&self, b: &Build<'_>, header: &Header) -> Option<Rules> {
        let tell = self.simple.iter().filter(|rule| !rule.distribution.is_empty()).count();
        let plain = self.simple.iter().all(|rule| !rule.weight.is_nan() && !rule.confidence.is_nan());
        // A default that tells is for the row itself to say.
        let all_alike = match tell {
            0 => self.default_distribution.is_empty(),
            tell => tell == self.simple.len(),
        };
        if !plain || !all_alike || header.function != MiningFunction::Classification {
            return None;
        }
        let mut predicates = Vec::new();
        self.rules.iter().for_each(|rule| rule.add_predicates(&mut predicates));
        let mut asking = Asking::of(b, predicates);
        let rules = self.rules.iter().map(|rule| rule.ask(&mut asking)).collect::<Option<_>>()?;
        let weight =
            |rule: &Simple| Weight { class: rule.class, weight: rule.weight, confidence: rule.confidence };
        Some(Rules {
            features: asking.features.list,
            questions: asking.questions,
            rules,
            choice: match self.criterion {
                Criterion::FirstHit => Choice::First,
                Criterion::WeightedMax => Choice::Heaviest,
                Criterion::WeightedSum => Choice::OfHeaviestClass,
            },
            weights: self.simple.iter().map(weight).collect(),
            classes: b.lists[header.list].len(),
        })
    }

    /// Answers a block of rows.
    pub(super) fn answer_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let Some(ready) = cx.compute(self.block) else { return false };
        let rows = cx.rows();
        let (chosen, confidences) = ready.values.split_at(rows);
        let rule = |number: f64| self.simple.get(number as usize).filter(|_| !number.is_nan());
        let tell = self.simple.iter().any(|rule| !rule.distribution.is_empty());
        if tell {
            // A default says no probabilities, which is for the row itself to say.
            let covered = cx.w.covered.iter_mut().zip(chosen);
            covered.for_each(|(covered, number)| *covered &= !number.is_nan());
            answers.start_scores(cx.m.lists[answers.list].len(), rows);
            for (row, number) in chosen.iter().enumerate() {
                for (class, probability) in rule(*number).iter().flat_map(|rule| &rule.distribution) {
                    answers.scores[class * rows + row] = *probability;
                }
            }
        }
        let otherwise = self.default.map_or(u32::MAX, |default| default.class as u32);
        let classes = answers.value.classes(answers.list, rows).iter_mut().zip(chosen);
        classes
            .for_each(|(class, number)| *class = rule(*number).map_or(otherwise, |rule| rule.class as u32));
        let entities = answers.entity.values(rows).iter_mut().zip(chosen);
        entities.for_each(|(id, number)| *id = rule(*number).map_or(Value::Missing, |rule| rule.id));
        let sure = chosen.iter().zip(confidences);
        match self.default {
            // Rows without a rule get no answer here, or one with a confidence.
            None | Some(Otherwise { confidence: Some(_), .. }) => {
                let default = self.default.and_then(|default| default.confidence).unwrap_or(f64::NAN);
                let sure = sure.map(|(number, sure)| if number.is_nan() { default } else { *sure });
                answers.confidence.numbers(rows).iter_mut().zip(sure).for_each(|(into, sure)| *into = sure);
            }
            Some(_) => {
                let sure = sure.map(|(number, sure)| Value::of((!number.is_nan()).then_some(*sure)));
                answers.confidence.values(rows).iter_mut().zip(sure).for_each(|(into, sure)| *into = sure);
            }
        }
        cx.give_back(self.block, ready);
        true
    }
}

impl Rule {
    fn add_predicates<'r>(&'r self, all: &mut Vec<&'r Predicate>) {
        match self {
            Rule::Simple(predicate, _) => all.push(predicate),
            Rule::Compound(predicate, inner) => {
                all.push(predicate);
                inner.iter().for_each(|rule| rule.add_predicates(all));
            }
        }
    }

    fn ask(&self, asking: &mut Asking<'_, '_>) -> Option<FiringRule> {
        Some(match self {
            Rule::Simple(predicate, number) => FiringRule::Simple(asking.ask(predicate)?, *number),
            Rule::Compound(predicate, inner) => {
                let rules = inner.iter().map(|rule| rule.ask(asking)).collect::<Option<_>>()?;
                FiringRule::Compound(asking.ask(predicate)?, rules)
            }
        })
    }
}
