//! `<GeneralRegressionModel>`: parameters, each a product of factors and powers; all links; Cox's cumulative hazard.

use super::normalization::{Normalization, simple_max, soft_max};
use super::{Body, Header, Math, MiningFunction};
use crate::read::{Element, array};
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;
use std::collections::HashMap;

pub(super) const ATTRIBUTES: &[&str] = &[
    "modelType",
    "targetReferenceCategory",
    "cumulativeLink",
    "linkFunction",
    "linkParameter",
    "trialsVariable",
    "trialsValue",
    "distribution",
    "distParameter",
    "offsetVariable",
    "offsetValue",
    "modelDF",
    "targetVariableName",
    "endTimeVariable",
    "startTimeVariable",
    "subjectIDVariable",
    "statusVariable",
    "baselineStrataVariable",
];

const DOUBLE: Math = Math { float: false };

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Linear,
    Generalized,
    Multinomial,
    Ordinal,
    Cox,
}

#[derive(Debug)]
struct General {
    kind: Kind,
    function: MiningFunction,
    parameters: Vec<Parameter>,
    /// One for each class that has coefficients of its own; a regression has one.
    equations: Vec<Equation>,
    reference: Option<usize>,
    link: Link,
    cumulative: Normalization,
    offset: Number,
    trials: Number,
    hazard: Option<Hazard>,
}

/// A number that stands in the document or in a field.
#[derive(Debug)]
enum Number {
    Fixed(f64),
    Field(Slot),
}

#[derive(Debug)]
struct Parameter {
    name: String,
    reference_point: f64,
    cells: Vec<Cell>,
}

#[derive(Debug)]
enum Cell {
    Factor {
        slot: Slot,
        value: Value,
    },
    /// By category of the value, what stands in the contrast matrix for this cell.
    Contrast {
        slot: Slot,
        values: Vec<(Value, f64)>,
    },
    Power {
        slot: Slot,
        exponent: f64,
    },
}

#[derive(Debug)]
struct Equation {
    class: Option<usize>,
    /// Parameter and coefficient.
    betas: Vec<(usize, f64)>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Link {
    Identity,
    Log,
    LogC,
    LogLog,
    Logit,
    CLogLog,
    Probit,
    CauchIt,
    NegBin(f64),
    OddsPower(f64),
    Power(f64),
}

#[derive(Debug)]
struct Hazard {
    time: Slot,
    strata: Option<Slot>,
    tables: Vec<(Value, Baseline)>,
}

#[derive(Debug)]
struct Baseline {
    max_time: f64,
    cells: Vec<(f64, f64)>,
}

/// A predictor of the factor list: its categories and contrast matrix, where it has them.
type Contrast = Option<(Vec<String>, Vec<Vec<f64>>)>;

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let kind = match element.need(&b.xml, "modelType")? {
        "regression" | "generalLinear" => Kind::Linear,
        "generalizedLinear" => Kind::Generalized,
        "multinomialLogistic" => Kind::Multinomial,
        "ordinalMultinomial" => Kind::Ordinal,
        "CoxRegression" => Kind::Cox,
        _ => return Err(element.value(&b.xml, "modelType")),
    };
    if element.get("startTimeVariable").is_some() {
        return Err(element.value(&b.xml, "startTimeVariable"));
    }
    let link = link(b, element)?;
    let cumulative = match element.get("cumulativeLink") {
        None | Some("logit") => Normalization::Logit,
        Some("probit") => Normalization::Probit,
        Some("cloglog") => Normalization::CLogLog,
        Some("loglog") => Normalization::LogLog,
        Some("cauchit") => Normalization::CauchIt,
        Some(_) => return Err(element.value(&b.xml, "cumulativeLink")),
    };
    let mut parts = Parts::default();
    while let Some(child) = header.next(b, element)? {
        parts.child(b, &child, element, header)?;
    }
    parts.link_cells(b, header)?;
    let mut number = |name: &str, field: &str, without: f64| -> Result<Number, Problem> {
        Ok(match element.get(field) {
            Some(field) => Number::Field(b.resolve(header.scope, field, element.place)?),
            None => Number::Fixed(element.number(&b.xml, name)?.unwrap_or(without)),
        })
    };
    let offset = number("offsetValue", "offsetVariable", 0.0)?;
    let trials = number("trialsValue", "trialsVariable", 1.0)?;
    let hazard = if kind == Kind::Cox { Some(parts.hazard(b, element, header)?) } else { None };
    let reference = element.get("targetReferenceCategory").map(str::to_owned);
    let reference = reference.map(|text| header.class(b, &text).0);
    let equations = parts.equations(b, header)?;
    Ok(Box::new(General {
        kind,
        function: header.function,
        parameters: parts.parameters,
        equations,
        reference,
        link,
        cumulative,
        offset,
        trials,
        hazard,
    }))
}

