//! Forests grown at random from a seed, and the plain way to evaluate them.

use landfall_forest::{
    Builder, Forest, Level, LinearLeaf, NegativeFractions, NodeKind, NodeSpec, ObliviousSpec, Real, Side,
    Split, Test, TreeSpec,
};

/// Numbers from a seed (xorshift64*).
pub(crate) struct Dice {
    state: u64,
    /// Different numbers on the grid.
    values: usize,
}

impl Dice {
    pub(crate) fn new(seed: u64, values: usize) -> Self {
        Dice { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, values }
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    /// Mostly small numbers on a grid, so that values meet thresholds; now and then one at the edge of the type.
    pub(crate) fn value<X: Real>(&mut self) -> X {
        const EDGES: [f64; 8] =
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e-40, -0.5, f64::MAX];
        match self.below(10) {
            0 => X::NAN,
            1 => X::of(EDGES[self.below(EDGES.len())]),
            // Of float64 some lie beside the grid, where no float32 is.
            _ => {
                X::of((self.below(self.values) as f64 - 20.0) / 4.0 + [0.0, 0.0, 1e-9, -1e-9][self.below(4)])
            }
        }
    }

    /// Leaves that do not add up exactly: an order of addition shows.
    pub(crate) fn leaf<Y: Real>(&mut self) -> Y {
        Y::of((self.below(20001) as f64 - 10000.0) / 3.0 * 10f64.powi(self.below(7) as i32 - 3))
    }
}

/// Bits, with all NaNs being one.
pub(crate) fn bits<Y: Real>(values: &[Y]) -> Vec<u64> {
    values.iter().map(|value| if value.is_nan() { u64::MAX } else { value.wide().to_bits() }).collect()
}

/// Which splits grow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kinds {
    Less,
    AtMost,
    Mixed,
}

pub(crate) const ALL_KINDS: [Kinds; 3] = [Kinds::Less, Kinds::AtMost, Kinds::Mixed];

/// A forest and the trees that it was built from.
pub(crate) struct Grown<X, Y> {
    pub(crate) specs: Vec<TreeSpec<X, Y>>,
    pub(crate) forest: Forest<X, Y>,
    pub(crate) features: usize,
    pub(crate) outputs: usize,
    pub(crate) negative_fractions: NegativeFractions,
    values: usize,
}

/// What to grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) kinds: Kinds,
    pub(crate) trees: usize,
    pub(crate) depth: usize,
    /// The most leaves of a tree.
    pub(crate) leaves: usize,
    pub(crate) features: usize,
    pub(crate) outputs: usize,
    pub(crate) vectors: bool,
    pub(crate) linear: bool,
    /// Different values of thresholds and rows.
    pub(crate) values: usize,
    /// Whether all leaves lie as deep as they may.
    pub(crate) full: bool,
    /// Whether trees are oblivious, and added as such.
    pub(crate) oblivious: bool,
}

impl Plan {
    pub(crate) fn new(seed: u64, kinds: Kinds) -> Self {
        Plan {
            seed,
            kinds,
            trees: 7,
            depth: 5,
            leaves: usize::MAX,
            features: 6,
            outputs: 1,
            vectors: false,
            linear: false,
            values: 41,
            full: false,
            oblivious: false,
        }
    }
}

pub(crate) fn grow<X: Real, Y: Real>(plan: Plan) -> Grown<X, Y> {
    let mut dice = Dice::new(plan.seed, plan.values);
    let rules = [NegativeFractions::AreNone, NegativeFractions::AreZero];
    let negative_fractions = rules[dice.below(2)];
    let mut builder = Builder::new(plan.features, plan.outputs).negative_fractions(negative_fractions);
    let mut specs = Vec::new();
    for tree in 0..plan.trees {
        let spec = if plan.oblivious {
            let oblivious = grow_oblivious(&mut dice, &plan, tree);
            builder.add_oblivious(&oblivious).unwrap();
            written_out(&oblivious)
        } else {
            let spec = grow_tree(&mut dice, &plan, tree);
            builder.add(&spec).unwrap();
            spec
        };
        specs.push(spec);
    }
    let forest = builder.finish();
    let Plan { features, outputs, values, .. } = plan;
    Grown { specs, forest, features, outputs, negative_fractions, values }
}

