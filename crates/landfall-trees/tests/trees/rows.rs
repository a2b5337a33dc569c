//! Rows of a case as calls.

use crate::cases::Case;
use crate::npy;
use landfall_model::{
    Call, DType, Input, InputSpec, Model, NullRule, Problem, Scalar, Shape, Signature, Tensor, TensorMut,
};
use std::sync::Arc;

/// The call that asks for some outputs of a case's first rows.
pub(crate) fn call(model: &dyn Model, case: &Case, outputs: &[&str], rows: usize) -> Result<Call, Problem> {
    let matrix = case.folder.join("rows.npy");
    let takes_matrix = matrix.exists();
    let named = |name: &str| model.signatures().iter().find(|signature| signature.name() == name);
    let signature = named("matrix").filter(|_| takes_matrix).unwrap_or(&model.signatures()[0]);
    let mut inputs: Vec<Option<Input>> = if takes_matrix {
        vec![Some(Input::Dense(tensor(&signature.inputs()[0], &npy::read(&matrix))?))]
    } else {
        columns(signature, &std::fs::read_to_string(case.folder.join("rows.csv")).unwrap())
    };
    if let Some(file) = case.base_margin() {
        let slot = signature.slot("base_margin").unwrap().slot;
        inputs.resize(slot + 1, None);
        let values = npy::read(&case.folder.join(file));
        inputs[slot] = Some(Input::Dense(tensor(&signature.inputs()[slot], &values)?));
    }
    for input in inputs.iter_mut().flatten() {
        if let Input::Dense(tensor) = input {
            *tensor = tensor.rows(0..rows.min(tensor.shape()[0]));
        }
    }
    let wanted = outputs.iter().map(|&output| signature.output(output).unwrap()).collect();
    Call::checked(signature.clone(), inputs, wanted)
}

fn tensor(spec: &InputSpec, array: &npy::Array) -> Result<Tensor, Problem> {
    match spec.dtype {
        DType::F32 => {
            let values: Vec<f32> = array.values.iter().map(|&value| value as f32).collect();
            Tensor::from_slice(&array.shape, &values)
        }
        _ => Tensor::from_slice(&array.shape, &array.values),
    }
}

/// Each column of a table into its slot.
fn columns(signature: &Arc<Signature>, text: &str) -> Vec<Option<Input>> {
    let mut lines = text.lines().map(cells);
    let header = lines.next().unwrap();
    let rows: Vec<Vec<String>> = lines.collect();
    let column = |spec: &InputSpec| {
        if spec.optional {
            return None;
        }
        let place = header.iter().position(|name| *name == spec.name).unwrap();
        let mut values = TensorMut::new(spec.dtype);
        for row in &rows {
            let cell = row[place].as_str();
            match spec.dtype {
                _ if cell.is_empty() => values.push_missing(&NullRule::Accept, &spec.name, 0).unwrap(),
                DType::String => values.push_str(cell.as_bytes()),
                DType::F32 => values.push(cell.parse::<f64>().unwrap() as f32),
                _ => values.push(cell.parse::<f64>().unwrap()),
            }
        }
        Some(Input::Dense(values.freeze(Shape::new(&[rows.len()])).unwrap()))
    };
    signature.inputs().iter().map(column).collect()
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().unwrap().push(other),
        }
    }
    cells
}

/// An output's values as text.
pub(crate) fn texts(tensor: &Tensor) -> Vec<String> {
    let text = |element: usize| match tensor.scalar(element) {
        Scalar::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
        other => other.to_string(),
    };
    (0..tensor.len()).map(text).collect()
}

/// An output's numbers, widened.
pub(crate) fn numbers(tensor: &Tensor) -> Vec<f64> {
    match tensor.dtype() {
        DType::F32 => tensor.values::<f32>().unwrap().iter().map(|&value| value.into()).collect(),
        DType::F64 => tensor.values::<f64>().unwrap().to_vec(),
        _ => tensor.values::<i32>().unwrap().iter().map(|&value| value.into()).collect(),
    }
}
