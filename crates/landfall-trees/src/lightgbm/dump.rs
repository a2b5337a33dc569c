//! The JSON of `Booster.dump_model`: trees as nested objects.

use super::booster::Booster;
use super::categories;
use super::growing::Growing;
use super::tree::{CATEGORICAL, DEFAULT_LEFT, NAN_IS_MISSING, RawTree, ZERO_IS_MISSING};
use crate::document::{Value, wrong};
use landfall_forest::LinearLeaf;
use landfall_model::Problem;
use std::collections::HashMap;

/// Infinite thresholds are written as this, JSON having no word for them. Up to 2.2, whose models are of version 2, the library
/// itself compares with this number: what is beyond it goes right.
const INFINITE: f64 = 1e300;

/// Versions of models whose thresholds are never infinite.
const FINITE_VERSIONS: [&str; 2] = ["", "v2"];

/// Reads a model.
///
/// # Errors
/// Invalid argument, naming tree and key.
pub(crate) fn read(document: &Value<'_>) -> Result<(Booster, Growing), Problem> {
    let num_class = document.at("num_class", Value::count)?;
    let feature_names = document.maybe("feature_names", Value::texts)?.unwrap_or_default();
    let mut categorical = Vec::new();
    if let Some(Value::Object(infos)) = document.find("feature_infos") {
        // Features that trained nothing are not listed: places are those of the names.
        let places: HashMap<&str, usize> =
            feature_names.iter().zip(0..).map(|(name, place)| (name.as_str(), place)).collect();
        let is_categorical =
            |info: &Value<'_>| matches!(info.find("values"), Some(Value::Numbers(n)) if n.len() > 0);
        let infos = infos.iter().filter(|(_, info)| is_categorical(info));
        let mut features: Vec<usize> =
            infos.filter_map(|(name, _)| places.get(name.as_ref()).copied()).collect();
        features.sort_unstable();
        categorical.push(features);
    }
    let booster = Booster {
        version: document.maybe("version", Value::text_owned)?.unwrap_or_default(),
        objective: document.maybe("objective", Value::text_owned)?.unwrap_or_default(),
        num_class,
        per_round: document.maybe("num_tree_per_iteration", Value::count)?.unwrap_or(num_class),
        num_feature: document.at("max_feature_idx", Value::count)? + 1,
        averages: matches!(document.find("average_output"), Some(Value::Bool(true))),
        feature_names,
        categories: document.maybe("pandas_categorical", categories::read)?.unwrap_or_default(),
        categorical,
    };
    let has_infinite = !FINITE_VERSIONS.contains(&booster.version.as_str());
    let mut trees = Growing::new(&booster, 0)?;
    for (number, info) in document.field("tree_info")?.list()?.iter().enumerate() {
        let tree = info.at("tree_structure", tree);
        let mut tree = tree.map_err(|problem| problem.at(format!("tree {number}")))?;
        if has_infinite {
            tree.thresholds.iter_mut().for_each(|threshold| *threshold = infinite(*threshold));
        }
        trees.add(&tree)?;
    }
    Ok((booster, trees))
}

/// What leads to a node that is still to be read: a split, and which of its sides.
enum Above {
    Nothing,
    Left(usize),
    Right(usize),
}

/// Flattens nested nodes, without recursion.
fn tree(root: &Value<'_>) -> Result<RawTree, Problem> {
    let mut tree = RawTree::default();
    let mut leaves = Vec::new();
    let mut waiting = vec![(root, Above::Nothing)];
    while let Some((node, above)) = waiting.pop() {
        let number = if node.find("split_feature").is_some() {
            let number = tree.features.len();
            add_split(node, &mut tree).map_err(|problem| problem.at(format!("split {number}")))?;
            tree.counts.extend(node.maybe("internal_count", Value::number)?);
            tree.gains.extend(node.maybe("split_gain", Value::number)?);
            waiting.push((node.field("right_child")?, Above::Right(number)));
            waiting.push((node.field("left_child")?, Above::Left(number)));
            number as i64
        } else {
            leaves.push(node);
            // A tree of one leaf does not number it.
            let leaf = node.maybe("leaf_index", Value::count)?.unwrap_or(0);
            -1 - leaf as i64
        };
        match above {
            Above::Nothing => {}
            Above::Left(split) => tree.lefts[split] = number,
            Above::Right(split) => tree.rights[split] = number,
        }
    }
    place_leaves(&mut tree, &leaves)?;
    Ok(tree)
}

