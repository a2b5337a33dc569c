//! `<Output>`: what is answered beside the target, each feature by its name.

use super::{MiningFunction, Model};
use crate::expression::{self, Expr};
use crate::read::{Element, Place};
use crate::resolve::{Build, OpType, ScopeId, Slot, SlotDef, Source};
use crate::run::{Answer, Cx};
use crate::value::{DataType, Value};
use landfall_model::Problem;

/// An `<OutputField>` as the document has it.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) dtype: Option<DataType>,
    feature: String,
    value: Option<String>,
    target: Option<String>,
    pub(crate) segment: Option<String>,
    rank: usize,
    rule_feature: Option<String>,
    algorithm: Option<String>,
    rank_basis: Option<String>,
    ascending: bool,
    several: bool,
    expression: Option<expression::Node>,
    place: Place,
}

/// An output field: what it answers, and where that is put.
#[derive(Debug)]
pub(crate) struct OutputField {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) dtype: DataType,
    pub(crate) slot: Slot,
    feature: Feature,
    /// The type of what the feature gives.
    from: DataType,
}

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
enum Feature {
    Predicted(Option<Slot>),
    Display(Vec<(Value, Value)>),
    Probability(Option<usize>),
    Confidence(Option<usize>),
    /// The entity of a rank, from 1.
    Entity(usize),
    /// The affinity of an entity, or of the one of a rank.
    Affinity(Option<Value>, usize),
    Reason(usize),
    Rules(Rules),
    Expression(Expr),
    Residual(Option<usize>),
    Deviation,
    /// Nothing is to be warned of.
    Warning,
}

#[derive(Debug)]
struct Rules {
    rank: usize,
    feature: RuleFeature,
    algorithm: Algorithm,
    basis: RuleFeature,
    ascending: bool,
    several: bool,
}

