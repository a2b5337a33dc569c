//! `<MiningModel>`: several models, each on the rows of its predicate, their answers joined.

use super::forest::{Join, Joined, Trees};
use super::predicate::{self, Predicate};
use super::{Body, Header, Math, MiningFunction, Model, OutputField, output};
use crate::blocks::{Answers, BlockCx};
use crate::functions::median;
use crate::read::Element;
use crate::resolve::{Build, ClassList, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

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

#[derive(Debug)]
struct Segment {
    predicate: Predicate,
    weight: f64,
    /// The field that has the weight instead.
    weight_field: Option<Slot>,
    id: Value,
    model: Model,
    /// Output fields of the outer model that ask this segment.
    outputs: Vec<OutputField>,
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
    fn is_weighted(self) -> bool {
        match self {
            Method::Vote { weighted }
            | Method::Average { weighted }
            | Method::Median { weighted }
            | Method::Sum { weighted } => weighted,
            _ => false,
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
                let segment = segment(b, &child, header, mining.segments.len(), method)?;
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

fn on_missing<'a>(b: &Build<'a>, element: &Element<'a>) -> Result<OnMissing, Problem> {
    let treatment = element.get("missingPredictionTreatment").or(element.get("x-missingPredictionTreatment"));
    match treatment {
        None | Some("continue") => Ok(OnMissing::Continue),
        Some("skipSegment") => Ok(OnMissing::Skip),
        Some("returnMissing") => Ok(OnMissing::ReturnMissing),
        Some(_) => Err(element.value(&b.xml, "missingPredictionTreatment")),
    }
}

fn segment<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
    place: usize,
    method: Method,
) -> Result<Segment, Problem> {
    element.only(&b.xml, &["id", "weight"])?;
    let (mut condition, mut model, mut weight_field) = (None, None, None);
    while let Some(child) = b.xml.child(element)? {
        if super::is_model(&child.name) && model.is_none() {
            let asked_always = matches!(condition, Some(Predicate::True)) && method != Method::First;
            b.conditional += usize::from(!asked_always);
            model = Some(super::read(b, &child, header.scope, Some(header))?);
            b.conditional -= usize::from(!asked_always);
            continue;
        }
        match predicate::read(b, &child, header.scope)? {
            Some(predicate) => condition = Some(predicate),
            None if child.name == "VariableWeight" => {
                child.only(&b.xml, &["field"])?;
                weight_field = Some((child.need(&b.xml, "field")?.to_owned(), child.place));
                b.xml.leaf(&child)?;
            }
            None => return Err(b.xml.unknown(&child, element)),
        }
    }
    let (Some(predicate), Some(model)) = (condition, model) else {
        return Err(b.xml.malformed(element.place, "<Segment> needs a predicate and a model"));
    };
    let weight_field = match weight_field {
        // What the segment's own model answers comes first: a tree may weigh itself by the node that it has reached.
        Some((name, place)) => match model.outputs.iter().find(|field| field.name == name) {
            Some(field) => Some(field.slot),
            None => Some(b.resolve(header.scope, &name, place)?),
        },
        None => None,
    };
    let id = element.get("id").map(str::to_owned);
    let mut outputs = Vec::new();
    let asked = |document: &&output::Document| id.is_some() && document.segment == id;
    let documents: Vec<output::Document> = header.outputs.iter().filter(asked).cloned().collect();
    for document in &documents {
        let scope = header.output_scope(b);
        // What the segment itself answers is seen by its name.
        for field in &model.outputs {
            b.redeclare(scope, &field.name, field.slot);
        }
        let field = output::resolve(b, scope, &model, &model.results, document)?;
        b.redeclare(header.scope, &document.name, field.slot);
        header.forwarded.push((field.name.clone(), field.dtype, field.slot));
        outputs.push(field);
    }
    if matches!(method, Method::Chain | Method::MultiChain) {
        later_segments_see(b, header, &model, method)?;
    }
    let id = match id {
        Some(id) => Value::Text(b.symbols.intern(&id)),
        None => Value::Num(place as f64 + 1.0),
    };
    Ok(Segment {
        predicate,
        weight: header.math.number(&b.xml, element, "weight")?.unwrap_or(1.0),
        weight_field,
        id,
        model,
        outputs,
    })
}

/// Later segments take what this one has answered.
fn later_segments_see(
    b: &mut Build<'_>,
    header: &Header,
    model: &Model,
    method: Method,
) -> Result<(), Problem> {
    for field in &model.outputs {
        b.redeclare(header.scope, &field.name, field.slot);
    }
    for (name, _, slot) in &model.forwarded {
        b.redeclare(header.scope, name, *slot);
    }
    for (name, slot) in &model.results {
        let own = header.results.iter().any(|(result, _)| result == name);
        if !own || method == Method::MultiChain || b.try_resolve(header.scope, name)?.is_none() {
            b.redeclare(header.scope, name, *slot);
        }
    }
    Ok(())
}

/// What a segment's model answered, as far as it is joined.
struct Part {
    value: Value,
    weight: f64,
    /// Its probabilities within all parts' scores.
    scores: std::ops::Range<usize>,
}

impl Segment {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        self.model.run(cx, answer)?;
        for field in &self.outputs {
            let value = field.evaluate(cx, &self.model, answer)?;
            cx.set(field.slot, value);
        }
        Ok(())
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

    /// Whether a segment predicts the model's own target.
    fn predicts_own(&self, segment: &Segment) -> bool {
        let target = segment.model.target.as_ref();
        target.is_some_and(|target| self.results.iter().any(|(name, _)| *name == target.name))
    }

    /// [`Mining::chain`] over columns, where all segments answer each row.
    fn chain_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let by_target = self.segments.iter().any(|segment| self.predicts_own(segment));
        let mut inner = cx.take_answers();
        let mut answered = true;
        for segment in &self.segments {
            let plain = matches!(segment.predicate, Predicate::True);
            answered &= plain && segment.model.over_columns(cx, &mut inner);
            answered &= answered && segment.outputs.iter().all(|field| field.over_columns(cx, &inner));
            if !answered {
                break;
            }
            if let Some(target) = &segment.model.target {
                for (_, slot) in self.results.iter().filter(|(name, _)| *name == target.name) {
                    cx.set(*slot, &inner.value);
                }
            }
            if !by_target || self.predicts_own(segment) {
                std::mem::swap(answers, &mut inner);
                if self.names_segment && self.function != MiningFunction::Clustering {
                    answers.entity.values(cx.rows()).fill(segment.id);
                }
            }
        }
        if answers.scores.is_empty() {
            answers.list = self.list;
        }
        cx.give_answers(inner);
        answered
    }

    fn chain(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let mut inner = Answer::default();
        let list = answer.list;
        // Where segments predict the model's own target, only their answer is the model's.
        let by_target = self.segments.iter().any(|segment| self.predicts_own(segment));
        for segment in &self.segments {
            if segment.predicate.holds(cx)? != Some(true) {
                continue;
            }
            segment.run(cx, &mut inner)?;
            if let Some(target) = &segment.model.target {
                for (_, slot) in self.results.iter().filter(|(name, _)| *name == target.name) {
                    cx.set(*slot, inner.value);
                }
            }
            if !by_target || self.predicts_own(segment) {
                answer.clone_from(&inner);
                if self.names_segment && self.function != MiningFunction::Clustering {
                    answer.entity = segment.id;
                }
            }
            let stops = inner.value.is_missing() && self.on_missing == OnMissing::ReturnMissing;
            if stops && self.method == Method::Chain {
                answer.clear();
                answer.list = list;
                return Ok(());
            }
        }
        if answer.scores.is_empty() {
            answer.list = list;
        }
        Ok(())
    }

    fn select_first(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        for segment in &self.segments {
            if segment.predicate.holds(cx)? == Some(true) {
                segment.run(cx, answer)?;
                if answer.value.is_missing() && self.on_missing == OnMissing::Skip {
                    continue;
                }
                if answer.entity.is_missing() || self.function != MiningFunction::Clustering {
                    answer.entity = segment.id;
                }
                return Ok(());
            }
        }
        answer.clear();
        Ok(())
    }

    /// Runs all segments whose predicate holds; `None` when too many are without prediction.
    fn parts(
        &self,
        cx: &mut Cx<'_>,
        scores: &mut Vec<f64>,
        list: usize,
    ) -> Result<Option<Vec<Part>>, Problem> {
        let mut parts = Vec::with_capacity(self.segments.len());
        let mut inner = Answer::default();
        let (mut weights, mut missing) = (0.0, 0.0);
        for segment in &self.segments {
            if segment.predicate.holds(cx)? != Some(true) {
                continue;
            }
            segment.run(cx, &mut inner)?;
            let weight = match segment.weight_field {
                Some(field) => cx.number(field)?,
                None => Some(segment.weight),
            };
            // A segment of unknown weight has as good as no prediction.
            let known = weight.is_some();
            let weight = weight.unwrap_or(segment.weight);
            // Segments count by their weight where the method asks for it.
            let counts = if self.method.is_weighted() { weight } else { 1.0 };
            weights += counts;
            if inner.value.is_missing() || !known {
                missing += counts;
                match self.on_missing {
                    OnMissing::ReturnMissing => return Ok(None),
                    OnMissing::Skip => continue,
                    // To have none is a vote, too.
                    OnMissing::Continue if matches!(self.method, Method::Vote { .. }) => {}
                    OnMissing::Continue if self.method == Method::All => continue,
                    OnMissing::Continue => return Ok(None),
                }
            }
            let start = scores.len();
            if self.function == MiningFunction::Classification {
                self.add_scores(cx, &inner, list, scores);
            }
            parts.push(Part { value: inner.value, weight, scores: start..scores.len() });
        }
        let votes_for_none = |part: &&Part| part.value.is_missing();
        let vote =
            |part: &Part| if self.method == (Method::Vote { weighted: true }) { part.weight } else { 1.0 };
        let none: f64 = parts.iter().filter(votes_for_none).map(vote).sum();
        if none > 0.0 {
            parts.retain(|part| !part.value.is_missing());
            let most = parts.iter().map(|part| votes_of(&parts, part.value, vote)).fold(0.0, f64::max);
            if none > most {
                return Ok(None);
            }
        }
        let too_many = weights > 0.0 && missing / weights > self.threshold;
        // A sum over segments that are all left out is zero; no other method answers anything of none.
        let sums = self.function == MiningFunction::Regression && matches!(self.method, Method::Sum { .. });
        let answers = !parts.is_empty() || (sums && missing > 0.0);
        Ok((answers && !too_many).then_some(parts))
    }

    /// The inner model's probabilities, in the outer list of classes.
    fn add_scores(&self, cx: &Cx<'_>, inner: &Answer, list: usize, scores: &mut Vec<f64>) {
        let outer = &cx.m.lists[list];
        let start = scores.len();
        scores.resize(start + outer.len(), 0.0);
        for (class, score) in inner.scores.iter().enumerate() {
            let place = if inner.list == list {
                Some(class)
            } else {
                outer.iter().position(|other| *other == cx.m.lists[inner.list][class])
            };
            if let Some(place) = place {
                scores[start + place] = *score;
            }
        }
    }

    fn join_numbers(&self, parts: &[Part], answer: &mut Answer) {
        let math = self.math;
        let numbers = parts.iter().filter_map(|part| Some((part.value.num()?, part.weight)));
        let sum = |weighted: bool| {
            numbers
                .clone()
                .fold(0.0, |sum, (x, w)| math.round(sum + if weighted { math.round(x * w) } else { x }))
        };
        let weights = || numbers.clone().fold(0.0, |sum, (_, w)| math.round(sum + w));
        answer.value = Value::Num(match self.method {
            Method::Sum { weighted } => sum(weighted),
            Method::Average { weighted: false } => math.round(sum(false) / parts.len() as f64),
            Method::Average { weighted: true } => math.round(sum(true) / weights()),
            Method::Median { weighted: true } => weighted_median(numbers.clone().collect()),
            Method::Median { .. } => math.round(median(numbers.clone().map(|(x, _)| x).collect())),
            _ => numbers.clone().map(|(x, _)| x).fold(f64::NEG_INFINITY, f64::max),
        });
        // How far the parts are from each other.
        let mean = sum(false) / parts.len() as f64;
        let squares = numbers.clone().map(|(x, _)| (x - mean) * (x - mean)).sum::<f64>();
        answer.deviation = (parts.len() > 1).then(|| (squares / (parts.len() - 1) as f64).sqrt());
    }

    fn join_classes(&self, cx: &Cx<'_>, parts: &[Part], scores: &[f64], answer: &mut Answer) {
        let math = self.math;
        let classes = &cx.m.lists[answer.list];
        answer.scores.clear();
        answer.scores.resize(classes.len(), 0.0);
        let of = |part: &Part, class: usize| scores.get(part.scores.start + class).copied().unwrap_or(0.0);
        match self.method {
            Method::Vote { weighted } => {
                for part in parts {
                    if let Some(class) = classes.iter().position(|class| *class == part.value) {
                        let vote = if weighted { part.weight } else { 1.0 };
                        answer.scores[class] = math.round(answer.scores[class] + vote);
                    }
                }
                super::normalization::simple_max(&mut answer.scores, math);
            }
            Method::Max | Method::Median { .. } => {
                let of_class = |class: usize| parts.iter().map(move |part| (of(part, class), part.weight));
                let chosen = |class: usize| self.chosen(of_class(class).collect());
                let mean = |(low, high): (f64, f64)| math.round((low + high) / 2.0);
                let mut winner: Option<(usize, f64)> = None;
                for class in 0..classes.len() {
                    let score = mean(chosen(class));
                    if winner.is_none_or(|(_, best)| score > best) {
                        winner = Some((class, score));
                    }
                }
                let Some((winner, _)) = winner else { return };
                // The parts that have what was chosen of the winner say the rest.
                let (low, high) = chosen(winner);
                let says = |part: &&Part| [low, high].contains(&of(part, winner));
                let count = parts.iter().filter(says).count() as f64;
                for class in 0..classes.len() {
                    let sum = parts.iter().filter(says).fold(0.0, |sum, p| math.round(sum + of(p, class)));
                    answer.scores[class] = math.round(sum / count);
                }
                answer.value = classes[winner];
                return;
            }
            Method::Average { weighted } | Method::Sum { weighted } => {
                let weight = |part: &Part| if weighted { part.weight } else { 1.0 };
                let total = parts.iter().fold(0.0, |sum, part| math.round(sum + weight(part)));
                for class in 0..classes.len() {
                    let add =
                        |sum: f64, part: &Part| math.round(sum + math.round(of(part, class) * weight(part)));
                    let sum = parts.iter().fold(0.0, add);
                    let average = matches!(self.method, Method::Average { .. });
                    answer.scores[class] = if average { math.round(sum / total) } else { sum };
                }
            }
            _ => {}
        }
        answer.value = answer.best().map_or(Value::Missing, |class| classes[class]);
    }
}

impl Mining {
    /// Of numbers with their weights the greatest or the middle one, as often as it stands there; of an even count the
    /// two in the middle.
    fn chosen(&self, values: Vec<(f64, f64)>) -> (f64, f64) {
        let mut numbers: Vec<f64> = values.iter().map(|(x, _)| *x).collect();
        numbers.sort_by(f64::total_cmp);
        let count = numbers.len();
        match self.method {
            _ if count == 0 => (f64::NAN, f64::NAN),
            Method::Max => (numbers[count - 1], numbers[count - 1]),
            Method::Median { weighted: true } => {
                let middle = weighted_median(values);
                (middle, middle)
            }
            _ => (numbers[(count - 1) / 2], numbers[count / 2]),
        }
    }
}

/// What a value has of the votes.
fn votes_of(parts: &[Part], value: Value, vote: impl Fn(&Part) -> f64) -> f64 {
    parts.iter().filter(|part| part.value == value).map(vote).sum()
}

/// The first value at which half of the weight is reached.
fn weighted_median(mut values: Vec<(f64, f64)>) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, w)| w).sum::<f64>() / 2.0;
    let mut below = 0.0;
    let reaches = |(_, weight): &&(f64, f64)| {
        below += weight;
        below >= half
    };
    values.iter().find(reaches).map_or(f64::NAN, |(value, _)| *value)
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

    fn sets_targets(&self) -> bool {
        self.results.len() > 1 && matches!(self.method, Method::Chain | Method::MultiChain)
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

impl Mining {
    /// Clusters: the one with the most votes.
    fn vote_entities(&self, parts: &[Part], answer: &mut Answer) {
        let mut votes: Vec<(Value, f64)> = Vec::new();
        let weighted = matches!(self.method, Method::Vote { weighted: true });
        for part in parts {
            let vote = if weighted { part.weight } else { 1.0 };
            match votes.iter_mut().find(|(value, _)| *value == part.value) {
                Some((_, count)) => *count += vote,
                None => votes.push((part.value, vote)),
            }
        }
        let mut best: Option<(Value, f64)> = None;
        for (value, count) in votes {
            if best.is_none_or(|(_, most)| count > most) {
                best = Some((value, count));
            }
        }
        answer.value = best.map_or(Value::Missing, |(value, _)| value);
        answer.entity = answer.value;
    }
}
