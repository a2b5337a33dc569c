//! `<Scorecard>`: points by characteristic, and the reasons for the score.

use super::columns::{Points, PointsAttribute};
use super::output::Document;
use super::predicate::{self, Predicate};
use super::{Body, Header, Math};
use crate::blocks::{Answers, BlockCx, BlockId, Cells};
use crate::expression::{self, Expr};
use crate::read::Element;
use crate::resolve::Build;
use crate::run::{Answer, Cx};
use crate::value::{Symbol, Value};
use landfall_model::Problem;
use std::collections::HashMap;

pub(super) const ATTRIBUTES: &[&str] =
    &["initialScore", "useReasonCodes", "reasonCodeAlgorithm", "baselineScore", "baselineMethod"];

#[derive(Debug)]
struct Scorecard {
    initial: f64,
    math: Math,
    characteristics: Vec<Characteristic>,
    points_above: bool,
    reasons: bool,
    block: Option<BlockId>,
    /// How many reasons the model's output asks for.
    ranks: usize,
}

#[derive(Debug)]
struct Characteristic {
    baseline: f64,
    attributes: Vec<Attribute>,
}

#[derive(Debug)]
struct Attribute {
    predicate: Predicate,
    score: Score,
    reason: Option<Symbol>,
}

#[derive(Debug)]
enum Score {
    Fixed(f64),
    Complex(Expr),
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let points_above = match element.get("reasonCodeAlgorithm") {
        None | Some("pointsBelow") => false,
        Some("pointsAbove") => true,
        Some(_) => return Err(element.value(&b.xml, "reasonCodeAlgorithm")),
    };
    let baseline = element.number(&b.xml, "baselineScore")?;
    let mut card = Scorecard {
        initial: header.math.number(&b.xml, element, "initialScore")?.unwrap_or(0.0),
        math: header.math,
        characteristics: Vec::new(),
        points_above,
        reasons: element.flag(&b.xml, "useReasonCodes", true)?,
        block: None,
        ranks: 0,
    };
    while let Some(child) = header.next(b, element)? {
        if child.name != "Characteristics" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &[])?;
        while let Some(characteristic) = b.xml.child(&child)? {
            if characteristic.name != "Characteristic" {
                return Err(b.xml.unknown(&characteristic, &child));
            }
            card.characteristics.push(read_characteristic(
                b,
                &characteristic,
                header,
                baseline,
                card.reasons,
            )?);
        }
    }
    if card.reasons {
        card.ranks = header.outputs.iter().filter_map(Document::reason_rank).max().unwrap_or(0);
    }
    // Steps of single precision are those of a row alone.
    let columns = if header.math.float { None } else { card.columns(b) };
    card.block = b.block(|| columns);
    Ok(Box::new(card))
}

impl Scorecard {
    /// The same over columns; `None` where a characteristic is not about one field, where points are calculated, or where
    /// characteristics share a reason.
    fn columns(&self, b: &Build<'_>) -> Option<Points> {
        let mut whose: HashMap<Symbol, usize> = HashMap::new();
        let mut characteristics = Vec::with_capacity(self.characteristics.len());
        for (place, characteristic) in self.characteristics.iter().enumerate() {
            let mut attributes = Vec::with_capacity(characteristic.attributes.len());
            for attribute in &characteristic.attributes {
                let Score::Fixed(points) = attribute.score else { return None };
                let reason = attribute.reason.filter(|_| self.ranks > 0);
                if reason.is_some_and(|reason| *whose.entry(reason).or_insert(place) != place) {
                    return None;
                }
                let reason = reason.map(|reason| (reason, self.difference(characteristic, points)));
                attributes.push(PointsAttribute { predicate: &attribute.predicate, points, reason });
            }
            characteristics.push(attributes);
        }
        Points::new(b, self.initial, &characteristics, self.ranks)
    }

    /// How much a characteristic's points speak for its reason.
    fn difference(&self, characteristic: &Characteristic, points: f64) -> f64 {
        let above = points - characteristic.baseline;
        if self.points_above { above } else { -above }
    }
}

