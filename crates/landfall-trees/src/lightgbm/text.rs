//! `model.txt`: lines of `key=value`, blocks of them for each tree.
//!
//! Format: `GBDT::SaveModelToString` and `Tree::ToString` of the library's sources.

use super::blocks::{Behind, Keys, Text};
use super::booster::Booster;
use super::categories;
use super::growing::Growing;
use super::tree::{CATEGORICAL, NAN_IS_MISSING, RawTree, ZERO_IS_MISSING};
use super::words::{self, Word};
use crate::document::{json, wrong};
use landfall_forest::LinearLeaf;
use landfall_model::Problem;
use std::str::FromStr;

/// Bytes that a file has for each node, most of the time: room for nodes is made by its length.
const NODE_BYTES: u64 = 40;

/// Nodes that room is made for at most before they are there: a length is not believed beyond this.
const MOST_ROOM: u64 = 1 << 24;

/// Reads a model.
///
/// # Errors
/// Invalid argument, naming tree and key; malformed, with the offset, where it is no text.
pub(crate) fn read(mut text: Text<'_>) -> Result<(Booster, Growing), Problem> {
    let file = text.file;
    let here = |problem: Problem| problem.at(file);
    let nodes = (text.length / NODE_BYTES).min(MOST_ROOM) as usize;
    let (head, mut behind) = text.block()?;
    let mut booster = header(&head).map_err(here)?;
    let mut trees = Growing::new(&booster, nodes).map_err(here)?;
    let mut read = RawTree::default();
    while behind == Behind::Tree {
        let number = trees.trees;
        let (keys, next) = text.block()?;
        tree(&keys, &mut read).map_err(|problem| problem.at(format!("tree {number}"))).map_err(here)?;
        trees.add(&read).map_err(here)?;
        behind = next;
    }
    if behind == Behind::EndOfFile {
        return Err(here(wrong("the file ends before \"end of trees\"")));
    }
    let parameters = parameters(&mut text, &mut booster)?;
    booster.categorical.splice(0..0, parameters);
    Ok((booster, trees))
}

/// What stands behind the trees: importances, parameters of training, categories.
fn parameters(text: &mut Text<'_>, booster: &mut Booster) -> Result<Option<Vec<usize>>, Problem> {
    let file = text.file;
    let mut categorical = None;
    while let Some(line) = text.line()? {
        if let Some(list) = line.strip_prefix("[categorical_feature: ") {
            let list = list.trim_end().trim_end_matches(']');
            categorical = list.split(',').map(|place| place.parse().ok()).collect::<Option<Vec<usize>>>();
        } else if let Some(lists) = line.strip_prefix("pandas_categorical:") {
            let here = |problem: Problem| problem.at("pandas_categorical").at(file);
            let document = json::read(file, lists.as_bytes()).map_err(here)?;
            booster.categories = categories::read(&document).map_err(here)?;
        }
    }
    Ok(categorical)
}

fn header(keys: &Keys<'_>) -> Result<Booster, Problem> {
    let count = |key: &str| one::<u32>(keys, key).map(|count| count as usize);
    let num_class = count("num_class")?;
    let names = keys.get("feature_names").unwrap_or_default();
    let infos = keys.get("feature_infos").unwrap_or_default();
    // `[min:max]` of a number, `none` of a constant, else the categories.
    let is_categorical = |info: &str| !info.starts_with('[') && info != "none";
    let by_info = between_blanks(infos).zip(0..).filter(|(info, _)| is_categorical(info));
    Ok(Booster {
        version: keys.get("version").unwrap_or_default().trim().to_owned(),
        objective: keys.get("objective").unwrap_or_default().trim().to_owned(),
        num_class,
        per_round: if keys.get("num_tree_per_iteration").is_some() {
            count("num_tree_per_iteration")?
        } else {
            num_class
        },
        num_feature: count("max_feature_idx")? + 1,
        averages: keys.get("average_output").is_some(),
        feature_names: between_blanks(names).map(str::to_owned).collect(),
        categories: Vec::new(),
        categorical: vec![by_info.map(|(_, feature)| feature).collect()],
    })
}

