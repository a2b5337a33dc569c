//! Random ensembles, of all operators, modes and transforms: ONNX Runtime's bits.

use super::bare;
use super::conformance::same_bits;
use super::dice::Dice;
use super::graphs::{floats, integer, integers, matrix, ml_node, tensor, text, texts, with};
use crate::support::{Axis, Files, Graph, Message, load, onnxruntime, run, stored, tensor_type};
use landfall_model::{Tensor, Wanted};

const FEATURES: usize = 4;
const MODES: [&str; 6] = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"];
const TRANSFORMS: [&str; 5] = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"];

/// A tree by its nodes: (mode, feature, value, missing goes the way of yes, yes, no); leaves have no mode.
type Node = (Option<usize>, usize, f32, bool, usize, usize);

fn grown(dice: &mut Dice, modes: &[usize]) -> Vec<Node> {
    let mut nodes: Vec<Node> = vec![(None, 0, 0.0, false, 0, 0)];
    for _ in 0..dice.below(12) {
        let leaves: Vec<usize> = (0..nodes.len()).filter(|&at| nodes[at].0.is_none()).collect();
        let at = dice.one_of(&leaves);
        let first = nodes.len();
        nodes[at] =
            (Some(dice.one_of(modes)), dice.below(FEATURES), dice.grid(), dice.chance(3), first, first + 1);
        nodes.extend([(None, 0, 0.0, false, 0, 0); 2]);
    }
    nodes
}

fn modes(dice: &mut Dice) -> Vec<usize> {
    if dice.chance(2) { vec![dice.below(6)] } else { (0..6).collect() }
}

/// Weights that add up to a probability, or any.
fn weight(dice: &mut Dice, small: bool) -> f32 {
    if small { dice.below(100) as f32 / 300.0 } else { dice.leaf() }
}

/// Nodes by number, as lists: tree, node, feature, both children, where missing goes; and their modes and values. Leaves:
/// tree, node, target; and their weights.
#[derive(Default)]
struct Numbered {
    lists: [Vec<i64>; 6],
    names: Vec<&'static str>,
    values: Vec<f32>,
    leaves: [Vec<i64>; 3],
    weights: Vec<f32>,
}

/// `of_leaf` gives the targets of a leaf, and whether their weights are small.
fn numbered(
    dice: &mut Dice,
    trees: &[Vec<Node>],
    of_leaf: impl Fn(&mut Dice) -> (Vec<usize>, bool),
) -> Numbered {
    let mut all = Numbered::default();
    for (tree, nodes) in trees.iter().enumerate() {
        for (number, &(mode, feature, value, missing, yes, no)) in nodes.iter().enumerate() {
            let row = [tree, number, feature, yes, no, usize::from(missing)];
            all.lists.iter_mut().zip(row).for_each(|(list, value)| list.push(value as i64));
            all.names.push(mode.map_or("LEAF", |mode| MODES[mode]));
            all.values.push(value);
            if mode.is_some() {
                continue;
            }
            let (targets, small) = of_leaf(dice);
            for target in targets {
                let row = [tree, number, target];
                all.leaves.iter_mut().zip(row).for_each(|(list, value)| list.push(value as i64));
                all.weights.push(weight(dice, small));
            }
        }
    }
    all
}