fn read_characteristic<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
    baseline: Option<f64>,
    reasons: bool,
) -> Result<Characteristic, Problem> {
    element.only(&b.xml, &["name", "reasonCode", "baselineScore"])?;
    let own = element.get("reasonCode").map(|code| b.symbols.intern(code));
    let baseline = element.number(&b.xml, "baselineScore")?.or(baseline);
    if reasons && baseline.is_none() {
        return Err(b
            .xml
            .malformed(element.place, "<Characteristic> has no baselineScore, which reason codes need"));
    }
    let mut attributes = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "Attribute" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &["partialScore", "reasonCode"])?;
        let mut score = header.math.number(&b.xml, &child, "partialScore")?.map(Score::Fixed);
        let reason = child.get("reasonCode").map(|code| b.symbols.intern(code)).or(own);
        let mut condition = None;
        while let Some(part) = b.xml.child(&child)? {
            if part.name == "ComplexPartialScore" {
                part.only(&b.xml, &[])?;
                while let Some(inner) = b.xml.child(&part)? {
                    let node = expression::read_expression(b, &inner, &part)?;
                    score = Some(Score::Complex(expression::resolve(b, header.scope, &node)?.expr));
                }
            } else if let Some(predicate) = predicate::read(b, &part, header.scope)? {
                condition = Some(predicate);
            } else {
                return Err(b.xml.unknown(&part, &child));
            }
        }
        let (Some(predicate), Some(score)) = (condition, score) else {
            return Err(b.xml.malformed(child.place, "<Attribute> needs a predicate and a score"));
        };
        attributes.push(Attribute { predicate, score, reason });
    }
    Ok(Characteristic { baseline: baseline.unwrap_or(0.0), attributes })
}

impl Body for Scorecard {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let mut total = self.initial;
        let mut reasons: Vec<(Symbol, f64)> = Vec::new();
        for characteristic in &self.characteristics {
            let mut found = None;
            for attribute in &characteristic.attributes {
                if attribute.predicate.holds(cx)? == Some(true) {
                    found = Some(attribute);
                    break;
                }
            }
            // A characteristic that nothing fits leaves no score.
            let Some(attribute) = found else { return Ok(()) };
            let points = match &attribute.score {
                Score::Fixed(points) => *points,
                Score::Complex(expr) => match expression::evaluate(expr, cx)?.num() {
                    Some(points) => self.math.round(points),
                    None => return Ok(()),
                },
            };
            total = self.math.round(total + points);
            let Some(reason) = attribute.reason.filter(|_| self.reasons) else { continue };
            let difference = self.difference(characteristic, points);
            match reasons.iter_mut().find(|(other, _)| *other == reason) {
                Some((_, sum)) => *sum += difference,
                None => reasons.push((reason, difference)),
            }
        }
        answer.value = Value::Num(total);
        // What worked the other way is no reason, unless everything did.
        if reasons.iter().any(|(_, difference)| *difference >= 0.0) {
            reasons.retain(|(_, difference)| *difference >= 0.0);
        }
        reasons.sort_by(|a, b| b.1.total_cmp(&a.1));
        answer.reasons.extend(reasons.iter().map(|(reason, _)| *reason));
        Ok(())
    }
    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let Some(ready) = cx.compute(self.block) else { return false };
        let rows = cx.rows();
        answers.value.numbers(rows).copy_from_slice(&ready.values[..rows]);
        answers.ranks = self.ranks;
        if answers.reasons.len() < self.ranks {
            answers.reasons.resize_with(self.ranks, Cells::default);
        }
        for (reasons, symbols) in answers.reasons.iter_mut().zip(ready.values[rows..].chunks_exact(rows)) {
            for (reason, symbol) in reasons.values(rows).iter_mut().zip(symbols) {
                let none = symbol.is_nan();
                *reason = if none { Value::Missing } else { Value::Text(Symbol(*symbol as u32)) };
            }
        }
        cx.give_back(self.block, ready);
        true
    }
}
