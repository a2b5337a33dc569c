//! `<GeneralRegressionModel>`: parameters, each a product of factors and powers; all links; Cox's cumulative hazard.

mod columns;
mod hazard;
mod link;
mod parts;

use super::normalization::{Normalization, simple_max, soft_max};
use super::{Body, Header, Math, MiningFunction};
use crate::blocks::{Answers, BlockCx, BlockId, RowValues};
use crate::read::Element;
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use hazard::Hazard;
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
    math: Math,
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
    block: Option<BlockId>,
}

/// A number that stands in the document or in a field.
#[derive(Debug)]
enum Number {
    Fixed(f64),
    Field(Slot),
}

#[derive(Clone, Debug)]
struct Parameter {
    name: String,
    reference_point: f64,
    cells: Vec<Cell>,
}

#[derive(Clone, Debug)]
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
    parts.forget_unused(&equations, &covariances);
    let mut model = General {
        kind,
        function: header.function,
        math: header.math,
        parameters: parts.parameters,
        equations,
        reference,
        link,
        cumulative,
        offset,
        trials,
        hazard,
        covariances,
        block: None,
    };
    let columns = model.columns();
    model.block = b.block(|| columns);
    Ok(Box::new(model))
}

impl Cell {
    fn value(&self, cx: &mut Cx<'_>, math: Math) -> Result<Option<f64>, Problem> {
        let (slot, of): (Slot, &dyn Fn(Value) -> Option<f64>) = match self {
            Cell::Power { slot, exponent } if *exponent == 1.0 => (*slot, &|value: Value| value.num()),
            Cell::Power { slot, exponent } => {
                (*slot, &move |value: Value| Some(math.round(value.num()?).powf(*exponent)))
            }
            Cell::Factor { slot, value } => (*slot, &move |found| Some(f64::from(u8::from(found == *value)))),
            Cell::Contrast { slot, values } => (*slot, &move |found| {
                values.iter().find(|(value, _)| *value == found).map(|(_, number)| *number)
            }),
        };
        let value = cx.get(slot)?;
        Ok(if value.is_missing() { None } else { of(value).map(|number| math.round(number)) })
    }
}

impl General {
    /// What each parameter is worth in this row; `None` when a predictor is missing.
    fn design(&self, cx: &mut Cx<'_>) -> Result<Option<Vec<f64>>, Problem> {
        let mut design = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            let mut product = 1.0;
            for cell in &parameter.cells {
                match cell.value(cx, self.math)? {
                    Some(value) => product = self.math.round(product * value),
                    None => return Ok(None),
                }
            }
            design.push(product);
        }
        Ok(Some(design))
    }

    fn number(&self, cx: &mut Cx<'_>, number: &Number) -> Result<Option<f64>, Problem> {
        match number {
            Number::Fixed(number) => Ok(Some(self.math.round(*number))),
            Number::Field(slot) => Ok(cx.number(*slot)?.map(|number| self.math.round(number))),
        }
    }

    fn score(&self, equation: &Equation, design: &[f64]) -> f64 {
        let betas = equation.betas.iter();
        betas.fold(0.0, |sum, (parameter, beta)| {
            self.math.round(sum + self.math.round(beta * design[*parameter]))
        })
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

    /// Where one score says the probability of one of two classes: that class, and the one that gets what is left.
    fn two_classes(&self, count: usize) -> Option<(Option<usize>, Option<usize>)> {
        let alone = matches!(self.kind, Kind::Generalized | Kind::Linear | Kind::Cox);
        if !alone || self.equations.len() != 1 {
            return None;
        }
        let class = self.equations[0].class.or_else(|| {
            // The one that is not the reference, which is the first where none is named.
            (0..count).find(|class| *class != self.reference.unwrap_or(0))
        });
        let other = self.reference.or_else(|| (0..count).find(|other| Some(*other) != class));
        Some((class, other.filter(|other| Some(*other) != class)))
    }

    /// The link of a score that says the probability of a class.
    fn link_of_class(&self) -> Link {
        let none = self.link == Link::Identity && self.kind == Kind::Linear;
        if none { Link::Logit } else { self.link }
    }

    /// The probabilities of all classes by the scores of the equations; `into` is zeros.
    fn probabilities(&self, scores: &[f64], into: &mut [f64]) {
        if self.kind == Kind::Ordinal {
            return self.ordinal(scores, into);
        }
        if let Some((class, other)) = self.two_classes(into.len()) {
            let probability = self.link_of_class().inverse(scores[0], self.math);
            if let Some(class) = class {
                into[class] = probability;
            }
            if let Some(other) = other {
                into[other] = self.math.round(1.0 - probability);
            }
            return;
        }
        // A class without coefficients has a score of zero.
        for (equation, score) in self.equations.iter().zip(scores) {
            if let Some(class) = equation.class {
                into[class] = *score;
            }
        }
        match self.kind {
            Kind::Multinomial => soft_max(into, self.math),
            _ => {
                into.iter_mut().for_each(|score| *score = self.link.inverse(*score, self.math));
                simple_max(into, self.math);
            }
        }
    }

    fn ordinal(&self, scores: &[f64], into: &mut [f64]) {
        let mut below = 0.0;
        let mut left: Vec<usize> = (0..into.len()).collect();
        for (equation, score) in self.equations.iter().zip(scores) {
            let Some(class) = equation.class else { continue };
            let upto = self.cumulative.one(*score, self.math);
            into[class] = self.math.round(upto - below);
            below = upto;
            left.retain(|other| *other != class);
        }
        if let Some(last) = self.reference.or(left.last().copied()) {
            into[last] = self.math.round(1.0 - below);
        }
    }
}

impl Body for General {
    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        self.answer_columns(cx, answers)
    }

    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let ahead = cx.ahead(self.block).filter(|_| self.covariances.is_empty());
        if let (Some(hazard), Some(values)) = (&self.hazard, &ahead) {
            answer.value = Value::of(self.hazard_ahead(hazard, values));
            return Ok(());
        }
        let design = match &ahead {
            Some(_) => Vec::new(),
            None => match self.design(cx)? {
                Some(design) => design,
                None => return Ok(()),
            },
        };
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
        let own = || self.equations.iter().map(|equation| self.score(equation, &design)).collect();
        let mut scores: RowValues = ahead.unwrap_or_else(own);
        scores.iter_mut().for_each(|score| *score = self.math.round(*score + offset));
        if self.function == MiningFunction::Classification {
            let classes = &cx.m.lists[answer.list];
            answer.scores.resize(classes.len(), 0.0);
            self.probabilities(&scores, &mut answer.scores);
            answer.value = answer.best().map_or(Value::Missing, |class| classes[class]);
        } else {
            let mean = match self.kind {
                Kind::Linear => scores[0],
                _ => self.math.round(self.link.inverse(scores[0], self.math) * trials),
            };
            answer.value = Value::Num(mean);
            answer.deviation = self.deviation(&design, scores[0]).map(|deviation| deviation * trials);
        }
        Ok(())
    }
}