/// Puts leaves into the order of their numbers.
fn place_leaves(tree: &mut RawTree, leaves: &[&Value<'_>]) -> Result<(), Problem> {
    tree.leaf_values = vec![f64::NAN; leaves.len()];
    let mut counts = vec![None; leaves.len()];
    let is_linear = leaves.iter().any(|leaf| leaf.find("leaf_const").is_some());
    let mut linear = vec![LinearLeaf::default(); if is_linear { leaves.len() } else { 0 }];
    let mut seen = vec![false; leaves.len()];
    for leaf in leaves {
        let number = leaf.maybe("leaf_index", Value::count)?.unwrap_or(0);
        let here = |problem: Problem| problem.at(format!("leaf {number}"));
        match seen.get_mut(number) {
            Some(seen) if !*seen => *seen = true,
            Some(_) => return Err(wrong(format!("leaf {number} is there twice"))),
            None => return Err(wrong(format!("leaf {number} of {} leaves", leaves.len()))),
        }
        tree.leaf_values[number] = leaf.at("leaf_value", Value::number).map_err(here)?;
        counts[number] = leaf.maybe("leaf_count", Value::number).map_err(here)?;
        if is_linear {
            linear[number] = linear_leaf(leaf).map_err(here)?;
        }
    }
    if tree.counts.len() != tree.features.len() || counts.contains(&None) {
        tree.counts.clear();
    } else {
        tree.counts.extend(counts.into_iter().flatten());
    }
    tree.linear = linear;
    Ok(())
}

fn linear_leaf(leaf: &Value<'_>) -> Result<LinearLeaf<f64>, Problem> {
    let features = leaf.maybe("leaf_features", Value::integers)?.unwrap_or_default();
    let factors = leaf.maybe("leaf_coeff", Value::f64s)?.unwrap_or_default();
    if features.len() != factors.len() {
        return Err(wrong("leaf_features and leaf_coeff differ in length"));
    }
    let term = |(feature, factor)| (u32::try_from(feature).unwrap_or(u32::MAX), factor);
    let terms = features.into_iter().zip(factors).map(term).collect();
    Ok(LinearLeaf { constant: leaf.at("leaf_const", Value::number)?, terms })
}

/// Adds a split whose children are not known yet.
fn add_split(node: &Value<'_>, tree: &mut RawTree) -> Result<(), Problem> {
    let (threshold, decision) = match node.field("decision_type")?.text()? {
        "==" => {
            tree.sets.push(node.at("threshold", categories_of)?);
            ((tree.sets.len() - 1) as f64, CATEGORICAL)
        }
        "<=" => {
            let threshold = node.at("threshold", Value::number)?;
            let missing = match node.field("missing_type")?.text()? {
                "None" => 0,
                "Zero" => ZERO_IS_MISSING,
                "NaN" => NAN_IS_MISSING,
                other => return Err(wrong(format!("missing type {other:?}"))),
            };
            let goes_left = node.at("default_left", Value::number)? != 0.0;
            (threshold, missing | if goes_left { DEFAULT_LEFT } else { 0 })
        }
        other => return Err(wrong(format!("decision type {other:?}"))),
    };
    tree.features.push(node.at("split_feature", Value::count)? as u32);
    tree.thresholds.push(threshold);
    tree.decisions.push(decision);
    tree.lefts.push(0);
    tree.rights.push(0);
    Ok(())
}

/// The threshold that a written one stands for. (Numbers of sets of categories are far below.)
fn infinite(threshold: f64) -> f64 {
    if threshold.abs() >= INFINITE { f64::INFINITY.copysign(threshold) } else { threshold }
}

/// `a||b||c`.
fn categories_of(value: &Value<'_>) -> Result<Vec<u32>, Problem> {
    match value {
        Value::Number(_) => Ok(vec![value.count()? as u32]),
        other => {
            let text = other.text()?;
            let category = |word: &str| word.trim().parse().map_err(|_| wrong(format!("category {word:?}")));
            text.split("||").map(category).collect()
        }
    }
}
