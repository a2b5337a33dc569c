//! The model elements: one file each, one line each in the table below.

mod anomaly;
mod association;
mod baseline;
mod bayes_network;
mod clustering;
mod columns;
mod forest;
mod gaussian_process;
mod general_regression;
mod header;
mod math;
mod measure;
mod mining;
mod naive_bayes;
mod neighbors;
mod neural;
mod normalization;
mod output;
mod predicate;
mod regression;
mod ruleset;
mod scorecard;
mod sequence;
mod support_vector;
mod targets;
mod text_model;
mod time_series;
mod training;
mod tree;

pub(crate) use header::{Header, MiningFunction, TargetInfo};
pub(crate) use math::Math;
pub(crate) use output::{OutputField, RuleFeature};
pub(crate) use targets::OtherTarget;
pub(crate) use tree::Space as TreeSpace;

use crate::blocks::{Answers, BlockCx};
use crate::read::Element;
use crate::resolve::{Build, ClassList, ScopeId, Slot, Target};
use crate::run::{Answer, Cx, Recommendation};
use crate::value::DataType;
use crate::verification::Verification;
use landfall_model::Problem;
use std::fmt::Debug;

/// What an element does for one row.
pub(crate) trait Body: Send + Sync + Debug {
    /// Answers one row; `answer` is clear.
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem>;

    /// Answers a block of rows over columns; `answers` is clear. Rows that it cannot answer so it uncovers. `false` where
    /// it is no model for columns, whatever the rows.
    fn over_columns(&self, _: &mut BlockCx<'_>, _: &mut Answers) -> bool {
        false
    }

    /// What a rule of this model says of itself (association rules).
    fn rule(&self, _: &Cx<'_>, _: Recommendation, _: RuleFeature) -> Option<String> {
        None
    }

    /// How many rules it has (association rules).
    fn rule_count(&self) -> usize {
        0
    }

    /// Whether what it is made of puts the predictions of several targets where they belong; else they are the answer and
    /// those of other targets within it.
    fn sets_targets(&self) -> bool {
        false
    }

    /// Itself, where it is a tree.
    fn as_tree(&self) -> Option<&tree::Tree> {
        None
    }

    /// How many training rows each of its trees was grown from, where they say so and agree.
    fn rows_grown_from(&self) -> Option<f64> {
        None
    }

    /// Models within, whose fields are answered beside this one's.
    fn inner(&self) -> Vec<&Model> {
        Vec::new()
    }
}

/// Reads an element's own children; the common ones are the header's.
type Reader = for<'a> fn(&mut Build<'a>, &Element<'a>, &mut Header) -> Result<Box<dyn Body>, Problem>;

/// Model elements with their attributes, but for the common ones, and their readers.
const ELEMENTS: &[(&str, &[&str], Reader)] = &[
    ("TreeModel", tree::ATTRIBUTES, tree::read),
    ("RegressionModel", regression::ATTRIBUTES, regression::read),
    ("MiningModel", &[], mining::read),
    ("GeneralRegressionModel", general_regression::ATTRIBUTES, general_regression::read),
    ("NeuralNetwork", neural::ATTRIBUTES, neural::read),
    ("AnomalyDetectionModel", anomaly::ATTRIBUTES, anomaly::read),
    ("AssociationModel", association::ATTRIBUTES, association::read),
    ("BaselineModel", baseline::ATTRIBUTES, baseline::read),
    ("BayesianNetworkModel", bayes_network::ATTRIBUTES, bayes_network::read),
    ("ClusteringModel", clustering::ATTRIBUTES, clustering::read),
    ("GaussianProcessModel", gaussian_process::ATTRIBUTES, gaussian_process::read),
    ("NaiveBayesModel", naive_bayes::ATTRIBUTES, naive_bayes::read),
    ("NearestNeighborModel", neighbors::ATTRIBUTES, neighbors::read),
    ("RuleSetModel", ruleset::ATTRIBUTES, ruleset::read),
    ("Scorecard", scorecard::ATTRIBUTES, scorecard::read),
    ("SequenceModel", sequence::ATTRIBUTES, sequence::read),
    ("TextModel", text_model::ATTRIBUTES, text_model::read),
    ("TimeSeriesModel", time_series::ATTRIBUTES, time_series::read),
    ("SupportVectorMachineModel", support_vector::ATTRIBUTES, support_vector::read),
];

