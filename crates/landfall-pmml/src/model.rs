//! A loaded document behind the seam of engines: signature, rows in, fields out.

use crate::blocks::{BLOCK_ROWS, BlockCx, BlockData, BlockMemory, LEAST_ROWS};
use crate::document::Head;
use crate::models::{MiningFunction, Model as Element};
use crate::resolve::{Slot, Source, Usage};
use crate::run::{Answer, Answered, Compiled, Cx, Work};
use crate::value::{DataType, Value};
use landfall_model::{
    Call, CostClass, DType, Dim, Facts, InputSpec, Instance, Method, Model, NullRule, NullRuleSource,
    OutputSpec, Outputs, Problem, RowRule, Scalar, Shape, ShapeRule, Signature, Tensor, TensorMut,
};
use std::ops::Range;
use std::sync::Arc;

/// A loaded document.
pub(crate) struct PmmlModel {
    compiled: Arc<Compiled>,
    plan: Arc<Plan>,
    signatures: Vec<Arc<Signature>>,
    facts: Facts,
    /// Whether it answers even when its own verification fails.
    unverified: bool,
}

/// So many more rows that needed their data than rows that did not: from there on all get it.
const HUNGRY: i32 = 16;

/// Which fields are inputs and outputs, by place in the signature.
struct Plan {
    /// Places in the dictionary.
    inputs: Vec<usize>,
    /// Names, slots, and the types of their values.
    outputs: Vec<(String, Slot, DataType)>,
    /// The input whose equal values make rows one record.
    group: Option<usize>,
}

impl PmmlModel {
    pub(crate) fn new(compiled: Compiled, head: &Head, group: Option<String>) -> Result<Self, Problem> {
        let fields = used_fields(&compiled);
        let inputs: Vec<InputSpec> = fields.iter().map(|place| input_spec(&compiled, *place)).collect();
        let answers = answers(&compiled);
        let outputs = answers.iter().map(|answer| output_spec(&compiled, answer)).collect();
        let group_place = group
            .as_ref()
            .and_then(|name| fields.iter().position(|place| compiled.dictionary[*place].name == *name));
        let rows = match group.filter(|_| group_place.is_some()) {
            Some(name) => RowRule::GroupedBy(name),
            None if !compiled.lags.is_empty() => RowRule::Ordered,
            None => RowRule::Independent,
        };
        let signature =
            Signature::new("serving_default", Method::Predict, inputs, outputs, rows, ShapeRule::Checked)?
                .shared();
        let structure = vec![
            ("model".to_owned(), compiled.root.element.clone()),
            ("version".to_owned(), head.version.clone()),
            ("application".to_owned(), head.application.clone()),
            ("copyright".to_owned(), head.copyright.clone()),
            ("fields".to_owned(), compiled.dictionary.len().to_string()),
            ("trees evaluated as forests".to_owned(), forests(&compiled)),
        ];
        let facts = Facts {
            engine: crate::engine::NAME,
            format: "pmml",
            memory_bytes: None,
            threads_inside: 1,
            cost: CostClass::Unknown,
            structure: structure.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            notes: Vec::new(),
            opening: Vec::new(),
            later: Default::default(),
        };
        let plan = Plan {
            inputs: fields,
            outputs: answers.into_iter().map(|answer| (answer.name, answer.slot, answer.dtype)).collect(),
            group: group_place,
        };
        Ok(PmmlModel {
            compiled: Arc::new(compiled),
            plan: Arc::new(plan),
            signatures: vec![signature],
            facts,
            unverified: false,
        })
    }
}

impl PmmlModel {
    /// Lets it answer even when its own verification fails; then a note says so.
    pub(crate) fn whatever_its_verification_says(mut self) -> Self {
        if let Err(problem) = self.verify() {
            self.facts.notes.push(format!("it answers though its own verification fails: {problem}"));
            self.unverified = true;
        }
        self
    }

    /// How its rows hang together.
    pub(crate) fn rows(&self) -> &RowRule {
        self.signatures[0].rows()
    }

    pub(crate) fn compiled(&self) -> Arc<Compiled> {
        self.compiled.clone()
    }

