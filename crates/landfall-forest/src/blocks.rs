//! Blocks of rows through a forest's sliced layout ([`crate::sliced`]): written once, without a branch that depends on a
//! row, and compiled for each instruction set; what is worth instructions of its own is a [`Machine`]'s.

use crate::column::Column;
use crate::conditions::{Conditions, Count, Part};
use crate::filled::Filled;
use crate::full;
use crate::ladder::{BITS, Ladder};
use crate::mask::{LEAVES, Mask, ROWS, leaf_numbers};
use crate::real::widened;
use crate::sliced::{Group, Question, Sliced, Step, UPPER, Way};
use crate::trees::{Tree, Trees};
use crate::{Real, Rows};
use std::cell::RefCell;
use std::ops::Range;

/// Trees over rows of numbers of type `R`, by blocks.
pub(crate) struct Job<'a, R, X, Y> {
    pub(crate) forest: &'a Trees<X, Y>,
    pub(crate) conditions: &'a Conditions<R>,
    pub(crate) sliced: &'a Sliced<X, Y>,
    /// Leaves filled up, where another layout has them.
    pub(crate) filled: Option<&'a Filled<Y>>,
    pub(crate) rows: Rows<'a, R>,
    /// All features' values, where they come as columns: `rows` then has none, and nothing asks it.
    pub(crate) columns: &'a [&'a [R]],
    pub(crate) trees: Range<usize>,
}

/// What an instruction set does better than the compiler. All give the same bits.
pub(crate) trait Machine<X: Real, Y: Real>: Count<X> + Sized {
    /// Columns of `count` rows from `start` on, [`ROWS`] apart.
    fn columns(&self, columns: &[Column], rows: Rows<'_, X>, start: usize, count: usize, into: &mut [X]) {
        for (column, into) in columns.iter().zip(into.chunks_exact_mut(ROWS)) {
            column.fill(rows, start, &mut into[..count]);
        }
    }

    /// Rows whose value is to the right of a threshold. Answers are written word by word where they stay: a register read at
    /// once after its words were written waits for them.
    fn right_of(&self, values: &[X; ROWS], threshold: X, at_most: bool, missing_right: bool, into: &mut Mask);

    /// The bits of the rows' ranks among a part's thresholds, the lowest first; of the rows from `width` on, anything.
    #[inline(always)]
    fn rank(&self, part: &Part<X>, values: &[X; ROWS], width: usize, planes: &mut [Mask; BITS]) {
        self.rank_by_bytes(part, values, width, planes);
    }

    /// As [`Machine::rank`], each rank counted by itself.
    #[inline(always)]
    fn rank_by_bytes(&self, part: &Part<X>, values: &[X; ROWS], width: usize, planes: &mut [Mask; BITS]) {
        let mut ranks = [0; ROWS];
        for i in 0..width {
            ranks[i] = part.rank(values[i], self);
        }
        self.planes(&ranks, planes);
    }

    /// The bits of bytes, the lowest first.
    fn planes(&self, bytes: &[u8; ROWS], planes: &mut [Mask; BITS]);

    /// The bits of the leaves' numbers, the lowest first, of a tree whose questions are asked level by level.
    fn full(&self, asked: &[u16], answers: &[Mask], planes: &mut [Mask; BITS]) {
        full::planes(asked, answers, planes);
    }

    /// Adds each row's leaf to its sum; `planes` are the bits of the leaves' numbers, the lowest first, and there is a leaf
    /// for each number.
    fn add(&self, planes: &[Mask], leaves: &[Y], sums: &mut [Y]);
}

thread_local! {
    /// Memory for a block, kept between calls: answers, ranks, columns and sums.
    static SPACE: RefCell<Vec<Mask>> = const { RefCell::new(Vec::new()) };
}

/// `behind` of no split, for all splits, and for every split.
const BEHIND: usize = 1 + LEAVES;

/// A block's memory, by use.
struct Space<'s, R, Y> {
    columns: &'s mut [R],
    /// Of each part that is ranked: the bits of the ranks, and where there is no value.
    ranks: &'s mut [[Mask; BITS + 1]],
    answers: &'s mut [Mask],
    behind: &'s mut [Mask; BEHIND],
    /// By output.
    sums: &'s mut [Y],
    /// A tree's leaves, where they do not stand in a row.
    leaves: &'s mut [Y],
}