fn grow_tree<X: Real, Y: Real>(dice: &mut Dice, plan: &Plan, tree: usize) -> TreeSpec<X, Y> {
    let width = if plan.vectors { plan.outputs } else { 1 };
    let first_output = if plan.vectors { 0 } else { tree % plan.outputs };
    let mut spec =
        TreeSpec { nodes: Vec::new(), values: Vec::new(), width, first_output, linear: Vec::new() };
    let depth = if plan.full { plan.depth } else { dice.below(plan.depth + 1) };
    grow_node(dice, plan, &mut spec, depth, plan.leaves);
    let leaves = spec.values.len() / width;
    if plan.linear && tree % 2 == 1 {
        let mut term = |_| (dice.below(plan.features) as u32, dice.leaf());
        spec.linear = (0..leaves)
            .map(|leaf| LinearLeaf {
                constant: Y::of(leaf as f64),
                terms: (0..leaf % 3).map(&mut term).collect(),
            })
            .collect();
    }
    spec
}

fn grow_node<X: Real, Y: Real>(
    dice: &mut Dice,
    plan: &Plan,
    spec: &mut TreeSpec<X, Y>,
    depth: usize,
    leaves: usize,
) -> u32 {
    let number = spec.nodes.len();
    let leaf = (spec.values.len() / spec.width) as u32;
    spec.nodes.push(NodeSpec { kind: NodeKind::Leaf { leaf, id: 1000 + number as u32 }, cover: 1.0 });
    if depth == 0 || leaves == 1 || (!plan.full && dice.below(8) == 0) {
        (0..spec.width).for_each(|_| spec.values.push(dice.leaf()));
        spec.nodes[number].cover = 1.0 + dice.below(9) as f64;
        return number as u32;
    }
    let Level { feature, test, missing, zero_is_missing } = grow_question(dice, plan);
    // Unequal shares make uneven trees.
    let share = if leaves == usize::MAX { leaves } else { 1 + dice.below(leaves - 1) };
    let rest = if leaves == usize::MAX { leaves } else { leaves - share };
    let left = grow_node(dice, plan, spec, depth - 1, share);
    let right = grow_node(dice, plan, spec, depth - 1, rest);
    spec.nodes[number].cover = spec.nodes[left as usize].cover + spec.nodes[right as usize].cover;
    spec.nodes[number].kind = NodeKind::Split(Split { feature, test, missing, zero_is_missing, left, right });
    number as u32
}

fn grow_question<X: Real>(dice: &mut Dice, plan: &Plan) -> Level<X> {
    let threshold = loop {
        let value: X = dice.value();
        if !value.is_nan() {
            break value;
        }
    };
    let test = match (plan.kinds, dice.below(4)) {
        (Kinds::Less, _) | (Kinds::Mixed, 0) => Test::Less(threshold),
        (Kinds::AtMost, _) | (Kinds::Mixed, 1) => Test::AtMost(threshold),
        (Kinds::Mixed, 2) => Test::Equal(threshold),
        (Kinds::Mixed, _) => Test::Among((0..dice.below(4)).map(|_| dice.below(6) as u32).collect()),
    };
    let missing = Side::left_if(dice.below(2) == 0);
    let zero_is_missing = plan.kinds == Kinds::Mixed && dice.below(3) == 0;
    let feature = dice.below(plan.features) as u32;
    Level { feature, test, missing, zero_is_missing }
}

fn grow_oblivious<X: Real, Y: Real>(dice: &mut Dice, plan: &Plan, tree: usize) -> ObliviousSpec<X, Y> {
    let levels = if plan.full { plan.depth } else { dice.below(plan.depth + 1) };
    let width = if plan.vectors { plan.outputs } else { 1 };
    ObliviousSpec {
        levels: (0..levels).map(|_| grow_question(dice, plan)).collect(),
        values: (0..width << levels).map(|_| dice.leaf()).collect(),
        width,
        first_output: if plan.vectors { 0 } else { tree % plan.outputs },
        covers: (0..1 << levels).map(|_| 1.0 + dice.below(9) as f64).collect(),
    }
}

