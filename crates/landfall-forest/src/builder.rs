//! The only way to a [`Forest`]: trees are checked and laid out one by one.

use crate::categories::CategorySets;
use crate::conditions::Conditions;
use crate::covers::Covers;
use crate::forest::{Linear, Node, Players, Rule, SplitKinds, Tree};
use crate::levels::Levels;
use crate::packed::Packed;
use crate::sliced::Sliced;
use crate::{Forest, NegativeFractions, NodeKind, Real, Side, Split, Test, TreeSpec};
use landfall_model::{Kind, Problem};
use std::sync::OnceLock;

/// The largest number of nodes, over all trees: positions are 32 bits wide.
const MAX_NODES: usize = u32::MAX as usize / 2;

/// Builds a forest tree by tree.
pub struct Builder<X, Y> {
    pub(crate) forest: Forest<X, Y>,
    pub(crate) has_covers: bool,
    space: Space,
}

/// Memory for one tree, kept for the next.
#[derive(Default)]
struct Space {
    /// Numbers that nodes have in the tree's specification, by place.
    order: Vec<u32>,
    /// By number, whether a node is led to.
    reached: Vec<bool>,
    /// Nodes to come.
    open: Vec<usize>,
    /// Numbers that leaves have in the specification, from left to right.
    leaves: Vec<u32>,
}

impl<X: Real, Y: Real> Builder<X, Y> {
    /// For rows of `features` values and sums of `outputs` values.
    pub fn new(features: usize, outputs: usize) -> Self {
        Builder {
            forest: Forest {
                features,
                outputs,
                nodes: Vec::new(),
                trees: Vec::new(),
                values: Vec::new(),
                leaf_ids: Vec::new(),
                sets: CategorySets::default(),
                covers: Covers::default(),
                linear: Linear::default(),
                negative_fractions: NegativeFractions::AreNone,
                splits: SplitKinds::Mixed,
                conditions: Conditions::default(),
                sliced: None,
                packed: OnceLock::new(),
                levels: None,
                #[cfg(target_arch = "x86_64")]
                scanned: None,
                players: Players { count: features, ..Players::default() },
            },
            has_covers: true,
            space: Space::default(),
        }
    }

    /// Makes room for so many nodes and values of leaves.
    #[must_use]
    pub fn reserve(mut self, nodes: usize, values: usize) -> Self {
        self.forest.nodes.reserve_exact(nodes);
        self.forest.values.reserve_exact(values);
        self.forest.leaf_ids.reserve_exact(nodes / 2 + 1);
        if self.has_covers {
            self.forest.covers.reserve(nodes);
        }
        self
    }

    /// Which category a value between −1 and 0 stands for; none unless told.
    #[must_use]
    pub fn negative_fractions(mut self, rule: NegativeFractions) -> Self {
        self.forest.negative_fractions = rule;
        self
    }

    /// Says that contributions are told of `count` players, by feature, instead of the features themselves: features of
    /// one player are known or unknown together.
    ///
    /// # Panics
    /// When there is not a player for each feature.
    #[must_use]
    pub fn players(mut self, of_features: Vec<u32>, count: usize) -> Self {
        assert!(of_features.len() == self.forest.features);
        assert!(of_features.iter().all(|&player| (player as usize) < count));
        (self.forest.players.of_features, self.forest.players.count) = (of_features, count);
        self
    }

    /// Says that contributions leave out what lies behind a node that no training data came to (CatBoost).
    #[must_use]
    pub fn skip_empty_nodes(mut self) -> Self {
        self.forest.players.skip_empty = true;
        self
    }

    /// Says that nodes do not know their cover: the forest will tell no contributions.
    #[must_use]
    pub fn without_covers(mut self) -> Self {
        self.has_covers = false;
        self
    }

    /// Adds the next tree.
    ///
    /// # Errors
    /// Invalid argument naming tree and node: a child that is not there, a node that two lead to (so any cycle), a
    /// feature or leaf out of range, a threshold that is not a number, absurd counts.
    pub fn add(&mut self, spec: &TreeSpec<X, Y>) -> Result<(), Problem> {
        let tree = self.forest.trees.len();
        self.lay_out(spec).map_err(|problem| problem.at(format!("tree {tree}")))
    }

