//! The only way to a [`Forest`]: trees are checked and laid out one by one.

use crate::categories::CategorySets;
use crate::conditions::Conditions;
use crate::forest::{Linear, Node, Players, Rule, SplitKinds, Tree};
use crate::packed::Packed;
use crate::sliced::Sliced;
use crate::{Forest, NegativeFractions, NodeKind, Real, Side, Split, Test, TreeSpec};
use landfall_model::{Kind, Problem};

/// The largest number of nodes, over all trees: positions are 32 bits wide.
const MAX_NODES: usize = u32::MAX as usize / 2;

/// Builds a forest tree by tree.
pub struct Builder<X, Y> {
    forest: Forest<X, Y>,
    has_covers: bool,
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
                covers: Vec::new(),
                expectations: Vec::new(),
                linear: Linear::default(),
                negative_fractions: NegativeFractions::AreNone,
                splits: SplitKinds::Mixed,
                conditions: Conditions::default(),
                sliced: None,
                packed: None,
                #[cfg(target_arch = "x86_64")]
                scanned: None,
                players: Players { count: features, ..Players::default() },
            },
            has_covers: true,
        }
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

    /// How many trees were added.
    pub(crate) fn trees(&self) -> usize {
        self.forest.trees.len()
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
    pub fn finish(mut self) -> Forest<X, Y> {
        let kinds = |test: u32| {
            let mut splits = self.forest.nodes.iter().filter(|node| !node.rule.is_leaf());
            splits.all(|node| node.rule.test() == test && !node.rule.zero_is_missing())
        };
        self.forest.splits = if kinds(Rule::LESS) {
            SplitKinds::Less
        } else if kinds(Rule::AT_MOST) {
            SplitKinds::AtMost
        } else {
            SplitKinds::Mixed
        };
        self.forest.linear.ends.push(self.forest.linear.terms.len());
        let mut conditions = Conditions::of(&self.forest);
        self.forest.sliced = Sliced::of(&self.forest, &conditions);
        self.forest.packed = Packed::of(&self.forest, &conditions);
        #[cfg(target_arch = "x86_64")]
        if crate::x86_64::has_scan() && self.forest.packed.is_some() {
            self.forest.scanned = crate::scanned::Scanned::of(&self.forest, &conditions);
        }
        conditions.close();
        self.forest.conditions = conditions;
        self.forest
    }

    /// Breadth first from the root, children side by side.
    fn lay_out(&mut self, spec: &TreeSpec<X, Y>) -> Result<(), Problem> {
        let leaves = self.check_leaves(spec)?;
        let forest = &mut self.forest;
        let root = forest.nodes.len();
        let mut order: Vec<u32> = vec![0];
        let mut reached = vec![false; spec.nodes.len()];
        let mut levels = vec![0u32];
        *reached.first_mut().ok_or_else(|| Problem::invalid("a tree without nodes"))? = true;
        let mut leaf_nodes = 0;
        let mut at = 0;
        while at < order.len() {
            let number = order[at];
            let node = &spec.nodes[number as usize];
            let here = |problem: Problem| problem.at(format!("node {number}"));
            if self.has_covers {
                forest.covers.push(node.cover);
            }
            match &node.kind {
                NodeKind::Leaf { leaf, .. } => {
                    leaf_nodes += 1;
                    if *leaf as usize >= leaves {
                        return Err(here(Problem::invalid(format!(
                            "leaf {leaf} of a tree with {leaves} leaves"
                        ))));
                    }
                    if leaf_nodes > leaves {
                        return Err(here(Problem::invalid(format!(
                            "one leaf more than the tree's {leaves}"
                        ))));
                    }
                    forest.nodes.push(Node { threshold: X::ZERO, feature: 0, next: 0, rule: Rule::leaf() });
                }
                NodeKind::Split(split) => {
                    for child in [split.left, split.right] {
                        let seen = reached.get_mut(child as usize).ok_or_else(|| {
                            let nodes = spec.nodes.len();
                            here(Problem::invalid(format!("child {child} of a tree with {nodes} nodes")))
                        })?;
                        if std::mem::replace(seen, true) {
                            let what = format!("child {child} is led to twice, or is a node above it");
                            return Err(here(Problem::invalid(what)));
                        }
                    }
                    let left = root + order.len();
                    order.extend([split.left, split.right]);
                    levels.extend([levels[at] + 1; 2]);
                    let compiled = compile(split, left, forest.features, &mut forest.sets).map_err(here)?;
                    forest.nodes.push(compiled);
                }
            }
            at += 1;
        }
        forest.trees.push(Tree {
            root: root as u32,
            first_leaf: forest.leaf_ids.len() as u32,
            leaves: leaf_nodes as u32,
            first_value: forest.values.len(),
            width: spec.width,
            first_output: spec.first_output,
            depth: levels.last().copied().unwrap_or(0),
            first_expectation: forest.expectations.len(),
            is_linear: !spec.linear.is_empty(),
        });
        let leaves = self.number_leaves(spec, root, &order);
        self.add_linear(spec, &leaves)?;
        if self.has_covers {
            self.add_expectations(root);
        }
        Ok(())
    }

    /// Number of leaves of a tree.
    fn check_leaves(&self, spec: &TreeSpec<X, Y>) -> Result<usize, Problem> {
        let refuse = |what: String| Err(Problem::invalid(what));
        if self.forest.nodes.len() + spec.nodes.len() > MAX_NODES {
            return Err(Problem::worded(
                Kind::ResourceExhausted,
                format!("a forest of more than {MAX_NODES} nodes"),
            ));
        }
        if spec.width == 0 || !spec.values.len().is_multiple_of(spec.width) {
            return refuse(format!("{} leaf values, {} for each leaf", spec.values.len(), spec.width));
        }
        if spec.first_output + spec.width > self.forest.outputs {
            let last = spec.first_output + spec.width - 1;
            return refuse(format!("leaves for output {last} of {}", self.forest.outputs));
        }
        let leaves = spec.values.len() / spec.width;
        if !spec.linear.is_empty() && (spec.linear.len() != leaves || spec.width != 1) {
            return refuse(format!("{} linear functions for {leaves} leaves", spec.linear.len()));
        }
        Ok(leaves)
    }

    /// Numbers the leaves of the last tree from left to right, and takes their values and ids in this order; gives the
    /// numbers that they had. `order` is the nodes' numbers by place.
    fn number_leaves(&mut self, spec: &TreeSpec<X, Y>, root: usize, order: &[u32]) -> Vec<u32> {
        let forest = &mut self.forest;
        let mut numbers = Vec::new();
        let mut open = vec![root];
        while let Some(place) = open.pop() {
            let node = &mut forest.nodes[place];
            match &spec.nodes[order[place - root] as usize].kind {
                NodeKind::Split(_) => open.extend([node.next as usize + 1, node.next as usize]),
                NodeKind::Leaf { leaf, id } => {
                    node.next = numbers.len() as u32;
                    numbers.push(*leaf);
                    forest.leaf_ids.push(*id);
                    let first = *leaf as usize * spec.width;
                    forest.values.extend_from_slice(&spec.values[first..first + spec.width]);
                }
            }
        }
        numbers
    }

    fn add_linear(&mut self, spec: &TreeSpec<X, Y>, leaves: &[u32]) -> Result<(), Problem> {
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

    /// What the last tree gives on average: children weighted by cover, from the bottom up.
    fn add_expectations(&mut self, root: usize) {
        let forest = &mut self.forest;
        let Some(tree) = forest.trees.last() else { return };
        let width = tree.width;
        let mut means = vec![0.0; (forest.nodes.len() - root) * width];
        for at in (root..forest.nodes.len()).rev() {
            let node = &forest.nodes[at];
            for k in 0..width {
                means[(at - root) * width + k] = if node.rule.is_leaf() {
                    forest.values[tree.first_value + node.next as usize * width + k].wide()
                } else {
                    let left = node.next as usize;
                    let share = |child: usize| crate::shap::share(forest.covers[child], forest.covers[at]);
                    let mean = |child: usize| means[(child - root) * width + k];
                    share(left) * mean(left) + share(left + 1) * mean(left + 1)
                };
            }
        }
        forest.expectations.extend_from_slice(&means[..width]);
    }
}

fn compile<X: Real>(
    split: &Split<X>,
    left: usize,
    features: usize,
    sets: &mut CategorySets,
) -> Result<Node<X>, Problem> {
    if split.feature as usize >= features {
        return Err(Problem::invalid(format!("feature {} of {features}", split.feature)));
    }
    let (test, threshold, set) = match &split.test {
        Test::Less(t) => (Rule::LESS, *t, 0),
        Test::AtMost(t) => (Rule::AT_MOST, *t, 0),
        Test::Equal(t) => (Rule::EQUAL, *t, 0),
        Test::Among(categories) => (Rule::AMONG, X::ZERO, sets.add(categories)),
    };
    if threshold.is_nan() {
        return Err(Problem::invalid("the threshold is not a number"));
    }
    if set >= Rule::MAX_SETS {
        let what = format!("more than {} splits on categories", Rule::MAX_SETS);
        return Err(Problem::worded(Kind::ResourceExhausted, what));
    }
    let rule = Rule::split(test, split.missing == Side::Left, split.zero_is_missing, set);
    Ok(Node { threshold, feature: split.feature, next: left as u32, rule })
}
