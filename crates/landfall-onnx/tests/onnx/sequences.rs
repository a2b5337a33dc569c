//! Sequences of tensors: each tensor is an output of its own.

use crate::support::{Axis, Files, Graph, Message, engines, load, node, run, tensor_type};
use landfall_model::{Kind, RowRule, Tensor};

fn sequence() -> Message {
    Message::new().message(4, &Message::new().message(1, &tensor_type(1, None)))
}

#[test]
fn tensors_of_a_sequence_are_outputs_by_number() {
    let x = tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(2)]));
    let file = Graph::new()
        .node(&node("Neg", &["x"], &["minus"]))
        .node(&node("Relu", &["minus"], &["positive"]))
        .node(&node("SequenceConstruct", &["minus", "positive"], &["both"]))
        .input("x", &x)
        .output("y", &x)
        .output("both", &sequence())
        .node(&node("Identity", &["x"], &["y"]))
        .file();
    let x = Tensor::from_slice(&[2, 2], &[1f32, -2.0, 3.0, -4.0]).unwrap();
    for engine in engines() {
        let name = engine.name();
        let model = load(engine, &Files::model(&file)).unwrap();
        let signature = &model.signatures()[0];
        let names: Vec<&str> = signature.outputs().iter().map(|output| output.name.as_str()).collect();
        assert_eq!(names, ["y", "both_0", "both_1"], "{name}");
        assert_eq!(*signature.rows(), RowRule::Unproven, "{name}: the probe decides");
        let all = run(&*model, signature, &[("x", &x)], &[]).unwrap();
        assert_eq!(all.get(1).unwrap().values::<f32>().unwrap(), [-1.0, 2.0, -3.0, 4.0], "{name}");
        assert_eq!(all.get(2).unwrap().values::<f32>().unwrap(), [0.0, 2.0, 0.0, 4.0], "{name}");
        // One of them alone.
        let one = run(&*model, signature, &[("x", &x)], &["both_1"]).unwrap();
        assert_eq!(one.get(2).unwrap().values::<f32>().unwrap(), [0.0, 2.0, 0.0, 4.0], "{name}");
        assert!(one.get(0).is_none() && one.get(1).is_none(), "{name}");
    }
}

#[test]
fn a_name_that_is_taken_stays_the_files_own() {
    let x = tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(2)]));
    let file = Graph::new()
        .node(&node("Neg", &["x"], &["both_0"]))
        .node(&node("SequenceConstruct", &["x", "both_0"], &["both"]))
        .input("x", &x)
        .output("both_0", &x)
        .output("both", &sequence())
        .file();
    for engine in engines() {
        match load(engine, &Files::model(&file)) {
            Ok(model) => {
                assert_eq!(model.signatures()[0].outputs().len(), 1);
                let notes = model.facts().notes;
                assert!(notes.iter().any(|note| note.contains(r#"output "both""#)), "{notes:?}");
            }
            Err(problem) => assert_eq!(problem.kind(), Kind::Unimplemented, "{problem}"),
        }
    }
}