    /// The forest.
    pub fn finish(self) -> Forest<X, Y> {
        let mut forest = self.forest;
        let kinds = |test: u32| {
            let mut splits = forest.nodes.iter().filter(|node| !node.rule.is_leaf());
            splits.all(|node| node.rule.test() == test && !node.rule.zero_is_missing())
        };
        forest.splits = if kinds(Rule::LESS) {
            SplitKinds::Less
        } else if kinds(Rule::AT_MOST) {
            SplitKinds::AtMost
        } else {
            SplitKinds::Mixed
        };
        forest.linear.ends.push(forest.linear.terms.len());
        forest.shrink_to_fit();
        let mut conditions = Conditions::of(&forest);
        forest.levels = Levels::of(&forest, &conditions);
        #[cfg(target_arch = "x86_64")]
        if crate::x86_64::has_scan() {
            forest.scanned = crate::scanned::Scanned::of(&forest, &conditions);
        }
        forest.sliced = Sliced::of(&forest, &conditions);
        if !forest.has_better_than_packed() {
            forest.packed.get_or_init(|| Packed::of(&forest, &conditions));
        }
        conditions.close();
        forest.conditions = conditions;
        forest
    }

    /// Breadth first from the root, children side by side.
    fn lay_out(&mut self, spec: &TreeSpec<X, Y>) -> Result<(), Problem> {
        let leaves = self.check_leaves(&spec.values, spec.width, spec.first_output, spec.nodes.len())?;
        if !spec.linear.is_empty() && (spec.linear.len() != leaves || spec.width != 1) {
            let functions = spec.linear.len();
            return Err(Problem::invalid(format!("{functions} linear functions for {leaves} leaves")));
        }
        let forest = &mut self.forest;
        let Space { order, reached, .. } = &mut self.space;
        let (root, first_cover) = (forest.nodes.len(), forest.covers.len());
        order.clear();
        order.push(0);
        reached.clear();
        reached.resize(spec.nodes.len(), false);
        *reached.first_mut().ok_or_else(|| Problem::invalid("a tree without nodes"))? = true;
        let (mut depth, mut end_of_level) = (0, 1);
        let mut leaf_nodes = 0;
        let mut at = 0;
        while at < order.len() {
            if at == end_of_level {
                (depth, end_of_level) = (depth + 1, order.len());
            }
            let number = order[at];
            let node = &spec.nodes[number as usize];
            let here = |problem: Problem| problem.at(format!("node {number}"));
            if self.has_covers {
                forest.covers.push(node.cover);
            }
            match &node.kind {
                NodeKind::Leaf { leaf, .. } => {
                    leaf_nodes += 1;
                    check_leaf(*leaf as usize, leaf_nodes, leaves).map_err(here)?;
                    forest.nodes.push(Node::LEAF);
                }
                NodeKind::Split(split) => {
                    for child in [split.left, split.right] {
                        lead_to(reached, child).map_err(here)?;
                    }
                    let left = root + order.len();
                    order.extend([split.left, split.right]);
                    let node = compile(forest, split, left).map_err(here)?;
                    forest.nodes.push(node);
                }
            }
            at += 1;
        }
        forest.trees.push(Tree {
            root: root as u32,
            first_leaf: forest.leaf_ids.len() as u32,
            leaves: leaf_nodes as u32,
            depth,
            first_value: forest.values.len(),
            width: spec.width,
            first_output: spec.first_output,
            first_cover,
            is_linear: !spec.linear.is_empty(),
            is_oblivious: false,
        });
        self.number_leaves(spec, root);
        self.add_linear(spec)
    }

    /// Number of leaves of a tree, of so many nodes.
    pub(crate) fn check_leaves(
        &self,
        values: &[Y],
        width: usize,
        first_output: usize,
        nodes: usize,
    ) -> Result<usize, Problem> {
        let refuse = |what: String| Err(Problem::invalid(what));
        if self.forest.nodes.len() + nodes > MAX_NODES {
            let what = format!("a forest of more than {MAX_NODES} nodes");
            return Err(Problem::worded(Kind::ResourceExhausted, what));
        }
        if width == 0 || !values.len().is_multiple_of(width) {
            return refuse(format!("{} leaf values, {width} for each leaf", values.len()));
        }
        if first_output + width > self.forest.outputs {
            let last = first_output + width - 1;
            return refuse(format!("leaves for output {last} of {}", self.forest.outputs));
        }
        Ok(values.len() / width)
    }

