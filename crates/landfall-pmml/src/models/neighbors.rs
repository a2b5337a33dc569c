//! `<NearestNeighborModel>`: the training rows that are nearest, and what they say together.

use super::measure::{self, Measure, Part};
use super::training::{self, RawRow, Training, as_number};
use super::{Body, Header, MiningFunction};
use crate::functions::median;
use crate::read::{Element, table};
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx, Ranked};
use crate::value::Value;
use landfall_model::Problem;
use std::sync::OnceLock;

pub(super) const ATTRIBUTES: &[&str] = &[
    "numberOfNeighbors",
    "continuousScoringMethod",
    "categoricalScoringMethod",
    "instanceIdVariable",
    "threshold",
];

#[derive(Debug)]
struct Neighbors {
    count: usize,
    measure: Measure,
    slots: Vec<Slot>,
    parts: Vec<Part>,
    rows: Vec<Row>,
    /// Training rows of which the model's fields are made, and those: empty where the document has them.
    raw: Vec<RawRow>,
    derived: OnceLock<Vec<Vec<f64>>>,
    targets: Vec<Target>,
    continuous: Continuous,
    weighted_vote: bool,
    threshold: f64,
    function: MiningFunction,
}

#[derive(Debug)]
struct Row {
    id: Value,
    x: Vec<f64>,
    targets: Vec<Value>,
}

