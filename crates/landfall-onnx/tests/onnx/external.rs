//! Tensors in files beside the model.

use crate::support::{Axis, Files, Graph, Message, engines, load, node, run, tensor_type};
use landfall_model::{Kind, Tensor};

/// `y = x + w`, with `w` [2] in another file.
fn model(location: &str, offset: &str) -> Vec<u8> {
    let pair = |key: &str, value: &str| Message::new().text(1, key).text(2, value);
    let weights = Message::new()
        .number(1, 2)
        .number(2, 1)
        .text(8, "w")
        .message(13, &pair("location", location))
        .message(13, &pair("offset", offset))
        .message(13, &pair("length", "8"))
        .number(14, 1);
    let ty = tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(2)]));
    Graph::new()
        .node(&node("Add", &["x", "w"], &["y"]))
        .initializer(&weights)
        .input("x", &ty)
        .output("y", &ty)
        .file()
}

fn weights() -> Vec<u8> {
    [0f32, 0.0, 10.0, 20.0].iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn weights_beside_the_model_are_found() {
    let files = Files::folder(&[("model.onnx", &model("w.data", "8")), ("w.data", &weights())]);
    let x = Tensor::from_slice(&[1, 2], &[1f32, 2.0]).unwrap();
    for engine in engines() {
        let model = load(engine, &files).unwrap_or_else(|problem| panic!("{}: {problem}", engine.name()));
        let outputs = run(&*model, &model.signatures()[0], &[("x", &x)], &[]).unwrap();
        assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [11.0, 22.0]);
        assert_eq!(model.facts().memory_bytes, Some(files_bytes(&files)));
    }
}

#[test]
fn the_file_beside_the_model_may_have_any_name_and_lie_in_a_folder() {
    for name in ["weights.bin", "5f0c2e4a-7d1b", "parts/w.0", "model.onnx.data", "model.onnx_data_1"] {
        let files = Files::folder(&[("model.onnx", &model(name, "8")), (name, &weights())]);
        let x = Tensor::from_slice(&[1, 2], &[1f32, 2.0]).unwrap();
        for engine in engines() {
            let model =
                load(engine, &files).unwrap_or_else(|problem| panic!("{}: {name}: {problem}", engine.name()));
            let outputs = run(&*model, &model.signatures()[0], &[("x", &x)], &[]).unwrap();
            assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [11.0, 22.0], "{name}");
        }
    }
}

fn files_bytes(files: &Files) -> u64 {
    landfall_model::ModelFiles::entries(files).iter().map(|entry| entry.bytes).sum()
}

#[test]
fn a_missing_short_or_escaping_file_is_named_with_its_tensor() {
    for engine in engines() {
        let refused = |model: &[u8], beside: &[u8]| {
            let files = Files::folder(&[("model.onnx", model), ("w.data", beside)]);
            load(engine, &files).err().expect("refused")
        };
        let missing = refused(&model("gone.data", "0"), &weights());
        assert_eq!(missing.kind(), Kind::NotFound);
        let short = refused(&model("w.data", "12"), &weights());
        let far = refused(&model("w.data", "18446744073709551615"), &weights());
        let escaping = refused(&model("../w.data", "0"), &weights());
        let absolute = refused(&model("/etc/passwd", "0"), &weights());
        for (problem, word) in [
            (missing, "gone.data"),
            (short, "the file has 16"),
            (far, "the file has 16"),
            (escaping, "must lie in the model's folder"),
            (absolute, "must lie in the model's folder"),
        ] {
            let text = problem.to_string();
            assert!(text.contains(word) && text.contains(r#"tensor "w""#), "{}: {text}", engine.name());
        }
    }
}
