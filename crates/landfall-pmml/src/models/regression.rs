//! `<RegressionModel>`: linear scores, one table for each class.

use super::columns::{Linear, LinearTable};
use super::normalization::{self, Normalization};
use super::{Body, Header, Math, MiningFunction};
use crate::blocks::{Answers, BlockCx, BlockId, Features, RowValues, best};
use crate::expression;
use crate::read::Element;
use crate::resolve::{Build, OpType, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;
use std::collections::HashMap;

pub(super) const ATTRIBUTES: &[&str] = &["normalizationMethod", "modelType", "targetFieldName"];

#[derive(Debug)]
struct Regression {
    tables: Vec<Table>,
    normalization: Normalization,
    function: MiningFunction,
    ordinal: bool,
    math: Math,
    block: Option<BlockId>,
    /// The class of each table, in a classification.
    classes: Vec<u32>,
}

#[derive(Debug)]
struct Table {
    class: Option<usize>,
    intercept: f64,
    numeric: Vec<Numeric>,
    categorical: Vec<Categorical>,
    terms: Vec<Term>,
}

#[derive(Debug)]
struct Numeric {
    slot: Slot,
    exponent: i32,
    coefficient: f64,
}

#[derive(Debug)]
struct Categorical {
    slot: Slot,
    value: Value,
    coefficient: f64,
}

#[derive(Debug)]
struct Term {
    slots: Vec<Slot>,
    coefficient: f64,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let normalization = Normalization::of(&b.xml, element)?.unwrap_or(Normalization::None);
    let mut tables = Vec::new();
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "RegressionTable" if header.function == MiningFunction::Regression && !tables.is_empty() => {
                let what =
                    "a second <RegressionTable>: a regression has one, a classification one for each class";
                return Err(b.xml.malformed(child.place, what));
            }
            "RegressionTable" => tables.push(table(b, &child, header)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if tables.is_empty() {
        return Err(b.xml.malformed(element.place, "<RegressionModel> has no table"));
    }
    if header.function == MiningFunction::Classification && tables.iter().any(|table| table.class.is_none()) {
        return Err(b
            .xml
            .malformed(element.place, "a <RegressionTable> of a classification lacks targetCategory"));
    }
    let ordinal = header.target_optype == Some(OpType::Ordinal);
    let block = b.block(|| Some(columns(&tables, header.math)));
    let (function, math) = (header.function, header.math);
    let classes = tables.iter().filter_map(|table| table.class).map(|class| class as u32).collect();
    Ok(Box::new(Regression { tables, normalization, function, ordinal, math, block, classes }))
}

/// The tables over columns.
fn columns(tables: &[Table], math: Math) -> Linear {
    let mut features = Features::default();
    let all = tables.iter().flat_map(|table| &table.categorical);
    let mut named: HashMap<Slot, Vec<Value>> = HashMap::new();
    all.for_each(|predictor| named.entry(predictor.slot).or_default().push(predictor.value));
    let mut lines = Vec::with_capacity(tables.len());
    for table in tables {
        let mut line = LinearTable { intercept: table.intercept, ..LinearTable::default() };
        for predictor in &table.numeric {
            let place = features.number(predictor.slot);
            match predictor.exponent {
                1 if !math.float && line.numeric.is_empty() => {
                    line.straight.push((place, predictor.coefficient));
                }
                exponent => line.numeric.push((place, exponent, predictor.coefficient)),
            }
        }
        for predictor in &table.categorical {
            let place = features.category(predictor.slot, &named[&predictor.slot]);
            let code = features.list[place].coding.code(predictor.value).map_or(f64::NAN, f64::from);
            line.categorical.push((place, code, predictor.coefficient));
        }
        for term in &table.terms {
            let places = term.slots.iter().map(|slot| features.number(*slot)).collect();
            line.terms.push((places, term.coefficient));
        }
        lines.push(line);
    }
    Linear { features: features.list, tables: lines, math }
}

fn table<'a>(b: &mut Build<'a>, element: &Element<'a>, header: &Header) -> Result<Table, Problem> {
    element.only(&b.xml, &["intercept", "targetCategory", "x-targetField"])?;
    // A writer's addition that says which of several targets the table is for.
    let own = header.target.as_ref().map(|target| target.name.as_str());
    if element.get("x-targetField").is_some_and(|field| own != Some(field)) {
        return Err(element.value(&b.xml, "x-targetField"));
    }
    let math = header.math;
    let class = element.get("targetCategory").map(str::to_owned).map(|text| header.class(b, &text).0);
    let mut table = Table {
        class: class.filter(|_| header.function == MiningFunction::Classification),
        intercept: math.number(&b.xml, element, "intercept")?.unwrap_or(0.0),
        numeric: Vec::new(),
        categorical: Vec::new(),
        terms: Vec::new(),
    };
    while let Some(child) = b.xml.child(element)? {
        let coefficient = |b: &Build<'a>| match math.number(&b.xml, &child, "coefficient")? {
            Some(coefficient) => Ok(coefficient),
            None => Err(b.xml.malformed(child.place, format!("<{}> lacks coefficient", child.name))),
        };
        match child.name.as_ref() {
            "NumericPredictor" => {
                child.only(&b.xml, &["name", "exponent", "coefficient"])?;
                let exponent = child.number(&b.xml, "exponent")?.unwrap_or(1.0);
                if exponent.fract() != 0.0 || exponent.abs() > 1e6 {
                    return Err(child.value(&b.xml, "exponent"));
                }
                let slot = b.resolve(header.scope, child.need(&b.xml, "name")?, child.place)?;
                let slot = expression::of_numbers(b, slot);
                let coefficient = coefficient(b)?;
                table.numeric.push(Numeric { slot, exponent: exponent as i32, coefficient });
                b.xml.leaf(&child)?;
            }
            "CategoricalPredictor" => {
                child.only(&b.xml, &["name", "value", "coefficient"])?;
                let slot = b.resolve(header.scope, child.need(&b.xml, "name")?, child.place)?;
                let dtype = b.slots[slot as usize].dtype;
                let value = b.constant(child.need(&b.xml, "value")?, dtype, child.place)?;
                let coefficient = coefficient(b)?;
                table.categorical.push(Categorical { slot, value, coefficient });
                b.xml.leaf(&child)?;
            }
            "PredictorTerm" => {
                child.only(&b.xml, &["name", "coefficient"])?;
                let coefficient = coefficient(b)?;
                let mut slots = Vec::new();
                while let Some(field) = b.xml.child(&child)? {
                    if field.name != "FieldRef" {
                        return Err(b.xml.unknown(&field, &child));
                    }
                    let slot = expression::referred(b, header.scope, &field)?;
                    slots.push(expression::of_numbers(b, slot));
                }
                table.terms.push(Term { slots, coefficient });
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(table)
}

impl Table {
    /// The linear score; `None` when a number that it needs is missing.
    fn score(&self, cx: &mut Cx<'_>, math: Math) -> Result<Option<f64>, Problem> {
        let mut sum = 0.0;
        for predictor in &self.numeric {
            let Some(x) = cx.number(predictor.slot)? else { return Ok(None) };
            let x = math.round(x);
            let power = if predictor.exponent == 1 { x } else { math.round(x.powi(predictor.exponent)) };
            sum = math.round(sum + math.round(power * predictor.coefficient));
        }
        for predictor in &self.categorical {
            // A missing category is none of the values.
            if cx.get(predictor.slot)? == predictor.value {
                sum = math.round(sum + predictor.coefficient);
            }
        }
        for term in &self.terms {
            let mut product = term.coefficient;
            for slot in &term.slots {
                let Some(x) = cx.number(*slot)? else { return Ok(None) };
                product = math.round(product * math.round(x));
            }
            sum = math.round(sum + product);
        }
        Ok(Some(math.round(sum + self.intercept)))
    }
}

impl Body for Regression {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let ahead = cx.ahead(self.block);
        if self.function == MiningFunction::Regression {
            let score = match ahead {
                Some(scores) => scores.first().copied(),
                None => self.tables[0].score(cx, self.math)?,
            };
            answer.value = Value::of(score.map(|score| self.normalization.one(score, self.math)));
            return Ok(());
        }
        let mut scores = match ahead {
            Some(scores) => scores,
            None => {
                let mut scores = RowValues::with_capacity(self.tables.len());
                for table in &self.tables {
                    match table.score(cx, self.math)? {
                        Some(score) => scores.push(score),
                        None => return Ok(()),
                    }
                }
                scores
            }
        };
        let scores = scores.as_mut_slice();
        probabilities(scores, self.normalization, self.ordinal, self.math);
        answer.scores.resize(cx.m.lists[answer.list].len(), 0.0);
        let mut best = 0;
        for (at, table) in self.tables.iter().enumerate() {
            if let Some(class) = table.class {
                answer.scores[class] = scores[at];
            }
            // Of equal ones the first table's.
            if scores[at] > scores[best] {
                best = at;
            }
        }
        if let Some(class) = self.tables[best].class {
            answer.value = cx.m.lists[answer.list][class];
        }
        Ok(())
    }

    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let Some(mut ready) = cx.compute(self.block) else { return false };
        let (rows, scores) = (cx.rows(), &mut ready.values);
        if self.function == MiningFunction::Regression {
            let numbers = answers.value.numbers(rows);
            numbers.copy_from_slice(&scores[..rows]);
            self.normalization.column(numbers, self.math);
        } else {
            let how = (self.normalization, self.ordinal);
            probability_columns(scores, rows, how, self.math, &mut cx.w.numbers);
            answers.start_scores(cx.m.lists[answers.list].len(), rows);
            for (class, column) in self.classes.iter().zip(scores.chunks_exact(rows)) {
                let at = *class as usize * rows;
                answers.scores[at..at + rows].copy_from_slice(column);
            }
            let into = answers.value.classes(answers.list, rows);
            best(scores, rows, &self.classes, into, &mut cx.w.numbers);
        }
        cx.give_back(self.block, ready);
        true
    }
}

/// [`probabilities`] of each row of columns [tables][rows].
fn probability_columns(
    scores: &mut [f64],
    rows: usize,
    (normalization, ordinal): (Normalization, bool),
    math: Math,
    space: &mut Vec<f64>,
) {
    let count = scores.len() / rows;
    match normalization {
        Normalization::SoftMax => normalization::soft_max_columns(scores, rows, math, space),
        Normalization::SimpleMax => normalization::simple_max_columns(scores, rows, math, space),
        Normalization::Exp => normalization.column(scores, math),
        method if count == 2 && !ordinal && method != Normalization::None => {
            let (first, second) = scores.split_at_mut(rows);
            normalization.column(first, math);
            second.iter_mut().zip(first).for_each(|(left, score)| *left = math.round(1.0 - *score));
        }
        _ => {
            let mut of_row = RowValues::from_elem(0.0, count);
            for row in 0..rows {
                of_row.iter_mut().zip(scores[row..].iter().step_by(rows)).for_each(|(own, x)| *own = *x);
                probabilities(&mut of_row, normalization, ordinal, math);
                scores[row..].iter_mut().step_by(rows).zip(&of_row).for_each(|(x, own)| *x = *own);
            }
        }
    }
}

/// Scores become probabilities in place; the last class gets what is left where the method is one of thresholds.
fn probabilities(scores: &mut [f64], normalization: Normalization, ordinal: bool, math: Math) {
    let count = scores.len();
    let left =
        |scores: &[f64]| math.round(1.0 - scores.iter().fold(0.0, |sum, score| math.round(sum + score)));
    match normalization {
        Normalization::SimpleMax | Normalization::SoftMax => normalization.all(scores, math),
        Normalization::Exp => normalization.all(scores, math),
        // What is taken for a probability as it is, is one.
        Normalization::None if !ordinal && count == 2 => {
            scores[0] = scores[0].clamp(0.0, 1.0);
            scores[1] = math.round(1.0 - scores[0]);
        }
        Normalization::None if !ordinal => scores[count - 1] = left(&scores[..count - 1]),
        _ if ordinal => {
            let mut below = 0.0;
            for score in &mut scores[..count - 1] {
                let upto = normalization.one(*score, math);
                let upto = if normalization == Normalization::None { upto.clamp(0.0, 1.0) } else { upto };
                *score = math.round(upto - below);
                below = upto;
            }
            scores[count - 1] = math.round(1.0 - below);
        }
        _ if count == 2 => {
            scores[0] = normalization.one(scores[0], math);
            scores[1] = math.round(1.0 - scores[0]);
        }
        // Of more than two classes each score stands alone: their sum is made one.
        _ => {
            normalization.all(scores, math);
            normalization::simple_max(scores, math);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLE: Math = Math { float: false };

    #[test]
    fn the_last_class_of_two_gets_what_is_left() {
        let mut scores = [0.0, 0.0];
        probabilities(&mut scores, Normalization::Logit, false, DOUBLE);
        assert_eq!(scores, [0.5, 0.5]);
        let mut scores = [0.2, 0.3, 9.0];
        probabilities(&mut scores, Normalization::None, false, DOUBLE);
        assert_eq!(scores, [0.2, 0.3, 0.5]);
    }

    #[test]
    fn ordinal_classes_are_differences_of_what_is_below() {
        let mut scores = [0.0, 1000.0, 0.0];
        probabilities(&mut scores, Normalization::Logit, true, DOUBLE);
        assert_eq!(scores, [0.5, 0.5, 0.0]);
    }
}
