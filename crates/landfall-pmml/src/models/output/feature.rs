//! Features: what each asks of a model's answer, resolved and evaluated.

use super::Document;
use super::asked::{Asked, Names};
use super::listed::{self, Listed};
use super::rules::{self, RuleFeature, Rules};
use crate::expression::{self, Expr};
use crate::functions::normal_quantile;
use crate::models::{MiningFunction, Model};
use crate::resolve::{Build, ScopeId, Slot};
use crate::run::{Answer, Cx};
use crate::value::{DataType, Value};
use landfall_model::Problem;

#[derive(Debug)]
pub(super) enum Feature {
    Predicted(Option<Slot>),
    Display(Names),
    Probability(Option<usize>),
    Confidence(Option<usize>),
    /// The entity of a rank, from 1.
    Entity(usize),
    /// The affinity of an entity, or of the one of a rank.
    Affinity(Option<Value>, usize),
    Reason(usize),
    Rules(Rules),
    /// Another rank than the first, or several ones.
    Listed(Listed),
    Expression(Expr),
    Residual(Residual),
    Deviation,
    /// The end of an interval, so many deviations from the prediction.
    Limit(f64),
    /// Nothing is to be warned of, and how a value came about is not told.
    Nothing,
    /// The same of one of the model's other targets.
    Of(usize, Box<Feature>),
}

/// What is asked of an actual value: how far it is from the prediction, or of a class how unlikely it was.
#[derive(Debug)]
pub(super) struct Residual {
    class: Option<usize>,
    actual: Option<Slot>,
    is_number: bool,
}

/// Resolves the feature of a field, and the type of what it gives.
pub(super) fn resolve<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    model: &Model,
    results: &[(String, Slot)],
    document: &Document,
) -> Result<(Feature, DataType), Problem> {
    known_target(b, results, document)?;
    let asked = Asked::of(model, document);
    let (feature, dtype) = if !has_rules(model)
        && let Some((listed, dtype)) = listed::resolve(b, model, &asked, document)?
    {
        (Feature::Listed(listed), dtype)
    } else {
        of_feature(b, scope, model, results, document, &asked)?
    };
    let of_target = matches!(
        feature,
        Feature::Display(_)
            | Feature::Probability(_)
            | Feature::Confidence(_)
            | Feature::Residual(_)
            | Feature::Deviation
            | Feature::Limit(_)
    ) || matches!(&feature, Feature::Listed(listed) if listed.is_of_classes());
    Ok(match asked.other.filter(|_| of_target) {
        Some(other) => (Feature::Of(other, Box::new(feature)), dtype),
        None => (feature, dtype),
    })
}

/// That the target which a field asks about is one of the model's; one without targets predicts what it is asked for.
fn known_target(b: &Build<'_>, results: &[(String, Slot)], document: &Document) -> Result<(), Problem> {
    let Some(name) = &document.target else { return Ok(()) };
    if results.is_empty() || results.iter().any(|(result, _)| result == name) {
        return Ok(());
    }
    let what = format!("output field {:?}: targetField={name:?} is no target of this model", document.name);
    Err(b.xml.malformed(document.place, what))
}

/// Whether features are those of rules.
fn has_rules(model: &Model) -> bool {
    model.function == MiningFunction::AssociationRules || model.element == "SequenceModel"
}

