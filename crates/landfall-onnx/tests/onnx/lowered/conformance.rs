//! Every scored case: the answers that ONNX Runtime gave, and where it is found, its bits.

use super::bare;
use super::cases::{array, columns, unpacked};
use crate::support::{Files, load, onnxruntime, run};
use landfall_model::{DType, InputSpec, Outputs, Shape, Strings, Tensor};
use serde_json::Value;
use std::path::Path;

/// Cases whose scores come through functions behind the trees that differ in the last bit.
const NEARLY: [&str; 2] = ["s19-ada-bin", "s19-iso"];

#[test]
fn every_case_is_lowered_and_gives_onnx_runtimes_answers() {
    let Some(folder) = unpacked() else { return };
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let (mut scored, mut exact, mut failures) = (0, 0, Vec::new());
    for case in &cases {
        let text = std::fs::read_to_string(case.join("case.json")).unwrap();
        let described: Value = serde_json::from_str(&text).unwrap();
        if described["status"] != "scored" {
            continue;
        }
        scored += 1;
        match answers(case, &described) {
            Ok(bits_are_equal) => exact += usize::from(bits_are_equal),
            Err(what) => failures.push(format!("{}: {what}", case.display())),
        }
    }
    eprintln!("onnx: {scored} cases, {exact} of them held bit for bit against ONNX Runtime");
    assert!(failures.is_empty(), "{} of {scored} fail:\n{}", failures.len(), failures.join("\n"));
    assert!(scored >= 100);
}

fn answers(case: &Path, described: &Value) -> Result<bool, String> {
    let file = case.join(described["models"][0].as_str().unwrap());
    let model = load(&*bare(), &Files::file(&file)).map_err(|problem| problem.to_string())?;
    let signature = model.signatures()[0].clone();
    let inputs = inputs(case, signature.inputs());
    let given: Vec<_> = inputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let outputs = run(&*model, &signature, &given, &[]).map_err(|problem| problem.to_string())?;
    for (kind, name) in described["outputs"].as_object().unwrap() {
        let want = array(&case.join(format!("{kind}.npy")));
        let place = signature.output(name.as_str().unwrap()).unwrap();
        near(outputs.get(place).unwrap(), &want).map_err(|what| format!("{kind}: {what}"))?;
    }
    let Some(engine) = onnxruntime() else { return Ok(false) };
    let theirs = load(engine, &Files::file(&file)).map_err(|problem| problem.to_string())?;
    let theirs =
        run(&*theirs, &theirs.signatures()[0], &given, &[]).map_err(|problem| problem.to_string())?;
    let is_nearly = NEARLY.iter().any(|name| case.ends_with(name));
    if is_nearly { Ok(false) } else { same_bits(&outputs, &theirs).map(|()| true) }
}

fn inputs(case: &Path, specs: &[InputSpec]) -> Vec<(String, Tensor)> {
    if case.join("rows.npy").exists() {
        return vec![(specs[0].name.clone(), array(&case.join("rows.npy")))];
    }
    let columns = columns(&case.join("rows.csv"));
    let column = |spec: &InputSpec| {
        let (_, cells) = columns.iter().find(|(name, _)| *name == spec.name).unwrap();
        let shape = [cells.len(), 1];
        let tensor = match spec.dtype {
            DType::String => Tensor::from_strings(Shape::new(&shape), cells.iter().collect::<Strings>()),
            _ => {
                let number = |cell: &String| if cell.is_empty() { f32::NAN } else { cell.parse().unwrap() };
                Tensor::from_slice(&shape, &cells.iter().map(number).collect::<Vec<f32>>())
            }
        };
        (spec.name.clone(), tensor.unwrap())
    };
    specs.iter().map(column).collect()
}

/// Equal labels; scores within 1e-6.
fn near(found: &Tensor, want: &Tensor) -> Result<(), String> {
    if found.len() != want.len() {
        return Err(format!("shape {} for {}", found.shape(), want.shape()));
    }
    let is_wrong = |element: usize| match (found.dtype(), want.dtype()) {
        (DType::String, _) => found.strings().unwrap().get(element) != want.strings().unwrap().get(element),
        (DType::I64, _) => found.values::<i64>().unwrap()[element] != want.values::<i64>().unwrap()[element],
        _ => {
            let (found, want) = (number(found, element), number(want, element));
            let near = (found - want).abs() <= 1e-6 * want.abs().max(1.0);
            found != want && !near && !(found.is_nan() && want.is_nan())
        }
    };
    match (0..found.len()).find(|&element| is_wrong(element)) {
        None => Ok(()),
        Some(element) => {
            Err(format!("element {element}: {:?} for {:?}", found.scalar(element), want.scalar(element)))
        }
    }
}

fn number(tensor: &Tensor, element: usize) -> f64 {
    match tensor.dtype() {
        DType::F32 => tensor.values::<f32>().unwrap()[element].into(),
        _ => tensor.values::<f64>().unwrap()[element],
    }
}

/// Equal shapes, and equal bits of all elements; NaN is equal to NaN.
pub(super) fn same_bits(found: &Outputs, want: &Outputs) -> Result<(), String> {
    for (place, want) in want.iter() {
        let found = found.get(place).ok_or_else(|| format!("output {place} is not given"))?;
        if found.shape() != want.shape() || found.dtype() != want.dtype() {
            return Err(format!("output {place}: {} {}", found.dtype(), found.shape()));
        }
        let equal = |element: usize| {
            let (a, b) = (found.scalar(element), want.scalar(element));
            a == b || (format!("{a:?}").contains("NaN") && format!("{b:?}").contains("NaN"))
        };
        if let Some(element) = (0..found.len()).find(|&element| !equal(element)) {
            let (a, b) = (found.scalar(element), want.scalar(element));
            return Err(format!("output {place} element {element}: {a:?} for {b:?}"));
        }
    }
    Ok(())
}
