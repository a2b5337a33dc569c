//! What output fields ask of association rules: which rule, by rank, and what of it.

use super::Document;
use crate::models::Model;
use crate::resolve::Build;
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

/// What is asked of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RuleFeature {
    Antecedent,
    Consequent,
    Rule,
    Id,
    Confidence,
    Support,
    Lift,
    Leverage,
    Affinity,
}

/// How association rules are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Algorithm {
    Recommendation,
    ExclusiveRecommendation,
    RuleAssociation,
}

#[derive(Debug)]
pub(super) struct Rules {
    rank: usize,
    pub(super) feature: RuleFeature,
    algorithm: Algorithm,
    basis: RuleFeature,
    ascending: bool,
    pub(super) several: bool,
}

/// Resolves what a field asks.
pub(super) fn resolve<'a>(b: &Build<'a>, document: &Document) -> Result<Rules, Problem> {
    let named = |name: &str| {
        Ok(match name {
            "antecedent" => RuleFeature::Antecedent,
            "consequent" => RuleFeature::Consequent,
            "rule" => RuleFeature::Rule,
            "ruleId" | "entityId" => RuleFeature::Id,
            "confidence" => RuleFeature::Confidence,
            "support" => RuleFeature::Support,
            "lift" => RuleFeature::Lift,
            "leverage" => RuleFeature::Leverage,
            "affinity" => RuleFeature::Affinity,
            _ => {
                let what = format!("rule feature {name:?} (unknown or not implemented)");
                return Err(b.xml.unsupported(document.place, what));
            }
        })
    };
    let feature = match document.feature.as_str() {
        "ruleValue" => document.rule_feature.as_deref().unwrap_or("consequent"),
        feature => feature,
    };
    let algorithm = match document.algorithm.as_deref() {
        None | Some("exclusiveRecommendation") => Algorithm::ExclusiveRecommendation,
        Some("recommendation") => Algorithm::Recommendation,
        Some("ruleAssociation") => Algorithm::RuleAssociation,
        Some(other) => return Err(b.xml.unsupported(document.place, format!("algorithm {other:?}"))),
    };
    Ok(Rules {
        rank: document.rank,
        feature: named(feature)?,
        algorithm,
        basis: named(document.rank_basis.as_deref().unwrap_or("confidence"))?,
        ascending: document.ascending,
        several: document.several,
    })
}

impl Rules {
    pub(super) fn evaluate(&self, cx: &mut Cx<'_>, model: &Model, answer: &Answer) -> Value {
        let applies = |rule: &&crate::run::Recommendation| match self.algorithm {
            Algorithm::Recommendation => rule.antecedent,
            Algorithm::ExclusiveRecommendation => rule.antecedent && !rule.consequent,
            Algorithm::RuleAssociation => rule.antecedent && rule.consequent,
        };
        let number = |cx: &Cx<'_>, rule: &crate::run::Recommendation| {
            let text = model.body.rule(cx, *rule, self.basis);
            text.and_then(|text| crate::value::number(&text)).unwrap_or(f64::NEG_INFINITY)
        };
        let mut rules: Vec<_> =
            answer.rules.iter().filter(applies).map(|rule| (number(cx, rule), *rule)).collect();
        match self.ascending {
            true => rules.sort_by(|a, b| a.0.total_cmp(&b.0)),
            false => rules.sort_by(|a, b| b.0.total_cmp(&a.0)),
        }
        let text = |cx: &Cx<'_>, rule| model.body.rule(cx, rule, self.feature).unwrap_or_default();
        if self.several {
            let chosen = rules.iter().take(if self.rank == 0 { usize::MAX } else { self.rank });
            let texts: Vec<String> = chosen.map(|(_, rule)| text(cx, *rule)).collect();
            let all = format!("[{}]", texts.join(", "));
            return Value::Text(cx.symbol(&all));
        }
        let Some((_, rule)) = rules.get(self.rank.max(1) - 1) else { return Value::Missing };
        let text = text(cx, *rule);
        match self.feature {
            RuleFeature::Antecedent | RuleFeature::Consequent | RuleFeature::Rule | RuleFeature::Id => {
                Value::Text(cx.symbol(&text))
            }
            _ => Value::of(crate::value::number(&text)),
        }
    }
}
