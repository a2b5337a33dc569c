//! A tree as a list of steps: what all rows have in common when it is walked.

use crate::Real;
use crate::trees::{Below, Tree, Trees};

/// Part of a node's training data that went to a child.
fn share(child: f64, node: f64) -> f64 {
    if node == 0.0 { 0.0 } else { child / node }
}

/// A player that is held fixed: known, or unknown, on all paths.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    None,
    Known(usize),
    Unknown(usize),
}

impl Held {
    fn player(self) -> Option<usize> {
        match self {
            Held::None => None,
            Held::Known(player) | Held::Unknown(player) => Some(player),
        }
    }

    pub(super) fn is_known(self) -> bool {
        matches!(self, Held::Known(_))
    }
}

/// A node, in the order of a walk down that goes left first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) depth: u32,
    /// Depth of the nearest node above on whose split the same player was asked for; 0 where there is none.
    pub(crate) earlier: u32,
    pub(crate) is_left: bool,
    pub(crate) held: bool,
    /// Who is asked for at the node above: a place in the plan's list.
    pub(crate) player: u32,
    /// Part of the data at the node above that came here.
    pub(crate) share: f64,
    /// Product of the shares of all splits on the way that ask for the player.
    pub(crate) unknown: f64,
    pub(crate) kind: StepKind,
}

/// What is at a node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StepKind {
    /// By its place among the forest's nodes.
    Split(u32),
    /// By the place of its first value, and how many nodes are done with it: itself and those of which it is the last.
    Leaf { value: usize, closes: u32 },
}

/// A tree ready to be walked.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Players that the tree asks for.
    pub(crate) players: Vec<u32>,
    /// Points at which products along a path have to be known.
    pub(crate) points: usize,
    pub(crate) depth: usize,
    /// How much of the training data came to each of the tree's places: its nodes in their order, written out level by level
    /// where it is oblivious.
    covers: Vec<f64>,
    path: Vec<Passed>,
    open: Vec<Waiting>,
    /// Places in the plan's list by player; `u32::MAX` for those not in it.
    places: Vec<u32>,
    means: Vec<f64>,
    /// By depth: the product of the shares on the way.
    shares: Vec<f64>,
}

/// A node on the way to the one at hand.
#[derive(Clone, Copy, Debug)]
struct Passed {
    player: u32,
    unknown: f64,
    is_last: bool,
    /// Different players on the way that are not held.
    different: u32,
}

/// A node that is still to be taken, by its place in the tree.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    node: usize,
    above: usize,
    depth: usize,
    is_left: bool,
    is_last: bool,
}

impl Plan {
    /// Takes a tree in.
    pub(crate) fn set<X: Real, Y: Real>(&mut self, forest: &Trees<X, Y>, tree: &Tree, held: Held) {
        self.places.resize(forest.players.count, u32::MAX);
        self.players.drain(..).for_each(|player| self.places[player as usize] = u32::MAX);
        self.steps.clear();
        self.path.clear();
        self.depth = 0;
        self.set_covers(forest, tree);
        let mut most = 0;
        self.open.clear();
        self.open.push(Waiting { node: 0, above: 0, depth: 0, is_left: true, is_last: true });
        while let Some(at) = self.open.pop() {
            self.path.truncate(at.depth);
            self.depth = self.depth.max(at.depth);
            let step = self.step(forest, tree, &at, held);
            most = most.max(self.path[at.depth].different);
            let kind = match tree.below(&forest.nodes, at.node) {
                Below::Leaf(leaf) => {
                    let value = tree.first_value + leaf * tree.width;
                    Some(StepKind::Leaf { value, closes: self.closes(at.depth) })
                }
                Below::Split { node, left } => self.split(forest, &at, node, left),
            };
            // A split that leads nowhere ends the path, and adds nothing.
            let nowhere = StepKind::Leaf { value: usize::MAX, closes: self.closes(at.depth) };
            self.steps.push(Step { kind: kind.unwrap_or(nowhere), ..step });
        }
        self.points = (most as usize).div_ceil(2).max(1);
    }