/// Reads `<Output>`.
pub(crate) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Vec<Document>, Problem> {
    element.only(&b.xml, &[])?;
    let mut all = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "OutputField" => all.push(field(b, &child)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(all)
}

fn field<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Document, Problem> {
    element.only(
        &b.xml,
        &[
            "name",
            "displayName",
            "optype",
            "dataType",
            "targetField",
            "feature",
            "value",
            "ruleFeature",
            "algorithm",
            "rank",
            "rankBasis",
            "rankOrder",
            "isMultiValued",
            "segmentId",
            "isFinalResult",
        ],
    )?;
    let owned = |name: &str| element.get(name).map(str::to_owned);
    let ascending = match element.get("rankOrder") {
        None | Some("descending") => false,
        Some("ascending") => true,
        Some(_) => return Err(element.value(&b.xml, "rankOrder")),
    };
    let mut document = Document {
        name: element.need(&b.xml, "name")?.to_owned(),
        doc: owned("displayName").unwrap_or_default(),
        dtype: b.dtype(element)?,
        feature: owned("feature").unwrap_or_else(|| "predictedValue".to_owned()),
        value: owned("value"),
        target: owned("targetField"),
        segment: owned("segmentId"),
        rank: element.count(&b.xml, "rank")?.unwrap_or(1),
        rule_feature: owned("ruleFeature"),
        algorithm: owned("algorithm"),
        rank_basis: owned("rankBasis"),
        ascending,
        several: element.flag(&b.xml, "isMultiValued", false)?,
        expression: None,
        place: element.place,
    };
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            // Descriptions of what a business makes of a value.
            "Decisions" | "Value" => b.xml.skip(&child)?,
            _ if document.expression.is_none() => {
                document.expression = Some(expression::read_expression(b, &child, element)?);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(document)
}

/// Resolves an output field of a model.
pub(crate) fn resolve<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    model: &Model,
    results: &[(String, Slot)],
    document: &Document,
) -> Result<OutputField, Problem> {
    let (feature, natural) = feature(b, scope, model, results, document)?;
    let dtype = document.dtype.unwrap_or(natural);
    let optype = if dtype.is_number() { OpType::Continuous } else { OpType::Categorical };
    let slot =
        b.slot(SlotDef { name: document.name.clone(), dtype, optype, source: Source::Set, field: None });
    Ok(OutputField {
        name: document.name.clone(),
        doc: document.doc.clone(),
        dtype,
        slot,
        feature,
        from: natural,
    })
}

fn feature<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    model: &Model,
    results: &[(String, Slot)],
    document: &Document,
) -> Result<(Feature, DataType), Problem> {
    let refuse = |b: &Build<'a>, what: &str| {
        Err(b.xml.unsupported(document.place, format!("output field {:?}: {what}", document.name)))
    };
    let class = |b: &mut Build<'a>| {
        document.value.as_ref().map(|text| {
            let symbols = &mut b.symbols;
            let parsed = model.dtype.parse(text, |text| symbols.intern(text));
            let value = parsed.unwrap_or_else(|| Value::Text(b.symbols.intern(text)));
            b.class(model.list, value)
        })
    };
    let named = |name: &Option<String>| {
        let name = name.as_ref()?;
        model.outputs.iter().find(|field| field.name == *name)
    };
    let expression = |b: &mut Build<'a>| match (&document.expression, named(&document.value)) {
        (Some(node), _) => expression::resolve(b, scope, node),
        // An output field of the segment, by its name.
        (None, Some(field)) if document.segment.is_some() => {
            let expr = Expr::Field { slot: field.slot, if_missing: Value::Missing };
            Ok(expression::Typed { expr, dtype: field.dtype })
        }
        (None, _) => {
            let what = format!("<OutputField> {:?} has no expression", document.name);
            Err(b.xml.malformed(document.place, what))
        }
    };
    let entity = if model.function == MiningFunction::Clustering { DataType::String } else { model.dtype };
    Ok(match document.feature.as_str() {
        "predictedValue" => {
            let other = match &document.target {
                Some(name)
                    if results.len() > 1 || model.target.as_ref().is_none_or(|own| own.name != *name) =>
                {
                    results.iter().find(|(result, _)| result == name).map(|(_, slot)| *slot)
                }
                _ => None,
            };
            let dtype = other.map_or(entity, |slot| b.slots[slot as usize].dtype);
            (Feature::Predicted(other), dtype)
        }
        "predictedDisplayValue" => {
            let mut names = Vec::new();
            for value in model.targets.iter().flat_map(|target| &target.values) {
                if let Some(display) = &value.display {
                    names.push((value.value, Value::Text(b.symbols.intern(display))));
                }
            }
            let field = model.target.as_ref().and_then(|target| b.slots[target.actual? as usize].field);
            if let Some(field) = field.map(|field| b.dictionary[field].clone()) {
                for (value, display) in &field.display {
                    names.push((*value, Value::Text(b.symbols.intern(display))));
                }
            }
            (Feature::Display(names), DataType::String)
        }
        "probability" => (Feature::Probability(class(b)), DataType::Double),
        "confidence"
            if document.rule_feature.is_none()
                && document.algorithm.is_none()
                && model.function != MiningFunction::AssociationRules =>
        {
            (Feature::Confidence(class(b)), DataType::Double)
        }
        "residual" => (Feature::Residual(class(b)), DataType::Double),
        "standardError" | "standardDeviation" => (Feature::Deviation, DataType::Double),
        "entityId" | "clusterId" if model.function != MiningFunction::AssociationRules => {
            (Feature::Entity(document.rank), DataType::String)
        }
        "affinity" | "entityAffinity" | "clusterAffinity"
            if model.function != MiningFunction::AssociationRules =>
        {
            let value = document.value.as_ref().map(|text| Value::Text(b.symbols.intern(text)));
            (Feature::Affinity(value, document.rank), DataType::Double)
        }
        "reasonCode" => (Feature::Reason(document.rank), DataType::String),
        "ruleValue" | "antecedent" | "consequent" | "rule" | "ruleId" | "support" | "lift" | "leverage"
        | "confidence" | "affinity" | "entityId"
            if model.function == MiningFunction::AssociationRules =>
        {
            let rules = rules(b, document)?;
            let dtype = match rules.feature {
                RuleFeature::Antecedent | RuleFeature::Consequent | RuleFeature::Rule | RuleFeature::Id => {
                    DataType::String
                }
                _ if rules.several => DataType::String,
                _ => DataType::Double,
            };
            (Feature::Rules(rules), dtype)
        }
        "transformedValue" | "decision" => {
            let typed = expression(b)?;
            (Feature::Expression(typed.expr), typed.dtype)
        }
        "warning" => (Feature::Warning, DataType::String),
        other => {
            return refuse(b, &format!("feature {other:?} is unknown or not implemented for this model"));
        }
    })
}

