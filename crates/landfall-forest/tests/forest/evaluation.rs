//! Sums and leaves.

use crate::grown::{ALL_KINDS, Grown, Plan, bits, grow};
use landfall_forest::{
    Builder, Instructions, Kernel, NodeKind, NodeSpec, Real, Rows, Side, Split, Test, TreeSpec,
};
use std::io::Write;

fn check<X: Real, Y: Real>(plan: Plan, rows: usize) {
    let grown: Grown<X, Y> = grow(plan);
    let values = grown.rows(plan.seed, rows);
    let matrix = Rows::new(&values, rows, grown.features);
    let base = Y::of(0.1);
    let mut sums = vec![base; rows * grown.outputs];
    grown.forest.add_margins(matrix, 0..grown.specs.len(), &mut sums);
    for kernel in Kernel::available() {
        let mut by_kernel = vec![base; rows * grown.outputs];
        grown.forest.add_margins_by(kernel, matrix, 0..grown.specs.len(), &mut by_kernel);
        assert_eq!(bits(&by_kernel), bits(&sums), "{plan:?}: {kernel:?}");
    }
    check_narrow(&grown, &values, plan);
    let turned: Vec<Vec<X>> =
        (0..grown.features).map(|at| (0..rows).map(|row| matrix.row(row)[at]).collect()).collect();
    let columns: Vec<&[X]> = turned.iter().map(Vec::as_slice).collect();
    let mut by_columns = vec![base; rows * grown.outputs];
    if grown.forest.add_margins_of_columns(&columns, 0..grown.specs.len(), &mut by_columns) {
        assert_eq!(bits(&by_columns), bits(&sums), "{plan:?}: columns");
    }
    let mut leaves = vec![0; rows * grown.specs.len()];
    grown.forest.leaf_ids(matrix, 0..grown.specs.len(), &mut leaves);
    for row in 0..rows {
        let expected = grown.sums(matrix.row(row), base);
        let found = &sums[row * grown.outputs..(row + 1) * grown.outputs];
        assert_eq!(bits(found), bits(&expected), "{plan:?}, row {row} of {rows}: {:?}", matrix.row(row));
        for (tree, spec) in grown.specs.iter().enumerate() {
            let expected = grown.leaf(spec, matrix.row(row)).1 as i32;
            assert_eq!(leaves[row * grown.specs.len() + tree], expected, "{plan:?}, row {row}, tree {tree}");
        }
        let mut alone = vec![base; grown.outputs];
        let one = Rows::new(matrix.row(row), 1, grown.features);
        grown.forest.add_margins(one, 0..grown.specs.len(), &mut alone);
        assert_eq!(bits(found), bits(&alone), "{plan:?}: row {row} alone");
    }
}

/// Rows of float32 have the sums of the same numbers in the type that trees compare.
fn check_narrow<X: Real, Y: Real>(grown: &Grown<X, Y>, values: &[X], plan: Plan) {
    let narrow: Vec<f32> = values.iter().map(|value| f32::of(value.wide())).collect();
    let wide: Vec<X> = narrow.iter().map(|value| X::of(value.wide())).collect();
    let (features, trees) = (grown.features, 0..grown.specs.len());
    let count = values.len().checked_div(features).unwrap_or(0);
    let (narrow, wide) = (Rows::new(&narrow, count, features), Rows::new(&wide, count, features));
    let mut sums = vec![Y::of(0.1); count * grown.outputs];
    grown.forest.add_margins_by(Kernel::Definition, wide, trees.clone(), &mut sums);
    for kernel in Kernel::available().into_iter().map(Some).chain([None]) {
        let mut found = vec![Y::of(0.1); sums.len()];
        grown.forest.add_margins_of_f32(kernel, narrow, trees.clone(), &mut found);
        assert_eq!(bits(&found), bits(&sums), "{plan:?}: {kernel:?}, of float32");
    }
    for (row, expected) in sums.chunks_exact(grown.outputs).enumerate() {
        let mut alone = vec![Y::of(0.1); grown.outputs];
        let one = Rows::new(wide.row(row), 1, features);
        grown.forest.add_margins(one, trees.clone(), &mut alone);
        assert_eq!(bits(&alone), bits(expected), "{plan:?}: row {row} alone, of numbers that float32 holds");
    }
    let column = |at: usize| (0..count).map(|row| narrow.row(row)[at]).collect();
    let turned: Vec<Vec<f32>> = (0..features).map(column).collect();
    let columns: Vec<&[f32]> = turned.iter().map(Vec::as_slice).collect();
    let mut found = vec![Y::of(0.1); sums.len()];
    if grown.forest.add_margins_of_f32_columns(&columns, trees, &mut found) {
        assert_eq!(bits(&found), bits(&sums), "{plan:?}: columns of float32");
    }
}

