//! How the answers of trees become the answer of the model around them.

use super::Lowered;
use super::lower::{self, Member};
use crate::blocks::{Answers, Block, BlockCx, BlockId, RowPlaces, RowValues, best};
use crate::models::tree::Tree;
use crate::models::{Math, MiningFunction, Model, normalization};
use crate::resolve::{Build, ClassList};
use crate::run::{Answer, Cx};
use crate::value::Value;
use std::sync::Arc;

/// What is done with the trees' answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Join {
    /// They are added up.
    Sum,
    /// They are added up and divided by their number, or by their weights.
    Average,
    /// Their classes are counted.
    Vote,
}

/// A model of trees, all of which answer each row.
pub(crate) struct Trees<'m> {
    /// The trees' models and weights, in order.
    pub(crate) models: Vec<(&'m Model, f64)>,
    pub(crate) weighted: bool,
    pub(crate) join: Join,
    pub(crate) function: MiningFunction,
    pub(crate) math: Math,
    /// The classes that the answer counts.
    pub(crate) list: ClassList,
}

/// The same as one forest.
#[derive(Debug)]
pub(crate) struct Joined {
    block: Option<BlockId>,
    forest: Arc<Lowered>,
    join: Join,
    function: MiningFunction,
    math: Math,
    /// What sums are divided by.
    total: f64,
}

impl Trees<'_> {
    /// As one forest; `None` where that would not give the same numbers.
    pub(crate) fn lower(&self, b: &mut Build<'_>) -> Option<Joined> {
        let outputs = match self.function {
            MiningFunction::Regression if self.join != Join::Vote => 1,
            MiningFunction::Classification => b.lists[self.list].len(),
            _ => return None,
        };
        if outputs == 0 || self.models.is_empty() {
            return None;
        }
        let classes = b.lists[self.list].clone();
        let lists: Vec<Vec<Value>> =
            self.models.iter().map(|(model, _)| b.lists[model.list].clone()).collect();
        let leaves: Vec<_> = self
            .models
            .iter()
            .zip(&lists)
            .map(|((model, weight), list)| Some((plain_tree(model, self.function)?, model, *weight, list)))
            .collect::<Option<_>>()?;
        let answers: Vec<Box<lower::Answer<'_>>> = leaves
            .iter()
            .map(|(tree, model, weight, list)| {
                let (classes, tree, model) = (&classes, *tree, *model);
                Box::new(move |node| self.leaf(tree, model, *weight, list, classes, node)) as Box<_>
            })
            .collect();
        let members: Vec<Member<'_>> = leaves
            .iter()
            .zip(&answers)
            .map(|((tree, ..), answer)| Member { tree, leaf: answer.as_ref() })
            .collect();
        let forest = Arc::new(lower::lower(b, &members, outputs, self.math.float)?);
        let block = b.block(|| Some(forest.clone()));
        if block.is_none() {
            // Of those that are no blocks nobody knows later.
            forest.prepare();
        }
        let count = self.models.len() as f64;
        let weights = || self.models.iter().fold(0.0, |sum, (_, weight)| self.math.round(sum + weight));
        let total = if self.weighted { weights() } else { count };
        Some(Joined { block, forest, join: self.join, function: self.function, math: self.math, total })
    }

    /// What a leaf adds to the sums.
    fn leaf(
        &self,
        tree: &Tree,
        model: &Model,
        weight: f64,
        list: &[Value],
        classes: &[Value],
        node: u32,
    ) -> Option<RowValues> {
        let (value, shares) = tree.constant(node, list)?;
        let weigh = |share: f64| if self.weighted { self.math.round(share * weight) } else { share };
        if self.function == MiningFunction::Regression {
            return Some(RowValues::from_elem(weigh(model.finished(value).num()?), 1));
        }
        let mut sums = RowValues::from_elem(0.0, classes.len());
        let place = |value: Value| classes.iter().position(|class| *class == value);
        match self.join {
            Join::Vote => {
                if let Some(class) = place(value) {
                    sums[class] = if self.weighted { weight } else { 1.0 };
                }
            }
            _ => {
                for (value, share) in shares {
                    if let Some(class) = place(value) {
                        sums[class] = weigh(share);
                    }
                }
            }
        }
        Some(sums)
    }
}

/// The tree of a model that is nothing else.
fn plain_tree(model: &Model, function: MiningFunction) -> Option<&Tree> {
    let plain = model.targets.is_none() && model.outputs.is_empty() && model.forwarded.is_empty();
    model.body.as_tree().filter(|_| plain && model.function == function)
}

impl Joined {
    /// Answers the row that is being evaluated; `false` where the row is not the forest's.
    pub(crate) fn answer(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> bool {
        let ahead = cx.ahead(self.block);
        let Some(sums) = ahead.or_else(|| self.forest.one_row(cx)) else { return false };
        // A row that some tree did not answer.
        if sums.iter().any(|sum| sum.is_nan()) {
            return false;
        }
        match self.function {
            MiningFunction::Regression => {
                let [sum] = sums.as_slice() else { return false };
                let divided = || self.math.round(sum / self.total);
                answer.value = Value::Num(if self.join == Join::Average { divided() } else { *sum });
            }
            _ => self.classify(cx, &sums, answer),
        }
        true
    }

    /// Answers a block of rows; `false` where the forest's features are not known over columns.
    pub(crate) fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let Some(mut ready) = cx.compute(self.block) else { return false };
        let (rows, sums) = (cx.rows(), &mut ready.values);
        // Rows that some tree did not answer.
        for column in sums.chunks_exact(rows) {
            let covered = cx.w.covered.iter_mut().zip(column);
            covered.for_each(|(covered, sum)| *covered &= !sum.is_nan());
        }
        match self.join {
            Join::Average => sums.iter_mut().for_each(|sum| *sum = self.math.round(*sum / self.total)),
            Join::Vote => {
                normalization::simple_max_columns(sums, rows, self.math, &mut cx.w.numbers);
            }
            Join::Sum => {}
        }
        if self.function == MiningFunction::Regression {
            answers.value.numbers(rows).copy_from_slice(&sums[..rows]);
        } else {
            // Classes that only come later in the document have none of the votes.
            let classes = cx.m.lists[answers.list].len();
            sums.resize(classes * rows, 0.0);
            answers.scores.clear();
            answers.scores.extend_from_slice(sums);
            let places: RowPlaces = (0..classes as u32).collect();
            best(sums, rows, &places, answers.value.classes(answers.list, rows), &mut cx.w.numbers);
        }
        cx.give_back(self.block, ready);
        true
    }

    fn classify(&self, cx: &Cx<'_>, sums: &RowValues, answer: &mut Answer) {
        let classes = &cx.m.lists[answer.list];
        answer.scores.clear();
        answer.scores.extend_from_slice(sums);
        answer.scores.resize(classes.len(), 0.0);
        match self.join {
            Join::Sum => {}
            Join::Average => {
                answer.scores.iter_mut().for_each(|score| *score = self.math.round(*score / self.total));
            }
            Join::Vote => normalization::simple_max(&mut answer.scores, self.math),
        }
        answer.value = answer.best().map_or(Value::Missing, |class| classes[class]);
    }
}
