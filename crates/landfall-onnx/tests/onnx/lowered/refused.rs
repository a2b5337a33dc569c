//! What is not lowered, and what no engine is to see.

use super::bare;
use super::graphs::{behind, float, floats, integers, matrix, ml_node, stump, texts, with};
use crate::support::{Axis, Files, Graph, Message, load, node, tensor_type};
use landfall_model::{Kind, Options};

fn one(attributes: &[Message]) -> Vec<u8> {
    let trees = with(ml_node("TreeEnsembleRegressor", &["x"], &["y"]), attributes);
    Graph::new().node(&trees).input("x", &matrix(1, 2)).output("y", &matrix(1, 1)).file()
}

/// The stump with one attribute replaced.
fn changed(place: usize, by: Message) -> Vec<u8> {
    let mut attributes = stump(1.0, 2.0);
    attributes[place] = by;
    one(&attributes)
}

fn refusal(file: &[u8]) -> String {
    let problem = load(&*bare(), &Files::model(file)).err().expect("refused");
    assert!(matches!(problem.kind(), Kind::InvalidArgument | Kind::Unimplemented), "{problem}");
    problem.to_string()
}

#[test]
fn broken_trees_are_refused_by_name() {
    let cases = [
        (changed(4, integers("nodes_truenodeids", &[9, 0, 0])), "tree 0: node 0: child 9"),
        (changed(4, integers("nodes_truenodeids", &[-1, 0, 0])), "tree 0: node 0: child -1"),
        (changed(4, integers("nodes_truenodeids", &[0, 0, 0])), "leads back to itself"),
        (changed(3, integers("nodes_featureids", &[-2, 0, 0])), "tree 0: a node asks for feature -2"),
        (
            changed(3, integers("nodes_featureids", &[0, 0])),
            "nodes_treeids has 3 entries, nodes_featureids has 2",
        ),
        (changed(9, integers("target_nodeids", &[1, 7])), "tree 0: a weight of node 7"),
        (changed(10, integers("target_ids", &[0, 1])), "a leaf for target 1 of 1"),
        (changed(2, integers("nodes_nodeids", &[0, 1, 1])), "tree 0: two nodes of one number"),
    ];
    for (file, said) in cases {
        let text = refusal(&file);
        assert!(text.contains(said), "{said:?} is not in {text}");
        assert!(text.contains("model.onnx"), "{text}");
    }
}

#[test]
fn a_ring_of_nodes_is_found_below_the_root() {
    let file = one(&[
        super::graphs::integer("n_targets", 1),
        integers("nodes_treeids", &[0; 4]),
        integers("nodes_nodeids", &[0, 1, 2, 3]),
        integers("nodes_featureids", &[0; 4]),
        integers("nodes_truenodeids", &[1, 2, 1, 0]),
        integers("nodes_falsenodeids", &[3, 3, 3, 0]),
        texts("nodes_modes", &["BRANCH_LEQ", "BRANCH_LEQ", "BRANCH_LEQ", "LEAF"]),
        floats("nodes_values", &[0.0; 4]),
        integers("target_treeids", &[0]),
        integers("target_nodeids", &[3]),
        integers("target_ids", &[0]),
        floats("target_weights", &[1.0]),
    ]);
    let text = refusal(&file);
    assert!(text.contains("tree 0: node") && text.contains("leads back to itself"), "{text}");
}

#[test]
fn a_weight_that_the_first_node_does_not_lead_to_is_left_to_the_runtime_that_gives_it_to_another_leaf() {
    let mut attributes = stump(1.0, 2.0);
    attributes[2] = integers("nodes_nodeids", &[1, 0, 2]);
    attributes[4] = integers("nodes_truenodeids", &[0, 1, 0]);
    attributes[5] = integers("nodes_falsenodeids", &[0, 2, 0]);
    attributes[6] = texts("nodes_modes", &["LEAF", "BRANCH_LEQ", "LEAF"]);
    attributes[7] = floats("nodes_values", &[0.0, 0.5, 0.0]);
    let text = refusal(&one(&attributes));
    assert!(text.contains("tree 0: a leaf with a weight that the first node does not lead to"), "{text}");
    // Without its weight the leaf counts for nothing.
    attributes[8] = integers("target_treeids", &[0]);
    attributes[9] = integers("target_nodeids", &[1]);
    attributes[10] = integers("target_ids", &[0]);
    attributes[11] = floats("target_weights", &[1.0]);
    attributes[0] = super::graphs::integer("n_targets", 2);
    let trees = with(ml_node("TreeEnsembleRegressor", &["x"], &["y"]), &attributes);
    let file = Graph::new().node(&trees).input("x", &matrix(1, 2)).output("y", &matrix(1, 2)).file();
    load(&*bare(), &Files::model(&file)).unwrap();
}

