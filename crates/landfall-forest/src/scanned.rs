//! A layout for one row, or a few: all splits of the upper levels are answered, whether the row comes to them or not, since
//! sixty-four ranks are looked up and compared as quickly as one; the answers of a tree are one word, and the way down it a
//! few shifts. For trees of few levels and forests that ask for few slots of ranks ([`crate::conditions`]).

use crate::Real;
use crate::conditions::Conditions;
use crate::forest::Forest;

/// Slots that splits may name: bytes of two registers.
pub(crate) const SLOTS: usize = 128;
/// Splits that are answered at once.
pub(crate) const AT_ONCE: usize = 64;
/// Levels whose splits are all answered: those of a word.
pub(crate) const UPPER: usize = 6;
/// Levels that a tree may have: two below the upper ones.
const MAX_LEVELS: usize = UPPER + 2;
/// Places of leaves for each leaf that there is: small trees are filled up to the size of the largest.
const FILLED: usize = 4;
/// Trees whose ways down are taken together.
pub(crate) const WAYS: usize = 8;
/// A rank that no other is above.
const NOWHERE: u8 = u8::MAX;

/// The layout of a forest: of each tree, as many splits and leaves as if all leaves lay equally deep.
#[derive(Clone, Debug)]
pub(crate) struct Scanned<Y> {
    pub(crate) levels: usize,
    /// Whether slots are of both registers.
    pub(crate) is_wide: bool,
    /// Splits of a tree's upper levels, the root being 1, and those below i being 2 i and 2 i + 1.
    pub(crate) splits: usize,
    pub(crate) slots: Vec<u8>,
    pub(crate) ranks: Vec<u8>,
    /// Where there are lower levels, below each of the upper ones: the slots of a split and the two below it, and from the
    /// fifth byte on their ranks.
    pub(crate) lower: Vec<[u8; 8]>,
    /// By tree and leaf, `width` values.
    pub(crate) leaves: Vec<Y>,
    pub(crate) width: usize,
}

impl<Y: Real> Scanned<Y> {
    /// The layout; `None` where a forest does not fit.
    pub(crate) fn of<X: Real>(forest: &Forest<X, Y>, conditions: &Conditions<X>) -> Option<Self> {
        let depth = forest.depth();
        let levels = if depth > UPPER { MAX_LEVELS } else { depth };
        let width = forest.trees.first()?.width;
        let leaves: usize = forest.trees.iter().map(|tree| tree.leaves as usize).sum();
        let fits = conditions.slots() <= SLOTS
            && depth <= MAX_LEVELS
            && forest.trees.len() << levels <= FILLED * leaves.max(WAYS)
            && forest.trees.iter().all(|tree| tree.width == width && !tree.is_linear);
        if !fits {
            return None;
        }
        let splits = (1 << levels.min(UPPER)).max(WAYS);
        let mut scanned = Scanned {
            levels,
            is_wide: conditions.slots() > SLOTS / 2,
            splits,
            slots: Vec::new(),
            ranks: Vec::new(),
            lower: Vec::new(),
            leaves: Vec::new(),
            width,
        };
        for tree in &forest.trees {
            scanned.add(forest, conditions, tree.root as usize, tree.first_value);
        }
        scanned.pad();
        Some(scanned)
    }

    fn add<X: Real>(
        &mut self,
        forest: &Forest<X, Y>,
        conditions: &Conditions<X>,
        root: usize,
        first_value: usize,
    ) {
        let is_leaf = |node: usize| forest.nodes[node].rule.is_leaf();
        let place = |node: usize| {
            let (slot, rank) = conditions.place(node);
            if is_leaf(node) { (0, NOWHERE) } else { (slot as u8, rank) }
        };
        // Below a leaf the leaf is repeated: whatever is asked leads to it.
        let below = |node: usize| {
            let left = forest.nodes[node].next as usize;
            if is_leaf(node) { [node; 2] } else { [left, left + 1] }
        };
        let mut nodes = vec![root];
        self.slots.push(0);
        self.ranks.push(NOWHERE);
        for _ in 0..self.levels.min(UPPER) {
            for &node in &nodes {
                let (slot, rank) = place(node);
                self.slots.push(slot);
                self.ranks.push(rank);
            }
            nodes = nodes.iter().flat_map(|&node| below(node)).collect();
        }
        let splits = self.slots.len().next_multiple_of(self.splits);
        self.slots.resize(splits, 0);
        self.ranks.resize(splits, NOWHERE);
        if self.levels > UPPER {
            for &node in &nodes {
                let mut lower = [0; 8];
                let [left, right] = below(node);
                for (i, node) in [node, left, right].into_iter().enumerate() {
                    (lower[i], lower[4 + i]) = place(node);
                }
                self.lower.push(lower);
            }
            nodes = nodes.iter().flat_map(|&node| below(node)).flat_map(below).collect();
        }
        for node in nodes {
            let first = first_value + forest.nodes[node].next as usize * self.width;
            self.leaves.extend_from_slice(&forest.values[first..first + self.width]);
        }
    }

    /// Lets whole registers be read behind the last tree.
    fn pad(&mut self) {
        self.slots.extend([0; AT_ONCE]);
        self.ranks.extend([NOWHERE; AT_ONCE]);
        if !self.lower.is_empty() {
            self.lower.extend([[0; 8]; WAYS << UPPER]);
        }
        self.slots.shrink_to_fit();
        self.ranks.shrink_to_fit();
        self.lower.shrink_to_fit();
        self.leaves.shrink_to_fit();
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        2 * self.slots.len() + 8 * self.lower.len() + self.leaves.len() * size_of::<Y>()
    }
}