#[derive(Debug)]
struct Target {
    result: Option<Slot>,
    continuous: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Continuous {
    Average,
    WeightedAverage,
    Median,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let count = element.count(&b.xml, "numberOfNeighbors")?.filter(|count| *count > 0);
    let continuous = match element.get("continuousScoringMethod") {
        None | Some("average") => Continuous::Average,
        Some("weightedAverage") => Continuous::WeightedAverage,
        Some("median") => Continuous::Median,
        Some(_) => return Err(element.value(&b.xml, "continuousScoringMethod")),
    };
    let weighted_vote = match element.get("categoricalScoringMethod") {
        None | Some("majorityVote") => false,
        Some("weightedMajorityVote") => true,
        Some(_) => return Err(element.value(&b.xml, "categoricalScoringMethod")),
    };
    let (mut measure, mut training, mut fields) = (None, None, Vec::new());
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "ComparisonMeasure" => measure = Some(Measure::read(b, &child)?),
            "TrainingInstances" => training = Some(Training::read(b, &child)?),
            "KNNInputs" => {
                child.only(&b.xml, &[])?;
                while let Some(input) = b.xml.child(&child)? {
                    b.xml.named(&input, &child, "KNNInput")?;
                    input.only(&b.xml, &["field", "fieldWeight", "compareFunction"])?;
                    let part = Part {
                        compare: measure::compare(b, &input)?,
                        weight: input.number(&b.xml, "fieldWeight")?.unwrap_or(1.0),
                        ..Part::default()
                    };
                    let name = input.need(&b.xml, "field")?.to_owned();
                    let slot = b.resolve(header.scope, &name, input.place)?;
                    fields.push((name, slot, part));
                    b.xml.leaf(&input)?;
                }
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let (Some(count), Some(measure), Some(training)) = (count, measure, training) else {
        return Err(b
            .xml
            .malformed(element.place, "<NearestNeighborModel> lacks neighbours, measure or instances"));
    };
    let (targets, rows) = rows(b, element, header, &training, &fields)?;
    let untransformed = rows.iter().any(|row| row.x.len() < fields.len());
    let raw = if untransformed { training.raw_rows(b, header.scope, element)? } else { Vec::new() };
    Ok(Box::new(Neighbors {
        count,
        measure,
        slots: fields.iter().map(|(_, slot, _)| *slot).collect(),
        parts: fields.into_iter().map(|(.., part)| part).collect(),
        rows,
        raw,
        derived: OnceLock::new(),
        targets,
        continuous,
        weighted_vote,
        threshold: element.number(&b.xml, "threshold")?.unwrap_or(0.001),
        function: header.function,
    }))
}

fn rows<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
    training: &Training,
    fields: &[(String, Slot, Part)],
) -> Result<(Vec<Target>, Vec<Row>), Problem> {
    // Fields without a column are made of those that have one, when the first row comes.
    let whole = fields.iter().all(|(name, ..)| training.column(name).is_some());
    if !whole && training.is_transformed {
        return Err(b.xml.malformed(element.place, "the training instances lack a field of the model"));
    }
    let mut targets = Vec::new();
    let mut columns = Vec::new();
    for field in header.schema.targets() {
        let Some(column) = training.column(&field.name) else { continue };
        let result = header.results.iter().find(|(name, _)| *name == field.name).map(|(_, slot)| *slot);
        let def = result.map(|slot| &b.slots[slot as usize]);
        let dtype = def.map_or(header.dtype, |def| def.dtype);
        let continuous = def.map_or(header.function == MiningFunction::Regression, |def| {
            def.optype == crate::resolve::OpType::Continuous
        });
        targets.push(Target { result, continuous });
        columns.push((column.to_owned(), dtype));
    }
    let id_column =
        element.get("instanceIdVariable").and_then(|name| training.column(name)).map(str::to_owned);
    let mut rows = Vec::with_capacity(training.table.len());
    for (number, cells) in training.table.iter().enumerate() {
        let mut x = Vec::with_capacity(fields.len());
        for (name, slot, _) in fields.iter().filter(|_| whole) {
            let text = training.column(name).and_then(|column| table::cell(cells, column));
            let dtype = b.slots[*slot as usize].dtype;
            let value = text.map(|text| b.constant(text, dtype, element.place)).transpose()?;
            x.push(value.and_then(as_number).ok_or_else(|| {
                b.xml.malformed(element.place, format!("training row {} lacks field {name:?}", number + 1))
            })?);
        }
        let mut values = Vec::with_capacity(columns.len());
        for (column, dtype) in &columns {
            let text = table::cell(cells, column).unwrap_or_default();
            let value = b.constant(text, *dtype, element.place)?;
            if header.function != MiningFunction::Regression {
                b.class(header.list, value);
            }
            values.push(value);
        }
        let id = match id_column.as_ref().and_then(|column| table::cell(cells, column)) {
            Some(text) => text.to_owned(),
            None => (number + 1).to_string(),
        };
        rows.push(Row { id: Value::Text(b.symbols.intern(&id)), x, targets: values });
    }
    if rows.is_empty() {
        return Err(b.xml.malformed(element.place, "there are no training instances"));
    }
    Ok((targets, rows))
}

impl Neighbors {
    /// What the model's fields are in each training row; empty where the document says it.
    fn derived(&self, cx: &Cx<'_>) -> Result<&[Vec<f64>], Problem> {
        if self.raw.is_empty() {
            return Ok(&[]);
        }
        if let Some(derived) = self.derived.get() {
            return Ok(derived);
        }
        let rows = training::derived(cx, &self.raw, &self.slots)?;
        Ok(self.derived.get_or_init(|| rows))
    }

    /// The nearest rows with their distances, nearest first; of equal ones the earlier.
    fn nearest(&self, x: &[Option<f64>], derived: &[Vec<f64>]) -> Vec<(usize, f64)> {
        let present = x.iter().filter(|x| x.is_some()).count() as f64;
        let adjust = if present == x.len() as f64 { 1.0 } else { x.len() as f64 / present };
        let mut all: Vec<(usize, f64)> = self
            .rows
            .iter()
            .enumerate()
            .map(|(at, row)| {
                let row = derived.get(at).unwrap_or(&row.x);
                (at, self.measure.between(&self.parts, x, row, adjust))
            })
            .collect();
        match self.measure.distance {
            true => all.sort_by(|a, b| a.1.total_cmp(&b.1)),
            false => all.sort_by(|a, b| b.1.total_cmp(&a.1)),
        }
        all.truncate(self.count);
        all
    }

    fn weight(&self, distance: f64) -> f64 {
        // The threshold keeps neighbours that are not alike at all from weighing nothing together.
        if self.measure.distance { 1.0 / (distance + self.threshold) } else { distance + self.threshold }
    }