/// Sizes around the edges of blocks and of vector registers.
const SIZES: [usize; 12] = [0, 1, 7, 11, 12, 63, 64, 65, 130, 255, 257, 600];

#[test]
fn sums_and_leaves_are_those_of_the_definition() {
    for kinds in ALL_KINDS {
        for seed in 0..40 {
            let plan = Plan::new(seed, kinds);
            let rows = SIZES[seed as usize % SIZES.len()];
            check::<f32, f32>(plan, rows);
            check::<f64, f64>(plan, rows);
            check::<f32, f64>(plan, rows);
        }
    }
}

#[test]
fn several_outputs_vector_leaves_and_linear_leaves_are_added_in_order() {
    for kinds in ALL_KINDS {
        for seed in 0..20 {
            let plan = Plan { outputs: 3, ..Plan::new(seed, kinds) };
            check::<f32, f32>(plan, 70);
            check::<f32, f32>(Plan { vectors: true, ..plan }, 70);
            check::<f64, f64>(Plan { linear: true, ..plan }, 70);
        }
    }
}

#[test]
fn deep_and_wide_forests_are_those_of_the_definition() {
    for kinds in ALL_KINDS {
        check::<f32, f32>(Plan { depth: 10, trees: 30, ..Plan::new(1, kinds) }, 130);
        check::<f32, f32>(Plan { features: 300, trees: 100, ..Plan::new(2, kinds) }, 70);
        check::<f64, f64>(Plan { depth: 10, trees: 30, ..Plan::new(3, kinds) }, 130);
    }
}

#[test]
fn forests_of_a_few_deep_trees_are_those_of_the_definition() {
    for kinds in ALL_KINDS {
        for depth in 5..=12 {
            for trees in [1, 2, 3] {
                let plan = Plan { depth, trees, full: depth < 9, ..Plan::new(depth as u64, kinds) };
                check::<f32, f32>(plan, 20);
                check::<f32, f32>(Plan { features: 28, ..plan }, 20);
                check::<f64, f64>(Plan { features: 28, ..plan }, 20);
            }
        }
    }
}

#[test]
fn the_kernels_that_ran_are_named() {
    let kernels = Kernel::available();
    // Not by `println`: which kernels this machine has is to be seen of tests that pass, too.
    writeln!(std::io::stderr(), "kernels compared: {kernels:?}").unwrap();
    let plain = Instructions::Plain;
    let everywhere = [Kernel::Definition, Kernel::Lanes, Kernel::Packed(plain), Kernel::Sliced(plain)];
    assert!(everywhere.iter().all(|kernel| kernels.contains(kernel)));
    assert!(kernels.contains(&Kernel::Sliced(Instructions::best())));
}

#[test]
fn features_and_trees_that_are_too_fine_for_bytes_stand_beside_others() {
    for kinds in ALL_KINDS {
        let many = Plan { trees: 60, depth: 8, features: 3, values: 5000, ..Plan::new(7, kinds) };
        check::<f32, f32>(many, 300);
        check::<f64, f64>(Plan { features: 40, ..many }, 300);
        check::<f64, f64>(Plan { features: 40, depth: 13, trees: 12, ..many }, 300);
        check::<f32, f32>(Plan { features: 1, values: 240, ..many }, 1300);
        check::<f32, f32>(Plan { features: 1, values: 260, ..many }, 1300);
    }
}

#[test]
fn trees_that_are_single_leaves_add_up() {
    for outputs in [1, 3] {
        for rows in SIZES {
            let plan = Plan { depth: 0, outputs, trees: 70, ..Plan::new(rows as u64, ALL_KINDS[0]) };
            check::<f32, f32>(plan, rows);
            check::<f32, f32>(Plan { vectors: true, ..plan }, rows);
            check::<f64, f64>(plan, rows);
            check::<f32, f64>(Plan { features: 0, ..plan }, rows);
        }
    }
}

/// Stumps on so many thresholds of one feature, with rows on and beside each of them.
fn check_thresholds<X: Real>(count: usize, test: fn(X) -> Test<X>, missing: Side) {
    let mut builder = Builder::<X, X>::new(1, 1);
    for at in 0..count {
        let threshold = X::of(at as f64 + 0.1);
        let split =
            Split { feature: 0, test: test(threshold), missing, zero_is_missing: false, left: 1, right: 2 };
        let node = |kind| NodeSpec { kind, cover: 1.0 };
        let leaf = |leaf| node(NodeKind::Leaf { leaf, id: leaf });
        let nodes = vec![node(NodeKind::Split(split)), leaf(0), leaf(1)];
        let values = vec![X::of(0.1 / (at + 1) as f64), X::of(at as f64 / 3.0)];
        builder.add(&TreeSpec { nodes, values, width: 1, first_output: 0, linear: Vec::new() }).unwrap();
    }
    let forest = builder.finish();
    let beside = |at: usize| [at as f64, at as f64 + 0.1, at as f64 + 0.2].map(X::of);
    let edges = [X::NAN, X::INFINITY, X::of(f64::NEG_INFINITY), X::of(-1.0)];
    let values: Vec<X> = (0..=count).flat_map(beside).chain(edges).collect();
    let rows = Rows::new(&values, values.len(), 1);
    let mut expected = vec![X::ZERO; values.len()];
    forest.add_margins_by(Kernel::Definition, rows, 0..count, &mut expected);
    for kernel in Kernel::available() {
        let mut sums = vec![X::ZERO; values.len()];
        forest.add_margins_by(kernel, rows, 0..count, &mut sums);
        assert_eq!(
            bits(&sums),
            bits(&expected),
            "{kernel:?}, {count} thresholds, missing to the {missing:?}"
        );
    }
}