fn rules<'a>(b: &Build<'a>, document: &Document) -> Result<Rules, Problem> {
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
                let what = format!("rule feature {name:?} is unknown or not implemented");
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

impl OutputField {
    /// Whether it needs the actual value of the target.
    pub(crate) fn asks_actual(&self) -> bool {
        matches!(self.feature, Feature::Residual(_))
    }

    /// The field's value for a row that its model has answered.
    pub(crate) fn evaluate(&self, cx: &mut Cx<'_>, model: &Model, answer: &Answer) -> Result<Value, Problem> {
        let value = self.feature.evaluate(cx, model, answer)?;
        if self.from == self.dtype {
            return Ok(value);
        }
        // A feature whose value cannot be of the declared type has none of it.
        Ok(match cx.cast(value, self.from, self.dtype) {
            Value::Invalid => value,
            value => value,
        })
    }
}

impl Feature {
    fn evaluate(&self, cx: &mut Cx<'_>, model: &Model, answer: &Answer) -> Result<Value, Problem> {
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
            Feature::Display(names) => match names.iter().find(|(value, _)| *value == answer.value) {
                Some((_, display)) => *display,
                None if !answer.display.is_missing() => answer.display,
                None if answer.value.is_missing() => Value::Missing,
                None => {
                    let text = cx.shown(answer.value, model.dtype);
                    Value::Text(cx.symbol(&text))
                }
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
                rank => ranked(answer).get(rank.max(1) - 1).map_or(Value::Missing, |ranked| ranked.entity),
            },
            Feature::Affinity(Some(entity), _) => {
                let found =
                    answer.ranked.iter().find(|ranked| ranked.entity == *entity || ranked.name == *entity);
                Value::of(found.map(|ranked| ranked.affinity))
            }
            Feature::Affinity(None, rank) => Value::of(
                ranked(answer)
                    .get(rank.max(&1) - 1)
                    .map(|ranked| ranked.affinity)
                    .or_else(|| score(cx, None)),
            ),
            Feature::Reason(rank) => {
                answer.reasons.get(rank.max(&1) - 1).map_or(Value::Missing, |symbol| Value::Text(*symbol))
            }
            Feature::Rules(rules) => rules.evaluate(cx, model, answer),
            Feature::Expression(expr) => expression::evaluate(expr, cx)?,
            Feature::Residual(class) => {
                residual(cx, model, answer, class.and_then(|c| score(cx, Some(c)).map(|s| (c, s))))?
            }
            Feature::Deviation => Value::of(answer.deviation),
            Feature::Warning => Value::Missing,
        })
    }
}

/// Entities, nearest first; equal ones in the model's order.
fn ranked(answer: &Answer) -> Vec<crate::run::Ranked> {
    let mut all = answer.ranked.clone();
    match answer.nearest_first {
        true => all.sort_by(|a, b| a.affinity.total_cmp(&b.affinity)),
        false => all.sort_by(|a, b| b.affinity.total_cmp(&a.affinity)),
    }
    all
}

/// What the actual value has more than the prediction; of a class, 1 or 0 less its probability.
fn residual(
    cx: &mut Cx<'_>,
    model: &Model,
    answer: &Answer,
    class: Option<(usize, f64)>,
) -> Result<Value, Problem> {
    let Some(actual) = model.target.as_ref().and_then(|target| target.actual) else {
        return Ok(Value::Missing);
    };
    let actual = cx.get(actual)?;
    if actual.is_missing() {
        return Ok(Value::Missing);
    }
    if model.function == MiningFunction::Regression {
        return Ok(Value::of(
            actual.num().zip(answer.value.num()).map(|(actual, predicted)| actual - predicted),
        ));
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

impl Rules {
    fn evaluate(&self, cx: &mut Cx<'_>, model: &Model, answer: &Answer) -> Value {
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
