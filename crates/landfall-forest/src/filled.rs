//! Leaves of trees as if all lay equally deep: a leaf that lies higher stands at each place below it.

use crate::Real;
use crate::trees::{Tree, Trees};

/// Levels whose splits are all answered by the layout for a few rows: those of a word.
pub(crate) const UPPER: usize = 6;
/// Places of leaves for each leaf that there is: small trees are filled up to the size of the largest.
const FILLED: usize = 4;
/// Leaves that a forest may always be filled up to, for each place of [`FILLED`].
const FEW: usize = 8;

/// The leaves of a forest.
#[derive(Clone, Debug)]
pub(crate) struct Filled<Y> {
    /// By tree and place, as many values as a leaf has.
    pub(crate) leaves: Vec<Y>,
    levels: usize,
    width: usize,
}

/// The levels that a forest's trees are filled up to; `None` where they are too deep, too unequal, or not written out.
pub(crate) fn levels<X: Real, Y: Real>(forest: &Trees<X, Y>) -> Option<usize> {
    let depth = forest.depth();
    let levels = if depth > UPPER { UPPER + 2 } else { depth };
    let leaves: usize = forest.trees.iter().map(|tree| tree.leaves as usize).sum();
    let width = forest.trees.first()?.width;
    let fits = |tree: &Tree| tree.width == width && !tree.is_linear && !tree.is_oblivious;
    let is_shallow = depth <= levels && forest.trees.len() << levels <= FILLED * leaves.max(FEW);
    (is_shallow && forest.trees.iter().all(fits)).then_some(levels)
}

impl<Y: Real> Filled<Y> {
    /// The leaves; `None` as for [`levels`].
    pub(crate) fn of<X: Real>(forest: &Trees<X, Y>) -> Option<Self> {
        let (levels, width) = (levels(forest)?, forest.trees.first()?.width);
        let mut leaves = Vec::with_capacity((forest.trees.len() << levels) * width);
        let (mut nodes, mut lower) = (Vec::new(), Vec::new());
        for tree in &forest.trees {
            nodes.clear();
            nodes.push(tree.root);
            for _ in 0..levels {
                lower.clear();
                lower.extend(nodes.iter().flat_map(|&at| forest.nodes[at as usize].below(at)));
                std::mem::swap(&mut nodes, &mut lower);
            }
            let values = &forest.values[tree.first_value..];
            let number = |&node: &u32| forest.nodes[node as usize].next as usize;
            if width == 1 {
                leaves.extend(nodes.iter().map(|node| values[number(node)]));
            } else {
                nodes
                    .iter()
                    .for_each(|node| leaves.extend_from_slice(&values[number(node) * width..][..width]));
            }
        }
        Some(Filled { leaves, levels, width })
    }

    /// The leaves of a tree of single values; `None` where trees have another number of levels here.
    pub(crate) fn of_tree(&self, tree: usize, levels: usize) -> Option<&[Y]> {
        let fits = self.width == 1 && levels == self.levels;
        fits.then(|| &self.leaves[tree << levels..][..1 << levels])
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.leaves.len() * size_of::<Y>()
    }
}
