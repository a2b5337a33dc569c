//! What the reader says of files.

use crate::support::{Axis, Files, Graph, Message, fixture, identity, node, stored, tensor_type};
use landfall_model::{Claim, DType, Dim, Engine};
use landfall_onnx::declared::{self, ElementType, ValueType};
use landfall_onnx::{Embedded, fuzz};

#[test]
fn a_file_tells_its_types_names_and_operators() {
    let bytes = std::fs::read(fixture("mlp.onnx")).unwrap();
    let found = declared::read("mlp.onnx", &bytes).unwrap();
    assert_eq!((found.ir_version, found.producer.as_str()), (8, "make.py"));
    assert_eq!(found.opsets[""], 17);
    assert_eq!(found.inputs.len(), 1, "weights are no inputs");
    let ValueType::Tensor { element, dims } = found.inputs[0].ty.as_ref().unwrap() else { panic!() };
    assert_eq!(element.dtype(), Some(DType::F32));
    assert_eq!(dims.as_deref(), Some(&[Dim::Free(Some("n".into())), Dim::Known(4)][..]));
    assert_eq!(found.outputs.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["probability", "label"]);
    assert_eq!(found.operators[&(String::new(), "Gemm".to_owned())], 2);
    assert_eq!(found.parameters, 4 * 8 + 8 + 8 * 3 + 3);
}

#[test]
fn a_pipeline_tells_its_classes() {
    for (file, classes) in [
        ("pipeline_strings.onnx", ["a large one", "medium", "small"]),
        ("pipeline_integers.onnx", ["-7", "0", "30"]),
    ] {
        let bytes = std::fs::read(fixture(file)).unwrap();
        let found = declared::read(file, &bytes).unwrap();
        assert_eq!(found.class_names["output_probability"], classes);
        let ty = found.outputs[1].ty.as_ref().unwrap().to_string();
        assert!(ty.starts_with("sequence(map("), "{ty}");
    }
}

#[test]
fn an_initializer_of_an_inputs_name_is_its_default() {
    let ty = tensor_type(1, Some(&[Axis::Known(1)]));
    let file = Graph::new()
        .node(&node("Add", &["x", "bias"], &["y"]))
        .initializer(&stored("bias", 1, &[1], &1f32.to_le_bytes()))
        .input("x", &ty)
        .input("bias", &ty)
        .output("y", &ty)
        .file();
    let found = declared::read("f", &file).unwrap();
    assert_eq!(found.inputs.iter().map(|i| i.has_default).collect::<Vec<_>>(), [false, true]);
    assert!(found.inner_types.contains(&ElementType::of(DType::F32)));
}

#[test]
fn recognition_goes_by_content() {
    let mlp = std::fs::read(fixture("mlp.onnx")).unwrap();
    let claim = |name: &str, bytes: &[u8]| Embedded.recognise(&Files::folder(&[(name, bytes)]));
    assert_eq!(claim("model.onnx", &mlp), Claim::Sure);
    assert_eq!(claim("model.onnx", &mlp[..mlp.len() / 2]), Claim::Maybe, "its end is missing");
    // A saved model begins with a number in field 1, too.
    let saved_model = Message::new().number(1, 1).bytes(2, &[0xff; 300]).0;
    for other in [&b"{\"learner\": {}}"[..], b"", b"\x08", b"PK\x03\x04", &saved_model] {
        assert!(matches!(claim("model.onnx", other), Claim::No(_)), "{other:?}");
    }
    assert!(matches!(
        Embedded.recognise(&Files::folder(&[("a.onnx", &mlp), ("b.onnx", &mlp)])),
        Claim::No(_)
    ));
    let lone = tempfile::tempdir().unwrap();
    let path = lone.path().join("weights-of-tuesday");
    std::fs::write(&path, &mlp).unwrap();
    assert_eq!(Embedded.recognise(&Files::file(&path)), Claim::Sure, "a single file may have any name");
}

#[test]
fn every_shortened_file_is_refused_and_none_panics() {
    for name in ["mlp.onnx", "pipeline_strings.onnx"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for length in 0..bytes.len() {
            fuzz::declared(&bytes[..length]);
        }
        assert!(declared::read(name, &bytes[..bytes.len() - 30]).is_err());
    }
}

/// A generator of fixed sequence: 64-bit xorshift.
struct Dice(u64);
impl Dice {
    fn throw(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

#[test]
fn no_changed_file_makes_the_reader_panic() {
    let seeds: Vec<Vec<u8>> = ["mlp.onnx", "pipeline_strings.onnx", "pipeline_integers.onnx"]
        .map(|name| std::fs::read(fixture(name)).unwrap())
        .into_iter()
        .chain([identity(1)])
        .collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=dice.throw(4) {
            let at = dice.throw(bytes.len());
            match dice.throw(3) {
                0 => bytes[at] = dice.throw(256) as u8,
                1 => bytes[at] ^= 1 << dice.throw(8),
                _ => {
                    let end = (at + dice.throw(16)).min(bytes.len());
                    bytes.drain(at..end);
                    if bytes.is_empty() {
                        bytes.push(8);
                    }
                }
            }
        }
        fuzz::declared(&bytes);
    }
}
