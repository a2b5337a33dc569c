//! How trees come into a forest: checked, breadth first with children side by side, leaves numbered from left to right.

use crate::node::{Node, Rule};
use crate::trees::{Tree, Trees};
use crate::{Leaves, LinearLeaf, NodeKind, Real, Side, Split, Test, TreeNodes};
use landfall_model::{Kind, Problem};

/// The largest number of nodes, over all trees: positions are 32 bits wide.
const MAX_NODES: usize = u32::MAX as usize / 2;

/// Trees under construction.
pub(crate) struct Growing<X, Y> {
    pub(crate) forest: Trees<X, Y>,
    pub(crate) has_covers: bool,
    /// What kinds of nodes there are, as bits ([`Rule::kind`]).
    pub(crate) kinds: u32,
    space: Space,
}

/// Memory for one tree, kept for the next.
#[derive(Default)]
struct Space {
    /// Numbers that nodes have in the tree's specification, by place.
    order: Vec<u32>,
    /// By number, whether a node is led to.
    reached: Vec<bool>,
    /// By place.
    covers: Vec<f64>,
    /// Places of splits, ascending: what lies below the split at k has the places 2 k + 1 and 2 k + 2.
    splits: Vec<u32>,
    /// Of leaves, by the places of their nodes: these, numbers in the specification, and ids.
    found: Vec<(u32, u32, u32)>,
    /// By place: how many leaves are below, and the number of the first one.
    below: Vec<u32>,
    first: Vec<u32>,
    /// Numbers that leaves have in the specification, from left to right; of trees of linear functions alone.
    leaves: Vec<u32>,
}

impl Space {
    /// Room for a tree's splits and leaves, of so many nodes and at most so many leaves.
    fn of_nodes(&mut self, nodes: usize, leaves: usize) -> (&mut [u32], &mut [(u32, u32, u32)]) {
        self.splits.resize(nodes, 0);
        self.found.resize(leaves, (0, 0, 0));
        (&mut self.splits, &mut self.found)
    }

    /// Leaves those that were found.
    fn found(&mut self, splits: usize, leaves: usize) {
        self.splits.truncate(splits);
        self.found.truncate(leaves);
    }
}

impl<X: Real, Y: Real> Growing<X, Y> {
    /// No tree yet, for rows of `features` values and sums of `outputs` values.
    pub(crate) fn new(features: usize, outputs: usize) -> Self {
        Growing { forest: Trees::new(features, outputs), has_covers: true, kinds: 0, space: Space::default() }
    }

    /// Adds a tree.
    ///
    /// # Errors
    /// As [`crate::Builder::add`], naming the node but not the tree.
    pub(crate) fn lay_out(
        &mut self,
        nodes: &(impl TreeNodes<X> + ?Sized),
        leaves: &Leaves<'_, Y>,
    ) -> Result<(), Problem> {
        let count = self.check_leaves(leaves.values, leaves.width, leaves.first_output, nodes.count())?;
        if !leaves.linear.is_empty() && (leaves.linear.len() != count || leaves.width != 1) {
            let functions = leaves.linear.len();
            return Err(Problem::invalid(format!("{functions} linear functions for {count} leaves")));
        }
        let (root, first_cover) = (self.forest.nodes.len(), self.forest.covers.len());
        let depth = match self.take_nodes(nodes, count) {
            Some(depth) => depth,
            None => self.lay_out_nodes(nodes, count)?,
        };
        let tree = Tree {
            root: root as u32,
            first_leaf: self.forest.leaf_ids.len() as u32,
            leaves: self.space.found.len() as u32,
            depth,
            first_value: self.forest.values.len(),
            width: leaves.width,
            first_output: leaves.first_output,
            first_cover,
            is_linear: !leaves.linear.is_empty(),
            is_oblivious: false,
        };
        self.number_leaves(leaves, &tree);
        self.add_linear(leaves.linear)?;
        self.forest.trees.push(tree);
        Ok(())
    }

    /// Notes what kinds of nodes there are from `root` on, while they are near the core.
    pub(crate) fn note_kinds(&mut self, root: usize) {
        self.kinds |= self.forest.nodes[root..].iter().fold(0, |kinds, node| kinds | node.rule.kind());
    }

