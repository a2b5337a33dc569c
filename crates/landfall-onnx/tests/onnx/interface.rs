//! Signatures made from files: rows, names, what is left out.

use crate::support::{Axis, Files, Graph, Message, load, node, tensor_type};
use landfall_model::{Dim, RowRule};
use landfall_onnx::Embedded;

fn rows_of(input: &[Axis], output: Option<&[Axis]>) -> RowRule {
    let (x, y) = (tensor_type(1, Some(input)), tensor_type(1, output));
    let file = Graph::new().node(&node("Identity", &["x"], &["y"])).input("x", &x).output("y", &y).file();
    load(&Embedded, &Files::model(&file)).unwrap().signatures()[0].rows().clone()
}

#[test]
fn rows_are_axis_0_where_it_is_free_everywhere() {
    use Axis::{Free, Known};
    assert_eq!(rows_of(&[Free("n"), Known(2)], Some(&[Free("n"), Known(2)])), RowRule::Unproven);
    assert_eq!(rows_of(&[Free("n"), Known(2)], None), RowRule::Unproven, "no dims: the probe alone decides");
    assert_eq!(rows_of(&[Free("n"), Known(2)], Some(&[Known(4), Known(2)])), RowRule::None);
    assert_eq!(rows_of(&[Known(4), Known(2)], Some(&[Known(4), Known(2)])), RowRule::None, "only if told");
    assert_eq!(rows_of(&[Known(1), Known(2)], Some(&[Known(1), Known(2)])), RowRule::Pieces(1));
    assert_eq!(rows_of(&[], Some(&[])), RowRule::None, "scalars");
}

#[test]
fn names_of_axes_are_kept_and_minus_one_is_free() {
    let ty = tensor_type(1, Some(&[Axis::Free("batch"), Axis::Known(-1), Axis::Free(""), Axis::Known(0)]));
    let file = Graph::new().node(&node("Identity", &["x"], &["y"])).input("x", &ty).output("y", &ty).file();
    let found = landfall_onnx::declared::read("f", &file).unwrap();
    let landfall_onnx::declared::ValueType::Tensor { dims, .. } = found.inputs[0].ty.as_ref().unwrap() else {
        panic!()
    };
    let free = Dim::Free(None);
    assert_eq!(
        dims.as_deref().unwrap(),
        [Dim::Free(Some("batch".into())), free.clone(), free, Dim::Known(0)]
    );
}

#[test]
fn an_output_that_no_tensor_can_hold_is_left_out_and_said() {
    let x = tensor_type(1, Some(&[Axis::Free("n")]));
    let sequence = Message::new().message(4, &Message::new().message(1, &x));
    let file = |only: bool| {
        let graph = Graph::new()
            .node(&node("Identity", &["x"], &["y"]))
            .node(&node("SplitToSequence", &["x"], &["s"]))
            .input("x", &x)
            .output("s", &sequence);
        if only { graph.file() } else { graph.output("y", &x).file() }
    };
    let model = load(&Embedded, &Files::model(&file(false))).unwrap();
    assert_eq!(model.signatures()[0].outputs().iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["y"]);
    assert!(
        model.facts().notes.iter().any(|note| note.contains(r#"output "s""#)),
        "{:?}",
        model.facts().notes
    );
    let problem = load(&Embedded, &Files::model(&file(true))).err().unwrap();
    assert!(problem.to_string().contains("sequence(tensor(float32))"), "{problem}");
}