#[test]
fn ranks_among_any_number_of_thresholds_are_those_of_the_definition() {
    for count in [1, 15, 16, 24, 25, 31, 32, 33, 47, 63, 64, 65, 127, 128, 129, 200, 254, 255, 256, 300] {
        for missing in [Side::Left, Side::Right] {
            check_thresholds::<f32>(count, Test::Less, missing);
            check_thresholds::<f32>(count, Test::AtMost, missing);
            check_thresholds::<f64>(count, Test::Less, missing);
            check_thresholds::<f64>(count, Test::AtMost, missing);
        }
    }
}

#[test]
fn single_rows_of_any_width_are_those_of_the_definition() {
    for features in [1, 15, 16, 17, 63, 64, 65, 500, 512, 513] {
        let plan = Plan { features, trees: 4, depth: 3, ..Plan::new(features as u64, ALL_KINDS[1]) };
        check::<f64, f64>(plan, 90);
    }
}

#[test]
fn shallow_forests_of_many_trees_are_those_of_the_definition() {
    for kinds in ALL_KINDS {
        for depth in 1..=9 {
            let plan = Plan { trees: 150, depth, features: 20, ..Plan::new(depth as u64, kinds) };
            check::<f32, f32>(plan, 130);
            check::<f64, f64>(Plan { outputs: 3, ..plan }, 100);
            check::<f32, f64>(Plan { outputs: 3, vectors: true, ..plan }, 100);
            check::<f32, f32>(Plan { full: true, features: 28, values: 300, ..plan }, 600);
            check::<f64, f64>(Plan { full: true, trees: 67, ..plan }, 600);
        }
    }
}

#[test]
fn oblivious_trees_are_those_of_the_definition() {
    for kinds in ALL_KINDS {
        for depth in [0, 1, 5, 8, 9, 12, 17] {
            let plan = Plan { oblivious: true, trees: 70, depth, ..Plan::new(depth as u64, kinds) };
            check::<f32, f64>(plan, SIZES[depth % SIZES.len()]);
            check::<f64, f64>(Plan { outputs: 3, features: 40, ..plan }, 100);
            check::<f32, f64>(Plan { outputs: 3, vectors: true, values: 3000, trees: 20, ..plan }, 100);
            check::<f32, f32>(Plan { full: true, features: 12, values: 300, trees: 20, ..plan }, 100);
        }
    }
}

#[test]
fn long_and_uneven_trees_are_those_of_the_definition() {
    for kinds in ALL_KINDS {
        // As many as go on together, and more; of few trees, and of many.
        for (depth, seed, trees) in
            [(9, 1, 75), (12, 2, 75), (16, 3, 75), (10, 4, 112), (9, 5, 113), (9, 6, 1030)]
        {
            let plan = Plan { trees, depth, features: 12, values: 200, ..Plan::new(seed, kinds) };
            check::<f32, f32>(plan, 70);
            check::<f64, f64>(Plan { outputs: 2, ..plan }, 65);
            check::<f64, f64>(Plan { outputs: 2, vectors: true, trees: 33, ..plan }, 65);
        }
    }
}

#[test]
fn deep_trees_of_few_leaves_are_those_of_the_definition() {
    for kinds in ALL_KINDS {
        // Sixteen trees at a time; a word has 32 leaves.
        for (seed, trees, leaves) in
            [(1, 3, 32), (2, 15, 32), (3, 16, 31), (4, 17, 9), (5, 100, 32), (6, 70, 33), (7, 40, 20)]
        {
            let plan = Plan { trees, leaves, depth: 14, values: 90, ..Plan::new(seed, kinds) };
            check::<f32, f32>(Plan { full: true, ..plan }, 70);
            check::<f64, f64>(Plan { features: 12, outputs: 3, ..plan }, 40);
            check::<f32, f64>(Plan { features: 12, full: true, ..plan }, 40);
            // Ranks that take more registers.
            for features in [24, 55] {
                check::<f32, f32>(Plan { features, ..plan }, 20);
            }
        }
    }
}

