//! `<OutputField>` as the document has it.

use crate::expression;
use crate::read::{Element, Place};
use crate::resolve::{Build, OpType};
use crate::value::DataType;
use landfall_model::Problem;

/// An `<OutputField>` as the document has it.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) dtype: Option<DataType>,
    /// What its values are to each other, for segments that take them, and the order in which it names them.
    pub(super) optype: Option<OpType>,
    pub(super) order: Vec<String>,
    pub(super) feature: String,
    pub(super) value: Option<String>,
    pub(super) target: Option<String>,
    pub(crate) segment: Option<String>,
    pub(super) rank: usize,
    pub(super) rule_feature: Option<String>,
    pub(super) algorithm: Option<String>,
    pub(super) rank_basis: Option<String>,
    pub(super) ascending: bool,
    pub(super) several: bool,
    pub(super) expression: Option<expression::DocumentNode>,
    pub(super) place: Place,
}

impl Document {
    /// The rank of the reason that it asks for.
    pub(crate) fn reason_rank(&self) -> Option<usize> {
        (self.feature == "reasonCode").then_some(self.rank.max(1))
    }

    /// That it asks a segment which the model does not have.
    pub(crate) fn no_segment(&self, b: &Build<'_>) -> Problem {
        let id = self.segment.as_deref().unwrap_or_default();
        let what = format!("output field {:?}: segmentId={id:?} names no segment of this model", self.name);
        b.xml.malformed(self.place, what)
    }

    /// Whether it asks which entity of the model has answered.
    pub(crate) fn asks_entity(&self) -> bool {
        self.segment.is_none() && matches!(self.feature.as_str(), "entityId" | "clusterId")
    }

    /// Whether it asks how sure the model is, where that is not how probable.
    pub(crate) fn asks_confidence(&self) -> bool {
        self.feature == "confidence"
    }

    /// Whether it asks how far the parts of a prediction are from each other.
    pub(crate) fn wants_deviation(&self) -> bool {
        self.feature.starts_with("standard") || self.feature.starts_with("confidenceInterval")
    }
}

/// Reads `<Output>`.
pub(crate) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Vec<Document>, Problem> {
    element.only(&b.xml, &[])?;
    let mut all = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "OutputField" => all.push(read_field(b, &child)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(all)
}

/// Reads an `<OutputField>`, or a `<ResultField>`, which is one with fewer attributes.
pub(crate) fn read_field<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Document, Problem> {
    element.only(
        &b.xml,
        &[
            "name",
            "displayName",
            "optype",
            "dataType",
            "datatype",
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
            "reportField",
            "x-reportField",
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
        optype: OpType::of(&b.xml, element)?,
        order: Vec::new(),
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
            // What a business makes of a value.
            "Decisions" => b.xml.skip(&child)?,
            "Value" => {
                child.only(&b.xml, &["value", "displayValue", "property"])?;
                if !matches!(child.get("property"), None | Some("valid")) {
                    return Err(child.value(&b.xml, "property"));
                }
                document.order.push(child.need(&b.xml, "value")?.to_owned());
                b.xml.leaf(&child)?;
            }
            _ if document.expression.is_none() => {
                document.expression = Some(expression::read_expression(b, &child, element)?);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(document)
}
