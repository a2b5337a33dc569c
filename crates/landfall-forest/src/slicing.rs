//! How trees come into the layout of [`crate::sliced`].

use crate::Instructions;
use crate::Real;
use crate::conditions::{Conditions, FEW};
use crate::filled::Filled;
use crate::node::{Node, Rule};
use crate::sliced::{Above, Asked, Group, Question, Run, Sliced, Step, UPPER, Way};
use crate::trees::{Tree, Trees};

/// Leaves of a tree that has a step for each split: they are numbered in a byte. Larger ones have their upper levels alone.
const MAX_LEAVES: usize = 256;
/// Questions of a large tree's upper levels that are answered row by row.
const BY_ROW: usize = 4;
/// Levels of an oblivious tree: bits of two bytes.
const MAX_OBLIVIOUS: u32 = 16;
/// Levels of a full tree: as many as a leaf's number has bits.
const MAX_LEVELS: u32 = 8;
/// Leaves that a tree may be filled up to, for each that it has: a question of a full tree costs a third of a step.
const FILLED: usize = 3;
/// Different questions of a group: their answers for a block of rows should stay in the second-level cache.
const GROUP_CONDITIONS: usize = 16384;

impl<X: Real, Y: Real> Sliced<X, Y> {
    /// The layout, beside leaves that are filled up already; `None` where no tree fits.
    pub(crate) fn of(
        forest: &Trees<X, Y>,
        conditions: &Conditions<X>,
        filled: Option<&Filled<Y>>,
    ) -> Option<Self> {
        let mut sliced = Sliced {
            groups: Vec::new(),
            runs: Vec::new(),
            above: Vec::new(),
            others: Vec::new(),
            trees: Vec::with_capacity(forest.trees.len()),
            steps: Vec::new(),
            full: Vec::new(),
            tables: Vec::new(),
            starts: Vec::new(),
            ranked: ranked(forest, conditions),
            most_asked: 0,
        };
        let mut layout = Layout::new(forest, conditions, filled);
        for tree in 0..forest.trees.len() {
            layout.add(tree, &mut sliced);
        }
        layout.close(&mut sliced);
        sliced.above.shrink_to_fit();
        sliced.others.shrink_to_fit();
        sliced.steps.shrink_to_fit();
        sliced.full.shrink_to_fit();
        sliced.tables.shrink_to_fit();
        sliced.starts.shrink_to_fit();
        sliced.trees.iter().any(|way| !matches!(way, Way::Lanes)).then_some(sliced)
    }
}

/// Whether a tree has its upper levels here alone. Without registers of comparisons, all rows' answers to a question that few
/// of them come to cost more than going down; so do those that are found row by row.
fn has_upper<X: Real, Y: Real>(forest: &Trees<X, Y>, tree: &Tree) -> bool {
    if tree.leaves as usize <= MAX_LEAVES || tree.is_oblivious || Instructions::best() == Instructions::Plain
    {
        return false;
    }
    // Nodes lie breadth first.
    let upper = &forest.nodes[tree.root as usize..][..(1 << UPPER) - 1];
    let by_row = |node: &&Node<X>| !matches!(node.rule.test(), Rule::LESS | Rule::AT_MOST);
    upper.iter().filter(|node| !node.rule.is_leaf()).filter(by_row).count() <= BY_ROW
}

/// By part of the conditions, where its ranks are among those that are needed: of thresholds that enough questions are about.
fn ranked<X: Real, Y: Real>(forest: &Trees<X, Y>, conditions: &Conditions<X>) -> Vec<Option<usize>> {
    let mut needed = 0..;
    let mut number = |is_needed: bool| if is_needed { needed.next() } else { None };
    if !forest.trees.iter().any(|tree| has_upper(forest, tree)) {
        return conditions.parts.iter().map(|part| number(part.is_long())).collect();
    }
    let mut is_asked = vec![false; conditions.questions()];
    for tree in &forest.trees {
        let asked = match (tree.is_oblivious, has_upper(forest, tree)) {
            (true, _) => tree.depth as usize,
            (false, true) => (1 << UPPER) - 1,
            (false, false) => 2 * tree.leaves as usize - 1,
        };
        for node in tree.root as usize..tree.root as usize + asked {
            if !forest.nodes[node].rule.is_leaf() {
                is_asked[conditions.question(node)] = true;
            }
        }
    }
    let mut asked = vec![0; conditions.parts.len()];
    for question in (0..is_asked.len()).filter(|&question| is_asked[question]) {
        let (slot, _) = conditions.place_of(question);
        if let Some(part) = conditions.part_of_slot(slot as usize) {
            asked[part] += 1;
        }
    }
    let parts = conditions.parts.iter().zip(asked);
    parts.map(|(part, asked)| number(part.is_long() && asked > FEW)).collect()
}

