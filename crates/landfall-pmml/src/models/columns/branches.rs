//! A tree that asks what a forest cannot: its predicates are answered for all rows of a block, which then go down together.

use super::asked::{Asked, Bits, NONE, Questions, Told, each_row, first_rows, joined};
use crate::blocks::{Block, Feature};

/// A tree over columns: the number of the node that answers, not a number where the row is not the block's.
#[derive(Debug)]
pub(crate) struct Branches {
    pub(crate) features: Vec<Feature>,
    pub(crate) questions: Questions,
    /// By number, the root first.
    pub(crate) nodes: Vec<Branch>,
}

/// One node; numbers of nodes that answer are not numbers where the row itself must find the answer.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) asked: Asked,
    /// Rows go to the first that holds.
    pub(crate) children: Vec<u32>,
    /// Who answers rows that end here, as there is no child.
    pub(crate) own: f64,
    /// What becomes of rows of which it is unknown whether a child holds.
    pub(crate) unknown: Otherwise,
    /// Who answers rows for which no child holds.
    pub(crate) without_child: f64,
}

/// Where rows go instead.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Otherwise {
    /// On, as if the child did not hold.
    On,
    /// To this child.
    Child(u32),
    /// Nowhere; who answers them.
    Answered(f64),
}

impl Branches {
    /// Sends rows down from a node.
    fn down(&self, told: &Told<'_>, node: u32, mut rows: Bits, answers: &mut [f64]) {
        let Branch { children, own, unknown, without_child, .. } = &self.nodes[node as usize];
        let answered = |rows: &Bits, by: f64, answers: &mut [f64]| each_row(rows, |row| answers[row] = by);
        if children.is_empty() {
            return answered(&rows, *own, answers);
        }
        for child in children {
            if rows == NONE {
                return;
            }
            let holds = self.nodes[*child as usize].asked.holds(told, &rows);
            let yes = joined(&rows, &holds.yes, |rows, yes| rows & yes);
            rows = joined(&rows, &yes, |rows, yes| rows & !yes);
            if yes != NONE {
                self.down(told, *child, yes, answers);
            }
            let open = joined(&rows, &holds.no, |rows, no| rows & !no);
            if open == NONE {
                continue;
            }
            match *unknown {
                Otherwise::On => continue,
                Otherwise::Child(default) => self.down(told, default, open, answers),
                Otherwise::Answered(by) => answered(&open, by, answers),
            }
            rows = joined(&rows, &open, |rows, open| rows & !open);
        }
        answered(&rows, *without_child, answers);
    }
}

impl Block for Branches {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        1
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        values.fill(f64::NAN);
        let told = self.questions.tell(columns, rows, scratch);
        let Some(root) = self.nodes.first() else { return };
        let all = first_rows(rows);
        let holds = root.asked.holds(&told, &all);
        self.down(&told, 0, joined(&all, &holds.yes, |all, yes| all & yes), values);
    }
}
