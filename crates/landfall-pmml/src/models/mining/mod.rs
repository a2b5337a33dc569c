//! `<MiningModel>`: several models, each on the rows of its predicate, their answers joined.

mod chain;
mod join;
mod segment;

use super::forest::{Join, Joined, Trees};
use super::predicate::Predicate;
use super::{Body, Header, Math, MiningFunction, Model, RuleFeature, output};
use crate::blocks::{Answers, BlockCx};
use crate::read::Element;
use crate::resolve::{Build, ClassList, Slot};
use crate::run::{Answer, Cx, Recommendation};
use crate::value::Value;
use landfall_model::Problem;
use segment::{Segment, later_segments_see};

#[derive(Debug)]
struct Mining {
    segments: Vec<Segment>,
    method: Method,
    on_missing: OnMissing,
    /// The part of segments, by weight, that may be without prediction.
    threshold: f64,
    function: MiningFunction,
    math: Math,
    results: Vec<(String, Slot)>,
    /// The list in which the model's own classes are counted.
    list: ClassList,
    /// The same as one forest, where all segments are trees.
    joined: Option<Joined>,
    /// Whether the model's output asks which segment has answered.
    names_segment: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Method {
    Vote { weighted: bool },
    Average { weighted: bool },
    Median { weighted: bool },
    Sum { weighted: bool },
    Max,
    First,
    All,
    Chain,
    MultiChain,
}

impl Method {
    /// Whether answers of such models can be joined so: numbers are no votes, and clusters nothing else.
    fn is_for(self, function: MiningFunction) -> bool {
        match self {
            Method::First | Method::All | Method::Chain | Method::MultiChain => true,
            Method::Vote { .. } => function != MiningFunction::Regression,
            _ => matches!(function, MiningFunction::Regression | MiningFunction::Classification),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum OnMissing {
    Continue,
    Skip,
    ReturnMissing,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let mut body = None;
    let mut embedded = Vec::new();
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "Segmentation" if body.is_none() => body = Some(segmentation(b, &child, header)?),
            "Regression" | "DecisionTree" => {
                let model = super::read_embedded(b, &child, header)?;
                later_segments_see(b, header, &model, Method::Chain)?;
                let id = Value::Num(embedded.len() as f64 + 1.0);
                let (predicate, outputs) = (Predicate::True, Vec::new());
                embedded.push(Segment { predicate, weight: 1.0, weight_field: None, id, model, outputs });
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    match body {
        Some(body) if embedded.is_empty() => Ok(Box::new(body)),
        // What stands before the segments is made for them.
        Some(mut body) if body.method == Method::Chain => {
            embedded.append(&mut body.segments);
            body.segments = embedded;
            Ok(Box::new(body))
        }
        Some(_) => Err(b.xml.unsupported(element.place, "models beside a <Segmentation> that is no chain")),
        None if embedded.is_empty() => {
            Err(b.xml.malformed(element.place, "<MiningModel> has no <Segmentation>"))
        }
        // Models without conditions: each takes what those before it have answered.
        None => Ok(Box::new(Mining {
            segments: embedded,
            method: Method::Chain,
            on_missing: OnMissing::Continue,
            threshold: 1.0,
            function: header.function,
            math: header.math,
            results: header.results.clone(),
            list: header.list,
            joined: None,
            names_segment: false,
        })),
    }
}

fn segmentation<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Mining, Problem> {
    element.only(
        &b.xml,
        &[
            "multipleModelMethod",
            "missingPredictionTreatment",
            "missingThreshold",
            "x-missingPredictionTreatment",
            "x-missingThreshold",
        ],
    )?;
    let method = method(b, element, header.function)?;
    header.joins = !matches!(method, Method::Chain | Method::MultiChain | Method::All);
    let on_missing = on_missing(b, element)?;
    let threshold = match element.number(&b.xml, "missingThreshold")? {
        Some(threshold) => threshold,
        None => element.number(&b.xml, "x-missingThreshold")?.unwrap_or(1.0),
    };
    let mut mining = Mining {
        segments: Vec::new(),
        method,
        on_missing,
        threshold,
        function: header.function,
        math: header.math,
        results: header.results.clone(),
        list: header.list,
        joined: None,
        names_segment: header.outputs.iter().any(output::Document::asks_entity),
    };
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Segment" => {
                let segment = segment::read(b, &child, header, mining.segments.len(), method)?;
                mining.segments.push(segment);
            }
            // What the segments share is the outer model's.
            "LocalTransformations" => super::header::local_transformations(b, &child, header.scope)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if mining.segments.is_empty() {
        return Err(b.xml.malformed(element.place, "<Segmentation> has no segment"));
    }
    mining.joined =
        mining.trees(header.list).filter(|_| !b.wants_deviations).and_then(|trees| trees.lower(b));
    Ok(mining)
}

/// How the answers of segments are joined, of a model that is for `function`.
fn method<'a>(b: &Build<'a>, element: &Element<'a>, function: MiningFunction) -> Result<Method, Problem> {
    let method = match element.need(&b.xml, "multipleModelMethod")? {
        "majorityVote" => Method::Vote { weighted: false },
        "weightedMajorityVote" => Method::Vote { weighted: true },
        "average" => Method::Average { weighted: false },
        "weightedAverage" => Method::Average { weighted: true },
        "median" => Method::Median { weighted: false },
        "weightedMedian" | "x-weightedMedian" => Method::Median { weighted: true },
        "sum" => Method::Sum { weighted: false },
        "weightedSum" | "x-weightedSum" => Method::Sum { weighted: true },
        "max" => Method::Max,
        "selectFirst" => Method::First,
        "selectAll" => Method::All,
        "modelChain" => Method::Chain,
        "multiModelChain" | "x-multiModelChain" => Method::MultiChain,
        _ => return Err(element.value(&b.xml, "multipleModelMethod")),
    };
    if !method.is_for(function) {
        let what = format!(
            "multipleModelMethod={:?} of a model that is for {:?}",
            element.get("multipleModelMethod").unwrap_or_default(),
            function
        );
        return Err(b.xml.unsupported(element.place, what));
    }
    Ok(method)
}

fn on_missing<'a>(b: &Build<'a>, element: &Element<'a>) -> Result<OnMissing, Problem> {
    let treatment = element.get("missingPredictionTreatment").or(element.get("x-missingPredictionTreatment"));
    match treatment {
        None | Some("continue") => Ok(OnMissing::Continue),
        Some("skipSegment") => Ok(OnMissing::Skip),
        Some("returnMissing") => Ok(OnMissing::ReturnMissing),
        Some(_) => Err(element.value(&b.xml, "missingPredictionTreatment")),
    }
}

impl Mining {
    /// The segments, where all are trees that answer each row.
    fn trees(&self, list: ClassList) -> Option<Trees<'_>> {
        let (join, weighted) = match self.method {
            Method::Sum { weighted } => (Join::Sum, weighted),
            Method::Average { weighted } => (Join::Average, weighted),
            Method::Vote { weighted } => (Join::Vote, weighted),
            _ => return None,
        };
        let plain = |segment: &Segment| {
            matches!(segment.predicate, Predicate::True)
                && segment.outputs.is_empty()
                && segment.weight_field.is_none()
        };
        let models = self.segments.iter().map(|segment| (&segment.model, segment.weight)).collect();
        let (function, math) = (self.function, self.math);
        self.segments.iter().all(plain).then_some(Trees { models, weighted, join, function, math, list })
    }
}

impl Body for Mining {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        match self.method {
            Method::Chain | Method::MultiChain => return self.chain(cx, answer),
            Method::First => return self.select_first(cx, answer),
            _ => {}
        }
        if self.joined.as_ref().is_some_and(|joined| joined.answer(cx, answer)) {
            return Ok(());
        }
        let mut scores = Vec::new();
        let Some(parts) = self.parts(cx, &mut scores, answer.list)? else { return Ok(()) };
        if self.method == Method::All {
            return Ok(());
        }
        match self.function {
            MiningFunction::Regression => self.join_numbers(&parts, answer),
            MiningFunction::Classification => self.join_classes(cx, &parts, &scores, answer),
            _ => self.vote_entities(&parts, answer),
        }
        Ok(())
    }

    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        match (self.method, &self.joined) {
            (Method::Chain | Method::MultiChain, _) => self.chain_columns(cx, answers),
            (_, Some(joined)) => joined.over_columns(cx, answers),
            _ => false,
        }
    }

    fn rule(&self, cx: &Cx<'_>, which: Recommendation, feature: RuleFeature) -> Option<String> {
        let mut rule = which.rule;
        for body in self.segments.iter().map(|segment| &segment.model.body) {
            if rule < body.rule_count() {
                return body.rule(cx, Recommendation { rule, ..which }, feature);
            }
            rule -= body.rule_count();
        }
        None
    }

    fn rule_count(&self) -> usize {
        self.segments.iter().map(|segment| segment.model.body.rule_count()).sum()
    }

    fn sets_targets(&self) -> bool {
        let of_several = |segment: &Segment| segment.model.results.len() > 1;
        self.results.len() > 1
            && match self.method {
                Method::Chain | Method::MultiChain => true,
                Method::First => self.segments.iter().any(of_several),
                _ => false,
            }
    }

    fn rows_grown_from(&self) -> Option<f64> {
        let mut all = self.segments.iter().map(|segment| segment.model.body.rows_grown_from());
        let first = all.next()?;
        first.filter(|_| all.all(|rows| rows == first))
    }

    fn inner(&self) -> Vec<&Model> {
        match self.method {
            Method::Chain | Method::MultiChain | Method::First | Method::All => {
                self.segments.iter().map(|segment| &segment.model).collect()
            }
            _ => Vec::new(),
        }
    }
}