/// What stands between blanks; a name may hold other white space.
fn between_blanks(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// Reads a tree in place of the one that `into` holds, whose memory it takes.
fn tree(keys: &Keys<'_>, into: &mut RawTree) -> Result<(), Problem> {
    into.clear();
    let leaves = one::<u32>(keys, "num_leaves")? as usize;
    into.linear = linear(keys, leaves)?;
    list(keys, "leaf_value", &mut into.leaf_values)?;
    if into.leaf_values.len() != leaves {
        let found = into.leaf_values.len();
        return Err(wrong(format!("num_leaves is {leaves}, but leaf_value has {found}")));
    }
    if leaves == 1 {
        return Ok(());
    }
    list(keys, "split_feature", &mut into.features)?;
    list(keys, "threshold", &mut into.thresholds)?;
    list(keys, "decision_type", &mut into.decisions)?;
    list(keys, "left_child", &mut into.lefts)?;
    list(keys, "right_child", &mut into.rights)?;
    let splits = into.features.len();
    let lengths = [into.thresholds.len(), into.decisions.len(), into.lefts.len(), into.rights.len()];
    if let Some(length) = lengths.into_iter().find(|&length| length != splits) {
        return Err(wrong(format!("{splits} splits, but {length} in another list of them")));
    }
    let mut sets = CategorySets::read(keys)?;
    for (number, (threshold, &decision)) in into.thresholds.iter_mut().zip(&into.decisions).enumerate() {
        let here = |problem: Problem| problem.at(format!("split {number}"));
        if decision & CATEGORICAL != 0 {
            *threshold = sets.take(*threshold).map_err(here)? as f64;
        } else if decision & BOTH_MISSING == BOTH_MISSING {
            return Err(here(wrong("missing type 3")));
        }
    }
    into.sets = sets.taken;
    maybe_list(keys, "internal_count", &mut into.counts)?;
    let has_counts = into.counts.len() == splits;
    maybe_list(keys, "leaf_count", &mut into.counts)?;
    if !has_counts {
        into.counts.clear();
    }
    maybe_list(keys, "split_gain", &mut into.gains)
}

/// Not a way to miss a value.
const BOTH_MISSING: u32 = ZERO_IS_MISSING | NAN_IS_MISSING;

/// A tree's sets of categories: set i is the bits of `words[boundaries[i]..boundaries[i + 1]]`.
struct CategorySets {
    boundaries: Vec<usize>,
    words: Vec<u32>,
    /// A set that several splits shared could make any amount of memory of a small file; the library writes one for
    /// each.
    used: Vec<bool>,
    /// The sets that splits took, in the order in which they did.
    taken: Vec<Vec<u32>>,
}

impl CategorySets {
    fn read(keys: &Keys<'_>) -> Result<Self, Problem> {
        let (mut boundaries, mut words) = (Vec::new(), Vec::new());
        maybe_list(keys, "cat_boundaries", &mut boundaries)?;
        maybe_list(keys, "cat_threshold", &mut words)?;
        let ascends = boundaries.windows(2).all(|pair: &[usize]| pair[0] <= pair[1]);
        if !ascends || boundaries.last().is_some_and(|&end| end > words.len()) {
            return Err(wrong(format!("cat_boundaries does not ascend to {}", words.len())));
        }
        let used = vec![false; boundaries.len()];
        Ok(CategorySets { boundaries, words, used, taken: Vec::new() })
    }

    /// Takes a set; gives its place among those that were taken.
    fn take(&mut self, number: f64) -> Result<usize, Problem> {
        let place = (number.fract() == 0.0 && number >= 0.0).then_some(number as usize);
        let used = place.and_then(|place| self.used.get_mut(place));
        if used.is_some_and(|used| std::mem::replace(used, true)) {
            return Err(wrong(format!("set of categories {number} is used twice")));
        }
        let ends = place.and_then(|place| self.boundaries.get(place..place.checked_add(2)?));
        let ends = ends.ok_or_else(|| wrong(format!("set of categories {number} is not there")))?;
        let words = self.words[ends[0]..ends[1]].iter().zip(0u32..);
        let bits = |(word, place): (&u32, u32)| {
            let word = *word;
            (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| place * 32 + bit)
        };
        self.taken.push(words.flat_map(bits).collect());
        Ok(self.taken.len() - 1)
    }
}

fn linear(keys: &Keys<'_>, leaves: usize) -> Result<Vec<LinearLeaf<f64>>, Problem> {
    if keys.get("is_linear").is_none_or(|value| value.trim() != "1") {
        return Ok(Vec::new());
    }
    let (mut constants, mut counts) = (Vec::<f64>::new(), Vec::<usize>::new());
    list(keys, "leaf_const", &mut constants)?;
    list(keys, "num_features", &mut counts)?;
    let (mut features, mut factors) = (Vec::<u32>::new(), Vec::<f64>::new());
    list(keys, "leaf_features", &mut features)?;
    list(keys, "leaf_coeff", &mut factors)?;
    let total = counts.iter().fold(0usize, |total, &count| total.saturating_add(count));
    let counted = [constants.len(), counts.len()].iter().all(|&length| length == leaves);
    if !counted || features.len() != total || factors.len() != total {
        return Err(wrong("leaf_const, num_features, leaf_features and leaf_coeff differ in length"));
    }
    let mut terms = features.into_iter().zip(factors);
    let leaf = |(constant, count)| LinearLeaf { constant, terms: terms.by_ref().take(count).collect() };
    Ok(constants.into_iter().zip(counts).map(leaf).collect())
}

fn one<T: FromStr>(keys: &Keys<'_>, key: &str) -> Result<T, Problem> {
    let value = keys.get(key).ok_or_else(|| wrong(format!("{key} is missing")))?.trim();
    value.parse().map_err(|_| wrong(format!("{key} is {value:?}")))
}

/// Adds values between spaces to those that there are.
fn list<T: Word>(keys: &Keys<'_>, key: &str, into: &mut Vec<T>) -> Result<(), Problem> {
    if keys.get(key).is_none() {
        return Err(wrong(format!("{key} is missing")));
    }
    maybe_list(keys, key, into)
}

/// As [`list`]; none where the key is absent.
fn maybe_list<T: Word>(keys: &Keys<'_>, key: &str, into: &mut Vec<T>) -> Result<(), Problem> {
    words::list(key, keys.get(key).unwrap_or_default(), into)
}