/// A feature of the target that is asked about.
fn of_feature<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    model: &Model,
    results: &[(String, Slot)],
    document: &Document,
    asked: &Asked<'_>,
) -> Result<(Feature, DataType), Problem> {
    Ok(match document.feature.as_str() {
        "ruleValue" | "antecedent" | "consequent" | "rule" | "ruleId" | "support" | "lift" | "leverage"
        | "confidence" | "affinity" | "entityId"
            if has_rules(model) =>
        {
            let rules = rules::resolve(b, document)?;
            let text = rules.several
                || matches!(
                    rules.feature,
                    RuleFeature::Antecedent | RuleFeature::Consequent | RuleFeature::Rule | RuleFeature::Id
                );
            (Feature::Rules(rules), if text { DataType::String } else { DataType::Double })
        }
        "predictedValue" => predicted(b, model, results, document),
        "predictedDisplayValue" => (Feature::Display(Names::of(b, asked)), DataType::String),
        "probability" => (Feature::Probability(asked.class(b, document)), DataType::Double),
        "confidence" => (Feature::Confidence(asked.class(b, document)), DataType::Double),
        "residual" => {
            let class = asked.class(b, document);
            let residual = Residual { class, actual: asked.actual, is_number: asked.is_number };
            (Feature::Residual(residual), DataType::Double)
        }
        "standardError" | "standardDeviation" => (Feature::Deviation, DataType::Double),
        "confidenceIntervalLower" => (Feature::Limit(-deviations(b, document)?), DataType::Double),
        "confidenceIntervalUpper" => (Feature::Limit(deviations(b, document)?), DataType::Double),
        "entityId" | "clusterId" => (Feature::Entity(document.rank), DataType::String),
        "affinity" | "entityAffinity" | "clusterAffinity" => {
            let value = document.value.as_ref().map(|text| Value::Text(b.symbols.intern(text)));
            (Feature::Affinity(value, document.rank), DataType::Double)
        }
        "reasonCode" => (Feature::Reason(document.rank), DataType::String),
        "transformedValue" | "decision" => {
            let typed = own_expression(b, scope, model, document)?;
            (Feature::Expression(typed.expr), typed.dtype)
        }
        "warning" | "report" | "x-report" => (Feature::Nothing, DataType::String),
        other => {
            let what = format!(
                "output field {:?}: feature {other:?} (unknown or not implemented for this model)",
                document.name
            );
            return Err(b.xml.unsupported(document.place, what));
        }
    })
}

fn predicted<'a>(
    b: &Build<'a>,
    model: &Model,
    results: &[(String, Slot)],
    document: &Document,
) -> (Feature, DataType) {
    let entity = if model.function == MiningFunction::Clustering { DataType::String } else { model.dtype };
    let named = document
        .target
        .as_ref()
        .filter(|name| results.len() > 1 || model.target.as_ref().is_none_or(|own| own.name != **name));
    let other =
        named.and_then(|name| results.iter().find(|(result, _)| result == name)).map(|(_, slot)| *slot);
    let dtype = other.map_or(entity, |slot| b.slots[slot as usize].dtype);
    (Feature::Predicted(other), dtype)
}

/// Deviations to either side of an interval that holds so many percent, 95 where nothing is said.
fn deviations<'a>(b: &Build<'a>, document: &Document) -> Result<f64, Problem> {
    let text = document.value.as_deref().unwrap_or("95");
    let level = crate::value::number(text).map(|level| if level < 1.0 { level } else { level / 100.0 });
    match level.filter(|level| *level > 0.0 && *level < 1.0) {
        Some(level) => Ok(normal_quantile((1.0 + level) / 2.0)),
        None => {
            let what = format!("output field {:?}: {text:?} is no level in percent", document.name);
            Err(b.xml.malformed(document.place, what))
        }
    }
}

fn own_expression<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    model: &Model,
    document: &Document,
) -> Result<expression::Typed, Problem> {
    if let Some(node) = &document.expression {
        return expression::resolve(b, scope, node);
    }
    // An output field of the segment, by its name.
    let named = document.value.as_ref().filter(|_| document.segment.is_some());
    match named.and_then(|name| model.outputs.iter().find(|field| field.name == *name)) {
        Some(field) => {
            let expr = Expr::Field { slot: field.slot, if_missing: Value::Missing };
            Ok(expression::Typed { expr, dtype: field.dtype })
        }
        None => {
            let what = format!("<OutputField> {:?} has no expression", document.name);
            Err(b.xml.malformed(document.place, what))
        }
    }
}

impl Feature {
    /// Where the actual value of a target is that it needs.
    pub(super) fn actual(&self) -> Option<Slot> {
        match self {
            Feature::Residual(residual) => residual.actual,
            Feature::Of(_, feature) => feature.actual(),
            _ => None,
        }
    }