    /// The inputs, as places in the dictionary.
    pub(crate) fn input_places(&self) -> Vec<usize> {
        self.plan.inputs.clone()
    }

    /// The fields that are answered.
    pub(crate) fn answered(&self) -> Vec<Answered> {
        self.plan.answered()
    }
}

impl Plan {
    fn answered(&self) -> Vec<Answered> {
        let outputs = self.outputs.iter();
        outputs.map(|(name, slot, dtype)| Answered::new(name.clone(), *slot, *dtype)).collect()
    }
}

/// How many trees the document's forests have; nothing where there are none.
fn forests(m: &Compiled) -> String {
    match m.blocks.iter().map(|block| block.trees()).sum::<usize>() {
        0 => String::new(),
        trees => trees.to_string(),
    }
}

/// One field of the answer.
struct Field {
    name: String,
    doc: String,
    slot: Slot,
    dtype: DataType,
    /// Whether it is a prediction of numbers, which keeps fractions whatever the field's type.
    number: bool,
}

/// All fields that are answered: targets, then output fields, the inner models' among them.
fn answers(m: &Compiled) -> Vec<Field> {
    let mut all: Vec<Field> = Vec::new();
    for (name, slot) in &m.root.results {
        let dtype = m.slots[*slot as usize].dtype;
        // Of several targets each is what its own segment predicts.
        let several = m.root.results.len() > 1 && !dtype.is_number();
        let number = m.root.function == MiningFunction::Regression && !several;
        all.push(Field { name: name.clone(), doc: String::new(), slot: *slot, dtype, number });
    }
    for field in output_fields(&m.root) {
        if all.iter().all(|other| other.name != field.name) {
            all.push(field);
        }
    }
    if all.is_empty() {
        gather_unnamed(m, &mut all);
    }
    all
}

/// The output fields of a model and of those within it: of one name the outer one, else that of the last model.
fn output_fields(model: &Element) -> Vec<Field> {
    let own = |field: &crate::models::OutputField| Field {
        name: field.name.clone(),
        doc: field.doc.clone(),
        slot: field.slot,
        dtype: field.answered(),
        number: false,
    };
    let mut within: Vec<Field> = Vec::new();
    for field in model.body.inner().into_iter().flat_map(output_fields) {
        match within.iter_mut().find(|other| other.name == field.name) {
            Some(other) => *other = field,
            None => within.push(field),
        }
    }
    let mut all: Vec<Field> = model.outputs.iter().map(own).collect();
    for (name, dtype, slot) in &model.forwarded {
        let (name, doc) = (name.clone(), String::new());
        all.push(Field { name, doc, slot: *slot, dtype: *dtype, number: false });
    }
    within.retain(|field| all.iter().all(|other| other.name != field.name));
    all.append(&mut within);
    all
}

/// A model without a target and without output fields: its bare prediction.
fn gather_unnamed(m: &Compiled, all: &mut Vec<Field>) {
    if let Some(slot) = m.root.unnamed {
        let number = m.root.function == MiningFunction::Regression;
        all.push(Field { name: "_target".to_owned(), doc: String::new(), slot, dtype: m.root.dtype, number });
    }
}

/// The slot and type of an answered field.
pub(crate) fn answer_slot(m: &Compiled, name: &str) -> Option<(Slot, DataType)> {
    answers(m).into_iter().find(|field| field.name == name).map(|field| (field.slot, field.dtype))
}

/// Places in the dictionary of the fields that some model takes, in the dictionary's order.
fn used_fields(m: &Compiled) -> Vec<usize> {
    let mut used = vec![false; m.dictionary.len()];
    for name in &m.root.active {
        if let Some(place) = m.dictionary.iter().position(|field| field.name == *name) {
            used[place] = true;
        }
    }
    // The actual value of a target, where a residual asks for it.
    for slot in m.root.actuals() {
        if let Source::Treated { .. } | Source::Input(_) = m.slots[slot as usize].source
            && let Some(place) = m.slots[slot as usize].field
        {
            used[place] = true;
        }
    }
    // A model that takes nothing still answers each row: whatever column comes says how many there are.
    if used.iter().all(|used| !used) {
        used.fill(true);
    }
    (0..used.len()).filter(|place| used[*place]).collect()
}

