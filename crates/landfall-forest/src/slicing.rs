//! How trees come into the layout of [`crate::sliced`].

use crate::Real;
use crate::conditions::Conditions;
use crate::forest::Forest;
use crate::sliced::{Above, Asked, Group, Question, Run, Sliced, Step, Way};

/// Leaves that a tree may have: splits are numbered in a byte.
const MAX_LEAVES: usize = 256;
/// Levels of a full tree: as many as a leaf's number has bits.
const MAX_LEVELS: u32 = 8;
/// Leaves that a tree may be filled up to, for each that it has: a question of a full tree costs a third of a step.
const FILLED: usize = 3;
/// Different questions of a group: their answers for a block of rows should stay in the second-level cache.
const GROUP_CONDITIONS: usize = 16384;

impl<X: Real, Y: Real> Sliced<X, Y> {
    /// The layout; `None` where no tree fits.
    pub(crate) fn of(forest: &Forest<X, Y>, conditions: &Conditions<X>) -> Option<Self> {
        let mut needed = 0..;
        let ranked = conditions.parts.iter().map(|part| if part.is_long() { needed.next() } else { None });
        let mut sliced = Sliced {
            groups: Vec::new(),
            runs: Vec::new(),
            above: Vec::new(),
            others: Vec::new(),
            trees: Vec::with_capacity(forest.trees.len()),
            steps: Vec::new(),
            full: Vec::new(),
            tables: Vec::new(),
            ranked: ranked.collect(),
            most_asked: 0,
        };
        let mut layout = Layout::new(forest, conditions);
        for tree in 0..forest.trees.len() {
            layout.add(tree, &mut sliced);
        }
        layout.close(&mut sliced);
        sliced.above.shrink_to_fit();
        sliced.others.shrink_to_fit();
        sliced.steps.shrink_to_fit();
        sliced.full.shrink_to_fit();
        sliced.tables.shrink_to_fit();
        sliced.trees.iter().any(|way| !matches!(way, Way::Lanes)).then_some(sliced)
    }
}

/// Groups under construction.
struct Layout<'a, X, Y> {
    forest: &'a Forest<X, Y>,
    conditions: &'a Conditions<X>,
    /// By slot, where its questions begin in `places`.
    slots: Vec<u32>,
    /// By slot and rank, the question's place in the group.
    places: Vec<u32>,
    /// The group's questions by place: slots and ranks.
    asked: Vec<(u32, u8)>,
    first_tree: usize,
}

const NONE: u32 = u32::MAX;

impl<'a, X: Real, Y: Real> Layout<'a, X, Y> {
    fn new(forest: &'a Forest<X, Y>, conditions: &'a Conditions<X>) -> Self {
        let mut slots = vec![0; conditions.slots()];
        let mut sizes = vec![1u32; conditions.slots()];
        for part in &conditions.parts {
            for slot in [part.missing_left, part.missing_right].into_iter().flatten() {
                sizes[slot] = u32::from(part.count);
            }
        }
        let mut total = 0;
        for (slot, size) in slots.iter_mut().zip(sizes) {
            *slot = total;
            total += size;
        }
        let places = vec![NONE; total as usize];
        Layout { forest, conditions, slots, places, asked: Vec::new(), first_tree: 0 }
    }