#[test]
fn large_trees_are_those_of_the_definition_for_any_number_of_rows() {
    for kinds in ALL_KINDS {
        for (at, rows) in
            [1, 2, 15, 16, 17, 63, 64, 65, 95, 96, 97, 128, 191, 511, 512, 513, 700].into_iter().enumerate()
        {
            // Of full trees of 512 leaves and more; of uneven ones, some of which are small; of values that repeat, or hardly do.
            let full =
                Plan { depth: 9 + at % 2, trees: 1 + at % 4, full: true, ..Plan::new(at as u64, kinds) };
            check::<f32, f32>(full, rows);
            check::<f64, f64>(Plan { features: 28, values: 20_000, ..full }, rows);
            let uneven = Plan { depth: 14, full: false, features: 12, values: 3000, ..full };
            check::<f32, f64>(uneven, rows);
            check::<f32, f32>(Plan { outputs: 3, vectors: true, trees: 6, ..uneven }, rows);
            check::<f64, f64>(Plan { outputs: 2, linear: true, ..full }, rows);
            check::<f32, f64>(Plan { oblivious: true, depth: 9 + at % 9, outputs: 2, ..full }, rows);
        }
    }
}

#[test]
fn few_trees_of_many_features_are_those_of_the_definition() {
    for kinds in ALL_KINDS {
        for features in [3, 16, 31, 32, 33, 200] {
            let plan = Plan { features, trees: 11, depth: 3, ..Plan::new(features as u64, kinds) };
            check::<f32, f32>(plan, 40);
            check::<f64, f64>(Plan { trees: 3, depth: 6, full: true, ..plan }, 40);
            check::<f32, f64>(Plan { trees: 1, outputs: 2, ..plan }, 40);
        }
    }
}

#[test]
fn trees_whose_splits_fit_into_a_byte_are_those_of_the_definition() {
    for kinds in ALL_KINDS {
        for (depth, outputs) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3), (3, 3)] {
            // Of many features, so that values are compared; one tree, some, and more than go together.
            for (trees, features) in [(1, 28), (7, 28), (8, 28), (20, 60), (70, 200)] {
                let plan = Plan { features, trees, depth, outputs, ..Plan::new(trees as u64, kinds) };
                check::<f32, f32>(plan, 20);
                check::<f64, f64>(plan, 20);
                check::<f32, f64>(Plan { vectors: true, ..plan }, 20);
            }
        }
    }
}

#[test]
fn a_part_of_the_trees_gives_a_part_of_the_sum() {
    let grown: Grown<f64, f64> = grow(Plan::new(5, ALL_KINDS[1]));
    let values = grown.rows(5, 10);
    let rows = Rows::new(&values, 10, grown.features);
    let mut parts = vec![0.0; 10];
    grown.forest.add_margins(rows, 0..3, &mut parts);
    grown.forest.add_margins(rows, 3..7, &mut parts);
    let mut whole = vec![0.0; 10];
    grown.forest.add_margins(rows, 0..7, &mut whole);
    assert_eq!(bits(&parts), bits(&whole));
    let plan = Plan { trees: 150, full: true, ..Plan::new(6, ALL_KINDS[0]) };
    let uneven = Plan { depth: 14, leaves: 32, ..plan };
    let deep = Plan { depth: 10, ..plan };
    for plan in [plan, Plan { oblivious: true, ..plan }, deep, uneven, Plan { features: 300, ..plan }] {
        let grown: Grown<f32, f32> = grow(plan);
        let values = grown.rows(6, 10);
        let rows = Rows::new(&values, 10, grown.features);
        let mut whole = vec![0.0; 10];
        grown.forest.add_margins(rows, 0..150, &mut whole);
        for kernel in Kernel::available() {
            let mut parts = vec![0.0; 10];
            for trees in [0..3, 3..70, 70..70, 70..150] {
                grown.forest.add_margins_by(kernel, rows, trees, &mut parts);
            }
            assert_eq!(bits(&parts), bits(&whole), "{plan:?}: {kernel:?}");
        }
    }
}

#[test]
fn many_rows_may_come_as_columns() {
    let grown: Grown<f32, f32> = grow(Plan { trees: 20, full: true, ..Plan::new(3, ALL_KINDS[0]) });
    assert!(grown.forest.takes_columns(600) && !grown.forest.takes_columns(3));
    let values = grown.rows(3, 3);
    let columns: Vec<&[f32]> = (0..grown.features).map(|at| &values[at..]).collect();
    let mut sums = [0.0; 3];
    assert!(!grown.forest.add_margins_of_columns(&columns, 0..20, &mut sums));
    assert_eq!(sums, [0.0; 3]);
}