fn input_spec(m: &Compiled, place: usize) -> InputSpec {
    let field = &m.dictionary[place];
    let dtype = match field.dtype {
        DataType::Integer => DType::I64,
        DataType::Float => DType::F32,
        DataType::Double => DType::F64,
        DataType::Boolean => DType::Bool,
        _ => DType::String,
    };
    let mut spec = InputSpec::new(&field.name, dtype, Some(vec![Dim::Free(None)]));
    (spec.null, spec.null_source) = (NullRule::Accept, NullRuleSource::Model);
    spec.accepts_invalid = true;
    spec.optional = true;
    spec.doc = field.doc.clone();
    if !field.valid.is_empty() {
        let shown = |value: &Value| match value {
            Value::Num(number) if dtype == DType::I64 => Some(Scalar::Int(*number as i64)),
            Value::Num(number) => Some(Scalar::Float(*number)),
            Value::Bool(truth) => Some(Scalar::Bool(*truth)),
            Value::Text(symbol) => {
                m.symbols.text(*symbol).map(|text| Scalar::Bytes(text.as_bytes().to_vec()))
            }
            _ => None,
        };
        spec.categories = field.valid.iter().map(shown).collect();
    }
    spec
}

fn output_spec(_: &Compiled, field: &Field) -> OutputSpec {
    let dtype = output_dtype(field.dtype);
    let dtype = if field.number && dtype != DType::F32 { DType::F64 } else { dtype };
    let mut spec = OutputSpec::new(&field.name, dtype, Some(vec![Dim::Free(None)]));
    spec.may_miss = true;
    spec.doc = field.doc.clone();
    spec
}

/// Any value can be missing, so that whole numbers are declared as floats, and truth values as text.
fn output_dtype(dtype: DataType) -> DType {
    match dtype {
        DataType::Float => DType::F32,
        _ if dtype.is_number() => DType::F64,
        _ => DType::String,
    }
}

impl Model for PmmlModel {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(PmmlInstance {
            work: Work::new(&self.compiled),
            memory: BlockMemory::new(&self.compiled),
            answer: Answer::default(),
            answered: self.plan.answered(),
            over_columns: true,
            hunger: 0,
            compiled: self.compiled.clone(),
            plan: self.plan.clone(),
        }))
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn verify(&self) -> Result<usize, Problem> {
        match &self.compiled.root.verification {
            Some(rows) if !self.unverified => rows.run(&self.compiled),
            _ => Ok(0),
        }
    }
}

pub(crate) struct PmmlInstance {
    pub(crate) compiled: Arc<Compiled>,
    plan: Arc<Plan>,
    pub(crate) work: Work,
    pub(crate) memory: BlockMemory,
    answer: Answer,
    answered: Vec<Answered>,
    /// Whether no block of rows has turned out not to be for columns.
    over_columns: bool,
    /// Rows that needed more than what the blocks have made of the columns, less those that did not.
    hunger: i32,
}

impl Instance for PmmlInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let columns = self.columns(call)?;
        let rows = call.rows().unwrap_or(0);
        let records = match self.plan.group {
            Some(group) => grouped(&columns, group, rows)?,
            None => Vec::new(),
        };
        let count = if self.plan.group.is_some() { records.len() } else { rows };
        let wanted: Vec<usize> = call.wanted().iter().collect();
        let specs = call.signature().outputs();
        let mut building: Vec<TensorMut> =
            wanted.iter().map(|place| TensorMut::with_capacity(specs[*place].dtype, count)).collect();
        self.work.start_call();
        let blocks = self.plan.group.is_none() && count >= LEAST_ROWS && self.compiled.goes_ahead();
        let mut into = Into { outputs, wanted: &wanted, building: &mut building };
        for first in (0..count).step_by(BLOCK_ROWS) {
            let rows = first..count.min(first + BLOCK_ROWS);
            if blocks && self.over_columns {
                self.over_columns = self.answer_columns(&columns, &rows, &mut into)?;
                if self.over_columns {
                    continue;
                }
            }
            if blocks {
                self.ahead(&columns, &rows)?;
            }
            for record in rows {
                let outcome = match records.get(record) {
                    Some(rows) => self.record(&columns, record, rows),
                    None if blocks && self.hunger < HUNGRY => self.row_after_blocks(&columns, record),
                    None => self.row(&columns, record),
                };
                self.push_row(record, outcome, &mut into)?;
            }
        }
        for (tensor, place) in building.into_iter().zip(wanted) {
            outputs.set(place, tensor.freeze(Shape::new(&[count]))?);
        }
        Ok(())
    }
}

