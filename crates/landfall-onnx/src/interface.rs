//! From what a file declares to the signature that doors see.

use crate::declared::{Declared, Value, ValueType};
use landfall_model::{DType, Dim, InputSpec, Method, OutputSpec, Problem, RowRule, ShapeRule, Signature};
use std::sync::Arc;

/// A model's one signature, and how its outputs come.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) signature: Arc<Signature>,
    /// By place.
    pub(crate) forms: Vec<OutputForm>,
    /// What a user should know, a line each.
    pub(crate) notes: Vec<String>,
}

/// How an output comes from the engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum OutputForm {
    /// As a tensor.
    Tensor,
    /// As a sequence of maps from class to score, one for each row: `ZipMap`'s. It becomes a tensor [rows, classes].
    Maps,
    /// As a part of an output that is a sequence of tensors.
    Item(Item),
}

/// A tensor of a sequence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Item {
    /// The output that the file declares.
    pub(crate) sequence: String,
    /// Where in it the tensor stands.
    pub(crate) place: usize,
    /// What the tensor is called in the graph.
    pub(crate) tensor: String,
}

impl Interface {
    /// The signature of a model; `file` is for messages.
    ///
    /// # Errors
    /// Unsupported or malformed, naming the input or output.
    pub(crate) fn of(file: &str, declared: &Declared) -> Result<Self, Problem> {
        let inputs = declared.inputs.iter().map(input).collect::<Result<Vec<_>, _>>();
        let inputs = inputs.map_err(|problem| problem.at(file))?;
        let (mut outputs, mut forms, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for value in &declared.outputs {
            let found = match items(value, declared) {
                Some(items) => Ok(items),
                None => output(value, declared).map(|output| vec![output]),
            };
            match found {
                Ok(found) => found.into_iter().for_each(|(spec, form)| {
                    outputs.push(spec);
                    forms.push(form);
                }),
                Err(why) => left_out.push(format!("output {:?}: {why}", value.name)),
            }
        }
        if outputs.is_empty() {
            return Err(Problem::unsupported(left_out.join("; "), "the model has no other output").at(file));
        }
        let notes = left_out.iter().map(|what| format!("{what} is not supported: it is left out")).collect();
        let rows = RowRule::declared(&inputs, &outputs).without_long_pieces();
        let signature =
            Signature::new("serving_default", Method::Predict, inputs, outputs, rows, ShapeRule::Checked)
                .map_err(|problem| problem.at(file))?;
        Ok(Interface { signature: signature.shared(), forms, notes })
    }

    /// By place, the tensor of the graph that an output is, or is made of.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = &str> {
        self.signature.outputs().iter().zip(&self.forms).map(|(spec, form)| match form {
            OutputForm::Item(item) => item.tensor.as_str(),
            OutputForm::Tensor | OutputForm::Maps => spec.name.as_str(),
        })
    }

    /// Whether an output is a part of a sequence.
    pub(crate) fn has_items(&self) -> bool {
        self.forms.iter().any(|form| matches!(form, OutputForm::Item(_)))
    }
}

/// The tensors of a sequence that one node makes, each an output of its own: `scores_0`, `scores_1`. `None` for another
/// output, and where such a name is taken.
fn items(value: &Value, declared: &Declared) -> Option<Vec<(OutputSpec, OutputForm)>> {
    let Some(ValueType::Sequence(inner)) = &value.ty else { return None };
    let ValueType::Tensor { element, dims } = &**inner else { return None };
    let dtype = element.dtype()?;
    let tensors = declared.sequences.get(&value.name)?;
    let mut items = Vec::with_capacity(tensors.len());
    for (place, tensor) in tensors.iter().enumerate() {
        let name = format!("{}_{place}", value.name);
        if declared.outputs.iter().any(|output| output.name == name) {
            return None;
        }
        let classes = declared.class_names.get(tensor).filter(|classes| !classes.is_empty());
        let of_classes = |classes: &Vec<String>| vec![Dim::Free(None), Dim::Known(classes.len())];
        let mut spec = OutputSpec::new(&name, dtype, classes.map(of_classes).or_else(|| dims.clone()));
        spec.class_names = classes.cloned();
        spec.has_rows = spec.dims.as_ref().is_none_or(|dims| !dims.is_empty());
        spec.doc.clone_from(&value.doc);
        let item = Item { sequence: value.name.clone(), place, tensor: tensor.clone() };
        items.push((spec, OutputForm::Item(item)));
    }
    Some(items)
}

fn input(value: &Value) -> Result<InputSpec, Problem> {
    let place = || format!("input {:?}", value.name);
    let (ty, is_optional) = match &value.ty {
        Some(ValueType::Optional(inner)) => (&**inner, true),
        Some(ty) => (ty, false),
        None => return Err(Problem::malformed(place(), None, "it has no type")),
    };
    let ValueType::Tensor { element, dims } = ty else {
        return Err(Problem::unsupported(format!("{}: type {ty}", place()), "inputs are tensors"));
    };
    let dtype = element.dtype().ok_or_else(|| {
        Problem::unsupported(format!("{}: {ty}", place()), "no protocol here can send such elements")
    })?;
    let mut spec = InputSpec::new(&value.name, dtype, dims.clone());
    spec.optional = is_optional || value.has_default;
    spec.doc.clone_from(&value.doc);
    Ok(spec)
}

/// An output as the signature has it; or what it is, where that is no tensor.
fn output(value: &Value, declared: &Declared) -> Result<(OutputSpec, OutputForm), String> {
    let ty = match &value.ty {
        Some(ValueType::Optional(inner)) => &**inner,
        Some(ty) => ty,
        None => return Err("an output without a declared type".to_owned()),
    };
    let (mut spec, form) = match ty {
        ValueType::Tensor { element, dims } => {
            let dtype = element.dtype().ok_or_else(|| ty.to_string())?;
            (OutputSpec::new(&value.name, dtype, dims.clone()), OutputForm::Tensor)
        }
        _ if is_scores(ty) => {
            let classes = declared.class_names.get(&value.name).filter(|classes| !classes.is_empty());
            let classes = classes.ok_or_else(|| format!("a {ty} that no ZipMap makes"))?;
            let dims = vec![Dim::Free(None), Dim::Known(classes.len())];
            let mut spec = OutputSpec::new(&value.name, DType::F32, Some(dims));
            spec.class_names = Some(classes.clone());
            (spec, OutputForm::Maps)
        }
        _ => return Err(ty.to_string()),
    };
    spec.has_rows = spec.dims.as_ref().is_none_or(|dims| !dims.is_empty());
    spec.doc.clone_from(&value.doc);
    Ok((spec, form))
}

/// `sequence(map(string or int64, tensor(float)))`.
fn is_scores(ty: &ValueType) -> bool {
    let ValueType::Sequence(inner) = ty else { return false };
    let ValueType::Map { key, value } = &**inner else { return false };
    let float = |ty: &ValueType| matches!(ty, ValueType::Tensor { element, .. } if element.dtype() == Some(DType::F32));
    matches!(key.dtype(), Some(DType::String | DType::I64)) && float(value)
}