/// An oblivious tree with all its nodes, the last level at the root.
fn written_out<X: Real, Y: Real>(oblivious: &ObliviousSpec<X, Y>) -> TreeSpec<X, Y> {
    let levels = oblivious.levels.len();
    let splits = (1usize << levels) - 1;
    let mut nodes: Vec<NodeSpec<X>> = Vec::new();
    for place in 0..splits {
        let level = &oblivious.levels[levels - 1 - (place + 1).ilog2() as usize];
        let Level { feature, test, missing, zero_is_missing } = level.clone();
        let (left, right) = (2 * place as u32 + 1, 2 * place as u32 + 2);
        let split = Split { feature, test, missing, zero_is_missing, left, right };
        nodes.push(NodeSpec { kind: NodeKind::Split(split), cover: 0.0 });
    }
    let leaf = |(leaf, &cover)| NodeSpec { kind: NodeKind::Leaf { leaf, id: leaf }, cover };
    nodes.extend((0..).zip(&oblivious.covers).map(leaf));
    for place in (0..splits).rev() {
        nodes[place].cover = nodes[2 * place + 1].cover + nodes[2 * place + 2].cover;
    }
    let ObliviousSpec { values, width, first_output, .. } = oblivious.clone();
    TreeSpec { nodes, values, width, first_output, linear: Vec::new() }
}

impl<X: Real, Y: Real> Grown<X, Y> {
    pub(crate) fn rows(&self, seed: u64, rows: usize) -> Vec<X> {
        let mut dice = Dice::new(seed ^ 0xabcd, self.values);
        (0..rows * self.features).map(|_| dice.value()).collect()
    }

    /// Whether a row goes left, from the words of the definition.
    pub(crate) fn goes_left(&self, split: &Split<X>, row: &[X]) -> bool {
        let x = row[split.feature as usize];
        let is_missing = x.is_nan() || (split.zero_is_missing && x.wide() == 0.0);
        if is_missing {
            return split.missing == Side::Left;
        }
        match &split.test {
            Test::Less(t) => x.wide() < t.wide(),
            Test::AtMost(t) => x.wide() <= t.wide(),
            Test::Equal(t) => x.wide() == t.wide(),
            Test::Among(set) => {
                let below = self.negative_fractions == NegativeFractions::AreNone && x.wide() < 0.0;
                set.iter().any(|&category| !below && x.wide().trunc() == f64::from(category))
            }
        }
    }

    /// The leaf and its number in the library.
    pub(crate) fn leaf(&self, spec: &TreeSpec<X, Y>, row: &[X]) -> (u32, u32) {
        let mut node = 0;
        loop {
            match &spec.nodes[node].kind {
                NodeKind::Leaf { leaf, id } => return (*leaf, *id),
                NodeKind::Split(split) => {
                    node = if self.goes_left(split, row) { split.left } else { split.right } as usize;
                }
            }
        }
    }

    /// Sums of one row, tree by tree.
    pub(crate) fn sums(&self, row: &[X], base: Y) -> Vec<Y> {
        let mut sums = vec![base; self.outputs];
        for spec in &self.specs {
            let leaf = self.leaf(spec, row).0 as usize;
            let mut values = spec.values[leaf * spec.width..(leaf + 1) * spec.width].to_vec();
            if let Some(linear) = spec.linear.get(leaf)
                && !linear.terms.iter().any(|(feature, _)| row[*feature as usize].is_nan())
            {
                values[0] = linear.constant;
                for &(feature, factor) in &linear.terms {
                    values[0] = values[0] + factor * Y::of(row[feature as usize].wide());
                }
            }
            for (k, &value) in values.iter().enumerate() {
                sums[spec.first_output + k] = sums[spec.first_output + k] + value;
            }
        }
        sums
    }
}