    /// As [`Growing::lay_out_nodes`], where nodes lie so in the file and ask for nothing but thresholds; `None` where they do
    /// not, or something is wrong with them.
    fn take_nodes(&mut self, nodes: &(impl TreeNodes<X> + ?Sized), leaves: usize) -> Option<u32> {
        let forest = &mut self.forest;
        let (root, features) = (forest.nodes.len(), forest.features);
        let (splits, found) = self.space.of_nodes(nodes.count(), leaves);
        forest.nodes.resize(root + nodes.count(), Node::LEAF);
        let (mut at, mut end, mut depth, mut end_of_level) = (0, 1, 0, 1);
        let (mut asked, mut ended, mut kinds) = (0, 0, 0);
        for (kind, place) in nodes.kinds().zip(&mut forest.nodes[root..]) {
            if at == end_of_level {
                if at == end {
                    break;
                }
                (depth, end_of_level) = (depth + 1, end);
            }
            match kind {
                NodeKind::Leaf { leaf, id } => {
                    let Some(slot) = found.get_mut(ended).filter(|_| (leaf as usize) < leaves) else { break };
                    *slot = (at as u32, leaf, id);
                    ended += 1;
                }
                NodeKind::Split(split) => {
                    let Some(node) = plain(features, &split) else { break };
                    if (split.left as usize, split.right as usize) != (end, end + 1) {
                        break;
                    }
                    splits[asked] = at as u32;
                    asked += 1;
                    kinds |= node.rule.kind();
                    *place = Node { next: (root + end) as u32, ..node };
                    end += 2;
                }
            }
            at += 1;
        }
        if at < end {
            forest.nodes.truncate(root);
            return None;
        }
        forest.nodes.truncate(root + end);
        self.kinds |= kinds;
        self.space.found(asked, ended);
        match nodes.narrow_covers().and_then(|covers| covers.get(..end)) {
            _ if !self.has_covers => {}
            Some(covers) => self.forest.covers.extend_narrow(covers),
            None => self.take_covers((0..end).map(|number| nodes.cover(number))),
        }
        Some(depth)
    }

    /// Breadth first from the root, children side by side; gives the depth. What is wrong is found out in a few steps for
    /// each node, and worded behind them.
    fn lay_out_nodes(&mut self, nodes: &(impl TreeNodes<X> + ?Sized), leaves: usize) -> Result<u32, Problem> {
        let forest = &mut self.forest;
        let (root, count) = (forest.nodes.len(), nodes.count());
        let (mut order, mut reached) =
            (std::mem::take(&mut self.space.order), std::mem::take(&mut self.space.reached));
        order.resize(count.max(order.len()), 0);
        reached.clear();
        reached.resize(count, false);
        *reached.first_mut().ok_or_else(|| Problem::invalid("a tree without nodes"))? = true;
        order[0] = 0;
        let (splits, found) = self.space.of_nodes(count, leaves);
        forest.nodes.resize(root + count, Node::LEAF);
        let (mut at, mut end, mut depth, mut end_of_level) = (0, 1, 0, 1);
        let (mut asked, mut ended, mut kinds) = (0, 0, 0);
        while at < end {
            if at == end_of_level {
                (depth, end_of_level) = (depth + 1, end);
            }
            let number = order[at] as usize;
            match nodes.kind(number) {
                NodeKind::Leaf { leaf, id } => {
                    let slot = found.get_mut(ended).filter(|_| (leaf as usize) < leaves);
                    let here = |problem: Problem| problem.at(format!("node {number}"));
                    *slot.ok_or_else(|| here(no_such_leaf(leaf as usize, ended, leaves)))? =
                        (at as u32, leaf, id);
                    ended += 1;
                }
                NodeKind::Split(split) => {
                    for child in [split.left, split.right] {
                        match reached.get_mut(child as usize) {
                            Some(reached) if !*reached => *reached = true,
                            _ => return Err(no_such_child(child, count).at(format!("node {number}"))),
                        }
                    }
                    // As many as there are nodes are reached at most.
                    (order[end + 1], order[end]) = (split.right, split.left);
                    let node = match plain(forest.features, &split) {
                        Some(node) => node,
                        None => {
                            compile(forest, &split).map_err(|problem| problem.at(format!("node {number}")))?
                        }
                    };
                    splits[asked] = at as u32;
                    asked += 1;
                    kinds |= node.rule.kind();
                    forest.nodes[root + at] = Node { next: (root + end) as u32, ..node };
                    end += 2;
                }
            }
            at += 1;
        }
        forest.nodes.truncate(root + end);
        self.kinds |= kinds;
        self.space.found(asked, ended);
        if self.has_covers {
            self.take_covers(order[..end].iter().map(|&number| nodes.cover(number as usize)));
        }
        (self.space.order, self.space.reached) = (order, reached);
        Ok(depth)
    }

