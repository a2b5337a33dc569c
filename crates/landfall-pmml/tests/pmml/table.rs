//! Rows of text through a model, and back to text: what `predict` does with a CSV file.

use landfall_model::{
    Call, DType, Input, Model, NullRule, Outputs, Problem, Scalar, Shape, Tensor, TensorMut,
};

/// Runs a table through a model. The answer has a header, too; a row that fails alone is all `error: …`.
pub(crate) fn run(
    model: &dyn Model,
    head: &[String],
    rows: &[Vec<String>],
    missing: &[String],
) -> Result<(Vec<String>, Vec<Vec<String>>), Problem> {
    let signature = model.signatures()[0].clone();
    let mut inputs = Vec::new();
    let named = signature.inputs().iter().any(|spec| head.contains(&spec.name));
    let vector =
        signature.inputs().iter().enumerate().all(|(at, spec)| spec.name.ends_with(&format!("[{at}]")));
    for (at, spec) in signature.inputs().iter().enumerate() {
        // The elements of one vector take columns of other names in order, as they do for tables.
        let by_place = Some(at).filter(|_| !named && vector);
        let Some(place) = head.iter().position(|name| *name == spec.name).or(by_place) else {
            inputs.push(None);
            continue;
        };
        let mut tensor = TensorMut::new(spec.dtype);
        for (row, cells) in rows.iter().enumerate() {
            let cell = cells.get(place).map_or("", String::as_str);
            if cell.is_empty() || missing.iter().any(|token| token == cell) {
                tensor.push_missing(&NullRule::Accept, &spec.name, row)?;
            } else {
                push(&mut tensor, cell);
            }
        }
        inputs.push(Some(Input::Dense(tensor.freeze(Shape::new(&[rows.len()]))?)));
    }
    let wanted = signature.default_outputs().clone();
    let call = Call::checked(signature.clone(), inputs, wanted)?;
    let mut outputs = Outputs::new();
    model.instance()?.run(&call, &mut outputs)?;
    let names = signature.outputs().iter().map(|spec| spec.name.clone()).collect();
    let count = outputs.iter().next().map_or(0, |(_, tensor)| tensor.len());
    let mut answers = vec![Vec::new(); count];
    for (_, tensor) in outputs.iter() {
        for (row, cells) in answers.iter_mut().enumerate() {
            cells.push(text(tensor, row));
        }
    }
    for (row, problem) in outputs.failed() {
        answers[*row].fill(format!("error: {problem}"));
    }
    Ok((names, answers))
}

fn push(tensor: &mut TensorMut, cell: &str) {
    let number = cell.trim();
    let done = match tensor.dtype() {
        DType::F64 => number.parse().map(|value: f64| tensor.push(value)).is_ok(),
        DType::F32 => number.parse().map(|value: f32| tensor.push(value)).is_ok(),
        DType::I64 => match number.parse::<f64>() {
            Ok(value) if value.fract() == 0.0 => {
                tensor.push(value as i64);
                true
            }
            _ => false,
        },
        DType::Bool => match number.to_ascii_lowercase().as_str() {
            "true" | "1" | "1.0" => {
                tensor.push_bool(true);
                true
            }
            "false" | "0" | "0.0" => {
                tensor.push_bool(false);
                true
            }
            _ => false,
        },
        _ => {
            tensor.push_str(cell.as_bytes());
            true
        }
    };
    if !done {
        tensor.push_invalid(cell.as_bytes());
    }
}

fn text(tensor: &Tensor, row: usize) -> String {
    if tensor.is_missing(row) {
        return String::new();
    }
    match (tensor.dtype(), tensor.scalar(row)) {
        (DType::F32, Scalar::Float(value)) => (value as f32).to_string(),
        (_, Scalar::Float(value)) => value.to_string(),
        (_, Scalar::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        (_, Scalar::Bool(value)) => value.to_string(),
        (_, Scalar::Int(value)) => value.to_string(),
        (_, Scalar::UInt(value)) => value.to_string(),
    }
}

/// Runs a CSV text through a document's text, and gives the answer as CSV lines.
pub(crate) fn answers(document: &str, input: &str) -> Vec<String> {
    answers_of(crate::files::load(document.as_bytes()), input)
}

/// The same through a model that has been loaded.
pub(crate) fn answers_of(model: Result<std::sync::Arc<dyn Model>, Problem>, input: &str) -> Vec<String> {
    let model = model.unwrap_or_else(|problem| panic!("{problem}"));
    let (head, rows) = crate::csv::read(input);
    let (names, rows) = run(model.as_ref(), &head, &rows, &["NA".to_owned()]).unwrap();
    std::iter::once(names).chain(rows).map(|cells| cells.join(",")).collect()
}