/// Attributes of all model elements; those that are not read describe how the model was made.
const COMMON: &[&str] = &["functionName", "modelName", "algorithmName", "isScorable", "x-mathContext"];

/// One model, itself or within another.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) element: String,
    pub(crate) function: MiningFunction,
    pub(crate) target: Option<TargetInfo>,
    /// Type of predictions.
    pub(crate) dtype: DataType,
    pub(crate) math: Math,
    pub(crate) list: ClassList,
    pub(crate) body: Box<dyn Body>,
    pub(crate) targets: Option<Target>,
    /// Targets beside the first.
    pub(crate) others: Vec<OtherTarget>,
    /// The slots of all target fields, by name.
    pub(crate) results: Vec<(String, Slot)>,
    pub(crate) outputs: Vec<OutputField>,
    /// Output fields that ask a segment: name, type, and where the segment puts them.
    pub(crate) forwarded: Vec<(String, DataType, Slot)>,
    pub(crate) verification: Option<Verification>,
    /// Names of the fields that it takes.
    pub(crate) active: Vec<String>,
    /// Where the prediction is put that has no name.
    pub(crate) unnamed: Option<Slot>,
}

/// Whether an element is a model.
pub(crate) fn is_model(name: &str) -> bool {
    ELEMENTS.iter().any(|(element, ..)| *element == name)
}

/// Reads a model element. `outer` is the header of the model around it.
pub(crate) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    scope: ScopeId,
    outer: Option<&Header>,
) -> Result<Model, Problem> {
    let Some((_, attributes, reader)) = ELEMENTS.iter().find(|(name, ..)| *name == element.name) else {
        return Err(b
            .xml
            .unsupported(element.place, format!("element <{}> (unknown or not implemented)", element.name)));
    };
    let known: Vec<&str> = COMMON.iter().chain(attributes.iter()).copied().collect();
    element.only(&b.xml, &known)?;
    if !element.flag(&b.xml, "isScorable", true)? {
        return Err(b.xml.unsupported(element.place, "a model that is not scorable (isScorable=\"false\")"));
    }
    let mut header = Header::new(b, element, scope, outer)?;
    let body = reader(b, element, &mut header)?;
    header.finish(b, element, body)
}

/// Reads a `<Regression>` or a `<DecisionTree>` within another model, which sees what that model sees and predicts the
/// same.
fn read_embedded<'a>(b: &mut Build<'a>, element: &Element<'a>, outer: &Header) -> Result<Model, Problem> {
    let (attributes, reader): (&[&str], Reader) = match element.name.as_ref() {
        "Regression" => (regression::ATTRIBUTES, regression::read),
        _ => (tree::ATTRIBUTES, tree::read),
    };
    let known: Vec<&str> = COMMON.iter().chain(attributes.iter()).copied().collect();
    element.only(&b.xml, &known)?;
    let mut header = Header::embedded(b, element, outer)?;
    let body = reader(b, element, &mut header)?;
    header.finish(b, element, body)
}

/// A model in the place of a part of another.
#[derive(Debug)]
struct Embedded(Model);

impl Body for Embedded {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let entity = answer.entity;
        self.0.run(cx, answer)?;
        answer.entity = entity;
        Ok(())
    }

    fn inner(&self) -> Vec<&Model> {
        vec![&self.0]
    }
}

impl Model {
    /// Answers one row: runs the body, then what its targets say, then its output fields.
    pub(crate) fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        answer.clear();
        answer.list = self.list;
        answer.others.resize_with(self.others.len(), Answer::default);
        for (said, target) in answer.others.iter_mut().zip(&self.others) {
            said.list = target.list;
        }
        self.body.run(cx, answer)?;
        self.put_predictions(cx, answer);
        for field in &self.outputs {
            let value = field.evaluate(cx, self, answer)?;
            cx.set(field.slot, value);
        }
        Ok(())
    }

    /// Slots of actual values that residuals ask for, in this model and those within.
    pub(crate) fn actuals(&self) -> Vec<Slot> {
        let own = self.outputs.iter().filter_map(OutputField::actual);
        own.chain(self.body.inner().into_iter().flat_map(Model::actuals)).collect()
    }
}
