//! `<NearestNeighborModel>`: the training rows that are nearest, and what they say together.

mod columns;
mod vote;

use super::columns::NearestRows;
use super::measure::{self, Measure, Part};
use super::training::{self, RawRow, Training, as_number};
use super::{Body, Header, Math, MiningFunction};
use crate::blocks::{Answers, BlockCx, BlockId};
use crate::read::{Element, table};
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx, Ranked};
use crate::value::Value;
use landfall_model::Problem;
use std::sync::{Arc, OnceLock};
use vote::Preference;

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
    math: Math,
    function: MiningFunction,
    /// The same over columns.
    columns: Option<Arc<NearestRows>>,
    block: Option<BlockId>,
}

#[derive(Debug)]
struct Row {
    id: Value,
    x: Vec<f64>,
    targets: Vec<Value>,
}

#[derive(Debug)]
struct Target {
    /// Which of the model's other targets; `None` for its own.
    other: Option<usize>,
    continuous: bool,
    /// Of classes.
    preference: Preference,
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
            "ComparisonMeasure" => measure = Some(Measure::read(b, &child, header.math)?),
            "TrainingInstances" => training = Some(Training::read(b, &child)?),
            "KNNInputs" => read_inputs(b, &child, header, &mut fields)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let (Some(count), Some(measure), Some(training)) = (count, measure, training) else {
        return Err(b
            .xml
            .malformed(element.place, "<NearestNeighborModel> lacks neighbours, measure or instances"));
    };
    no_tables(b, element, &measure, &fields)?;
    let (targets, rows) = rows(b, element, header, &training, &fields)?;
    let untransformed = rows.iter().any(|row| row.x.len() < fields.len());
    let raw = if untransformed { training.raw_rows(b, header.scope, element)? } else { Vec::new() };
    let mut model = Neighbors {
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
        threshold: header.math.number(&b.xml, element, "threshold")?.unwrap_or(header.math.round(0.001)),
        math: header.math,
        function: header.function,
        columns: None,
        block: None,
    };
    model.columns = model.columns(b).map(Arc::new);
    model.block = b.block(|| model.columns.clone());
    Ok(Box::new(model))
}

/// Reads `<KNNInputs>`: fields, and their parts in the measure.
fn read_inputs<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
    fields: &mut Vec<(String, Slot, Part)>,
) -> Result<(), Problem> {
    element.only(&b.xml, &[])?;
    while let Some(input) = b.xml.child(element)? {
        b.xml.named(&input, element, "KNNInput")?;
        input.only(&b.xml, &["field", "fieldWeight", "compareFunction"])?;
        let part = Part {
            compare: measure::compare(b, &input)?,
            weight: header.math.number(&b.xml, &input, "fieldWeight")?.unwrap_or(1.0),
            ..Part::default()
        };
        let name = input.need(&b.xml, "field")?.to_owned();
        let slot = b.resolve(header.scope, &name, input.place)?;
        fields.push((name, slot, part));
        b.xml.leaf(&input)?;
    }
    Ok(())
}

/// That no input is compared by a table, which the schema gives none.
fn no_tables<'a>(
    b: &Build<'a>,
    element: &Element<'a>,
    measure: &Measure,
    fields: &[(String, Slot, Part)],
) -> Result<(), Problem> {
    match measure.has_tables(fields.iter().map(|(.., part)| part)) {
        true => Ok(()),
        false => Err(b.xml.unsupported(element.place, "compareFunction=\"table\" of a <KNNInput>")),
    }
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
        let other = header.other(&field.name);
        targets.push(Target { other, continuous, preference: Preference::default() });
        columns.push((column.to_owned(), dtype, other.map_or(header.list, |at| header.others[at].list)));
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
            // As the schema treats the rows that are compared with it.
            let value = b.as_input(*slot, value.unwrap_or(Value::Missing));
            x.push(as_number(value).ok_or_else(|| {
                let what = format!("training row {} has no valid value of field {name:?}", number + 1);
                b.xml.malformed(element.place, what)
            })?);
        }
        let mut values = Vec::with_capacity(columns.len());
        for ((column, dtype, list), target) in columns.iter().zip(&targets) {
            let text = table::cell(cells, column).unwrap_or_default();
            let value = b.constant(text, *dtype, element.place)?;
            if !target.continuous && header.function != MiningFunction::Regression {
                b.class(*list, value);
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
    for (place, target) in targets.iter_mut().enumerate().filter(|(_, target)| !target.continuous) {
        target.preference = Preference::of(b, rows.iter().map(|row| row.targets[place]));
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
        let nearer = |a: &(usize, f64), b: &(usize, f64)| {
            let by_measure = if self.measure.distance { a.1.total_cmp(&b.1) } else { b.1.total_cmp(&a.1) };
            // What compares as no number is the farthest.
            a.1.is_nan().cmp(&b.1.is_nan()).then(by_measure).then(a.0.cmp(&b.0))
        };
        if self.count < all.len() {
            all.select_nth_unstable_by(self.count, nearer);
            all.truncate(self.count);
        }
        all.sort_unstable_by(nearer);
        all
    }
}

impl Neighbors {
    /// Whether a target's classes have a probability each.
    fn tells_shares(&self, target: usize) -> bool {
        let is_class = self.targets.get(target).is_some_and(|target| !target.continuous);
        is_class && matches!(self.function, MiningFunction::Classification | MiningFunction::Mixed)
    }

    /// The nearest of the row that is being evaluated; `None` where all its values are missing.
    fn nearest_of_row(&self, cx: &mut Cx<'_>) -> Result<Option<Vec<(usize, f64)>>, Problem> {
        if let Some(values) = cx.ahead(self.block) {
            return Ok(Some(NearestRows::of_row(&values, 1, 0).collect()));
        }
        let mut x = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            x.push(as_number(cx.get(*slot)?));
        }
        let numbers: Option<Vec<f64>> = x.iter().copied().collect();
        Ok(match (&self.columns, numbers) {
            (Some(columns), Some(x)) if x.iter().all(|x| !x.is_nan()) => Some(columns.of_numbers(&x)),
            _ if x.iter().all(Option::is_none) => None,
            _ => Some(self.nearest(&x, self.derived(cx)?)),
        })
    }
}

impl Body for Neighbors {
    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        self.answer_columns(cx, answers)
    }

    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let Some(nearest) = self.nearest_of_row(cx)? else { return Ok(()) };
        for (at, distance) in &nearest {
            let id = self.rows[*at].id;
            answer.ranked.push(Ranked { entity: id, name: id, affinity: *distance });
        }
        answer.nearest_first = self.measure.distance;
        answer.entity = nearest.first().map_or(Value::Missing, |(at, _)| self.rows[*at].id);
        for (place, target) in self.targets.iter().enumerate() {
            let said = match target.other {
                Some(other) => &mut answer.others[other],
                None => &mut *answer,
            };
            let classes = &cx.m.lists[said.list];
            if self.tells_shares(place) {
                said.scores.resize(classes.len(), 0.0);
            }
            let scores = &mut said.scores;
            said.value = self.judge(&nearest, place, classes, |class, share| scores[class] = share);
        }
        if self.function == MiningFunction::Clustering {
            answer.value = answer.entity;
        }
        Ok(())
    }
}
