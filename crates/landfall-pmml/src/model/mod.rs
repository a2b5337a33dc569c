//! A loaded document behind the seam of engines: signature, rows in, fields out.

mod column;
mod instance;
mod interface;
mod verified;

pub(crate) use column::Column;
pub(crate) use instance::PmmlInstance;

use crate::blocks::BlockMemory;
use crate::document::Head;
use crate::resolve::Slot;
use crate::run::{Answer, Answered, Compiled, Work};
use crate::value::DataType;
use interface::{answers, input_spec, output_spec, used_fields};
use landfall_model::{
    CostClass, Facts, InputSpec, Instance, Method, Model, Problem, RowRule, ShapeRule, Signature,
};
use std::sync::Arc;

/// The engine's name.
pub(crate) const NAME: &str = "pmml";

/// A loaded document.
pub(crate) struct PmmlModel {
    compiled: Arc<Compiled>,
    plan: Arc<Plan>,
    signatures: Vec<Arc<Signature>>,
    facts: Facts,
    /// Whether it answers even when its own verification fails.
    unverified: bool,
}

/// Which fields are inputs and outputs, by place in the signature.
struct Plan {
    /// Places in the dictionary.
    inputs: Vec<usize>,
    /// Names, slots, and the types of their values.
    outputs: Vec<(String, Slot, DataType)>,
    /// The input whose equal values make rows one record.
    group: Option<usize>,
}

impl PmmlModel {
    pub(crate) fn new(compiled: Compiled, head: &Head, group: Option<String>) -> Result<Self, Problem> {
        let mut fields = used_fields(&compiled);
        // A model that takes nothing still answers each row: whatever column comes says how many there are.
        let only_counts_rows = fields.is_empty();
        if only_counts_rows {
            fields = (0..compiled.dictionary.len()).collect();
        }
        let spec = |place: &usize| InputSpec { only_counts_rows, ..input_spec(&compiled, *place) };
        let inputs: Vec<InputSpec> = fields.iter().map(spec).collect();
        let answers = answers(&compiled);
        let outputs = answers.iter().map(|answer| output_spec(&compiled, answer)).collect();
        let group_place = group
            .as_ref()
            .and_then(|name| fields.iter().position(|place| compiled.dictionary[*place].name == *name));
        let rows = match group.filter(|_| group_place.is_some()) {
            Some(name) => RowRule::GroupedBy(name),
            None if !compiled.lags.is_empty() => RowRule::Ordered,
            None => RowRule::Independent,
        };
        let signature =
            Signature::new("serving_default", Method::Predict, inputs, outputs, rows, ShapeRule::Checked)?
                .shared();
        let structure = vec![
            ("model".to_owned(), compiled.root.element.clone()),
            ("version".to_owned(), head.version.clone()),
            ("application".to_owned(), head.application.clone()),
            ("copyright".to_owned(), head.copyright.clone()),
            ("fields".to_owned(), compiled.dictionary.len().to_string()),
            ("trees evaluated as forests".to_owned(), forests(&compiled)),
        ];
        let facts = Facts {
            engine: NAME,
            format: "pmml",
            memory_bytes: None,
            threads_inside: 1,
            threads_option: None,
            cost: CostClass::Unknown,
            structure: structure.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            notes: added(head),
            declared: Vec::new(),
            later: Default::default(),
        };
        let plan = Plan {
            inputs: fields,
            outputs: answers.into_iter().map(|answer| (answer.name, answer.slot, answer.dtype)).collect(),
            group: group_place,
        };
        Ok(PmmlModel {
            compiled: Arc::new(compiled),
            plan: Arc::new(plan),
            signatures: vec![signature],
            facts,
            unverified: false,
        })
    }
}

/// What is to be told of a writer's own additions.
fn added(head: &Head) -> Vec<String> {
    let told = || format!("passed over, as its writer's own: {}", head.added.join(", "));
    if head.added.is_empty() { Vec::new() } else { vec![told()] }
}

impl PmmlModel {
    /// Lets it answer even when its own verification fails; then a note says so.
    pub(crate) fn whatever_its_verification_says(mut self) -> Self {
        if let Err(problem) = self.verify() {
            self.facts.notes.push(format!("it answers though its own verification fails: {problem}"));
            self.unverified = true;
        }
        self
    }

    /// How its rows hang together.
    pub(crate) fn rows(&self) -> &RowRule {
        self.signatures[0].rows()
    }

    pub(crate) fn compiled(&self) -> Arc<Compiled> {
        self.compiled.clone()
    }

    /// The inputs, as places in the dictionary.
    pub(crate) fn input_places(&self) -> Vec<usize> {
        self.plan.inputs.clone()
    }

    /// The fields that are answered.
    pub(crate) fn answered(&self) -> Vec<Answered> {
        self.plan.answered()
    }
}

impl Plan {
    fn answered(&self) -> Vec<Answered> {
        let outputs = self.outputs.iter();
        outputs.map(|(name, slot, dtype)| Answered::new(name.clone(), *slot, *dtype)).collect()
    }
}

/// How many trees the document's forests have; nothing where there are none.
fn forests(m: &Compiled) -> String {
    match m.blocks.iter().map(|block| block.trees()).sum::<usize>() {
        0 => String::new(),
        trees => trees.to_string(),
    }
}

impl Model for PmmlModel {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(PmmlInstance {
            work: Work::new(&self.compiled),
            memory: BlockMemory::new(&self.compiled),
            answer: Answer::default(),
            answered: self.plan.answered(),
            over_columns: true,
            hunger: 0,
            compiled: self.compiled.clone(),
            plan: self.plan.clone(),
        }))
    }

    fn prepare(&self) {
        self.compiled.blocks.iter().for_each(|block| block.prepare());
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn verify(&self) -> Result<usize, Problem> {
        match &self.compiled.root.verification {
            Some(rows) if !self.unverified => rows.run(&self.compiled),
            _ => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sum of two trees over `x`.
    fn trees() -> String {
        let tree = |threshold: f64| {
            format!(
                "<Segment><True/><TreeModel functionName=\"regression\" splitCharacteristic=\"binarySplit\"><MiningSchema>\
                 <MiningField name=\"x\"/></MiningSchema><Node><True/><Node score=\"1\"><SimplePredicate field=\"x\" \
                 operator=\"lessThan\" value=\"{threshold}\"/></Node><Node score=\"2\"><SimplePredicate field=\"x\" \
                 operator=\"greaterOrEqual\" value=\"{threshold}\"/></Node></Node></TreeModel></Segment>"
            )
        };
        format!(
            "<PMML version=\"4.4\"><Header/><DataDictionary><DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>\
             <DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/></DataDictionary><MiningModel \
             functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/><MiningField name=\"y\" usageType=\"target\"/>\
             </MiningSchema><Segmentation multipleModelMethod=\"sum\">{}{}</Segmentation></MiningModel></PMML>",
            tree(0.5),
            tree(1.5)
        )
    }

    #[test]
    fn layouts_of_trees_are_made_when_the_model_is_prepared() {
        let model = crate::engine::read(trees().as_bytes(), "m.pmml", None).unwrap();
        let bytes = || model.compiled.blocks.iter().map(|block| block.bytes()).sum::<usize>();
        let before = bytes();
        assert!(before > 0, "no forest");
        model.prepare();
        let prepared = bytes();
        assert!(prepared > before, "{prepared} bytes, {before} before");
        model.prepare();
        assert_eq!(bytes(), prepared);
    }
}
