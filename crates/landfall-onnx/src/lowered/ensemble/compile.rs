//! Nodes as a forest: every question in one of the two ways that the forest asks, every set as a column of its own.

use super::super::Refusal;
use super::nodes::{Asks, Mode, Node, Nodes, Split};
use super::sets::{Sets, of_chain};
use landfall_forest::{Builder, Forest, NodeKind, NodeSpec, Real, Side, Split as Question, Test, TreeSpec};
use landfall_model::Problem;

/// Weights that are laid out for each one in the file, beyond which leaves are looked up one by one: a tree may not cost
/// much more memory than it is long.
const SPREAD: usize = 4;

/// What adds up leaves.
pub(super) struct Compiled<X> {
    pub(super) forest: Forest<X, X>,
    pub(super) sets: Sets<X>,
    /// Whether the forest holds the weights; else its leaf numbers alone mean something.
    pub(super) adds: bool,
    /// By leaf number: its part of the weights.
    pub(super) leaves: Vec<std::ops::Range<usize>>,
    pub(super) weights: Vec<(u32, X)>,
}

/// Compiles; `adds` asks for a forest that adds weights up by itself.
pub(super) fn compile<X: Real>(nodes: &Nodes, targets: usize, adds: bool) -> Result<Compiled<X>, Refusal> {
    let asked = |node: &Node| match node {
        Node::Split(split) => split.feature as usize + 1,
        Node::Leaf(_) => 0,
    };
    let features = nodes.trees.iter().flatten().map(asked).max().unwrap_or(0);
    let mut sets = Sets::new(features);
    let layouts = nodes.trees.iter().map(|tree| Layout::of(tree, nodes, targets));
    let layouts = layouts.collect::<Result<Vec<_>, _>>()?;
    let values: usize = layouts.iter().map(|layout| layout.leaves * layout.width).sum();
    let adds =
        adds && values <= SPREAD * nodes.weights.len() + layouts.iter().map(|l| l.leaves).sum::<usize>();
    let mut specs = Vec::with_capacity(nodes.trees.len());
    let mut leaves = Vec::new();
    for (number, (tree, layout)) in nodes.trees.iter().zip(&layouts).enumerate() {
        let mut walk = Walk { tree, nodes, layout, adds, sets: &mut sets, leaves: &mut leaves };
        specs.push(walk.spec().map_err(|refusal| refusal.at(format!("tree {number}")))?);
    }
    let mut builder = Builder::new(sets.columns(), if adds { targets } else { 1 }).without_covers();
    for spec in specs {
        builder.add(&spec)?;
    }
    let weights = if adds { &[][..] } else { &nodes.weights };
    let forest = builder.finish();
    forest.prepare();
    Ok(Compiled {
        forest,
        sets,
        adds,
        leaves: if adds { Vec::new() } else { leaves },
        weights: weights.iter().map(|&(target, weight)| (target, X::of(weight))).collect(),
    })
}

/// Which targets the leaves of a tree add to.
struct Layout {
    first: usize,
    width: usize,
    leaves: usize,
}

impl Layout {
    fn of(tree: &[Node], nodes: &Nodes, targets: usize) -> Result<Self, Refusal> {
        let (mut first, mut last, mut leaves) = (usize::MAX, 0, 0);
        for node in tree {
            let Node::Leaf(range) = node else { continue };
            leaves += 1;
            let weights = &nodes.weights[range.clone()];
            for (at, (target, _)) in weights.iter().enumerate() {
                (first, last) = (first.min(*target as usize), last.max(*target as usize));
                if weights[..at].iter().any(|(other, _)| other == target) {
                    return Err(Refusal::not("a leaf with two weights for one target"));
                }
            }
            if targets == 1 && weights.is_empty() {
                return Err(Refusal::not("a leaf without a weight"));
            }
        }
        let first = first.min(last);
        Ok(Layout { first, width: last - first + 1, leaves })
    }
}

/// The way through one tree.
struct Walk<'a, X> {
    tree: &'a [Node],
    nodes: &'a Nodes,
    layout: &'a Layout,
    adds: bool,
    sets: &'a mut Sets<X>,
    leaves: &'a mut Vec<std::ops::Range<usize>>,
}