/// A `TreeEnsembleRegressor` or `TreeEnsembleClassifier` over rows of an element type.
fn by_number(dice: &mut Dice, classifier: bool, element: i64) -> Vec<u8> {
    let modes = modes(dice);
    let trees: Vec<Vec<Node>> = (0..1 + dice.below(9)).map(|_| grown(dice, &modes)).collect();
    let targets = if classifier { 2 + dice.below(3) } else { 1 + dice.below(3) };
    // Two classes are told apart by weights for one of them, or by weights for both.
    let (sparse, small, lone) =
        (dice.chance(2), dice.chance(2), classifier && targets == 2 && dice.chance(2));
    let tracks = dice.chance(2);
    let Numbered { lists, names, values, leaves, weights } = numbered(dice, &trees, |dice| {
        (
            match (lone, targets) {
                (true, _) | (_, 1) => vec![0],
                _ if sparse => vec![dice.below(targets)],
                _ => (0..targets).collect(),
            },
            small,
        )
    });
    let kind = if classifier { "class" } else { "target" };
    let list = |name: &str, values: &[i64]| integers(&format!("{kind}_{name}"), values);
    // A lone score of two under PROBIT: ONNX Runtime never writes the other one, and it is not lowered.
    let alone = classifier && targets == 2 && (lone || sparse);
    let transform = dice.one_of(if alone { &TRANSFORMS[..4] } else { &TRANSFORMS });
    let mut attributes = vec![
        integers("nodes_treeids", &lists[0]),
        integers("nodes_nodeids", &lists[1]),
        integers("nodes_featureids", &lists[2]),
        integers("nodes_truenodeids", &lists[3]),
        integers("nodes_falsenodeids", &lists[4]),
        texts("nodes_modes", &names),
        floats("nodes_values", &values),
        list("treeids", &leaves[0]),
        list("nodeids", &leaves[1]),
        list("ids", &leaves[2]),
        floats(&format!("{kind}_weights"), &weights),
        text("post_transform", transform),
    ];
    if tracks {
        attributes.push(integers("nodes_missing_value_tracks_true", &lists[5]));
    }
    // With two classes, some rows of which no leaf adds to the second, a lone base leaves a score unwritten there.
    if dice.chance(2) {
        let count = if lone && dice.chance(2) { 1 } else { targets };
        attributes.push(floats("base_values", &(0..count).map(|_| dice.leaf()).collect::<Vec<_>>()));
    }
    let rows = matrix(element, FEATURES as i64);
    let scores = matrix(1, targets as i64);
    if !classifier {
        attributes.push(integer("n_targets", targets as i64));
        attributes.push(text("aggregate_function", dice.one_of(&["SUM", "AVERAGE", "MIN", "MAX"])));
        let node = with(ml_node("TreeEnsembleRegressor", &["x"], &["y"]), &attributes);
        return Graph::new().node(&node).input("x", &rows).output("y", &scores).file();
    }
    let in_text = dice.chance(2);
    attributes.push(if in_text {
        texts("classlabels_strings", &["ä", "b", "c", "d"][..targets])
    } else {
        integers("classlabels_int64s", &[7, -3, 0, 12][..targets])
    });
    let label = tensor_type(if in_text { 8 } else { 7 }, Some(&[Axis::Free("n")]));
    let node = with(ml_node("TreeEnsembleClassifier", &["x"], &["label", "scores"]), &attributes);
    Graph::new().node(&node).input("x", &rows).output("label", &label).output("scores", &scores).file()
}

/// Nodes by place, as lists: feature, then each child with whether it is a leaf, and where missing goes.
#[derive(Default)]
struct Placed {
    lists: [Vec<i64>; 6],
    modes: Vec<u8>,
    splits: Vec<f32>,
    members: Vec<f32>,
    roots: Vec<i64>,
    ids: Vec<i64>,
    weights: Vec<f32>,
}

fn placed(dice: &mut Dice, all: &[usize], targets: usize) -> Placed {
    let Placed { mut lists, mut modes, mut splits, mut members, mut roots, mut ids, mut weights } =
        Placed::default();
    for _ in 0..1 + dice.below(9) {
        let nodes = grown(dice, all);
        let first = modes.len();
        // Splits are numbered without the leaves, which have numbers of their own.
        let mut places = Vec::new();
        let mut splits_so_far = first;
        for (mode, ..) in &nodes {
            if mode.is_some() {
                places.push((splits_so_far, 0));
                splits_so_far += 1;
            } else {
                places.push((ids.len(), 1));
                ids.push(dice.below(targets) as i64);
                weights.push(dice.leaf());
            }
        }
        roots.push(first as i64);
        if splits_so_far == first {
            let (leaf, _) = places[0];
            lists.iter_mut().zip([0, leaf, 1, leaf, 1, 0]).for_each(|(list, value)| list.push(value as i64));
            modes.push(0);
            splits.push(0.0);
        }
        for &(mode, feature, value, missing, yes, no) in nodes.iter().filter(|node| node.0.is_some()) {
            let row =
                [feature, places[yes].0, places[yes].1, places[no].0, places[no].1, usize::from(missing)];
            lists.iter_mut().zip(row).for_each(|(list, value)| list.push(value as i64));
            modes.push(mode.unwrap() as u8);
            splits.push(value);
            if mode == Some(6) {
                members.extend((0..1 + dice.below(4)).map(|_| dice.below(9) as f32 + 1.0));
                members.push(f32::NAN);
            }
        }
    }
    Placed { lists, modes, splits, members, roots, ids, weights }
}