fn link<'a>(b: &Build<'a>, element: &Element<'a>) -> Result<Link, Problem> {
    let need = |name: &str| element.need_number(&b.xml, name);
    Ok(match element.get("linkFunction") {
        None | Some("identity") => Link::Identity,
        Some("log") => Link::Log,
        Some("logc") => Link::LogC,
        Some("loglog") => Link::LogLog,
        Some("logit") => Link::Logit,
        Some("cloglog") => Link::CLogLog,
        Some("probit") => Link::Probit,
        Some("cauchit") => Link::CauchIt,
        Some("negbin") => Link::NegBin(need("distParameter")?),
        Some("oddspower") => Link::OddsPower(need("linkParameter")?),
        Some("power") => Link::Power(need("linkParameter")?),
        Some(_) => return Err(element.value(&b.xml, "linkFunction")),
    })
}

/// The model's children, before they are put together.
#[derive(Default)]
struct Parts {
    parameters: Vec<Parameter>,
    factors: HashMap<String, Contrast>,
    covariates: Vec<String>,
    /// Value, predictor, parameter.
    cells: Vec<(String, String, String, crate::read::Place)>,
    /// Class, parameter, coefficient.
    betas: Vec<(Option<String>, String, f64, crate::read::Place)>,
    strata: Vec<(String, Baseline)>,
}

