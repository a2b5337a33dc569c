//! NaN in an input: it comes out as NaN, as ONNX Runtime has it, or it is refused by name; it never becomes a number.

use crate::support::{Axis, Files, Graph, Message, load, node, onnxruntime, run, stored, tensor_type};
use landfall_model::{Kind, Outputs, Problem, Tensor};
use landfall_onnx::Embedded;

/// `y = operator(x)`, [n, 1, 2, 2] of float32, with attributes and further inputs.
fn file(operator: &str, attributes: &[Message], further: &[&Message], element: i64) -> Vec<u8> {
    let names: Vec<String> = (0..further.len()).map(|i| format!("c{i}")).collect();
    let inputs: Vec<&str> = std::iter::once("x").chain(names.iter().map(String::as_str)).collect();
    let node = attributes.iter().fold(node(operator, &inputs, &["y"]), |node, a| node.message(5, a));
    let x = tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(1), Axis::Known(2), Axis::Known(2)]));
    let graph = Graph::new().node(&node).input("x", &x).output("y", &tensor_type(element, None));
    further.iter().fold(graph, |graph, tensor| graph.initializer(tensor)).file()
}

fn integer(name: &str, value: i64) -> Message {
    Message::new().text(1, name).number(3, value).number(20, 2)
}

fn integers(name: &str, values: &[i64]) -> Message {
    let list = Message::new().text(1, name).number(20, 7);
    values.iter().fold(list, |list, &value| list.number(8, value))
}

fn scalar(name: &str, value: f32) -> Message {
    stored(name, 1, &[], &value.to_le_bytes())
}

fn on_embedded(file: &[u8], x: &[f32]) -> Result<Outputs, Problem> {
    let model = load(&Embedded, &Files::model(file))?;
    let x = Tensor::from_slice(&[x.len() / 4, 1, 2, 2], x).unwrap();
    run(&*model, &model.signatures()[0], &[("x", &x)], &[])
}

const MISSING: [f32; 8] = [1.0, 2.0, 3.0, 4.0, 5.0, f32::NAN, 7.0, 8.0];

#[test]
fn what_would_become_a_number_is_refused_with_its_row() {
    let pool = [integers("kernel_shape", &[2, 2]), integers("strides", &[2, 2])];
    let kept = stored("c0", 7, &[1], &1i64.to_le_bytes());
    for (operator, file) in [
        ("Relu", file("Relu", &[], &[], 1)),
        ("Clip", file("Clip", &[], &[&scalar("c0", 0.0), &scalar("c1", 6.0)], 1)),
        ("MaxPool", file("MaxPool", &pool, &[], 1)),
        ("ArgMax", file("ArgMax", &[integer("axis", 3)], &[], 7)),
        ("ArgMin", file("ArgMin", &[integer("axis", 3)], &[], 7)),
        ("TopK", file("TopK", &[integer("axis", 3)], &[&kept], 1)),
        ("Cast", file("Cast", &[integer("to", 6)], &[], 6)),
        (
            "QuantizeLinear",
            file("QuantizeLinear", &[], &[&scalar("c0", 0.1), &stored("c1", 2, &[], &[3])], 2),
        ),
    ] {
        let whole = MISSING.map(|value| if value.is_nan() { 6.0 } else { value });
        assert!(on_embedded(&file, &whole).is_ok(), "{operator}: {:?}", on_embedded(&file, &whole).err());
        let problem = on_embedded(&file, &MISSING).unwrap_err();
        assert_eq!(problem.kind(), Kind::InvalidArgument, "{operator}: {problem}");
        let text = problem.to_string();
        for part in [r#"input "x" row 1: "#, operator, "ONNX Runtime"] {
            assert!(text.contains(part), "{operator}: {text}");
        }
    }
}

#[test]
fn what_stays_missing_is_computed_as_onnxruntime_does() {
    let ones = stored("c0", 1, &[2], &[1f32.to_le_bytes(), 1f32.to_le_bytes()].concat());
    for (operator, further, attributes) in [
        ("LeakyRelu", vec![], vec![]),
        ("Elu", vec![], vec![]),
        ("Sigmoid", vec![], vec![]),
        ("HardSigmoid", vec![], vec![]),
        ("HardSwish", vec![], vec![]),
        ("Tanh", vec![], vec![]),
        ("Abs", vec![], vec![]),
        ("Sign", vec![], vec![]),
        ("Round", vec![], vec![]),
        ("Softmax", vec![], vec![integer("axis", 3)]),
        ("PRelu", vec![&ones], vec![]),
        ("Max", vec![&ones], vec![]),
        ("Min", vec![&ones], vec![]),
        ("Add", vec![&ones], vec![]),
        ("Pow", vec![&ones], vec![]),
        ("Identity", vec![], vec![]),
    ] {
        let file = file(operator, &attributes, &further, 1);
        let found = on_embedded(&file, &MISSING).unwrap();
        let found = found.get(0).unwrap().values::<f32>().unwrap();
        assert!(found[5].is_nan() && !found[0].is_nan(), "{operator}: {found:?}");
        let Some(engine) = onnxruntime() else { continue };
        let model = load(engine, &Files::model(&file)).unwrap();
        let x = Tensor::from_slice(&[2, 1, 2, 2], &MISSING).unwrap();
        let expected = run(&*model, &model.signatures()[0], &[("x", &x)], &[]).unwrap();
        let expected = expected.get(0).unwrap().values::<f32>().unwrap();
        for (a, b) in found.iter().zip(expected) {
            assert!(
                a.is_nan() == b.is_nan() && (a.is_nan() || (a - b).abs() < 1e-5),
                "{operator}: {a} for {b}"
            );
        }
    }
}