    /// What each neighbour weighs.
    fn weights(&self, nearest: &[(usize, f64)]) -> Vec<f64> {
        let all: Vec<f64> = nearest.iter().map(|(_, distance)| self.weight(*distance)).collect();
        // Without a threshold those at no distance outweigh all others.
        match all.iter().any(|weight| weight.is_infinite()) {
            true => all.iter().map(|weight| f64::from(u8::from(weight.is_infinite()))).collect(),
            false => all,
        }
    }

    fn number(&self, nearest: &[(usize, f64)], target: usize) -> Option<f64> {
        let value = |at: usize| self.rows[at].targets[target].num();
        let values: Vec<f64> = nearest.iter().filter_map(|(at, _)| value(*at)).collect();
        let count = values.len() as f64;
        (count > 0.0).then(|| match self.continuous {
            Continuous::Average => values.iter().sum::<f64>() / count,
            Continuous::Median => median(values),
            Continuous::WeightedAverage => {
                let weights = self.weights(nearest);
                let weighted = nearest.iter().zip(weights).filter_map(|((at, _), w)| Some((value(*at)?, w)));
                let (sum, total) = weighted.fold((0.0, 0.0), |(sum, total), (x, w)| (sum + x * w, total + w));
                sum / total
            }
        })
    }

    /// Votes by value, in order of first appearance among the nearest.
    fn votes(&self, nearest: &[(usize, f64)], target: usize) -> Vec<(Value, f64)> {
        let mut votes: Vec<(Value, f64)> = Vec::new();
        let weights = if self.weighted_vote { self.weights(nearest) } else { vec![1.0; nearest.len()] };
        for ((at, _), vote) in nearest.iter().zip(weights) {
            let value = self.rows[*at].targets[target];
            match votes.iter_mut().find(|(other, _)| *other == value) {
                Some((_, count)) => *count += vote,
                None => votes.push((value, vote)),
            }
        }
        votes
    }
}

impl Neighbors {
    /// The value with the most votes; of equal ones the more frequent in training, then the first as text.
    fn winner(&self, cx: &Cx<'_>, votes: &[(Value, f64)], target: usize) -> Option<Value> {
        let most = votes.iter().map(|(_, count)| *count).fold(f64::NEG_INFINITY, f64::max);
        let mut tied: Vec<Value> =
            votes.iter().filter(|(_, count)| *count == most).map(|(value, _)| *value).collect();
        if tied.len() > 1 {
            let rows = |value: Value| self.rows.iter().filter(|row| row.targets[target] == value).count();
            let text = |value: Value| match value {
                Value::Text(symbol) => cx.text(symbol).to_string(),
                value => format!("{:030.10}", value.num().unwrap_or(0.0)),
            };
            tied.sort_by_cached_key(|value| (std::cmp::Reverse(rows(*value)), text(*value)));
        }
        tied.first().copied()
    }
}

impl Body for Neighbors {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let mut x = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            x.push(as_number(cx.get(*slot)?));
        }
        if x.iter().all(Option::is_none) {
            return Ok(());
        }
        let nearest = self.nearest(&x, self.derived(cx)?);
        for (at, distance) in &nearest {
            let id = self.rows[*at].id;
            answer.ranked.push(Ranked { entity: id, name: id, affinity: *distance });
        }
        answer.nearest_first = self.measure.distance;
        answer.entity = nearest.first().map_or(Value::Missing, |(at, _)| self.rows[*at].id);
        for (place, target) in self.targets.iter().enumerate() {
            let value = if target.continuous {
                Value::of(self.number(&nearest, place))
            } else {
                let votes = self.votes(&nearest, place);
                let best = self.winner(cx, &votes, place);
                if place == 0 && self.function == MiningFunction::Classification {
                    let classes = &cx.m.lists[answer.list];
                    let total: f64 = votes.iter().map(|(_, count)| count).sum();
                    answer.scores.resize(classes.len(), 0.0);
                    for (value, count) in &votes {
                        if let Some(class) = classes.iter().position(|class| class == value) {
                            answer.scores[class] = count / total;
                        }
                    }
                }
                best.unwrap_or(Value::Missing)
            };
            if place == 0 {
                answer.value = value;
            }
            if let Some(slot) = target.result {
                cx.set(slot, value);
            }
        }
        if self.function == MiningFunction::Clustering {
            answer.value = answer.entity;
        }
        Ok(())
    }
}
