//! Output fields that ask for another rank than the first, or for several at once.

use super::Document;
use super::asked::{Asked, Names};
use crate::models::Model;
use crate::resolve::Build;
use crate::run::{Answer, Cx};
use crate::value::{DataType, Value};
use landfall_model::Problem;

/// Features whose `value` names what they are asked of.
const NAMING: &[&str] = &["probability", "confidence", "affinity", "entityAffinity", "clusterAffinity"];

/// Which list of a model's answer is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Of {
    /// Classes, the most probable first.
    Classes,
    /// Their probabilities.
    Probabilities,
    Confidences,
    Entities,
    Affinities,
    Reasons,
}

/// One entry of a list, or its first ones as text.
#[derive(Debug)]
pub(super) struct Listed {
    of: Of,
    /// From 1; of several ones how many, 0 for all.
    rank: usize,
    several: bool,
    ascending: bool,
    /// Type of the classes.
    dtype: DataType,
    /// How classes and entities are shown, where that is asked.
    display: Option<Names>,
}

/// Resolves what a field asks of a list, and the type of that; `None` for a field that asks for the first alone, or by name.
///
/// # Errors
/// A rank, or several values, of what is no list in this model.
pub(super) fn resolve<'a>(
    b: &mut Build<'a>,
    model: &Model,
    asked: &Asked<'_>,
    document: &Document,
) -> Result<Option<(Listed, DataType)>, Problem> {
    let Document { rank, several, ascending, .. } = *document;
    if !several && rank <= 1 && !ascending {
        return Ok(None);
    }
    // What a field names is one entry, and of one alone each order has the same first.
    let is_named = document.value.is_some() && NAMING.contains(&document.feature.as_str());
    let is_first = is_named || (!several && rank <= 1);
    let classes = asked.is_class(model) && model.element != "RuleSetModel" && document.value.is_none();
    let entities = matches!(model.element.as_str(), "ClusteringModel" | "NearestNeighborModel" | "TextModel");
    let of = match document.feature.as_str() {
        "predictedValue" | "predictedDisplayValue" if classes => Of::Classes,
        "predictedValue" | "predictedDisplayValue" | "entityId" | "clusterId" if entities => Of::Entities,
        "affinity" | "entityAffinity" | "clusterAffinity" if entities && !is_named => Of::Affinities,
        "probability" if classes => Of::Probabilities,
        "confidence" if classes => Of::Confidences,
        "reasonCode" => Of::Reasons,
        "predictedValue"
        | "predictedDisplayValue"
        | "probability"
        | "confidence"
        | "entityId"
        | "clusterId"
        | "affinity"
        | "entityAffinity"
        | "clusterAffinity"
            if !is_first =>
        {
            let what = format!(
                "output field {:?}: rank, rankOrder or isMultiValued of {:?} for this model",
                document.name, document.feature
            );
            return Err(b.xml.unsupported(document.place, what));
        }
        // Other features are not of a list: there rank says nothing.
        _ => return Ok(None),
    };
    let shown = document.feature == "predictedDisplayValue";
    let display = shown.then(|| Names::of(b, asked));
    let dtype = match of {
        _ if several || shown => DataType::String,
        Of::Classes => asked.dtype,
        Of::Entities | Of::Reasons => DataType::String,
        Of::Probabilities | Of::Confidences | Of::Affinities => DataType::Double,
    };
    let listed = Listed { of, rank, several, ascending, dtype: asked.dtype, display };
    Ok(Some((listed, dtype)))
}

impl Listed {
    /// Whether it is about classes of a target, and not about what was reached within the model.
    pub(super) fn is_of_classes(&self) -> bool {
        matches!(self.of, Of::Classes | Of::Probabilities | Of::Confidences)
    }

    pub(super) fn evaluate(&self, cx: &mut Cx<'_>, answer: &Answer) -> Value {
        let mut list = self.list(cx, answer);
        if self.ascending {
            list.reverse();
        }
        if let Some(names) = &self.display {
            list.iter_mut().for_each(|value| *value = names.displayed(cx, *value));
        }
        if !self.several {
            return list.get(self.rank.max(1) - 1).copied().unwrap_or(Value::Missing);
        }
        let classes = self.of == Of::Classes && self.display.is_none();
        let dtype = if classes { self.dtype } else { DataType::Double };
        let count = if self.rank == 0 { usize::MAX } else { self.rank };
        let texts: Vec<String> = list.into_iter().take(count).map(|value| cx.shown(value, dtype)).collect();
        Value::Text(cx.symbol(&format!("[{}]", texts.join(", "))))
    }

    fn list(&self, cx: &Cx<'_>, answer: &Answer) -> Vec<Value> {
        if self.of == Of::Reasons {
            return answer.reasons.iter().map(|symbol| Value::Text(*symbol)).collect();
        }
        if matches!(self.of, Of::Entities | Of::Affinities) {
            let of = |ranked: &crate::run::Ranked| match self.of {
                Of::Entities if self.display.is_some() => ranked.name,
                Of::Entities => ranked.entity,
                _ => Value::Num(ranked.affinity),
            };
            return answer.nearest().iter().map(of).collect();
        }
        let mut places: Vec<usize> = (0..answer.scores.len()).collect();
        places.sort_by(|a, b| answer.scores[*b].total_cmp(&answer.scores[*a]));
        let confidences = if answer.confidences.is_empty() { &answer.scores } else { &answer.confidences };
        let of = |place: usize| match self.of {
            Of::Classes => cx.m.lists[answer.list].get(place).copied().unwrap_or(Value::Missing),
            Of::Probabilities => Value::Num(answer.scores[place]),
            _ => Value::of(confidences.get(place).copied()),
        };
        places.into_iter().map(of).collect()
    }
}
