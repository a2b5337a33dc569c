//! Trees that are none.

use landfall_forest::{Builder, LinearLeaf, NodeKind, NodeSpec, Side, Split, Test, TreeSpec};

fn split(left: u32, right: u32) -> Split<f32> {
    Split { feature: 0, test: Test::Less(0.5), missing: Side::Left, zero_is_missing: false, left, right }
}

fn node(kind: NodeKind<f32>) -> NodeSpec<f32> {
    NodeSpec { kind, cover: 1.0 }
}

fn leaf(leaf: u32) -> NodeSpec<f32> {
    node(NodeKind::Leaf { leaf, id: leaf })
}

fn tree(root: Split<f32>) -> TreeSpec<f32, f32> {
    let nodes = vec![node(NodeKind::Split(root)), leaf(0), leaf(1)];
    TreeSpec { nodes, values: vec![1.0, 2.0], width: 1, first_output: 0, linear: Vec::new() }
}

fn refusal(spec: &TreeSpec<f32, f32>) -> String {
    let mut builder = Builder::<f32, f32>::new(3, 1);
    builder.add(&tree(split(1, 2))).unwrap();
    builder.add(spec).unwrap_err().to_string()
}

#[test]
fn trees_that_lead_nowhere_are_refused_with_tree_and_node() {
    assert_eq!(refusal(&tree(split(1, 9))), "tree 1: node 0: child 9 of a tree with 3 nodes");
    assert_eq!(refusal(&tree(split(0, 1))), "tree 1: node 0: child 0 is led to twice, or is a node above it");
    assert_eq!(refusal(&tree(split(1, 1))), "tree 1: node 0: child 1 is led to twice, or is a node above it");
    let far = Split { feature: 3, ..split(1, 2) };
    assert_eq!(refusal(&tree(far)), "tree 1: node 0: feature 3 of 3");
    let nan = Split { test: Test::Less(f32::NAN), ..split(1, 2) };
    assert_eq!(refusal(&tree(nan)), "tree 1: node 0: the threshold is not a number");
    assert_eq!(refusal(&TreeSpec { nodes: Vec::new(), ..tree(split(1, 2)) }), "tree 1: a tree without nodes");
    let beyond = TreeSpec { nodes: vec![leaf(5)], ..tree(split(1, 2)) };
    assert_eq!(refusal(&beyond), "tree 1: node 0: leaf 5 of a tree with 2 leaves");
    let wide = TreeSpec { width: 2, ..tree(split(1, 2)) };
    assert_eq!(refusal(&wide), "tree 1: leaves for output 1 of 1");
    assert!(refusal(&TreeSpec { width: 0, ..tree(split(1, 2)) }).contains("leaf values"));
    let linear = vec![LinearLeaf { constant: 0.0, terms: vec![(7, 1.0)] }; 2];
    assert_eq!(refusal(&TreeSpec { linear, ..tree(split(1, 2)) }), "tree 1: leaf 0: feature 7 of 3");
}

#[test]
fn a_longer_cycle_is_refused() {
    let nodes =
        vec![node(NodeKind::Split(split(1, 2))), node(NodeKind::Split(split(3, 0))), leaf(0), leaf(1)];
    let spec = TreeSpec { nodes, ..tree(split(1, 2)) };
    assert!(refusal(&spec).contains("node 1: child 0 is led to twice"));
}

#[test]
fn nodes_that_the_root_does_not_lead_to_are_left_out() {
    let mut spec = tree(split(1, 2));
    spec.nodes.push(node(NodeKind::Split(split(900, 901))));
    let mut builder = Builder::<f32, f32>::new(1, 1);
    builder.add(&spec).unwrap();
    assert_eq!(builder.finish().nodes(), 3);
}