/// Groups under construction.
struct Layout<'a, X, Y> {
    forest: &'a Trees<X, Y>,
    conditions: &'a Conditions<X>,
    filled: Option<&'a Filled<Y>>,
    /// By question, its place in the group.
    places: Vec<u16>,
    /// The group's questions by place.
    asked: Vec<u32>,
    first_tree: usize,
    space: [Vec<u32>; 2],
}

const NONE: u16 = u16::MAX;
/// Questions for each that a group asks, up to which looking at them all is quicker than sorting.
const LOOKED_AT: usize = 8;

impl<'a, X: Real, Y: Real> Layout<'a, X, Y> {
    fn new(forest: &'a Trees<X, Y>, conditions: &'a Conditions<X>, filled: Option<&'a Filled<Y>>) -> Self {
        let places = vec![NONE; conditions.questions()];
        let (asked, space) = (Vec::new(), Default::default());
        Layout { forest, conditions, filled, places, asked, first_tree: 0, space }
    }

    fn add(&mut self, number: usize, sliced: &mut Sliced<X, Y>) {
        let tree = &self.forest.trees[number];
        let (leaves, has_upper) = (tree.leaves as usize, has_upper(self.forest, tree));
        let asks = match (tree.is_oblivious, has_upper) {
            (true, _) if tree.depth <= MAX_OBLIVIOUS => tree.depth as usize,
            (false, true) => (1 << UPPER) - 1,
            (false, false) if leaves <= MAX_LEAVES => leaves - 1,
            _ => {
                sliced.trees.push(Way::Lanes);
                return;
            }
        };
        if self.asked.len() + asks > GROUP_CONDITIONS {
            self.close_group(number, sliced);
        }
        if has_upper {
            let way = self.add_upper(tree, sliced);
            sliced.trees.push(way);
            return;
        }
        let start = sliced.steps.len();
        let way = if let Some(levels) = self.oblivious(number) {
            for node in levels {
                let asked = self.ask(node);
                sliced.steps.push(Step { asked, ..Step::default() });
            }
            Way::Oblivious(start..sliced.steps.len())
        } else if tree.depth <= MAX_LEVELS && 1 << tree.depth <= FILLED * leaves && !tree.is_linear {
            self.add_full(number, sliced)
        } else {
            self.add_steps(tree, sliced);
            Way::Steps(start..sliced.steps.len())
        };
        sliced.trees.push(way);
    }

    /// A tree level by level. Below a leaf that lies higher than others, the leaf is repeated; what is asked there does
    /// not matter.
    fn add_full(&mut self, number: usize, sliced: &mut Sliced<X, Y>) -> Way {
        let forest = self.forest;
        let tree = &forest.trees[number];
        let levels = tree.depth as usize;
        let start = sliced.full.len();
        let nodes = self.ask_levels(tree, levels, sliced);
        let is_filled = nodes.len() != tree.leaves as usize;
        let has_leaves = self.filled.is_some_and(|filled| filled.of_tree(number, levels).is_some());
        let table = (is_filled && !has_leaves).then_some(sliced.tables.len());
        if table.is_some() {
            for k in 0..tree.width {
                let value = |&node: &u32| {
                    forest.values
                        [tree.first_value + forest.nodes[node as usize].next as usize * tree.width + k]
                };
                sliced.tables.extend(nodes.iter().map(value));
            }
        }
        self.space[0] = nodes;
        Way::Full { asked: start, levels, table }
    }

    /// The upper levels of a large tree, likewise.
    fn add_upper(&mut self, tree: &Tree, sliced: &mut Sliced<X, Y>) -> Way {
        let (asked, starts) = (sliced.full.len(), sliced.starts.len());
        let nodes = self.ask_levels(tree, UPPER, sliced);
        sliced.starts.extend_from_slice(&nodes);
        self.space[0] = nodes;
        Way::Upper { asked, starts }
    }

    /// Asks the questions of a tree's upper levels; gives the nodes below them.
    fn ask_levels(&mut self, tree: &Tree, levels: usize, sliced: &mut Sliced<X, Y>) -> Vec<u32> {
        let start = sliced.full.len();
        let [mut nodes, mut below] = std::mem::take(&mut self.space);
        nodes.clear();
        nodes.push(tree.root);
        for _ in 0..levels {
            below.clear();
            for &at in &nodes {
                let node = &self.forest.nodes[at as usize];
                let asked = if node.rule.is_leaf() { sliced.full[start] } else { self.ask(at as usize) };
                sliced.full.push(asked);
                below.extend(node.below(at));
            }
            std::mem::swap(&mut nodes, &mut below);
        }
        self.space[1] = below;
        nodes
    }

