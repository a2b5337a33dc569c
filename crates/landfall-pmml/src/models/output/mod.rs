//! `<Output>`: what is answered beside the target, each feature by its name.

mod asked;
mod columns;
mod document;
mod feature;
mod listed;
mod rules;

pub(crate) use document::{Document, read, read_field};
pub(crate) use rules::RuleFeature;

use super::Model;
use crate::resolve::{Build, OpType, ScopeId, Slot, SlotDef, Source};
use crate::run::{Answer, Cx};
use crate::value::{DataType, Value};
use feature::Feature;
use landfall_model::Problem;

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
    /// Whether a double is answered with all its digits, though the field is declared in single precision.
    keeps_digits: bool,
}

/// Resolves an output field of a model.
pub(crate) fn resolve<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    model: &Model,
    results: &[(String, Slot)],
    document: &Document,
) -> Result<OutputField, Problem> {
    let (feature, natural) = feature::resolve(b, scope, model, results, document)?;
    let dtype = document.dtype.unwrap_or(natural);
    let natural_optype = if dtype.is_number() { OpType::Continuous } else { OpType::Categorical };
    let optype = document.optype.unwrap_or(natural_optype);
    let slot =
        b.slot(SlotDef { name: document.name.clone(), dtype, optype, source: Source::Set, field: None });
    let order = document.order.iter().map(|text| b.constant(text, dtype, document.place));
    let order = order.collect::<Result<Vec<Value>, Problem>>()?;
    b.order_values(slot, order);
    Ok(OutputField {
        name: document.name.clone(),
        doc: document.doc.clone(),
        dtype,
        slot,
        feature,
        from: natural,
        keeps_digits: false,
    })
}

impl OutputField {
    /// A field of the outermost model: nothing in the document takes it, so that no digit needs to be dropped.
    pub(crate) fn of_outermost(mut self) -> Self {
        self.keeps_digits = (self.from, self.dtype) == (DataType::Double, DataType::Float);
        self
    }

    /// Whether it is what the model predicts, and nothing else.
    pub(crate) fn is_prediction(&self) -> bool {
        matches!(self.feature, Feature::Predicted(_))
    }

    /// The type of what is answered.
    pub(crate) fn answered(&self) -> DataType {
        if self.keeps_digits { DataType::Double } else { self.dtype }
    }

    /// Where the actual value of a target is that it needs.
    pub(crate) fn actual(&self) -> Option<Slot> {
        self.feature.actual()
    }

    /// The field's value for a row that its model has answered.
    pub(crate) fn evaluate(&self, cx: &mut Cx<'_>, model: &Model, answer: &Answer) -> Result<Value, Problem> {
        let value = self.feature.evaluate(cx, model, answer)?;
        if self.from == self.dtype || self.keeps_digits {
            return Ok(value);
        }
        // A feature whose value cannot be of the declared type has none of it.
        Ok(match cx.cast(value, self.from, self.dtype) {
            Value::Invalid => value,
            value => value,
        })
    }
}