    /// What it says of a row that its model has answered.
    pub(super) fn evaluate(&self, cx: &mut Cx<'_>, model: &Model, answer: &Answer) -> Result<Value, Problem> {
        let class_of =
            |cx: &Cx<'_>, value: Value| cx.m.lists[answer.list].iter().position(|class| *class == value);
        let score = |cx: &Cx<'_>, class: Option<usize>| {
            if answer.scores.is_empty() {
                return None;
            }
            let class = match class {
                Some(class) => class,
                None => class_of(cx, answer.value)?,
            };
            Some(answer.scores.get(class).copied().unwrap_or(0.0))
        };
        Ok(match self {
            Feature::Predicted(None) => answer.value,
            Feature::Predicted(Some(slot)) => cx.get(*slot)?,
            Feature::Display(names) => match names.named(answer.value) {
                None if !answer.display.is_missing() => answer.display,
                _ => names.displayed(cx, answer.value),
            },
            Feature::Probability(class) => Value::of(score(cx, *class)),
            Feature::Confidence(class) => {
                let of_class = class.or_else(|| class_of(cx, answer.value));
                let listed = of_class.and_then(|class| answer.confidences.get(class).copied());
                Value::of(match class {
                    Some(_) if answer.confidences.is_empty() => score(cx, *class),
                    Some(_) => listed,
                    None => answer.confidence.or(listed).or_else(|| score(cx, None)),
                })
            }
            Feature::Entity(rank) => match *rank {
                0 | 1 if answer.ranked.is_empty() => answer.entity,
                rank => answer.nearest().get(rank.max(1) - 1).map_or(Value::Missing, |ranked| ranked.entity),
            },
            Feature::Affinity(Some(entity), _) => {
                let found =
                    answer.ranked.iter().find(|ranked| ranked.entity == *entity || ranked.name == *entity);
                found.map_or(Value::Missing, |ranked| Value::number(ranked.affinity))
            }
            Feature::Affinity(None, rank) => Value::of(
                answer
                    .nearest()
                    .get(rank.max(&1) - 1)
                    .map(|ranked| ranked.affinity)
                    .or_else(|| score(cx, None)),
            ),
            Feature::Reason(rank) => {
                answer.reasons.get(rank.max(&1) - 1).map_or(Value::Missing, |symbol| Value::Text(*symbol))
            }
            Feature::Rules(rules) => rules.evaluate(cx, model, answer),
            Feature::Listed(listed) => listed.evaluate(cx, answer),
            Feature::Expression(expr) => expression::evaluate(expr, cx)?,
            Feature::Residual(residual) => {
                let class = residual.class.and_then(|c| score(cx, Some(c)).map(|s| (c, s)));
                residual.evaluate(cx, answer, class)?
            }
            Feature::Of(other, feature) => match answer.others.get(*other) {
                Some(said) => feature.evaluate(cx, model, said)?,
                None => Value::Missing,
            },
            Feature::Deviation => Value::of(answer.deviation),
            Feature::Limit(deviations) => Value::of(limit(answer, *deviations)),
            Feature::Nothing => Value::Missing,
        })
    }
}

/// The end of an interval around the prediction.
fn limit(answer: &Answer, deviations: f64) -> Option<f64> {
    let away = deviations * answer.deviation?;
    match answer.limits {
        Some((lead, center)) => Some(lead(center + away)),
        None => Some(answer.value.num()? + away),
    }
}

impl Residual {
    /// What the actual value has more than the prediction; of a class, 1 or 0 less its probability.
    fn evaluate(
        &self,
        cx: &mut Cx<'_>,
        answer: &Answer,
        class: Option<(usize, f64)>,
    ) -> Result<Value, Problem> {
        let Some(actual) = self.actual else { return Ok(Value::Missing) };
        let actual = cx.get(actual)?;
        if actual.is_missing() {
            return Ok(Value::Missing);
        }
        if self.is_number {
            let pair = actual.num().zip(answer.value.num());
            return Ok(Value::of(pair.map(|(actual, predicted)| actual - predicted)));
        }
        let classes = &cx.m.lists[answer.list];
        let (class, score) = match class {
            Some((class, score)) => (Some(classes[class]), Some(score)),
            None => {
                let at = classes.iter().position(|class| *class == answer.value);
                (Some(answer.value), at.and_then(|at| answer.scores.get(at).copied()))
            }
        };
        Ok(Value::of(score.map(|score| f64::from(u8::from(class == Some(actual))) - score)))
    }
}
