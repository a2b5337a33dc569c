//! `<GeneralRegressionModel>`: parameters, each a product of factors and powers; all links; Cox's cumulative hazard.

mod link;
mod parts;

use super::normalization::{Normalization, simple_max, soft_max};
use super::{Body, Header, Math, MiningFunction};
use crate::read::Element;
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;
use link::Link;
use parts::Parts;

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
    /// Of parameters, by their places; empty where the document has none.
    covariances: Vec<(usize, usize, f64)>,
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
    let link = link::read(b, element)?;
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
        parts.child(b, &child, element)?;
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
    let mut equations = parts.equations(b, header)?;
    if kind == Kind::Ordinal {
        // Classes follow each other as the target's values do, in whatever order their cells stand.
        equations.sort_by_key(|equation| equation.class);
    }
    let covariances = parts.covariances();
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
        covariances,
    }))
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

    /// The standard error of the predicted mean, by the covariances of the parameters.
    fn deviation(&self, design: &[f64], score: f64) -> Option<f64> {
        if self.covariances.is_empty() {
            return None;
        }
        let variance: f64 =
            self.covariances.iter().map(|(row, column, v)| design[*row] * design[*column] * v).sum();
        let slope = if self.kind == Kind::Linear { 1.0 } else { self.link.slope(score).abs() };
        Some(variance.max(0.0).sqrt() * slope)
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
                if let Some(class) = class {
                    answer.scores[class] = probability;
                }
                let other = self.reference.or_else(|| (0..count).find(|other| Some(*other) != class));
                if let Some(other) = other.filter(|other| Some(*other) != class) {
                    answer.scores[other] = 1.0 - probability;
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
        let offset = match self.kind {
            // Added to the score of each class alike, the one of reference among them, it changes none.
            Kind::Multinomial => Some(0.0),
            _ => self.number(cx, &self.offset)?,
        };
        let (Some(offset), Some(trials)) = (offset, self.number(cx, &self.trials)?) else { return Ok(()) };
        let scores: Vec<f64> =
            self.equations.iter().map(|equation| self.score(equation, &design) + offset).collect();
        if self.function == MiningFunction::Classification {
            self.classify(cx, scores, answer);
        } else {
            let mean =
                if self.kind == Kind::Linear { scores[0] } else { self.link.inverse(scores[0]) * trials };
            answer.value = Value::Num(mean);
            answer.deviation = self.deviation(&design, scores[0]).map(|deviation| deviation * trials);
        }
        Ok(())
    }
}
