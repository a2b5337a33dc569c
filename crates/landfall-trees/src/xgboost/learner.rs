//! What a file of XGBoost's tells, whichever form it has.

use super::document_tree;
use super::tree::{Outline, RawTree};
use crate::document::Value;
use crate::features::Categories;
use landfall_model::Problem;

/// A model as its file has it.
#[derive(Debug)]
pub(crate) struct Learner<'a> {
    pub(crate) version: [u32; 3],
    pub(crate) objective: String,
    /// One value for all groups, or one for each.
    pub(crate) base_scores: Vec<f32>,
    /// Whether `base_scores` are margins of the objective's link already, as files before 1.0 hold them.
    pub(crate) base_is_margin: bool,
    /// Whether `base_scores` are only where training would have begun, which it did not: 3.2 then takes them for margins.
    pub(crate) base_is_placeholder: bool,
    /// Whether base scores of classifiers are kept from 0 and 1, as 3.2 does with all files that it reads.
    pub(crate) base_is_bounded: bool,
    pub(crate) num_class: usize,
    pub(crate) num_target: usize,
    pub(crate) num_feature: usize,
    pub(crate) booster: Booster<'a>,
    pub(crate) feature_names: Vec<String>,
    /// Categories that the file names, by feature; empty where it names none.
    pub(crate) categories: Vec<Option<Categories>>,
    pub(crate) best_iteration: Option<String>,
}

/// What adds up.
#[derive(Debug)]
pub(crate) enum Booster<'a> {
    Trees(Trees<'a>),
    /// [features + 1, groups], the last row being the bias.
    Linear(Vec<f32>),
}

/// Trees in the order of addition.
#[derive(Debug)]
pub(crate) struct Trees<'a> {
    pub(crate) name: String,
    pub(crate) source: Source<'a>,
    /// Group of each tree.
    pub(crate) groups: Vec<usize>,
    /// Where rounds start, and the number of trees at the end; empty where the file does not say.
    pub(crate) rounds: Vec<usize>,
    pub(crate) parallel: usize,
    /// Factor of each tree, for dart.
    pub(crate) weights: Option<Vec<f32>>,
    /// Factors that files from 3.4 on keep with the trees, those that came after dart having none; 3.2 passes them over.
    pub(crate) later_weights: Vec<f32>,
}

/// Where trees come from.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    Read(Vec<RawTree>),
    /// A list that is read tree by tree, so that no tree is kept beside the forest.
    Document(&'a [Value<'a>]),
}

impl Source<'_> {
    /// How many trees there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Source::Read(trees) => trees.len(),
            Source::Document(list) => list.len(),
        }
    }

    /// What is known of each tree.
    pub(crate) fn outlines(&self) -> Vec<Outline> {
        match self {
            Source::Read(trees) => trees.iter().map(RawTree::outline).collect(),
            Source::Document(list) => list.iter().map(document_tree::outline).collect(),
        }
    }

    /// Gives each tree in turn.
    ///
    /// # Errors
    /// What is wrong with a tree, naming its number, and what `take` says of it.
    pub(crate) fn each(
        &self,
        mut take: impl FnMut(usize, &RawTree) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut read = RawTree::default();
        for number in 0..self.len() {
            let here = |problem: Problem| problem.at(format!("tree {number}"));
            match self {
                Source::Read(trees) => take(number, &trees[number])?,
                Source::Document(list) => {
                    document_tree::read(&list[number], &mut read).map_err(here)?;
                    take(number, &read)?;
                }
            }
        }
        Ok(())
    }
}