    /// Takes the covers of the last tree's nodes, by place.
    fn take_covers(&mut self, of_nodes: impl Iterator<Item = f64>) {
        let covers = &mut self.space.covers;
        covers.clear();
        covers.extend(of_nodes);
        self.forest.covers.extend(covers);
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
    fn number_leaves(&mut self, spec: &Leaves<'_, Y>, tree: &Tree) {
        let forest = &mut self.forest;
        let Space { below, first, splits, found, leaves, .. } = &mut self.space;
        let nodes = &mut forest.nodes[tree.root as usize..];
        below.clear();
        below.resize(nodes.len(), 1);
        // What is below a node lies behind it. Splits and leaves by themselves: no jump depends on which of them comes next.
        for (number, &place) in splits.iter().enumerate().rev() {
            below[place as usize] = below[2 * number + 2] + below[2 * number + 1];
        }
        first.resize(nodes.len().max(first.len()), 0);
        first[0] = 0;
        for (number, &place) in splits.iter().enumerate() {
            let left = first[place as usize];
            first[2 * number + 2] = left + below[2 * number + 1];
            first[2 * number + 1] = left;
        }
        let (first_leaf, first_value) = (forest.leaf_ids.len(), forest.values.len());
        forest.leaf_ids.resize(first_leaf + found.len(), 0);
        forest.values.resize(first_value + found.len() * spec.width, Y::ZERO);
        let ids = &mut forest.leaf_ids[first_leaf..];
        let values = &mut forest.values[first_value..];
        for &(place, leaf, id) in found.iter() {
            let number = first[place as usize];
            nodes[place as usize].next = number;
            let (leaf, number) = (leaf as usize, number as usize);
            ids[number] = id;
            if spec.width == 1 {
                values[number] = spec.values[leaf];
            } else {
                let own = &spec.values[leaf * spec.width..][..spec.width];
                values[number * spec.width..][..spec.width].copy_from_slice(own);
            }
        }
        leaves.clear();
        if tree.is_linear {
            leaves.resize(found.len(), 0);
            found.iter().for_each(|&(place, leaf, _)| leaves[first[place as usize] as usize] = leaf);
        }
    }

    /// Takes the linear functions of the last tree's leaves.
    fn add_linear(&mut self, spec: &[LinearLeaf<Y>]) -> Result<(), Problem> {
        let leaves = &self.space.leaves;
        let linear = &mut self.forest.linear;
        if !spec.is_empty() && linear.constants.is_empty() {
            // Trees before the first linear one.
            let before = self.forest.leaf_ids.len() - leaves.len();
            linear.constants.resize(before, Y::ZERO);
            linear.ends.resize(before, 0);
        }
        for &number in leaves {
            let leaf = &spec[number as usize];
            if let Some((feature, _)) = leaf.terms.iter().find(|(f, _)| *f as usize >= self.forest.features) {
                let what = format!("leaf {number}: feature {feature} of {}", self.forest.features);
                return Err(Problem::invalid(what));
            }
            linear.constants.push(leaf.constant);
            linear.ends.push(linear.terms.len());
            linear.terms.extend_from_slice(&leaf.terms);
        }
        if spec.is_empty() && !linear.constants.is_empty() {
            linear.constants.resize(self.forest.leaf_ids.len(), Y::ZERO);
            linear.ends.resize(self.forest.leaf_ids.len(), linear.terms.len());
        }
        Ok(())
    }
}

#[cold]
fn no_such_child(child: u32, nodes: usize) -> Problem {
    if child as usize >= nodes {
        Problem::invalid(format!("child {child} of a tree with {nodes} nodes"))
    } else {
        Problem::invalid(format!("child {child} is led to twice, or is a node above it"))
    }
}

#[cold]
fn no_such_leaf(leaf: usize, seen: usize, leaves: usize) -> Problem {
    if leaf >= leaves {
        Problem::invalid(format!("leaf {leaf} of a tree with {leaves} leaves"))
    } else {
        Problem::invalid(format!("one leaf more than the tree's {seen}"))
    }
}

/// What a split on a threshold asks, where nothing is wrong with it.
#[inline(always)]
pub(crate) fn plain<X: Real>(features: usize, split: &Split<X, &[u32]>) -> Option<Node<X>> {
    let (test, threshold) = match split.test {
        Test::Less(threshold) => (Rule::LESS, threshold),
        Test::AtMost(threshold) => (Rule::AT_MOST, threshold),
        _ => return None,
    };
    let fits =
        (split.feature as usize) < features && split.feature < Rule::MAX_FEATURES && !threshold.is_nan();
    let rule = Rule::split(test, split.missing == Side::Left, split.zero_is_missing, split.feature);
    fits.then_some(Node { threshold, next: 0, rule })
}

/// What a node asks, as yet leading nowhere.
///
/// # Errors
/// As [`crate::Builder::add`], of a node.
#[inline(never)]
pub(crate) fn compile<X: Real, Y: Real>(
    forest: &mut Trees<X, Y>,
    split: &Split<X, &[u32]>,
) -> Result<Node<X>, Problem> {
    let Split { feature, test, missing, zero_is_missing, .. } = *split;
    if feature as usize >= forest.features {
        return Err(Problem::invalid(format!("feature {feature} of {}", forest.features)));
    }
    if feature >= Rule::MAX_FEATURES {
        let what = format!("feature {feature}: more than {} are not taken", Rule::MAX_FEATURES);
        return Err(Problem::worded(Kind::ResourceExhausted, what));
    }
    let (test, threshold) = match test {
        Test::Less(t) => (Rule::LESS, t),
        Test::AtMost(t) => (Rule::AT_MOST, t),
        Test::Equal(t) => (Rule::EQUAL, t),
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
    Ok(Node { threshold, next: 0, rule: Rule::split(test, missing == Side::Left, zero_is_missing, feature) })
}
