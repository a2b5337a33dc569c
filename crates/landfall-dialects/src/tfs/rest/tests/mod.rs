//! Every row of the checklist on the REST API that this crate answers for.

mod answers;
mod bodies;
mod described;
mod documents;
mod layouts;
mod properties;
mod questions;
mod tabular;
mod values;

use crate::tfs::errors::{self, ErrorPlace};
use crate::tfs::rest::{Form, decode, encode};
use crate::{Decoded, JsonNan};
use landfall_model::{
    Buffer, DType, Input, InputSpec, Method, OutputSpec, Outputs, Problem, RowRule, Shape, ShapeRule,
    Signature, Tensor, VersionChoice,
};
use std::sync::Arc;

fn model(inputs: Vec<InputSpec>) -> Vec<Arc<Signature>> {
    let outputs = vec![OutputSpec::new("y", DType::F32, None)];
    let signature =
        Signature::new("serving_default", Method::Predict, inputs, outputs, RowRule::None, ShapeRule::AsSent);
    vec![signature.unwrap().shared()]
}

fn one(dtype: DType) -> Vec<Arc<Signature>> {
    model(vec![InputSpec::new("x", dtype, None)])
}

fn two(a: DType, b: DType) -> Vec<Arc<Signature>> {
    model(vec![InputSpec::new("a", a, None), InputSpec::new("b", b, None)])
}

fn read(body: &str, signatures: &[Arc<Signature>]) -> Result<Decoded<Form>, Problem> {
    decode(&Buffer::copy_of(body.as_bytes()), signatures)
}

fn inputs(body: &str, signatures: &[Arc<Signature>]) -> Vec<Option<Tensor>> {
    let decoded = read(body, signatures).unwrap_or_else(|problem| panic!("{body}: {problem}"));
    decoded.call.inputs().iter().map(|input| input.as_ref().and_then(Input::dense).cloned()).collect()
}

/// The columns of the one matrix.
fn columns(body: &str, signatures: &[Arc<Signature>]) -> Vec<Option<Tensor>> {
    let decoded = read(body, signatures).unwrap_or_else(|problem| panic!("{body}: {problem}"));
    match decoded.call.input(0) {
        Some(Input::Columns(columns)) => columns.clone(),
        other => panic!("{body}: {other:?}"),
    }
}

fn only(body: &str, dtype: DType) -> Tensor {
    inputs(body, &one(dtype)).remove(0).unwrap()
}

fn i32s(shape: &[usize], values: &[i32]) -> Tensor {
    Tensor::from_slice(shape, values).unwrap()
}

fn f32s(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_slice(shape, values).unwrap()
}

fn strings(shape: &[usize], values: &[&str]) -> Tensor {
    Tensor::from_strings(Shape::new(shape), values.iter().collect()).unwrap()
}

/// The text under which a body is refused, and the status.
fn refusal(body: &str, signatures: &[Arc<Signature>]) -> (u16, String) {
    let problem = read(body, signatures).err().unwrap_or_else(|| panic!("{body} was read"));
    let status = errors::rest(&problem, &ErrorPlace::call("m", &VersionChoice::Default)).status;
    (status, problem.to_string())
}

fn refused(cases: &[(&str, &str, &[Arc<Signature>], &str)]) {
    for (row, body, signatures, text) in cases {
        let (status, found) = refusal(body, signatures);
        assert_eq!((status, found.as_str()), (400, *text), "{row} {body}");
    }
}

fn answer(form: Form, outputs: Vec<(&str, Tensor)>) -> Result<String, Problem> {
    let specs = outputs.iter().map(|(name, tensor)| OutputSpec::new(*name, tensor.dtype(), None)).collect();
    let signature =
        Signature::new("s", Method::Predict, vec![], specs, RowRule::None, ShapeRule::AsSent).unwrap();
    let mut set = Outputs::new();
    outputs.into_iter().enumerate().for_each(|(place, (_, tensor))| set.set(place, tensor));
    let mut out = Vec::new();
    encode(&form, &signature, &set, JsonNan::Bare, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}