impl<R: Real, X: Real, Y: Real> Job<'_, R, X, Y> {
    /// Adds the trees' leaves to all rows' sums. Inlined into a function for each instruction set.
    #[inline(always)]
    pub(crate) fn run<M: Machine<R, Y>>(&self, sums: &mut [Y], machine: &M) {
        // Not by a closure: that would not be compiled for the instruction set of the function around it.
        let mut memory = SPACE.take();
        {
            let masks = |bytes: usize| bytes / size_of::<Mask>();
            let sizes = [
                masks(self.conditions.columns.len() * ROWS * size_of::<R>()),
                self.sliced.ranked.iter().flatten().count() * (BITS + 1),
                self.sliced.most_asked,
                BEHIND,
                masks(self.forest.outputs * ROWS * size_of::<Y>()),
                masks(LEAVES * size_of::<Y>()),
            ];
            let total = sizes.iter().sum();
            if memory.len() < total {
                memory.resize(total, Mask::NONE);
            }
            let (columns, rest) = memory.split_at_mut(sizes[0]);
            let (ranks, rest) = rest.split_at_mut(sizes[1]);
            let (answers, rest) = rest.split_at_mut(sizes[2]);
            let (behind, rest) = rest.split_at_mut(sizes[3]);
            let (sums_of_block, rest) = rest.split_at_mut(sizes[4]);
            let mut space = Space {
                columns: bytemuck::cast_slice_mut(columns),
                ranks: ranks.as_chunks_mut().0,
                answers,
                behind: behind.try_into().expect("the part was cut to this size"),
                sums: bytemuck::cast_slice_mut(sums_of_block),
                leaves: bytemuck::cast_slice_mut(&mut rest[..sizes[5]]),
            };
            (space.behind[0], space.behind[LEAVES]) = (Mask::ALL, Mask::NONE);
            for start in (0..self.rows.len()).step_by(ROWS) {
                let count = ROWS.min(self.rows.len() - start);
                let sums = &mut sums[start * self.forest.outputs..(start + count) * self.forest.outputs];
                self.block(start, count, &mut space, sums, machine);
            }
        }
        SPACE.set(memory);
    }

    #[inline(always)]
    fn block<M: Machine<R, Y>>(
        &self,
        start: usize,
        count: usize,
        space: &mut Space<'_, R, Y>,
        sums: &mut [Y],
        machine: &M,
    ) {
        let outputs = self.forest.outputs;
        // Whole registers: what lies behind the last row is answered, and not read.
        let width = count.next_multiple_of(64);
        if self.columns.is_empty() {
            machine.columns(&self.conditions.columns, self.rows, start, count, space.columns);
        } else {
            for (column, into) in self.conditions.columns.iter().zip(space.columns.chunks_exact_mut(ROWS)) {
                column.copy(&self.columns[column.feature as usize][start..start + count], into);
            }
        }
        self.rank(width, space, machine);
        for output in 0..outputs {
            let into = &mut space.sums[output * ROWS..][..count];
            for i in 0..count {
                into[i] = sums[i * outputs + output];
            }
        }
        for group in &self.sliced.groups {
            let trees = group.trees.start.max(self.trees.start)..group.trees.end.min(self.trees.end);
            if trees.is_empty() {
                continue;
            }
            self.answer(group, start, count, space, machine);
            for number in trees {
                self.tree(number, start, count, space, machine);
            }
        }
        for output in 0..outputs {
            let from = &space.sums[output * ROWS..][..count];
            for i in 0..count {
                sums[i * outputs + output] = from[i];
            }
        }
    }

    /// Ranks of the parts that have many thresholds.
    #[inline(always)]
    fn rank<M: Machine<R, Y>>(&self, width: usize, space: &mut Space<'_, R, Y>, machine: &M) {
        let (columns, _) = space.columns.as_chunks::<ROWS>();
        for (part, place) in self.conditions.parts.iter().zip(&self.sliced.ranked) {
            let Some(place) = *place else { continue };
            let values = &columns[part.column];
            let (planes, missing) = space.ranks[place].split_at_mut(BITS);
            let Ok(planes) = planes.try_into() else { continue };
            // Nothing is below what is not a number: its rank is 0.
            machine.rank(part, values, width, planes);
            if part.missing_right.is_some() {
                machine.right_of(values, R::INFINITY, true, true, &mut missing[0]);
            }
        }
    }

    /// Answers a group's questions.
    #[inline(always)]
    fn answer<M: Machine<R, Y>>(
        &self,
        group: &Group,
        start: usize,
        count: usize,
        space: &mut Space<'_, R, Y>,
        machine: &M,
    ) {
        let mut ladder = Ladder::EMPTY;
        let mut last = None;
        for run in &self.sliced.runs[group.runs.clone()] {
            let Some(place) = self.sliced.ranked[run.part] else { continue };
            let (planes, missing) = space.ranks[place].split_at(BITS);
            if let (true, Ok(planes)) = (last != Some(run.part), planes.try_into()) {
                ladder.fill(planes);
                last = Some(run.part);
            }
            let also = if run.missing_right { &missing[0] } else { &Mask::NONE };
            for asked in &self.sliced.above[run.asked.clone()] {
                ladder.above(asked.rank, also, &mut space.answers[usize::from(asked.place)]);
            }
        }
        let (columns, _) = space.columns.as_chunks::<ROWS>();
        for asked in &self.sliced.others[group.others.clone()] {
            let answer = &mut space.answers[usize::from(asked.place)];
            match asked.question {
                Question::Value { column, threshold, at_most, missing_right } => {
                    let values = &columns[column as usize];
                    let threshold = R::bound(threshold.wide(), at_most);
                    machine.right_of(values, threshold, at_most, missing_right, answer);
                }
                Question::Node(node) => *answer = self.ask(node as usize, start, count),
            }
        }
    }

    /// A node's answers, row by row.
    fn ask(&self, node: usize, start: usize, count: usize) -> Mask {
        let node = &self.forest.nodes[node];
        let mut mask = Mask::NONE;
        for row in 0..count {
            let left = self.forest.goes_left(node, widened(self.rows.row(start + row)[node.feature()]));
            mask.0[row / 64] |= u64::from(!left) << (row % 64);
        }
        mask
    }

    #[inline(always)]
    fn tree<M: Machine<R, Y>>(
        &self,
        number: usize,
        start: usize,
        count: usize,
        space: &mut Space<'_, R, Y>,
        machine: &M,
    ) {
        let tree = &self.forest.trees[number];
        let mut planes = [Mask::NONE; BITS];
        let planes = match &self.sliced.trees[number] {
            Way::Lanes => {
                let mut leaves = [0; ROWS];
                self.forest.leaves_by_lanes(self.rows, start, tree, &mut leaves[..count]);
                return self.add_leaves(tree, &leaves[..count], start, space.sums);
            }
            &Way::Upper { asked, starts } => {
                machine.full(&self.sliced.full[asked..][..(1 << UPPER) - 1], space.answers, &mut planes);
                let starts = &self.sliced.starts[starts..][..1 << UPPER];
                let mut leaves = [0; ROWS];
                numbers_of(&planes[..UPPER], &mut leaves[..count]);
                leaves[..count].iter_mut().for_each(|place| *place = starts[*place as usize]);
                self.forest.leaves_below(self.rows, start, &mut leaves[..count]);
                return self.add_leaves(tree, &leaves[..count], start, space.sums);
            }
            Way::Oblivious(steps) if steps.len() > BITS => {
                let steps = &self.sliced.steps[steps.clone()];
                let mut planes = [Mask::NONE; 2 * BITS];
                for (plane, step) in planes.iter_mut().zip(steps.iter().rev()) {
                    *plane = space.answers[usize::from(step.asked)];
                }
                let mut leaves = [0; ROWS];
                numbers_of(&planes[..steps.len()], &mut leaves[..count]);
                return self.add_leaves(tree, &leaves[..count], start, space.sums);
            }
            Way::Oblivious(steps) => {
                let steps = &self.sliced.steps[steps.clone()];
                for (plane, step) in planes.iter_mut().zip(steps.iter().rev()) {
                    *plane = space.answers[usize::from(step.asked)];
                }
                &planes[..steps.len()]
            }
            &Way::Full { asked, levels, .. } => {
                let asked = &self.sliced.full[asked..][..(1 << levels) - 1];
                machine.full(asked, space.answers, &mut planes);
                &planes[..levels]
            }
            Way::Steps(steps) => {
                let bits = usize::BITS as usize - (tree.leaves as usize - 1).leading_zeros() as usize;
                take(&self.sliced.steps[steps.clone()], space.answers, space.behind);
                planes_of(&space.behind[1..tree.leaves as usize], &mut planes[..bits]);
                &planes[..bits]
            }
        };
        if tree.is_linear {
            self.add_linear(tree, planes, start, count, space.sums);
            return;
        }
        for k in 0..tree.width {
            let leaves = self.sliced.leaves(self.forest, self.filled, number, k, planes.len(), space.leaves);
            let sums = &mut space.sums[(tree.first_output + k) * ROWS..][..count.next_multiple_of(64)];
            machine.add(planes, leaves, sums);
        }
    }

    fn add_linear(&self, tree: &Tree, planes: &[Mask], start: usize, count: usize, sums: &mut [Y]) {
        let sums = &mut sums[tree.first_output * ROWS..];
        for (word, sums) in sums[..count].chunks_mut(64).enumerate() {
            for (i, (sum, leaf)) in sums.iter_mut().zip(leaf_numbers(planes, word)).enumerate() {
                let row = self.rows.row(start + word * 64 + i);
                *sum = *sum + self.forest.linear_value(tree, usize::from(leaf), row);
            }
        }
    }

    /// Adds the leaves of these numbers, which rows from `start` on come to.
    fn add_leaves(&self, tree: &Tree, leaves: &[u32], start: usize, sums: &mut [Y]) {
        for k in 0..tree.width {
            let sums = &mut sums[(tree.first_output + k) * ROWS..];
            for (i, (sum, &leaf)) in sums.iter_mut().zip(leaves).enumerate() {
                let value = if tree.is_linear {
                    self.forest.linear_value(tree, leaf as usize, self.rows.row(start + i))
                } else {
                    self.forest.values[tree.first_value + leaf as usize * tree.width + k]
                };
                *sum = *sum + value;
            }
        }
    }
}