impl<X: Real> Walk<'_, X> {
    /// The tree from its root on; nodes that the root does not lead to are left out. A leaf among them may have no weight:
    /// ONNX Runtime gives it to other leaves.
    fn spec(&mut self) -> Result<TreeSpec<X, X>, Refusal> {
        let width = if self.adds { self.layout.width } else { 1 };
        let mut spec = TreeSpec {
            nodes: Vec::new(),
            values: Vec::new(),
            width,
            first_output: if self.adds { self.layout.first } else { 0 },
            linear: Vec::new(),
        };
        let mut placed: Vec<Option<u32>> = vec![None; self.tree.len()];
        let mut order: Vec<usize> = vec![0];
        *placed.first_mut().ok_or_else(|| Refusal::not("a tree without nodes"))? = Some(0);
        let mut at = 0;
        while let Some(&place) = order.get(at) {
            at += 1;
            let kind = match &self.tree[place] {
                Node::Leaf(range) => self.leaf(range.clone(), &mut spec),
                Node::Split(split) => {
                    let (split, asks) = of_chain(self.tree, split);
                    for child in [split.yes, split.no] {
                        if placed[child].is_some() {
                            return Err(self.meets_twice(child));
                        }
                        placed[child] = Some(order.len() as u32);
                        order.push(child);
                    }
                    let number = order.len() as u32;
                    NodeKind::Split(self.question(split, &asks, number - 2, number - 1)?)
                }
            };
            spec.nodes.push(NodeSpec { kind, cover: 0.0 });
        }
        let is_lost = |(node, placed): (&Node, &Option<u32>)| {
            placed.is_none() && matches!(node, Node::Leaf(weights) if !weights.is_empty())
        };
        if self.tree.iter().zip(&placed).any(is_lost) {
            return Err(Refusal::not("a leaf with a weight that the first node does not lead to"));
        }
        Ok(spec)
    }

    fn leaf(&mut self, range: std::ops::Range<usize>, spec: &mut TreeSpec<X, X>) -> NodeKind<X> {
        let leaf = (spec.values.len() / spec.width) as u32;
        let start = spec.values.len();
        spec.values.resize(start + spec.width, X::ZERO);
        if self.adds {
            for (target, weight) in &self.nodes.weights[range.clone()] {
                spec.values[start + *target as usize - self.layout.first] = X::of(*weight);
            }
        }
        self.leaves.push(range);
        NodeKind::Leaf { leaf, id: (self.leaves.len() - 1) as u32 }
    }

    fn question(&mut self, split: &Split, asks: &Asks, yes: u32, no: u32) -> Result<Question<X>, Refusal> {
        let (feature, test, is_left) = match asks {
            Asks::OneOf(members) => (self.sets.column(split, members, false)?, Test::Less(X::of(0.5)), false),
            Asks::WholeOf(members) => {
                (self.sets.column(split, members, true)?, Test::Less(X::of(0.5)), false)
            }
            Asks::Compare(mode, value) => {
                let value = X::of(*value);
                let (test, is_left) = match mode {
                    Mode::AtMost => (Test::AtMost(value), true),
                    Mode::Less => (Test::Less(value), true),
                    Mode::Greater => (Test::AtMost(value), false),
                    Mode::AtLeast => (Test::Less(value), false),
                    Mode::Equal => (Test::Equal(value), true),
                    Mode::NotEqual => (Test::Equal(value), false),
                };
                if value.is_nan() {
                    return Err(Refusal::not("a threshold that is not a number"));
                }
                (split.feature, test, is_left)
            }
        };
        let missing_is_yes = split.missing_is_yes || matches!(asks, Asks::Compare(Mode::NotEqual, _));
        let (left, right) = if is_left { (yes, no) } else { (no, yes) };
        let missing = Side::left_if(missing_is_yes == is_left);
        Ok(Question { feature, test, missing, zero_is_missing: false, left, right })
    }

    /// A node that two lead to: what another evaluator may know to follow, unless it is a ring.
    fn meets_twice(&self, child: usize) -> Refusal {
        let mut waits = vec![0usize; self.tree.len()];
        let children = |node: &Node| match node {
            Node::Split(split) => vec![split.yes, split.no],
            Node::Leaf(_) => Vec::new(),
        };
        self.tree.iter().flat_map(children).for_each(|child| waits[child] += 1);
        let mut ready: Vec<usize> = (0..waits.len()).filter(|&node| waits[node] == 0).collect();
        let mut done = 0;
        while let Some(node) = ready.pop() {
            done += 1;
            for child in children(&self.tree[node]) {
                waits[child] -= 1;
                if waits[child] == 0 {
                    ready.push(child);
                }
            }
        }
        if done < waits.len() {
            let what = format!("node {child}: it leads back to itself, or to a node above it");
            return Refusal::Broken(Problem::invalid(what));
        }
        Refusal::not(format!("node {child}, which two nodes lead to"))
    }
}
