//! Boxes of which the best ones stay, in a step of our own between runs of the embedded engine.

use crate::support::{Axis, Files, Graph, Message, engines, load, node, run, stored, tensor_type};
use landfall_model::{Kind, Outputs, Tensor};
use landfall_onnx::Embedded;

/// Six boxes, three of them nearly the same as one before.
const BOXES: [[f32; 4]; 6] = [
    [0.0, 0.0, 1.0, 1.0],
    [0.0, 0.1, 1.0, 1.1],
    [0.0, -0.1, 1.0, 0.9],
    [0.0, 10.0, 1.0, 11.0],
    [0.0, 10.1, 1.0, 11.1],
    [0.0, 100.0, 1.0, 101.0],
];

fn boxes() -> Tensor {
    Tensor::from_slice(&[1, 6, 4], BOXES.as_flattened()).unwrap()
}

fn scores(values: &[f32]) -> Tensor {
    Tensor::from_slice(&[1, values.len() / 6, 6], values).unwrap()
}

/// A detector: scores are computed, boxes stay, and what stays is gathered and counted.
fn detector(most: Option<i64>, share: f32) -> Vec<u8> {
    let float = |name: &str, value: f32| stored(name, 1, &[], &value.to_le_bytes());
    let mut graph = Graph::new()
        .node(&node("Sub", &["logits", "shift"], &["scores"]))
        .node(&node("NonMaxSuppression", &["boxes", "scores", "most", "share", "above"], &["kept"]))
        .node(&node("Gather", &["kept", "last"], &["places"]).message(5, &axis(1)))
        .node(&node("Squeeze", &["boxes", "front"], &["flat"]))
        .node(&node("Gather", &["flat", "places"], &["chosen"]).message(5, &axis(0)))
        .node(&node("Shape", &["kept"], &["count"]))
        .node(&node("Neg", &["scores"], &["negative"]))
        .initializer(&float("share", share))
        .initializer(&float("above", 0.3))
        .initializer(&float("shift", 1.0))
        .initializer(&stored("last", 7, &[], &2i64.to_le_bytes()))
        .initializer(&stored("front", 7, &[1], &0i64.to_le_bytes()));
    if let Some(most) = most {
        graph = graph.initializer(&stored("most", 7, &[1], &most.to_le_bytes()));
    } else {
        graph = graph.input("most", &tensor_type(7, Some(&[])));
    }
    let points = |last: i64| [Axis::Known(1), Axis::Free("n"), Axis::Known(last)];
    graph
        .input("boxes", &tensor_type(1, Some(&points(4))))
        .input("logits", &tensor_type(1, Some(&[Axis::Known(1), Axis::Free("c"), Axis::Free("n")])))
        .output("chosen", &tensor_type(1, None))
        .output("kept", &tensor_type(7, None))
        .output("count", &tensor_type(7, None))
        .output("negative", &tensor_type(1, None))
        .file()
}

fn axis(value: i64) -> Message {
    Message::new().text(1, "axis").number(3, value).number(20, 2)
}

fn each(
    file: &[u8],
    inputs: &[(&str, &Tensor)],
    wanted: &[&str],
    mut check: impl FnMut(&'static str, Outputs),
) {
    for engine in engines() {
        let model = load(engine, &Files::model(file)).unwrap_or_else(|p| panic!("{}: {p}", engine.name()));
        check(engine.name(), run(&*model, &model.signatures()[0], inputs, wanted).unwrap());
    }
}

#[test]
fn the_best_of_boxes_that_overlap_stays_and_the_network_goes_on_with_it() {
    let logits = scores(&[1.9, 1.75, 1.6, 1.95, 1.5, 1.35]);
    for (most, expected) in [(5i64, vec![3, 0, 5]), (2, vec![3, 0]), (0, vec![])] {
        let inputs: [(&str, &Tensor); 2] = [("boxes", &boxes()), ("logits", &logits)];
        each(&detector(Some(most), 0.5), &inputs, &[], |engine, outputs| {
            let kept: Vec<i64> = expected.iter().flat_map(|&place| [0, 0, place]).collect();
            let chosen: Vec<f32> = expected.iter().flat_map(|&place| BOXES[place as usize]).collect();
            assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), chosen, "{engine}");
            assert_eq!(outputs.get(1).unwrap().values::<i64>().unwrap(), kept, "{engine}");
            assert_eq!(
                outputs.get(2).unwrap().values::<i64>().unwrap(),
                [expected.len() as i64, 3],
                "{engine}"
            );
            assert_eq!(outputs.get(3).unwrap().len(), 6, "{engine}");
        });
    }
}