impl Parts {
    fn child<'a>(
        &mut self,
        b: &mut Build<'a>,
        element: &Element<'a>,
        parent: &Element<'a>,
        _: &Header,
    ) -> Result<(), Problem> {
        match element.name.as_ref() {
            // Covariances of parameters and events of the training data change no prediction.
            "PCovMatrix" | "EventValues" => return b.xml.skip(element),
            "ParameterList" | "FactorList" | "CovariateList" | "PPMatrix" | "ParamMatrix" => {
                element.only(&b.xml, &[])?
            }
            "BaseCumHazardTables" => element.only(&b.xml, &["maxTime"])?,
            _ => return Err(b.xml.unknown(element, parent)),
        }
        let mut whole = Baseline {
            max_time: element.number(&b.xml, "maxTime")?.unwrap_or(f64::INFINITY),
            cells: Vec::new(),
        };
        while let Some(child) = b.xml.child(element)? {
            match (element.name.as_ref(), child.name.as_ref()) {
                ("ParameterList", "Parameter") => {
                    child.only(&b.xml, &["name", "label", "referencePoint"])?;
                    self.parameters.push(Parameter {
                        name: child.need(&b.xml, "name")?.to_owned(),
                        reference_point: child.number(&b.xml, "referencePoint")?.unwrap_or(0.0),
                        cells: Vec::new(),
                    });
                    b.xml.leaf(&child)?;
                }
                ("FactorList", "Predictor") => {
                    let name = child.need(&b.xml, "name")?.to_owned();
                    let contrast = contrast(b, &child)?;
                    self.factors.insert(name, contrast);
                }
                ("CovariateList", "Predictor") => {
                    child.only(&b.xml, &["name"])?;
                    self.covariates.push(child.need(&b.xml, "name")?.to_owned());
                    b.xml.leaf(&child)?;
                }
                ("PPMatrix", "PPCell") => {
                    child.only(&b.xml, &["value", "predictorName", "parameterName"])?;
                    let text = |b: &Build<'a>, name: &str| child.need(&b.xml, name).map(str::to_owned);
                    self.cells.push((
                        text(b, "value")?,
                        text(b, "predictorName")?,
                        text(b, "parameterName")?,
                        child.place,
                    ));
                    b.xml.leaf(&child)?;
                }
                ("ParamMatrix", "PCell") => {
                    child.only(&b.xml, &["targetCategory", "parameterName", "beta", "df"])?;
                    let name = child.need(&b.xml, "parameterName")?.to_owned();
                    let class = child.get("targetCategory").map(str::to_owned);
                    self.betas.push((class, name, child.need_number(&b.xml, "beta")?, child.place));
                    b.xml.leaf(&child)?;
                }
                ("BaseCumHazardTables", "BaselineCell") => whole.cells.push(baseline_cell(b, &child)?),
                ("BaseCumHazardTables", "BaselineStratum") => {
                    child.only(&b.xml, &["value", "label", "maxTime"])?;
                    let mut stratum =
                        Baseline { max_time: child.need_number(&b.xml, "maxTime")?, cells: Vec::new() };
                    while let Some(cell) = b.xml.child(&child)? {
                        stratum.cells.push(baseline_cell(b, &cell)?);
                    }
                    self.strata.push((child.need(&b.xml, "value")?.to_owned(), stratum));
                }
                _ => return Err(b.xml.unknown(&child, element)),
            }
        }
        if !whole.cells.is_empty() {
            self.strata.push((String::new(), whole));
        }
        Ok(())
    }

    /// Cells become products of the parameters.
    fn link_cells<'a>(&mut self, b: &mut Build<'a>, header: &Header) -> Result<(), Problem> {
        for (text, predictor, parameter, place) in std::mem::take(&mut self.cells) {
            let slot = b.resolve(header.scope, &predictor, place)?;
            let dtype = b.slots[slot as usize].dtype;
            let categorical = self.factors.contains_key(&predictor)
                || (!self.covariates.contains(&predictor) && !dtype.is_number());
            let cell = match self.factors.get(&predictor) {
                Some(Some((categories, matrix))) => {
                    let Some(column) = categories.iter().position(|category| *category == text) else {
                        return Err(b
                            .xml
                            .malformed(place, format!("{text:?} is no category of {predictor:?}")));
                    };
                    let mut values = Vec::new();
                    for (row, category) in matrix.iter().zip(categories) {
                        let value = b.constant(category, dtype, place)?;
                        values.push((value, row.get(column).copied().unwrap_or(0.0)));
                    }
                    Cell::Contrast { slot, values }
                }
                _ if categorical => Cell::Factor { slot, value: b.constant(&text, dtype, place)? },
                _ => {
                    let exponent = crate::value::number(&text);
                    let exponent = exponent.ok_or_else(|| {
                        b.xml.malformed(place, format!("exponent {text:?}: expected a number"))
                    })?;
                    Cell::Power { slot, exponent }
                }
            };
            match self.parameters.iter_mut().find(|other| other.name == parameter) {
                Some(parameter) => parameter.cells.push(cell),
                None => {
                    return Err(b.xml.malformed(place, format!("parameter {parameter:?} is not declared")));
                }
            }
        }
        Ok(())
    }

    fn equations<'a>(&self, b: &mut Build<'a>, header: &Header) -> Result<Vec<Equation>, Problem> {
        let places: HashMap<&str, usize> = self
            .parameters
            .iter()
            .enumerate()
            .map(|(place, parameter)| (parameter.name.as_str(), place))
            .collect();
        let mut equations: Vec<Equation> = Vec::new();
        let mut shared = Vec::new();
        for (class, name, beta, place) in &self.betas {
            let Some(parameter) = places.get(name.as_str()).copied() else {
                return Err(b.xml.malformed(*place, format!("parameter {name:?} is not declared")));
            };
            let Some(text) = class.as_ref().filter(|_| header.function == MiningFunction::Classification)
            else {
                shared.push((parameter, *beta));
                continue;
            };
            let class = Some(header.class(b, text).0);
            match equations.iter_mut().find(|equation| equation.class == class) {
                Some(equation) => equation.betas.push((parameter, *beta)),
                None => equations.push(Equation { class, betas: vec![(parameter, *beta)] }),
            }
        }
        if equations.is_empty() {
            return Ok(vec![Equation { class: None, betas: shared }]);
        }
        // Coefficients without a class belong to all of them.
        equations.iter_mut().for_each(|equation| equation.betas.extend_from_slice(&shared));
        Ok(equations)
    }

    fn hazard<'a>(
        &mut self,
        b: &mut Build<'a>,
        element: &Element<'a>,
        header: &Header,
    ) -> Result<Hazard, Problem> {
        let time = b.resolve(header.scope, element.need(&b.xml, "endTimeVariable")?, element.place)?;
        let strata = element.get("baselineStrataVariable");
        let strata = strata.map(|name| b.resolve(header.scope, name, element.place)).transpose()?;
        let mut tables = Vec::new();
        for (text, baseline) in self.strata.drain(..) {
            let value = match strata {
                Some(slot) => b.constant(&text, b.slots[slot as usize].dtype, element.place)?,
                None => Value::Missing,
            };
            tables.push((value, baseline));
        }
        Ok(Hazard { time, strata, tables })
    }
}