    fn set_covers<X: Real, Y: Real>(&mut self, forest: &Trees<X, Y>, tree: &Tree) {
        let (leaves, first) = (tree.leaves as usize, tree.first_cover);
        self.covers.clear();
        if !tree.is_oblivious {
            self.covers.extend((first..first + 2 * leaves - 1).map(|place| forest.covers.get(place)));
            return;
        }
        self.covers.resize(leaves - 1, 0.0);
        self.covers.extend((first..first + leaves).map(|place| forest.covers.get(place)));
        for place in (0..leaves - 1).rev() {
            self.covers[place] = self.covers[2 * place + 1] + self.covers[2 * place + 2];
        }
    }

    /// What the tree gives on average, children weighted by cover: `means` by value of a leaf.
    pub(crate) fn average<X: Real, Y: Real>(&mut self, forest: &Trees<X, Y>, tree: &Tree) -> &[f64] {
        self.means.clear();
        self.means.resize(tree.width, 0.0);
        self.shares.resize(self.depth + 1, 1.0);
        for step in &self.steps {
            let depth = step.depth as usize;
            let above = if depth == 0 { 1.0 } else { self.shares[depth - 1] };
            self.shares[depth] = above * step.share;
            if let StepKind::Leaf { value, .. } = step.kind
                && let Some(values) = forest.values.get(value..value.saturating_add(tree.width))
            {
                for (mean, value) in self.means.iter_mut().zip(values) {
                    *mean += self.shares[depth] * value.wide();
                }
            }
        }
        &self.means
    }

    /// The step to a node, its kind left open; the node is put on the path.
    fn step<X: Real, Y: Real>(
        &mut self,
        forest: &Trees<X, Y>,
        tree: &Tree,
        at: &Waiting,
        held: Held,
    ) -> Step {
        let mut step = Step {
            depth: at.depth as u32,
            earlier: 0,
            is_left: at.is_left,
            held: false,
            player: u32::MAX,
            share: 1.0,
            unknown: 1.0,
            kind: StepKind::Split(0),
        };
        let mut different = 0;
        if at.depth > 0 {
            let above = tree.node_at(at.above, at.depth - 1);
            let asked = forest.players.of(forest.nodes[above].feature());
            if self.places[asked] == u32::MAX {
                self.places[asked] = self.players.len() as u32;
                self.players.push(asked as u32);
            }
            step.player = self.places[asked];
            step.held = held.player() == Some(asked);
            step.share = share(self.covers[at.node], self.covers[at.above]);
            let earlier = (1..at.depth).rev().find(|&depth| self.path[depth].player == step.player);
            let earlier = earlier.unwrap_or(0);
            step.earlier = earlier as u32;
            step.unknown = step.share * self.path[earlier].unknown;
            let is_new = earlier == 0 && !step.held;
            different = self.path[at.depth - 1].different + u32::from(is_new);
        }
        let (player, unknown, is_last) = (step.player, step.unknown, at.is_last);
        self.path.push(Passed { player, unknown, is_last, different });
        step
    }

    /// Puts the children of a split behind it; `None` where there is none to go to.
    fn split<X: Real, Y: Real>(
        &mut self,
        forest: &Trees<X, Y>,
        at: &Waiting,
        node: usize,
        left: usize,
    ) -> Option<StepKind> {
        let covers = &self.covers;
        let skips = |child: usize| forest.players.skip_empty && share(covers[child], covers[at.node]) == 0.0;
        let (skips_left, skips_right) = (skips(left), skips(left + 1));
        let child =
            |node, is_left, is_last| Waiting { node, above: at.node, depth: at.depth + 1, is_left, is_last };
        if !skips_right {
            self.open.push(child(left + 1, false, true));
        }
        if !skips_left {
            self.open.push(child(left, true, skips_right));
        }
        (!skips_left || !skips_right).then_some(StepKind::Split(node as u32))
    }

    /// Nodes that are done with the one at the end of the path.
    fn closes(&self, depth: usize) -> u32 {
        1 + self.path[1..=depth].iter().rev().take_while(|passed| passed.is_last).count() as u32
    }
}
