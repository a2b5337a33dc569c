//! Nodes that the embedded engine lacks, or computes otherwise: steps of our own between its runs, checks within graphs of
//! nodes, other words. The models and ONNX Runtime's answers come from `fixtures/apart.py`.

use crate::support::{Axis, Files, Graph, engines, fixture, load, node, run, stored, tensor_type};
use landfall_model::{Buffer, DType, Kind, Model, Shape, Tensor};
use serde_json::Value;

fn tensor(value: &Value) -> Tensor {
    let shape: Vec<usize> =
        value["shape"].as_array().unwrap().iter().map(|dim| dim.as_u64().unwrap() as usize).collect();
    let values = value["values"].as_array().unwrap().iter();
    match value["dtype"].as_str().unwrap() {
        "f32" => {
            let values: Vec<f32> = values.map(|value| value.as_f64().unwrap() as f32).collect();
            Tensor::from_slice(&shape, &values).unwrap()
        }
        "i64" => {
            let values: Vec<i64> = values.map(|value| value.as_i64().unwrap()).collect();
            Tensor::from_slice(&shape, &values).unwrap()
        }
        "bool" => {
            let values: Vec<u8> = values.map(|value| value.as_u64().unwrap() as u8).collect();
            Tensor::from_buffer(DType::Bool, Shape::new(&shape), Buffer::copy_of(&values)).unwrap()
        }
        other => panic!("{other}"),
    }
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().as_chunks::<2>().0.iter();
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What is unlike in two tensors.
fn difference(found: &Tensor, expected: &Tensor) -> Option<String> {
    if (found.dtype(), found.shape()) != (expected.dtype(), expected.shape()) {
        return Some(format!(
            "{} {} for {} {}",
            found.dtype(),
            found.shape(),
            expected.dtype(),
            expected.shape()
        ));
    }
    if expected.dtype() != DType::F32 {
        return (found != expected).then(|| "other values".to_owned());
    }
    let pairs = found.values::<f32>().unwrap().iter().zip(expected.values::<f32>().unwrap());
    let far = pairs
        .enumerate()
        .find(|(_, (a, b))| (*a - *b).abs().partial_cmp(&2e-5).is_none_or(|order| order.is_gt()));
    far.map(|(element, (a, b))| format!("element {element}: {a} for {b}"))
}

fn answer(model: &dyn Model, case: &Value) -> Result<(), String> {
    let inputs: Vec<(&str, Tensor)> = case["inputs"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), tensor(value)))
        .collect();
    let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let signature = &model.signatures()[0];
    let outputs = run(model, signature, &inputs, &[]).map_err(|problem| problem.to_string())?;
    let expected = case["outputs"].as_object().unwrap();
    assert_eq!(expected.len(), signature.outputs().len());
    for (place, spec) in signature.outputs().iter().enumerate() {
        let found = outputs.get(place).ok_or("an output that was not given")?;
        if let Some(difference) = difference(found, &tensor(&expected[&spec.name])) {
            return Err(format!("{}: {difference}", spec.name));
        }
    }
    Ok(())
}

#[test]
fn all_recorded_answers_are_given_again() {
    let text = std::fs::read_to_string(fixture("apart.jsonl")).unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in text.lines().skip(1) {
        let case: Value = serde_json::from_str(line).unwrap();
        let (name, files) =
            (case["name"].as_str().unwrap(), Files::model(&bytes(case["model"].as_str().unwrap())));
        count += 1;
        for engine in engines() {
            let found = load(engine, &files).map_err(|problem| problem.to_string());
            if let Err(what) = found.and_then(|model| answer(&*model, &case)) {
                wrong.push(format!("{}: {name}: {what}", engine.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 100, "{count} cases");
}

#[test]
fn steps_over_other_types_are_refused_when_the_model_is_loaded() {
    let node = node("Resize", &["x", "", "scales"], &["y"]).text(3, "here");
    let scales: Vec<u8> = [1f32, 2.0].iter().flat_map(|scale| scale.to_le_bytes()).collect();
    let (bytes, free) = (2, [Axis::Free("a"), Axis::Free("b")]);
    let graph = Graph::new().node(&node).initializer(&stored("scales", 1, &[2], &scales));
    let file =
        graph.input("x", &tensor_type(bytes, Some(&free))).output("y", &tensor_type(bytes, None)).file();
    let problem = load(&landfall_onnx::Embedded, &Files::model(&file)).err().unwrap();
    assert_eq!(problem.kind(), Kind::Unimplemented, "{problem}");
    assert!(problem.to_string().contains("node \"here\": Resize over uint8"), "{problem}");
}

#[test]
fn lengths_beyond_the_steps_and_shapes_that_do_not_fit_are_refused_for_the_call() {
    let text = std::fs::read_to_string(fixture("apart.jsonl")).unwrap();
    let cases: Vec<Value> = text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    let case = |name: &str| cases.iter().find(|case| case["name"] == name).unwrap();
    let few = Tensor::from_slice(&[2, 2, 2], &[0.5f32; 8]).unwrap();
    let wide = Tensor::from_slice(&[3, 2, 3], &[0.5f32; 18]).unwrap();
    let small = Tensor::from_slice(&[1, 2, 1, 1, 1], &[0.5f32; 2]).unwrap();
    for (name, x, said) in [
        ("gru with lengths", &few, "row 0: a sequence of length 3 within 2"),
        ("lstm clipped", &wide, "expected"),
        ("convolution of a volume", &small, "a window of"),
    ] {
        let model =
            load(&landfall_onnx::Embedded, &Files::model(&bytes(case(name)["model"].as_str().unwrap())));
        let model = model.unwrap();
        let problem = run(&*model, &model.signatures()[0], &[("x", x)], &[]).unwrap_err();
        assert_eq!(problem.kind(), Kind::InvalidArgument, "{name}: {problem}");
        assert!(problem.to_string().contains(said), "{name}: {problem}");
    }
}