fn baseline_cell<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<(f64, f64), Problem> {
    element.only(&b.xml, &["time", "cumHazard"])?;
    let cell = (element.need_number(&b.xml, "time")?, element.need_number(&b.xml, "cumHazard")?);
    b.xml.leaf(element)?;
    Ok(cell)
}

fn contrast<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Contrast, Problem> {
    element.only(&b.xml, &["name", "contrastMatrixType"])?;
    let (mut categories, mut matrix) = (Vec::new(), Vec::new());
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Categories" => {
                while let Some(category) = b.xml.child(&child)? {
                    category.only(&b.xml, &["value"])?;
                    categories.push(category.need(&b.xml, "value")?.to_owned());
                    b.xml.leaf(&category)?;
                }
            }
            "Matrix" => {
                child.only(&b.xml, &["nbRows", "nbCols", "kind", "diagDefault", "offDiagDefault"])?;
                if !matches!(child.get("kind"), None | Some("any")) {
                    return Err(child.value(&b.xml, "kind"));
                }
                while let Some(row) = b.xml.child(&child)? {
                    if row.name != "Array" {
                        return Err(b.xml.unknown(&row, &child));
                    }
                    matrix.push(array::numbers(&mut b.xml, &row)?);
                }
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok((!matrix.is_empty()).then_some((categories, matrix)))
}

impl Link {
    /// The mean whose link is `x`.
    fn inverse(self, x: f64) -> f64 {
        match self {
            Link::Identity => x,
            Link::Log => x.exp(),
            Link::LogC => 1.0 - x.exp(),
            Link::LogLog => Normalization::LogLog.one(x, DOUBLE),
            Link::Logit => Normalization::Logit.one(x, DOUBLE),
            Link::CLogLog => Normalization::CLogLog.one(x, DOUBLE),
            Link::Probit => Normalization::Probit.one(x, DOUBLE),
            Link::CauchIt => Normalization::CauchIt.one(x, DOUBLE),
            Link::NegBin(c) => 1.0 / (c * ((-x).exp() - 1.0)),
            Link::OddsPower(d) if d != 0.0 => 1.0 / (1.0 + (1.0 + d * x).powf(-1.0 / d)),
            Link::OddsPower(_) => Normalization::Logit.one(x, DOUBLE),
            Link::Power(d) if d != 0.0 => x.powf(1.0 / d),
            Link::Power(_) => x.exp(),
        }
    }
}

impl Cell {
    fn value(&self, cx: &mut Cx<'_>) -> Result<Option<f64>, Problem> {
        let (slot, of): (Slot, &dyn Fn(Value) -> Option<f64>) = match self {
            Cell::Power { slot, exponent } if *exponent == 1.0 => (*slot, &|value: Value| value.num()),
            Cell::Power { slot, exponent } => {
                (*slot, &move |value: Value| Some(value.num()?.powf(*exponent)))
            }
            Cell::Factor { slot, value } => (*slot, &move |found| Some(f64::from(u8::from(found == *value)))),
            Cell::Contrast { slot, values } => (*slot, &move |found| {
                values.iter().find(|(value, _)| *value == found).map(|(_, number)| *number)
            }),
        };
        let value = cx.get(slot)?;
        Ok(if value.is_missing() { None } else { of(value) })
    }
}