/// A `TreeEnsemble` of `ai.onnx.ml` 5.
fn by_place(dice: &mut Dice, element: i64) -> Vec<u8> {
    let mut all: Vec<usize> = modes(dice);
    all.push(6);
    let targets = 1 + dice.below(3);
    let Placed { lists, modes, splits, members, roots, ids, weights } = placed(dice, &all, targets);
    let numbers = |values: &[f32]| {
        let wide = || values.iter().flat_map(|&value| f64::from(value).to_le_bytes()).collect::<Vec<u8>>();
        let bytes =
            if element == 11 { wide() } else { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
        stored("t", element, &[values.len() as i64], &bytes)
    };
    let mut attributes = vec![
        integers("nodes_featureids", &lists[0]),
        integers("nodes_truenodeids", &lists[1]),
        integers("nodes_trueleafs", &lists[2]),
        integers("nodes_falsenodeids", &lists[3]),
        integers("nodes_falseleafs", &lists[4]),
        integers("nodes_missing_value_tracks_true", &lists[5]),
        tensor("nodes_modes", &stored("t", 2, &[modes.len() as i64], &modes)),
        tensor("nodes_splits", &numbers(&splits)),
        integers("tree_roots", &roots),
        integers("leaf_targetids", &ids),
        tensor("leaf_weights", &numbers(&weights)),
        integer("n_targets", targets as i64),
        integer("aggregate_function", dice.below(4) as i64),
        integer("post_transform", dice.below(5) as i64),
    ];
    if !members.is_empty() {
        attributes.push(tensor("membership_values", &numbers(&members)));
    }
    let node = with(ml_node("TreeEnsemble", &["x"], &["y"]), &attributes);
    let ty = |width| matrix(element, width);
    let graph = Graph::new().node(&node).input("x", &ty(FEATURES as i64)).output("y", &ty(targets as i64));
    let opset = |domain: &str, version| Message::new().text(1, domain).number(2, version);
    let head = Message::new().number(1, 10).message(7, &graph.0);
    head.message(8, &opset("", 21)).message(8, &opset("ai.onnx.ml", 5)).0
}

/// Rows of an element type.
fn rows(dice: &mut Dice, element: i64, count: usize) -> Tensor {
    let shape = [count, FEATURES];
    let values: Vec<f32> = (0..count * FEATURES).map(|_| dice.value()).collect();
    match element {
        11 => {
            let wide = |&value: &f32| if value == 2.5 { 2.500_000_000_1 } else { f64::from(value) };
            Tensor::from_slice(&shape, &values.iter().map(wide).collect::<Vec<f64>>()).unwrap()
        }
        _ => Tensor::from_slice(&shape, &values).unwrap(),
    }
}

#[test]
fn random_ensembles_give_onnx_runtimes_bits() {
    let Some(theirs) = onnxruntime() else { return };
    let ours = bare();
    let mut answered = 0;
    for seed in 0..600 {
        let mut dice = Dice::new(seed);
        let element = if dice.chance(3) { 11 } else { 1 };
        let file = match dice.below(3) {
            0 => by_number(&mut dice, false, element),
            1 => by_number(&mut dice, true, element),
            _ => by_place(&mut dice, element),
        };
        let files = Files::model(&file);
        let model = match load(theirs, &files) {
            Ok(model) => model,
            Err(problem) => panic!("seed {seed}: {problem}"),
        };
        let own = load(&*ours, &files).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        for count in [1, 40] {
            let x = rows(&mut dice, element, count);
            let want = run(&*model, &model.signatures()[0], &[("x", &x)], &[]).unwrap();
            let found = run(&*own, &own.signatures()[0], &[("x", &x)], &[]).unwrap();
            same_bits(&found, &want).unwrap_or_else(|what| panic!("seed {seed}, {count} rows: {what}"));
            answered += 1;
        }
    }
    assert_eq!(answered, 1200);
}

#[test]
fn many_rows_and_parts_of_them_give_the_same_bits() {
    let ours = bare();
    for seed in 0..40 {
        let mut dice = Dice::new(seed);
        let classifier = dice.chance(2);
        let file = by_number(&mut dice, classifier, 1);
        let model = load(&*ours, &Files::model(&file)).unwrap();
        let signature = &model.signatures()[0];
        let x = rows(&mut dice, 1, 600);
        let whole = run(&*model, signature, &[("x", &x)], &[]).unwrap();
        for part in [0..1, 17..300, 599..600, 5..5] {
            let some = run(&*model, signature, &[("x", &x.rows(part.clone()))], &[]).unwrap();
            same_bits(&some, &whole.rows(part)).unwrap();
        }
        let all: Wanted = (0..signature.outputs().len()).collect();
        assert_eq!(whole.iter().count(), all.len());
    }
}