#[test]
fn what_is_not_lowered_says_why_and_what_is_missing() {
    // Operators that no step knows, before the trees.
    for (steps, why) in [
        (vec![node("Sin", &["x"], &["z"])], r#"node "z": operator Sin"#),
        (vec![node("Einsum", &["x"], &["z"]).text(7, "my.own")], "operator my.own.Einsum"),
    ] {
        let text = refusal(&behind(&steps, "z", 1, 2));
        assert!(text.contains(why), "{why:?} is not in {text}");
        assert!(text.contains("pip install onnxruntime"), "and how to get what evaluates it: {text}");
    }
    let mut attributes = stump(1.0, 2.0);
    attributes[6] = texts("nodes_modes", &["BRANCH_ODD", "LEAF", "LEAF"]);
    let text = refusal(&one(&attributes));
    assert!(text.contains("nodes of mode BRANCH_ODD"), "{text}");
    attributes[6] = texts("nodes_modes", &["BRANCH_LEQ", "LEAF", "LEAF"]);
    attributes[7] = floats("nodes_values", &[f32::NAN, 0.0, 0.0]);
    assert!(refusal(&one(&attributes)).contains("not a number"));
}

#[test]
fn an_engine_asked_for_by_name_sees_the_graph_as_it_is() {
    let text =
        load(&landfall_onnx::Embedded, &Files::model(&one(&stump(1.0, 2.0)))).err().unwrap().to_string();
    assert!(text.contains("TreeEnsembleRegressor") && !text.contains("lowered"), "{text}");
}

#[test]
fn options_are_those_of_the_engine_beneath() {
    let files = Files::model(&one(&stump(1.0, 2.0)));
    let with = |key: &str| {
        let mut options = Options::new();
        options.set(key, "2");
        bare().load(&files, &options)
    };
    let notes = with("num_threads").unwrap().facts().notes;
    assert_eq!(notes, ["option num_threads means nothing to trees"]);
    let text = with("nthreads").err().unwrap().to_string();
    assert!(text.contains(r#"unknown option "nthreads""#) && text.contains("num_threads"), "{text}");
}

#[test]
fn inspection_tells_how_a_graph_was_lowered() {
    let pair = |name: &str| floats(name, &[2.0, 2.0]);
    let scaler = with(ml_node("Scaler", &["x"], &["z"]), &[pair("offset"), pair("scale")]);
    let above = with(ml_node("Binarizer", &["z"], &["b"]), &[float("threshold", -3.5)]);
    let model = load(&*bare(), &Files::model(&behind(&[scaler, above], "b", 1, 2))).unwrap();
    let facts = model.facts();
    assert_eq!((facts.engine, facts.format), ("trees", "onnx"));
    let told = |key: &str| facts.structure.iter().find(|(known, _)| known == key).unwrap().1.clone();
    assert_eq!(told("lowered"), "Scaler → Binarizer → TreeEnsembleRegressor");
    assert_eq!((told("trees"), told("tree nodes"), told("depth")), ("1".into(), "3".into(), "1".into()));
    assert!(facts.memory_bytes.unwrap() > 0 && facts.notes.is_empty());
}

#[test]
fn rows_too_narrow_for_the_trees_are_refused() {
    let trees = with(ml_node("TreeEnsembleRegressor", &["x"], &["y"]), &{
        let mut attributes = stump(1.0, 2.0);
        attributes[3] = integers("nodes_featureids", &[5, 0, 0]);
        attributes
    });
    let free = tensor_type(1, Some(&[Axis::Free("n"), Axis::Free("k")]));
    let file = Graph::new().node(&trees).input("x", &free).output("y", &matrix(1, 1)).file();
    let model = load(&*bare(), &Files::model(&file)).unwrap();
    let ask = |width: usize| {
        let x = landfall_model::Tensor::from_slice(&[2, width], &vec![0f32; 2 * width]).unwrap();
        crate::support::run(&*model, &model.signatures()[0], &[("x", &x)], &[])
    };
    let text = ask(5).unwrap_err().to_string();
    assert!(text.contains("ask for 6 features, rows have 5"), "{text}");
    assert_eq!(ask(7).unwrap().get(0).unwrap().values::<f32>().unwrap(), [1.0, 1.0]);
}