    /// Numbers the leaves of the last tree from left to right, and takes their values and ids in this order.
    fn number_leaves(&mut self, spec: &TreeSpec<X, Y>, root: usize) {
        let forest = &mut self.forest;
        let Space { order, open, leaves, .. } = &mut self.space;
        leaves.clear();
        open.clear();
        open.push(root);
        while let Some(place) = open.pop() {
            let node = &mut forest.nodes[place];
            match &spec.nodes[order[place - root] as usize].kind {
                NodeKind::Split(_) => open.extend([node.next as usize + 1, node.next as usize]),
                NodeKind::Leaf { leaf, id } => {
                    node.next = leaves.len() as u32;
                    leaves.push(*leaf);
                    forest.leaf_ids.push(*id);
                    let first = *leaf as usize * spec.width;
                    forest.values.extend_from_slice(&spec.values[first..first + spec.width]);
                }
            }
        }
    }

    fn add_linear(&mut self, spec: &TreeSpec<X, Y>) -> Result<(), Problem> {
        let leaves = &self.space.leaves;
        let linear = &mut self.forest.linear;
        if !spec.linear.is_empty() && linear.constants.is_empty() {
            // Trees before the first linear one.
            let before = self.forest.leaf_ids.len() - leaves.len();
            linear.constants.resize(before, Y::ZERO);
            linear.ends.resize(before, 0);
        }
        for number in leaves.iter().filter(|_| !spec.linear.is_empty()) {
            let leaf = &spec.linear[*number as usize];
            if let Some((feature, _)) = leaf.terms.iter().find(|(f, _)| *f as usize >= self.forest.features) {
                let what = format!("leaf {number}: feature {feature} of {}", self.forest.features);
                return Err(Problem::invalid(what));
            }
            linear.constants.push(leaf.constant);
            linear.ends.push(linear.terms.len());
            linear.terms.extend_from_slice(&leaf.terms);
        }
        if spec.linear.is_empty() && !linear.constants.is_empty() {
            linear.constants.resize(linear.constants.len() + leaves.len(), Y::ZERO);
            linear.ends.resize(linear.ends.len() + leaves.len(), linear.terms.len());
        }
        Ok(())
    }
}

/// Takes note of a node that a split leads to.
fn lead_to(reached: &mut [bool], child: u32) -> Result<(), Problem> {
    let nodes = reached.len();
    let seen = reached
        .get_mut(child as usize)
        .ok_or_else(|| Problem::invalid(format!("child {child} of a tree with {nodes} nodes")))?;
    if std::mem::replace(seen, true) {
        return Err(Problem::invalid(format!("child {child} is led to twice, or is a node above it")));
    }
    Ok(())
}

fn check_leaf(leaf: usize, seen: usize, leaves: usize) -> Result<(), Problem> {
    if leaf >= leaves {
        return Err(Problem::invalid(format!("leaf {leaf} of a tree with {leaves} leaves")));
    }
    if seen > leaves {
        return Err(Problem::invalid(format!("one leaf more than the tree's {leaves}")));
    }
    Ok(())
}

fn compile<X: Real, Y: Real>(
    forest: &mut Forest<X, Y>,
    split: &Split<X>,
    left: usize,
) -> Result<Node<X>, Problem> {
    let missing_left = split.missing == Side::Left;
    let node = question(forest, split.feature, &split.test, missing_left, split.zero_is_missing)?;
    Ok(Node { next: left as u32, ..node })
}

/// What a node asks, as yet leading nowhere.
pub(crate) fn question<X: Real, Y: Real>(
    forest: &mut Forest<X, Y>,
    feature: u32,
    test: &Test<X>,
    missing_left: bool,
    zero_is_missing: bool,
) -> Result<Node<X>, Problem> {
    if feature as usize >= forest.features {
        return Err(Problem::invalid(format!("feature {feature} of {}", forest.features)));
    }
    if feature >= Rule::MAX_FEATURES {
        let what = format!("feature {feature}: more than {} are not taken", Rule::MAX_FEATURES);
        return Err(Problem::worded(Kind::ResourceExhausted, what));
    }
    let (test, threshold) = match test {
        Test::Less(t) => (Rule::LESS, *t),
        Test::AtMost(t) => (Rule::AT_MOST, *t),
        Test::Equal(t) => (Rule::EQUAL, *t),
        Test::Among(categories) => {
            let set = forest.sets.add(categories);
            if set >= Rule::MAX_SETS {
                let what = format!("more than {} splits on categories", Rule::MAX_SETS);
                return Err(Problem::worded(Kind::ResourceExhausted, what));
            }
            (Rule::AMONG, X::of(set as f64))
        }
    };
    if threshold.is_nan() {
        return Err(Problem::invalid("the threshold is not a number"));
    }
    Ok(Node { threshold, next: 0, rule: Rule::split(test, missing_left, zero_is_missing, feature) })
}
