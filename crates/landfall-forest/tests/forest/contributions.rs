//! Contributions against Shapley values written out: a sum over all sets of features.

use crate::grown::{ALL_KINDS, Grown, Kinds, Plan, grow};
use landfall_forest::{Builder, NodeKind, NodeSpec, Real, Rows, ShapSpace, Side, Split, Test, TreeSpec};

/// What a tree gives on average where only the features of a set are known.
fn mean<X: Real, Y: Real>(
    grown: &Grown<X, Y>,
    spec: &TreeSpec<X, Y>,
    node: usize,
    row: &[X],
    known: u32,
) -> f64 {
    match &spec.nodes[node].kind {
        NodeKind::Leaf { leaf, .. } => spec.values[*leaf as usize].wide(),
        NodeKind::Split(split) => {
            let child = |child: u32| mean(grown, spec, child as usize, row, known);
            let cover = |child: u32| spec.nodes[child as usize].cover / spec.nodes[node].cover;
            if known >> split.feature & 1 == 1 {
                child(if grown.goes_left(split, row) { split.left } else { split.right })
            } else {
                cover(split.left) * child(split.left) + cover(split.right) * child(split.right)
            }
        }
    }
}

fn factorial(n: u32) -> f64 {
    (1..=n).map(f64::from).product()
}

/// Shapley values of some players: each set's worth is asked for with `always` in it.
fn shapley(features: u32, player: u32, apart: u32, always: u32, worth: impl Fn(u32) -> f64) -> f64 {
    let players = features - apart.count_ones();
    (0..1u32 << features)
        .filter(|set| set & (1 << player | apart) == 0)
        .map(|set| {
            let size = set.count_ones();
            let weight = factorial(size) * factorial(players - size - 1) / factorial(players);
            weight * (worth(set | always | 1 << player) - worth(set | always))
        })
        .sum()
}

#[test]
fn contributions_and_interactions_are_shapley_values() {
    for kinds in ALL_KINDS {
        for seed in 0..12 {
            let oblivious = seed % 4 == 3;
            let plan = Plan { features: 4, outputs: 2, oblivious, ..Plan::new(seed, kinds) };
            let grown: Grown<f64, f64> = grow(plan);
            let (rows, side) = (3, plan.features + 1);
            let values = grown.rows(seed, rows);
            let matrix = Rows::new(&values, rows, plan.features);
            let mut space = ShapSpace::default();
            let mut found = vec![0.0; rows * 2 * side];
            grown.forest.contributions(matrix, 0..plan.trees, &mut space, &mut found).unwrap();
            let mut pairs = vec![0.0; rows * 2 * side * side];
            grown.forest.interactions(matrix, 0..plan.trees, &mut space, &mut pairs).unwrap();
            for row in 0..rows {
                for output in 0..2 {
                    let trees = || grown.specs.iter().filter(move |spec| spec.first_output == output);
                    let worth = |set: u32| -> f64 {
                        trees().map(|spec| mean(&grown, spec, 0, matrix.row(row), set)).sum()
                    };
                    let scale = 1e-9 * (1.0 + worth(0).abs() + worth(15).abs());
                    let found = &found[(row * 2 + output) * side..][..side];
                    let pairs = &pairs[(row * 2 + output) * side * side..][..side * side];
                    assert!((found[side - 1] - worth(0)).abs() <= scale, "{plan:?}: the average");
                    for player in 0..4u32 {
                        let expected = shapley(4, player, 0, 0, worth);
                        let got = found[player as usize];
                        assert!((got - expected).abs() <= scale * 10.0, "{plan:?}: {got} for {expected}");
                        for other in (0..4u32).filter(|&other| other != player) {
                            let apart = 1 << other;
                            let known = shapley(4, player, apart, apart, worth);
                            let unknown = shapley(4, player, apart, 0, worth);
                            let got = pairs[other as usize * side + player as usize];
                            let expected = (known - unknown) / 2.0;
                            assert!((got - expected).abs() <= scale * 10.0, "{plan:?}: {got} for {expected}");
                        }
                        let line = &pairs[player as usize * side..][..side];
                        let sum: f64 = line.iter().sum();
                        assert!(
                            (sum - found[player as usize]).abs() <= scale * 10.0,
                            "{plan:?}: a line's sum"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let plan = Plan { linear: true, ..Plan::new(3, ALL_KINDS[0]) };
    let grown: Grown<f64, f64> = grow(plan);
    let values = grown.rows(1, 1);
    let rows = Rows::new(&values, 1, plan.features);
    let mut sums = vec![0.0; plan.features + 1];
    let problem = grown.forest.contributions(rows, 0..1, &mut ShapSpace::default(), &mut sums).unwrap_err();
    assert!(problem.to_string().contains("linear"), "{problem}");
}

#[test]
fn changes_of_trees_of_one_level_are_those_of_the_same_trees_written_out() {
    let plan = Plan { oblivious: true, trees: 9, depth: 1, ..Plan::new(5, Kinds::AtMost) };
    let grown = grow::<f32, f64>(plan);
    let mut builder = Builder::new(plan.features, plan.outputs);
    grown.specs.iter().for_each(|spec| builder.add(spec).unwrap());
    let changes = [grown.forest, builder.finish()].map(|forest| forest.value_changes().unwrap());
    assert!((changes[0].iter().sum::<f64>() - 100.0).abs() < 1e-9);
    for (levels, nodes) in changes[0].iter().zip(&changes[1]) {
        assert!((levels - nodes).abs() < 1e-9, "{levels} and {nodes}");
    }
}

#[test]
fn what_a_split_changes_is_weighted_with_both_sides() {
    let split = |feature, left, right| {
        NodeKind::Split(Split {
            feature,
            test: Test::Less(0.0),
            missing: Side::Left,
            zero_is_missing: false,
            left,
            right,
        })
    };
    let leaf = |leaf| NodeKind::Leaf { leaf, id: leaf };
    let nodes =
        [(split(0, 1, 2), 4.0), (leaf(0), 1.0), (split(1, 3, 4), 3.0), (leaf(1), 1.0), (leaf(2), 2.0)];
    let mut builder = Builder::<f32, f64>::new(2, 1);
    builder
        .add(&TreeSpec {
            nodes: nodes.map(|(kind, cover)| NodeSpec { kind, cover }).into(),
            values: vec![5.0, 0.0, 3.0],
            width: 1,
            first_output: 0,
            linear: Vec::new(),
        })
        .unwrap();
    // Of the lower split 9 * 1 * 2 / 3; of the upper one, between 5 and the mean 2 below, 9 * 1 * 3 / 4.
    let (upper, lower) = (6.75, 6.0);
    let changes = builder.finish().value_changes().unwrap();
    assert!((changes[0] - 100.0 * upper / (upper + lower)).abs() < 1e-9, "{changes:?}");
    assert!((changes[0] + changes[1] - 100.0).abs() < 1e-9);
}
