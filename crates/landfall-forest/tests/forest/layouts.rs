//! What layouts are made, and what memory they take.

use crate::grown::{ALL_KINDS, Grown, Plan, bits, grow};
use landfall_forest::{Kernel, Real, Rows};

/// Rows, one by one and in a block, until each has been answered by a layout of its own.
fn ask_for_layouts<X: Real, Y: Real>(grown: &Grown<X, Y>) {
    let trees = grown.forest.trees();
    let values = grown.rows(4, 200);
    let rows = Rows::new(&values, 200, grown.features);
    let mut all = vec![Y::ZERO; 200 * grown.forest.outputs()];
    grown.forest.add_margins_by(Kernel::Definition, rows, 0..trees, &mut all);
    let mut block = vec![Y::ZERO; all.len()];
    grown.forest.add_margins(rows, 0..trees, &mut block);
    assert_eq!(bits(&block), bits(&all));
    let each = all.chunks_exact(grown.forest.outputs());
    for (row, expected) in values.chunks_exact(grown.features).zip(each) {
        let mut sums = vec![Y::ZERO; expected.len()];
        grown.forest.add_margins(Rows::new(row, 1, grown.features), 0..trees, &mut sums);
        assert_eq!(bits(&sums), bits(expected));
    }
}

#[test]
fn layouts_are_made_where_they_are_asked_for() {
    for plan in [
        Plan { trees: 40, ..Plan::new(4, ALL_KINDS[0]) },
        Plan { oblivious: true, ..Plan::new(4, ALL_KINDS[0]) },
    ] {
        let grown: Grown<f32, f32> = grow(plan);
        let held = grown.forest.memory_bytes();
        let values = grown.rows(4, 1);
        let mut sums = vec![0.0; grown.forest.outputs()];
        let mut ask = || {
            grown.forest.add_margins(Rows::new(&values, 1, grown.features), 0..1, &mut sums);
            grown.forest.memory_bytes()
        };
        assert_eq!(ask(), held, "one row goes down the nodes");
        let after = (0..100).map(|_| ask()).last();
        assert!(after > Some(held), "many single rows get a layout");
        let copy = grown.forest.clone();
        assert_eq!(Some(copy.memory_bytes()), after);
        ask_for_layouts(&grown);
        assert!(Some(grown.forest.memory_bytes()) > after, "a block gets another one");
    }
}

/// Bytes of a forest's layouts once single rows and a block of float32 were asked for, whose numbers are moved by `step`.
fn layouts_after(step: f64) -> usize {
    let plan =
        Plan { trees: 100, depth: 6, features: 28, values: 5000, full: true, ..Plan::new(9, ALL_KINDS[1]) };
    let grown: Grown<f64, f64> = grow(plan);
    let narrow: Vec<f32> = (0..200 * 28).map(|at| (at % 509) as f32 / 4.0).collect();
    let wide: Vec<f64> = narrow.iter().map(|&x| f64::from(x) + step).collect();
    let mut sums = vec![0.0; 200];
    for (row, sum) in wide.chunks_exact(28).zip(&mut sums) {
        grown.forest.add_margins(Rows::new(row, 1, 28), 0..100, std::slice::from_mut(sum));
    }
    grown.forest.add_margins_of_f32(None, Rows::new(&narrow, 200, 28), 0..100, &mut sums);
    grown.forest.memory_bytes() - grown.forest.nodes_bytes()
}

#[test]
fn rows_that_float32_holds_need_no_thresholds_of_float64() {
    let (held, others) = (layouts_after(0.0), layouts_after(1e-9));
    assert!(4 * held < 3 * others, "{held} bytes, and {others} where rows of both kinds came");
}

#[test]
fn layouts_take_at_most_half_of_what_the_trees_take() {
    for depth in [6, 8] {
        let plan =
            Plan { trees: 300, depth, features: 28, full: true, values: 200, ..Plan::new(9, ALL_KINDS[0]) };
        let grown: Grown<f32, f32> = grow(plan);
        assert!(grown.forest.memory_bytes() < grown.forest.nodes_bytes() * 21 / 20, "none is made unasked");
        ask_for_layouts(&grown);
        let (trees, all) = (grown.forest.nodes_bytes(), grown.forest.memory_bytes());
        assert!(2 * all <= 3 * trees, "{all} bytes, {trees} of them trees");
    }
    let plan = Plan { trees: 300, depth: 7, oblivious: true, full: true, ..Plan::new(9, ALL_KINDS[0]) };
    let grown: Grown<f32, f64> = grow(plan);
    ask_for_layouts(&grown);
    let leaves = 300 * 128;
    assert!(
        grown.forest.memory_bytes() < leaves * 14,
        "a value and a cover for each leaf, and nothing for splits"
    );
}