/// The numbers whose bits planes are, the lowest first; up to 16 of them.
#[inline(always)]
fn numbers_of(planes: &[Mask], numbers: &mut [u32]) {
    let (low, high) = planes.split_at(planes.len().min(BITS));
    for (word, numbers) in numbers.chunks_mut(64).enumerate() {
        let (low, high) = (leaf_numbers(low, word), leaf_numbers(high, word));
        for (number, (low, high)) in numbers.iter_mut().zip(low.into_iter().zip(high)) {
            *number = u32::from(low) | u32::from(high) << BITS;
        }
    }
}

/// Finds, for each split, the rows behind it.
#[inline(always)]
fn take(steps: &[Step], answers: &[Mask], behind: &mut [Mask; BEHIND]) {
    for step in steps {
        let right = &answers[usize::from(step.asked)];
        let before = behind[usize::from(step.before) + 1];
        let within = behind[usize::from(step.behind)];
        let here = &mut behind[usize::from(step.at) + 1];
        for word in 0..right.0.len() {
            here.0[word] = before.0[word] | (within.0[word] & right.0[word]);
        }
    }
}

/// The bits of how many splits rows are behind: each is the exclusive or of every 2^bit-th split's.
#[inline(always)]
fn planes_of(behind: &[Mask], planes: &mut [Mask]) {
    let mut plane = Mask::NONE;
    for bit in (0..planes.len()).rev() {
        // Every second one of these is already in the plane above.
        let mut at = (1 << bit) - 1;
        while at < behind.len() {
            for word in 0..plane.0.len() {
                plane.0[word] ^= behind[at].0[word];
            }
            at += 2 << bit;
        }
        planes[bit] = plane;
    }
}