    /// A node of each level, where all nodes of each level ask the same.
    fn oblivious(&self, number: usize) -> Option<Vec<usize>> {
        let tree = &self.forest.trees[number];
        if tree.is_oblivious {
            return Some((0..tree.depth as usize).map(|level| tree.root as usize + level).collect());
        }
        if 1usize.checked_shl(tree.depth) != Some(tree.leaves as usize) {
            return None;
        }
        // A tree of so many leaves and levels is complete: level by level, nodes follow each other.
        let root = tree.root as usize;
        let levels = (0..tree.depth).map(|level| root + (1usize << level) - 1);
        levels
            .map(|first| {
                let width = first - root + 1;
                let place = self.conditions.place(first);
                (first..first + width).all(|node| self.conditions.place(node) == place).then_some(first)
            })
            .collect()
    }

    fn add_steps(&mut self, tree: &Tree, sliced: &mut Sliced<X, Y>) {
        let root = tree.root as usize;
        let nodes = &self.forest.nodes[root..][..2 * tree.leaves as usize - 1];
        if nodes.len() == 1 {
            return;
        }
        // By place, the number of the last leaf below: what is below a node lies behind it.
        let mut last = vec![0u8; nodes.len()];
        for (place, node) in nodes.iter().enumerate().rev() {
            let next = node.next as usize;
            last[place] = if node.rule.is_leaf() { next as u8 } else { last[next + 1 - root] };
        }
        // Splits to come, with the splits around them.
        let mut open = vec![(root, 255u8, 0u8)];
        let mut taken = 0;
        // Breadth first: a step that needed what the one before it wrote would wait for it.
        while let Some(&(node, before, behind)) = open.get(taken) {
            taken += 1;
            let asked = self.ask(node);
            let left = self.forest.nodes[node].next as usize;
            // The number of the last leaf on the left is that of the split between both sides.
            let at = last[left - root];
            sliced.steps.push(Step { asked, at, before, behind });
            let mut open_split = |node: usize, before, behind| {
                if !self.forest.nodes[node].rule.is_leaf() {
                    open.push((node, before, behind));
                }
            };
            open_split(left, at, behind);
            open_split(left + 1, before, at + 1);
        }
    }

    /// The place of a node's question in the group.
    fn ask(&mut self, node: usize) -> u16 {
        let question = self.conditions.question(node);
        let place = &mut self.places[question];
        if *place == NONE {
            *place = self.asked.len() as u16;
            self.asked.push(question as u32);
        }
        *place
    }

    /// Brings questions about the same ranks together; their answers stay in the order in which trees ask.
    fn close_group(&mut self, end: usize, sliced: &mut Sliced<X, Y>) {
        let mut order = std::mem::take(&mut self.asked);
        sliced.most_asked = sliced.most_asked.max(order.len());
        if self.places.len() <= LOOKED_AT * order.len() {
            order.clear();
            let asked = |question: &u32| self.places[*question as usize] != NONE;
            order.extend((0..self.places.len() as u32).filter(asked));
        } else {
            order.sort_unstable();
        }
        let (first_run, first_other) = (sliced.runs.len(), sliced.others.len());
        let mut last = None;
        // The part of the slot, if rows are ranked among its thresholds.
        let mut long = None;
        for &asked in &order {
            let (slot, rank) = self.conditions.place_of(asked as usize);
            let place = std::mem::replace(&mut self.places[asked as usize], NONE);
            if last != Some(slot) {
                last = Some(slot);
                let part = self.conditions.part_of_slot(slot as usize);
                long = part.filter(|&part| sliced.ranked[part].is_some());
                if let Some(part) = long {
                    let missing_right = self.conditions.parts[part].missing_right == Some(slot as usize);
                    let start = sliced.above.len();
                    sliced.runs.push(Run { part, missing_right, asked: start..start });
                }
            }
            match (long, sliced.runs.last_mut()) {
                (Some(_), Some(run)) => {
                    sliced.above.push(Above { rank, place });
                    run.asked.end += 1;
                }
                _ => {
                    let question = question(self.conditions, slot as usize, rank);
                    sliced.others.push(Asked { question, place });
                }
            }
        }
        sliced.groups.push(Group {
            trees: self.first_tree..end,
            runs: first_run..sliced.runs.len(),
            others: first_other..sliced.others.len(),
        });
        self.first_tree = end;
        order.clear();
        self.asked = order;
    }

    fn close(mut self, sliced: &mut Sliced<X, Y>) {
        if self.first_tree < self.forest.trees.len() {
            self.close_group(self.forest.trees.len(), sliced);
        }
    }
}

/// A question that is not about ranks.
fn question<X: Real>(conditions: &Conditions<X>, slot: usize, rank: u8) -> Question<X> {
    let Some(number) = conditions.part_of_slot(slot) else {
        return Question::Node(conditions.others[slot - conditions.ranked]);
    };
    let part = &conditions.parts[number];
    Question::Value {
        column: part.column as u32,
        threshold: part.threshold(rank),
        at_most: part.at_most,
        missing_right: part.missing_right == Some(slot),
    }
}