impl General {
    /// What each parameter is worth in this row; `None` when a predictor is missing.
    fn design(&self, cx: &mut Cx<'_>) -> Result<Option<Vec<f64>>, Problem> {
        let mut design = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            let mut product = 1.0;
            for cell in &parameter.cells {
                match cell.value(cx)? {
                    Some(value) => product *= value,
                    None => return Ok(None),
                }
            }
            design.push(product);
        }
        Ok(Some(design))
    }

    fn number(&self, cx: &mut Cx<'_>, number: &Number) -> Result<Option<f64>, Problem> {
        match number {
            Number::Fixed(number) => Ok(Some(*number)),
            Number::Field(slot) => cx.number(*slot),
        }
    }

    fn score(&self, equation: &Equation, design: &[f64]) -> f64 {
        equation.betas.iter().map(|(parameter, beta)| beta * design[*parameter]).sum()
    }

    fn cumulative_hazard(
        &self,
        cx: &mut Cx<'_>,
        hazard: &Hazard,
        design: &[f64],
    ) -> Result<Option<f64>, Problem> {
        let stratum = hazard.strata.map(|slot| cx.get(slot)).transpose()?.unwrap_or(Value::Missing);
        let Some((_, table)) = hazard.tables.iter().find(|(value, _)| *value == stratum) else {
            return Ok(None);
        };
        let Some(time) = cx.number(hazard.time)? else { return Ok(None) };
        if time > table.max_time {
            return Ok(None);
        }
        // Before the first event nothing has happened.
        let base =
            table.cells.iter().rev().find(|(start, _)| *start <= time).map_or(0.0, |(_, hazard)| *hazard);
        let equation = &self.equations[0];
        let reference: f64 =
            equation.betas.iter().map(|(at, beta)| beta * self.parameters[*at].reference_point).sum();
        let risk = (self.score(equation, design) - reference).exp();
        Ok(Some(base * risk))
    }

    fn classify(&self, cx: &mut Cx<'_>, scores: Vec<f64>, answer: &mut Answer) {
        let count = cx.m.lists[answer.list].len();
        answer.scores.resize(count, 0.0);
        match self.kind {
            Kind::Ordinal => {
                let mut below = 0.0;
                let mut left: Vec<usize> = (0..count).collect();
                for (equation, score) in self.equations.iter().zip(scores) {
                    let Some(class) = equation.class else { continue };
                    let upto = self.cumulative.one(score, DOUBLE);
                    answer.scores[class] = upto - below;
                    below = upto;
                    left.retain(|other| *other != class);
                }
                if let Some(last) = self.reference.or(left.last().copied()) {
                    answer.scores[last] = 1.0 - below;
                }
            }
            Kind::Generalized | Kind::Linear | Kind::Cox if self.equations.len() == 1 => {
                let link = if self.link == Link::Identity && self.kind == Kind::Linear {
                    Link::Logit
                } else {
                    self.link
                };
                let probability = link.inverse(scores[0]);
                let class = self.equations[0].class.or_else(|| {
                    // The one that is not the reference, which is the first where none is named.
                    (0..count).find(|class| *class != self.reference.unwrap_or(0))
                });
                answer.scores.iter_mut().for_each(|score| *score = 1.0 - probability);
                if let Some(class) = class {
                    answer.scores[class] = probability;
                }
            }
            _ => {
                // A class without coefficients has a score of zero.
                for (equation, score) in self.equations.iter().zip(scores) {
                    if let Some(class) = equation.class {
                        answer.scores[class] = score;
                    }
                }
                match self.kind {
                    Kind::Multinomial => soft_max(&mut answer.scores, DOUBLE),
                    _ => {
                        answer.scores.iter_mut().for_each(|score| *score = self.link.inverse(*score));
                        simple_max(&mut answer.scores, DOUBLE);
                    }
                }
            }
        }
        answer.value = answer.best().map_or(Value::Missing, |class| cx.m.lists[answer.list][class]);
    }
}

impl Body for General {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let Some(design) = self.design(cx)? else { return Ok(()) };
        if let Some(hazard) = &self.hazard {
            answer.value = Value::of(self.cumulative_hazard(cx, hazard, &design)?);
            return Ok(());
        }
        let (Some(offset), Some(trials)) = (self.number(cx, &self.offset)?, self.number(cx, &self.trials)?)
        else {
            return Ok(());
        };
        let scores: Vec<f64> =
            self.equations.iter().map(|equation| self.score(equation, &design) + offset).collect();
        if self.function == MiningFunction::Classification {
            self.classify(cx, scores, answer);
        } else {
            let mean =
                if self.kind == Kind::Linear { scores[0] } else { self.link.inverse(scores[0]) * trials };
            answer.value = Value::Num(mean);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_undone() {
        assert_eq!(Link::Power(0.5).inverse(3.0), 9.0);
        assert!((Link::NegBin(1.5).inverse(-1.0) - 1.0 / (1.5 * (std::f64::consts::E - 1.0))).abs() < 1e-15);
        assert!((Link::OddsPower(2.0).inverse(1.5) - 1.0 / (1.0 + 4f64.powf(-0.5))).abs() < 1e-15);
        assert_eq!(Link::LogC.inverse(0.0), 0.0);
    }
}
