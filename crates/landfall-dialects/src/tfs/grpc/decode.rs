//! `PredictRequest` into a call: model_spec = 1, inputs = 2 (map), output_filter = 3.

use super::spec::ModelSpec;
use super::tensor::{self, Repeats};
use super::unreadable;
use crate::columns;
use crate::tfs::names::{self, DEFAULT_SIGNATURE, tensor_name, types_worded};
use crate::{Address, Decoded, Hints};
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{Buffer, Call, Input, Problem, Reason, Signature, SlotColumn, Wanted};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::sync::Arc;

const MODEL_SPEC: u32 = 1;
const INPUTS: u32 = 2;
const OUTPUT_FILTER: u32 = 3;

/// What the answer's encoder needs from the request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Form {
    /// The name under which the signature was asked for.
    signature: String,
    /// Whether tensors go out as their bytes.
    pub(super) tensor_content: bool,
}

impl Form {
    /// For an answer to a request that came another way.
    pub fn named(signature: &str) -> Self {
        Form { signature: signature.to_owned(), tensor_content: false }
    }

    /// The same, with tensors as their bytes or in typed fields.
    #[must_use]
    pub fn with_tensor_content(self, tensor_content: bool) -> Self {
        Form { tensor_content, ..self }
    }

    /// The name under which the signature was asked for; `serving_default` where none was given.
    pub(super) fn signature(&self) -> &str {
        if self.signature.is_empty() { DEFAULT_SIGNATURE } else { &self.signature }
    }
}

/// For whom a `PredictRequest` is.
///
/// # Errors
/// Invalid argument, in the original's words, where it names nobody.
pub fn predict_address(body: &[u8]) -> Result<Address, Problem> {
    let mut spec: Option<ModelSpec> = None;
    let mut fields = Fields::new("PredictRequest", body);
    while let Some((field, value)) = fields.next().map_err(unreadable)? {
        if field == MODEL_SPEC {
            value
                .message()
                .and_then(|fields| spec.get_or_insert_default().merge(fields))
                .map_err(unreadable)?;
        }
    }
    ModelSpec::address(spec)
}

/// Reads a `PredictRequest`. One without `signature_name` means the default signature. Tensor contents are not copied
/// where they lie aligned.
///
/// # Errors
/// In the original's words: an unknown signature, names that do not fit it, tensors that cannot be read.
pub fn decode_predict(body: &Buffer, signatures: &[Arc<Signature>]) -> Result<Decoded<Form>, Problem> {
    let request = Request::read(body.bytes()).map_err(unreadable)?;
    let signature = signature_of(&request.spec.signature, signatures)?;
    let names: Vec<&str> = request.inputs.iter().map(|(name, _)| *name).collect();
    check_names(&names, signature)?;
    let mut inputs: Vec<Option<Input>> = vec![None; signature.inputs().len()];
    let mut repeats = Repeats::default();
    for (name, fields) in request.inputs {
        let tensor =
            tensor::read(body, fields, &mut repeats).map_err(|problem| parsing_error(name, &problem))?;
        match signature.slot(name) {
            Some(SlotColumn { slot, column }) => {
                let spec = &signature.inputs()[slot];
                match column {
                    Some(column) => columns::put(spec, &mut inputs[slot], column, tensor)?,
                    None => inputs[slot] = Some(Input::Dense(columns::whole(spec, tensor)?)),
                }
            }
            None => return Err(Problem::new(Reason::InputUnknown { input: name.to_owned() })),
        }
    }
    columns::complete(signature, &mut inputs)?;
    let wanted = wanted(&request.filter, signature)?;
    let call = Call::checked(signature.clone(), inputs, wanted).map_err(types_worded)?;
    Ok(Decoded {
        call,
        hints: Hints::default(),
        form: Form { signature: request.spec.signature, tensor_content: false },
    })
}

/// The request's parts; tensors are not read yet.
struct Request<'a> {
    spec: ModelSpec,
    /// Of inputs with one name the last counts, as in any protobuf map.
    inputs: SmallVec<[(&'a str, Fields<'a>); 4]>,
    filter: SmallVec<[&'a str; 4]>,
}

impl<'a> Request<'a> {
    fn read(body: &'a [u8]) -> Result<Self, Problem> {
        let mut request =
            Request { spec: ModelSpec::default(), inputs: SmallVec::new(), filter: SmallVec::new() };
        let mut fields = Fields::new("PredictRequest", body);
        while let Some((field, value)) = fields.next()? {
            match field {
                MODEL_SPEC => request.spec.merge(value.message()?)?,
                INPUTS => request.add_input(value)?,
                OUTPUT_FILTER => request.filter.push(value.text()?),
                _ => {}
            }
        }
        Ok(request)
    }