#[test]
fn each_class_has_boxes_of_its_own_and_of_equal_scores_the_first_is_better() {
    let logits = scores(&[1.5, 1.5, 1.2, 1.2, 1.2, 1.2, 1.2, 1.9, 1.95, 1.4, 1.5, 1.2]);
    let most = Tensor::from_slice(&[], &[10i64]).unwrap();
    let inputs: [(&str, &Tensor); 3] = [("boxes", &boxes()), ("logits", &logits), ("most", &most)];
    each(&detector(None, 0.5), &inputs, &["kept"], |engine, outputs| {
        let kept = outputs.get(1).unwrap();
        assert_eq!(kept.values::<i64>().unwrap(), [0, 0, 0, 0, 1, 2, 0, 1, 4], "{engine}");
    });
    // What lies before the step is had without it.
    each(&detector(None, 0.5), &inputs, &["negative"], |engine, outputs| {
        assert!(outputs.get(0).is_none() && outputs.get(3).is_some(), "{engine}");
    });
}

#[test]
fn boxes_with_a_middle_have_half_of_their_size_on_each_side() {
    let middles: Vec<f32> = BOXES
        .iter()
        .flat_map(|[y1, x1, y2, x2]| [(x1 + x2) / 2.0, (y1 + y2) / 2.0, x2 - x1, y2 - y1])
        .collect();
    let flag = Message::new().text(1, "center_point_box").number(3, 1).number(20, 2);
    let graph = Graph::new()
        .node(&node("NonMaxSuppression", &["boxes", "scores", "most", "share"], &["kept"]).message(5, &flag));
    let graph = graph.initializer(&stored("most", 7, &[], &9i64.to_le_bytes()));
    let graph = graph.initializer(&stored("share", 1, &[1], &0.5f32.to_le_bytes()));
    let graph = graph.input("boxes", &tensor_type(1, None)).input("scores", &tensor_type(1, None));
    let file = graph.output("kept", &tensor_type(7, None)).file();
    let x = Tensor::from_slice(&[1, 6, 4], &middles).unwrap();
    let scores = scores(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    each(&file, &[("boxes", &x), ("scores", &scores)], &[], |engine, outputs| {
        assert_eq!(outputs.get(0).unwrap().values::<i64>().unwrap(), [0, 0, 5, 0, 0, 4, 0, 0, 2], "{engine}");
    });
}

#[test]
fn what_no_boxes_can_be_is_refused_with_the_node() {
    let model = load(&Embedded, &Files::model(&detector(Some(3), 0.5))).unwrap();
    let answer = |boxes: &Tensor, scores: &Tensor| {
        run(&*model, &model.signatures()[0], &[("boxes", boxes), ("logits", scores)], &["kept"])
    };
    let few = Tensor::from_slice(&[1, 1, 5], &[1.9f32; 5]).unwrap();
    let mut broken = BOXES;
    broken[4][1] = f32::NAN;
    let nan = Tensor::from_slice(&[1, 6, 4], broken.as_flattened()).unwrap();
    for (boxes, scores, said) in [
        (&boxes(), &few, "expected [images, boxes, 4]"),
        (&nan, &scores(&[1.9; 6]), "coordinate of box 4 is NaN"),
    ] {
        let problem = answer(boxes, scores).unwrap_err();
        assert_eq!(problem.kind(), Kind::InvalidArgument);
        let text = problem.to_string();
        assert!(text.contains(said) && text.contains("NonMaxSuppression"), "{text}");
    }
    let share = load(&Embedded, &Files::model(&detector(Some(3), 1.5))).unwrap();
    let problem = run(
        &*share,
        &share.signatures()[0],
        &[("boxes", &boxes()), ("logits", &scores(&[1.9; 6]))],
        &["kept"],
    );
    assert!(problem.unwrap_err().to_string().contains("iou_threshold 1.5"));
}

#[test]
fn within_a_graph_of_a_node_they_are_refused() {
    let step = node("NonMaxSuppression", &["boxes", "scores", "most"], &["inner"]);
    let branch =
        Message::new().message(1, &step).text(2, "branch").message(12, &Message::new().text(1, "inner"));
    let of = |name: &str| Message::new().text(1, name).message(6, &branch).number(20, 5);
    let choice = node("If", &["yes"], &["y"]).message(5, &of("then_branch")).message(5, &of("else_branch"));
    let graph = Graph::new().node(&choice).initializer(&stored("yes", 9, &[], &[1]));
    let graph = graph.initializer(&stored("most", 7, &[], &9i64.to_le_bytes()));
    let graph = graph.input("boxes", &tensor_type(1, None)).input("scores", &tensor_type(1, None));
    let problem =
        load(&Embedded, &Files::model(&graph.output("y", &tensor_type(7, None)).file())).err().unwrap();
    assert_eq!(problem.kind(), Kind::Unimplemented);
    assert!(problem.to_string().contains("NonMaxSuppression in a graph within a node"), "{problem}");
}