    fn add(&mut self, number: usize, sliced: &mut Sliced<X, Y>) {
        let tree = &self.forest.trees[number];
        let leaves = tree.leaves as usize;
        if leaves > MAX_LEAVES || leaves - 1 > GROUP_CONDITIONS {
            sliced.trees.push(Way::Lanes);
            return;
        }
        if self.asked.len() + leaves - 1 > GROUP_CONDITIONS {
            self.close_group(number, sliced);
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
            self.add_steps(tree.root as usize, sliced);
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
        let mut nodes = vec![tree.root as usize];
        let mut below = Vec::with_capacity(1 << levels);
        for _ in 0..levels {
            below.clear();
            for &node in &nodes {
                if forest.nodes[node].rule.is_leaf() {
                    sliced.full.push(sliced.full[start]);
                    below.extend([node; 2]);
                } else {
                    let asked = self.ask(node);
                    sliced.full.push(asked);
                    let left = forest.nodes[node].next as usize;
                    below.extend([left, left + 1]);
                }
            }
            std::mem::swap(&mut nodes, &mut below);
        }
        let is_filled = nodes.len() != tree.leaves as usize;
        let has_leaves = forest.filled_leaves(number, levels).is_some();
        let table = (is_filled && !has_leaves).then_some(sliced.tables.len());
        if table.is_some() {
            for k in 0..tree.width {
                let value =
                    |&node: &usize| tree.first_value + forest.nodes[node].next as usize * tree.width + k;
                sliced.tables.extend(nodes.iter().map(|node| forest.values[value(node)]));
            }
        }
        Way::Full { asked: start, levels, table }
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

    fn add_steps(&mut self, root: usize, sliced: &mut Sliced<X, Y>) {
        if self.forest.nodes[root].rule.is_leaf() {
            return;
        }
        // Nodes to come, with the bounds of their leaves' numbers and the splits around them.
        let mut open = vec![(root, 255u8, 0u8)];
        while let Some((node, before, behind)) = open.pop() {
            let asked = self.ask(node);
            let left = self.forest.nodes[node].next as usize;
            let at = self.last_leaf(left);
            sliced.steps.push(Step { asked, at, before, behind });
            let mut open_split = |node: usize, before, behind| {
                if !self.forest.nodes[node].rule.is_leaf() {
                    open.push((node, before, behind));
                }
            };
            open_split(left + 1, before, at + 1);
            open_split(left, at, behind);
        }
    }

    /// The number of the last leaf below a node: that of the split to the right of it.
    fn last_leaf(&self, mut node: usize) -> u8 {
        while !self.forest.nodes[node].rule.is_leaf() {
            node = self.forest.nodes[node].next as usize + 1;
        }
        self.forest.nodes[node].next as u8
    }

    /// The place of a node's question in the group.
    fn ask(&mut self, node: usize) -> u16 {
        let (slot, rank) = self.conditions.place(node);
        let place = &mut self.places[self.slots[slot as usize] as usize + usize::from(rank)];
        if *place == NONE {
            *place = self.asked.len() as u32;
            self.asked.push((slot, rank));
        }
        *place as u16
    }

    /// Brings questions about the same ranks together; their answers stay in the order in which trees ask.
    fn close_group(&mut self, end: usize, sliced: &mut Sliced<X, Y>) {
        // By slot, rank and place.
        let key = |(place, &(slot, rank)): (usize, &(u32, u8))| {
            u64::from(slot) << 32 | u64::from(rank) << 16 | place as u64
        };
        let mut order: Vec<u64> = self.asked.iter().enumerate().map(key).collect();
        order.sort_unstable();
        let (first_run, first_other) = (sliced.runs.len(), sliced.others.len());
        let mut last = None;
        for asked in order {
            let (slot, rank, place) = ((asked >> 32) as u32, (asked >> 16) as u8, asked as u16);
            self.places[self.slots[slot as usize] as usize + usize::from(rank)] = NONE;
            let part = self.conditions.part_of_slot(slot as usize);
            let long = part.filter(|&part| self.conditions.parts[part].is_long());
            let Some(part) = long else {
                let question = question(self.conditions, slot as usize, rank);
                sliced.others.push(Asked { question, place });
                continue;
            };
            if last != Some(slot) {
                last = Some(slot);
                let missing_right = self.conditions.parts[part].missing_right == Some(slot as usize);
                let start = sliced.above.len();
                sliced.runs.push(Run { part, missing_right, asked: start..start });
            }
            sliced.above.push(Above { rank, place });
            if let Some(run) = sliced.runs.last_mut() {
                run.asked.end += 1;
            }
        }
        sliced.most_asked = sliced.most_asked.max(self.asked.len());
        sliced.groups.push(Group {
            trees: self.first_tree..end,
            runs: first_run..sliced.runs.len(),
            others: first_other..sliced.others.len(),
        });
        self.first_tree = end;
        self.asked.clear();
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