    /// A map entry: key = 1, value = 2.
    fn add_input(&mut self, entry: Value<'a>) -> Result<(), Problem> {
        let mut fields = entry.message()?;
        let (mut name, mut tensor) = ("", None);
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => name = value.text()?,
                2 => tensor = Some(value.message()?),
                _ => {}
            }
        }
        let tensor = tensor.unwrap_or_else(|| Fields::new("TensorProto", &[]));
        match self.inputs.iter_mut().find(|(other, _)| *other == name) {
            Some(input) => input.1 = tensor,
            None => self.inputs.push((name, tensor)),
        }
        Ok(())
    }
}

fn signature_of<'s>(name: &str, signatures: &'s [Arc<Signature>]) -> Result<&'s Arc<Signature>, Problem> {
    names::signature_of(name.as_bytes(), signatures)
        .ok_or_else(|| Problem::new(Reason::SignatureNotFound { signature: name.to_owned() }))
}

/// Holds the names that came against the signature's. A matrix may come as its columns.
fn check_names(given: &[&str], signature: &Signature) -> Result<(), Problem> {
    let mut filled: SmallVec<[bool; 8]> = SmallVec::from_elem(false, signature.inputs().len());
    let mut known = true;
    for name in given {
        match signature.slot(name) {
            Some(target) => filled[target.slot] = true,
            None => known = false,
        }
    }
    let complete = filled.iter().zip(signature.inputs()).all(|(&filled, spec)| filled || spec.optional);
    if known && complete { Ok(()) } else { Err(names_differ(given, signature)) }
}

/// The original's order: first how many names came, which only matters where nothing may be left out, then what is
/// missing, then what nobody knows.
#[cold]
fn names_differ(given: &[&str], signature: &Signature) -> Problem {
    let inputs = signature.inputs();
    let given: BTreeSet<&str> = given.iter().copied().collect();
    let expected: BTreeSet<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let optional: BTreeSet<&str> =
        inputs.iter().filter(|input| input.optional).map(|input| input.name.as_str()).collect();
    let joined = |names: &mut dyn Iterator<Item = &&str>| names.copied().collect::<Vec<_>>().join(",");
    let all_given = joined(&mut given.iter());
    if given.len() > expected.len() || (given.len() < expected.len() && optional.is_empty()) {
        return Problem::invalid(format!(
            "input size does not match signature: {}!={} len({{{all_given}}}) != len({{{}}}). Sent extra: {{{}}}. \
             Missing but required: {{{}}}.",
            given.len(),
            expected.len(),
            joined(&mut expected.iter()),
            joined(&mut given.difference(&expected)),
            joined(&mut expected.difference(&given)),
        ));
    }
    let missing = inputs.iter().find(|input| !input.optional && !given.contains(input.name.as_str()));
    match missing {
        Some(missing) => Problem::invalid(format!(
            "Signature input alias: {}(feed name: {}) not found in request and no default value provided. Inputs \
             expected to be in the request {{{all_given}}}, or default input alias set: {}",
            missing.name,
            tensor_name(&missing.name, &missing.tensor),
            joined(&mut optional.iter()),
        )),
        None => Problem::invalid(format!(
            "Inputs contains invalid name. Used request inputs: {}, request input: {all_given}",
            joined(&mut given.intersection(&expected)),
        )),
    }
}

#[cold]
fn parsing_error(name: &str, problem: &Problem) -> Problem {
    Problem::invalid(format!("tensor parsing error: {name} ({})", problem.sentence()))
}

/// The outputs of the filter; those given by default where it is empty.
fn wanted(filter: &[&str], signature: &Signature) -> Result<Wanted, Problem> {
    if filter.is_empty() {
        return Ok(signature.default_outputs().clone());
    }
    let mut places: SmallVec<[usize; 8]> = SmallVec::new();
    for name in filter {
        let place = signature.output(name).ok_or_else(|| output_unknown(name, signature))?;
        if places.contains(&place) {
            return Err(Problem::invalid(format!("duplicate output tensor alias: {name}")));
        }
        places.push(place);
    }
    Ok(places.into_iter().collect())
}

#[cold]
fn output_unknown(name: &str, signature: &Signature) -> Problem {
    let known: BTreeSet<&str> = signature.outputs().iter().map(|output| output.name.as_str()).collect();
    let known = known.into_iter().collect::<Vec<_>>().join(",");
    Problem::invalid(format!(
        "output tensor alias not found in signature: {name} Outputs expected to be in the set {{{known}}}."
    ))
}
