//! A tree that is the whole model, as a forest of one, or by predicates over columns where a forest cannot ask what it asks:
//! which node answers a row, and what it says.

use super::Lowered;
use super::lower::{self, Member};
use crate::blocks::{Answers, BlockCx, BlockId, RowValues};
use crate::models::MiningFunction;
use crate::models::tree::Tree;
use crate::resolve::{Build, ClassList};
use crate::run::Cx;
use crate::value::Value;

/// A tree over columns.
#[derive(Debug)]
pub(crate) struct Alone {
    block: Option<BlockId>,
    /// Whether a row alone goes down the tree sooner: a forest asks no more than it, predicates over columns all.
    alone_by_row: bool,
    /// By node: the place of its class; nothing in a regression.
    classes: Vec<u32>,
}

impl Alone {
    /// Of a tree all of whose answers are its nodes' own; `None` where columns do not tell what it asks.
    pub(crate) fn new(b: &mut Build<'_>, tree: &Tree, list: ClassList) -> Option<Alone> {
        let classes = b.lists[list].clone();
        let place = |node: u32| {
            let (value, _) = tree.constant(node, &classes)?;
            classes.iter().position(|class| *class == value)
        };
        let answers = |node: u32| match tree.function {
            MiningFunction::Regression => tree.number(node).is_some(),
            _ => place(node).is_some(),
        };
        // A node's number, to be found again in the forest's sum.
        let leaf = |node: u32| answers(node).then(|| RowValues::from_elem(f64::from(node), 1));
        let lowered: Option<Lowered> = lower::lower(b, &[Member { tree, leaf: &leaf }], 1, false);
        let alone_by_row = lowered.is_none();
        let block = match lowered {
            Some(lowered) => b.block(|| Some(lowered)),
            None => {
                let branches = tree.branches(b, &answers);
                b.block(|| branches)
            }
        };
        let of = |node: usize| place(node as u32).map_or(u32::MAX, |place| place as u32);
        let classes = match tree.function {
            MiningFunction::Regression => Vec::new(),
            _ => (0..tree.nodes.len()).map(of).collect(),
        };
        Some(Alone { block: Some(block?), alone_by_row, classes })
    }

    /// The node that answers the row that is being evaluated, where that is known.
    pub(crate) fn node(&self, cx: &Cx<'_>) -> Option<u32> {
        let sums = cx.ahead(self.block)?;
        sums.first().filter(|node| !node.is_nan()).map(|node| *node as u32)
    }

    /// Answers a block of rows.
    pub(crate) fn over_columns(&self, tree: &Tree, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        if self.alone_by_row && cx.is_row_call() {
            return false;
        }
        let Some(ready) = cx.compute(self.block) else { return false };
        let rows = cx.rows();
        let nodes = &ready.values[..rows];
        // Rows that no node answers.
        cx.w.covered.iter_mut().zip(nodes).for_each(|(covered, node)| *covered &= !node.is_nan());
        if self.classes.is_empty() {
            let numbers = answers.value.numbers(rows);
            for (number, node) in numbers.iter_mut().zip(nodes) {
                *number = tree.number(*node as u32).unwrap_or(f64::NAN);
            }
        } else {
            let into = answers.value.classes(answers.list, rows);
            into.iter_mut().zip(nodes).for_each(|(class, node)| *class = self.classes[*node as usize]);
            answers.start_scores(cx.m.lists[answers.list].len(), rows);
            for (row, node) in nodes.iter().enumerate() {
                let shares = tree.shares(*node as u32);
                if shares.is_empty()
                    && let Some(all) =
                        answers.scores.get_mut(self.classes[*node as usize] as usize * rows + row)
                {
                    *all = 1.0;
                }
                for share in shares {
                    answers.scores[share.class as usize * rows + row] = share.probability;
                }
            }
        }
        let entities = answers.entity.values(rows);
        entities.iter_mut().zip(nodes).for_each(|(id, node)| *id = tree.id(*node as u32));
        cx.give_back(self.block, ready);
        true
    }
}

impl Tree {
    /// A node's score, where that is a number.
    fn number(&self, node: u32) -> Option<f64> {
        self.nodes[node as usize].plain_score().and_then(Value::num)
    }
}