/// Where answers go.
struct Into<'o> {
    outputs: &'o mut Outputs,
    wanted: &'o [usize],
    building: &'o mut [TensorMut],
}

impl PmmlInstance {
    /// Answers a block of rows over columns, those alone that are not the block's; `false` where the document's models
    /// are not for columns: then nothing is answered.
    fn answer_columns(
        &mut self,
        columns: &[Option<Column<'_>>],
        rows: &Range<usize>,
        into: &mut Into<'_>,
    ) -> Result<bool, Problem> {
        let compiled = self.compiled.clone();
        let mut cx = BlockCx::new(&compiled, &mut self.memory, BlockData::Call(columns, rows.clone()));
        let mut answers = cx.take_answers();
        let answered = compiled.root.over_columns(&mut cx, &mut answers);
        cx.give_answers(answers);
        if !answered || !self.answered.iter().all(|field| self.memory.cells(field.slot).is_some()) {
            return Ok(false);
        }
        let mut from = 0;
        for at in 0..rows.len() {
            if self.memory.covered[at] {
                continue;
            }
            self.push_columns(from..at, rows.start, into)?;
            let outcome = self.row(columns, rows.start + at);
            self.push_row(rows.start + at, outcome, into)?;
            from = at + 1;
        }
        self.push_columns(from..rows.len(), rows.start, into)?;
        Ok(true)
    }

    fn push_columns(&mut self, rows: Range<usize>, first: usize, into: &mut Into<'_>) -> Result<(), Problem> {
        for (tensor, place) in into.building.iter_mut().zip(into.wanted) {
            let field = &mut self.answered[*place];
            if let Some(cells) = self.memory.cells(field.slot) {
                field.push_cells(&self.compiled, tensor, cells, rows.clone(), first)?;
            }
        }
        Ok(())
    }

    fn push_row(
        &mut self,
        row: usize,
        outcome: Result<(), Problem>,
        into: &mut Into<'_>,
    ) -> Result<(), Problem> {
        if let Err(problem) = outcome {
            into.outputs.fail_row(row, problem);
            self.work.start_row(row);
        }
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        for (tensor, place) in into.building.iter_mut().zip(into.wanted) {
            let field = &self.answered[*place];
            let value = cx.get(field.slot)?;
            field.push(&cx, tensor, value)?;
        }
        Ok(())
    }
}

/// The rows of each record, in order of first appearance.
fn grouped(columns: &[Option<Column<'_>>], group: usize, rows: usize) -> Result<Vec<Vec<usize>>, Problem> {
    let mut places = std::collections::HashMap::new();
    let mut records: Vec<Vec<usize>> = Vec::new();
    for row in 0..rows {
        let key = columns[group].as_ref().map(|column| column.tensor.scalar(row).to_string());
        let place = *places.entry(key).or_insert_with(|| {
            records.push(Vec::new());
            records.len() - 1
        });
        records[place].push(row);
    }
    Ok(records)
}

/// One input with its type.
pub(crate) struct Column<'t> {
    pub(crate) tensor: &'t Tensor,
    /// Place in the dictionary.
    pub(crate) field: usize,
    dtype: DataType,
}

impl PmmlInstance {
    fn columns<'t>(&self, call: &'t Call) -> Result<Vec<Option<Column<'t>>>, Problem> {
        let column = |(input, field): (usize, &usize)| {
            let tensor = call.input(input)?.dense()?;
            Some(Column { tensor, field: *field, dtype: self.compiled.dictionary[*field].dtype })
        };
        Ok(self.plan.inputs.iter().enumerate().map(column).collect())
    }

    /// Puts a row's data where evaluation finds it.
    pub(crate) fn load(&mut self, columns: &[Option<Column<'_>>], row: usize) -> Result<(), Problem> {
        self.work.start_row(row);
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        for column in columns.iter().flatten() {
            cx.w.input[column.field] = column.value(&mut cx, row)?;
        }
        Ok(())
    }

    /// Evaluates a row whose blocks are computed, without its data as long as no row has asked for any.
    fn row_after_blocks(&mut self, columns: &[Option<Column<'_>>], row: usize) -> Result<(), Problem> {
        self.work.start_row(row);
        self.work.loaded = false;
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        let outcome = self.compiled.root.run(&mut cx, &mut self.answer);
        if !self.work.starved {
            self.hunger = (self.hunger - 1).max(-HUNGRY);
            return outcome;
        }
        self.hunger += 1;
        self.row(columns, row)
    }

    fn row(&mut self, columns: &[Option<Column<'_>>], row: usize) -> Result<(), Problem> {
        self.load(columns, row)?;
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        self.compiled.root.run(&mut cx, &mut self.answer)?;
        cx.end_row()
    }

    fn record(
        &mut self,
        columns: &[Option<Column<'_>>],
        record: usize,
        rows: &[usize],
    ) -> Result<(), Problem> {
        self.work.start_row(record);
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        for row in rows {
            for column in columns.iter().flatten() {
                cx.w.input[column.field] = column.value(&mut cx, *row)?;
            }
            let input = cx.w.input.clone();
            cx.w.group.push(input);
        }
        self.compiled.root.run(&mut cx, &mut self.answer)?;
        cx.end_row()
    }
}

impl Column<'_> {
    fn value(&self, cx: &mut Cx<'_>, row: usize) -> Result<Value, Problem> {
        if self.tensor.is_missing(row) {
            return Ok(Value::Missing);
        }
        let invalid = self.tensor.invalid();
        if !invalid.is_empty()
            && let Ok(at) = invalid.binary_search_by_key(&row, |invalid| invalid.element)
        {
            let text = String::from_utf8_lossy(&invalid[at].text);
            // Truth values count as numbers.
            return Ok(match self.dtype.parse(&text, |text| cx.symbol(text)) {
                Some(value) => self.checked(cx, value),
                None => self.unreadable(cx, &text),
            });
        }
        let number = |number: f64| if number.is_nan() { Value::Missing } else { Value::Num(number) };
        let value = match self.tensor.dtype() {
            DType::F64 => number(self.tensor.values::<f64>()?[row]),
            DType::F32 => number(f64::from(self.tensor.values::<f32>()?[row])),
            DType::I64 => number(self.tensor.values::<i64>()?[row] as f64),
            DType::Bool => Value::Bool(self.tensor.bools()?[row] != 0),
            _ => {
                let text = String::from_utf8_lossy(self.tensor.strings()?.get(row));
                match self.dtype.parse(&text, |text| cx.symbol(text)) {
                    Some(value) => value,
                    None => return Ok(self.unreadable(cx, &text)),
                }
            }
        };
        Ok(self.checked(cx, value))
    }

    /// What the dictionary says means missing is missing.
    fn checked(&self, cx: &Cx<'_>, value: Value) -> Value {
        let field = &cx.m.dictionary[self.field];
        if !field.missing.is_empty() && field.missing.contains(&value) { Value::Missing } else { value }
    }

    #[cold]
    fn unreadable(&self, cx: &mut Cx<'_>, text: &str) -> Value {
        let field = &cx.m.dictionary[self.field];
        if field.missing_texts.iter().any(|missing| missing == text) {
            return Value::Missing;
        }
        cx.w.unreadable.push((self.field, text.to_owned()));
        Value::Invalid
    }
}

/// Fields that a model takes from the data.
pub(crate) fn is_input(usage: Usage) -> bool {
    !matches!(usage, Usage::Target)
}
