//! What a document takes and answers: inputs by the fields that its models use, outputs by targets and output fields.

use crate::models::{MiningFunction, Model};
use crate::resolve::{Slot, Source};
use crate::run::Compiled;
use crate::value::{DataType, Value};
use landfall_model::{DType, Dim, InputSpec, NullRule, NullRuleSource, OutputSpec, Scalar};

/// One field of the answer.
pub(super) struct Field {
    pub(super) name: String,
    doc: String,
    pub(super) slot: Slot,
    pub(super) dtype: DataType,
    /// Whether it is a prediction of numbers, which keeps fractions whatever the field's type.
    number: bool,
}

/// All fields that are answered: targets, then output fields, the inner models' among them. An output field of the outermost
/// model that is named as a target and says more than the prediction stands in its place.
pub(super) fn answers(m: &Compiled) -> Vec<Field> {
    let mut all: Vec<Field> = Vec::new();
    for (name, slot) in &m.root.results {
        let dtype = m.slots[*slot as usize].dtype;
        // Of several targets each is what its own segment predicts.
        let several = m.root.results.len() > 1 && !dtype.is_number();
        let number = m.root.function == MiningFunction::Regression && !several;
        all.push(Field { name: name.clone(), doc: String::new(), slot: *slot, dtype, number });
    }
    for field in output_fields(&m.root) {
        let says_more = || m.root.outputs.iter().any(|own| own.slot == field.slot && !own.is_prediction());
        match all.iter().position(|other| other.name == field.name) {
            None => all.push(field),
            Some(target) if says_more() => all[target] = field,
            Some(_) => {}
        }
    }
    if all.is_empty() {
        gather_unnamed(m, &mut all);
    }
    all
}

/// The output fields of a model and of those within it: of one name the outer one, else that of the last model.
fn output_fields(model: &Model) -> Vec<Field> {
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
pub(super) fn answer_slot(m: &Compiled, name: &str) -> Option<(Slot, DataType)> {
    answers(m).into_iter().find(|field| field.name == name).map(|field| (field.slot, field.dtype))
}

/// Places in the dictionary of the fields that some model takes, in the dictionary's order.
pub(super) fn used_fields(m: &Compiled) -> Vec<usize> {
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
    (0..used.len()).filter(|place| used[*place]).collect()
}

/// What a field of the dictionary is as an input.
pub(super) fn input_spec(m: &Compiled, place: usize) -> InputSpec {
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

/// What an answered field is as an output.
pub(super) fn output_spec(_: &Compiled, field: &Field) -> OutputSpec {
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
