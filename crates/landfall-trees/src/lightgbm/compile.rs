//! A booster lowered onto a forest.

use super::FORMAT;
use super::booster::Booster;
use super::objective::LightgbmTransform;
use super::options::LightgbmOptions;
use super::tree::Question;
use crate::document::wrong;
use crate::features::{Categories, Feature, RowRules, Unseen, check_count};
use crate::model::{Compiled, Evaluator, Extent, list_importance};
use landfall_forest::{Builder, NegativeFractions};
use landfall_model::Problem;

/// Sums of a row beyond which a file is absurd.
const MAX_GROUPS: usize = 1 << 20;

/// Makes a booster ready to run.
///
/// # Errors
/// Invalid argument, naming tree and node; unimplemented for an objective that is not known here.
pub(crate) fn compile(
    mut booster: Booster,
    options: &LightgbmOptions,
) -> Result<Compiled<f64, f64>, Problem> {
    let groups = booster.per_round;
    if !(1..=MAX_GROUPS).contains(&groups) {
        return Err(wrong(format!("{groups} trees in a round")));
    }
    let transform = LightgbmTransform::of(&booster.objective, groups, booster.averages)?;
    let mut structure = structure(&booster);
    let mut notes = Vec::new();
    let features = features(&mut booster, &mut notes)?;
    let mut builder = Builder::new(features.len(), groups).negative_fractions(NegativeFractions::AreZero);
    if booster.trees.iter().any(|tree| !tree.has_counts()) {
        builder = builder.without_covers();
    }
    let rounds = options.rounds(booster.trees.len() / groups);
    let count = booster.trees.len();
    if !count.is_multiple_of(groups) {
        return Err(wrong(format!("{count} trees, {groups} in a round")));
    }
    let leaves = booster.trees.iter().map(|tree| tree.leaf_values.len()).sum();
    builder = builder.reserve(2 * leaves, leaves);
    let [splits, gains] = importance(&booster, features.len());
    for (number, tree) in booster.trees.into_iter().enumerate() {
        let spec = tree.lower(number % groups).map_err(|problem| problem.at(format!("tree {number}")))?;
        builder.add(&spec)?;
    }
    let forest = builder.finish();
    crate::model::describe(&forest, &mut structure);
    list_importance("split", &splits, &features, &mut structure);
    list_importance("gain", &gains, &features, &mut structure);
    Ok(Compiled {
        format: FORMAT,
        extent: Extent {
            trees: rounds.start * groups..rounds.end * groups,
            rounds: rounds.len(),
            from_start: rounds.start == 0,
        },
        features,
        groups,
        base: vec![0.0; groups],
        after: None,
        takes_base_margin: false,
        log_probability: None,
        classes: transform.classes()?,
        predicts_classes: false,
        derived: None,
        transform: Box::new(transform),
        rules: RowRules { missing: None, tiny_is_zero: true, absent: 0.0, unseen: Unseen::Missing },
        // The library has no contributions of linear trees.
        explains: !forest.has_linear_leaves(),
        explained_groups: groups,
        interacts: false,
        flat_contributions: true,
        structure,
        notes,
        evaluator: Evaluator::Forest(Box::new(forest)),
    })
}

fn features(booster: &mut Booster, notes: &mut Vec<String>) -> Result<Vec<Feature>, Problem> {
    let names = std::mem::take(&mut booster.feature_names);
    if names.is_empty() {
        check_count(booster.num_feature)?;
    } else if names.len() != booster.num_feature {
        return Err(wrong(format!("{} feature names for {} features", names.len(), booster.num_feature)));
    }
    let mut features: Vec<Feature> = if names.is_empty() {
        let name = |number| Feature { name: format!("Column_{number}"), categories: None };
        (0..booster.num_feature).map(name).collect()
    } else {
        names.into_iter().map(|name| Feature { name, categories: None }).collect()
    };
    let lists: Vec<Categories> = std::mem::take(&mut booster.categories);
    if lists.is_empty() {
        return Ok(features);
    }
    let mut places = booster.categorical.clone();
    places.push(asked_as_categories(booster));
    let fits = |places: &&Vec<usize>| {
        places.len() == lists.len() && places.iter().all(|&place| place < features.len())
    };
    match places.iter().find(fits) {
        Some(places) => {
            for (&place, list) in places.iter().zip(lists) {
                features[place].categories = Some(list);
            }
        }
        None => notes.push(format!(
            "the file names categories of {} columns, but not of which: categories are taken by their codes",
            lists.len()
        )),
    }
    Ok(features)
}

/// The features that trees take as categories.
fn asked_as_categories(booster: &Booster) -> Vec<usize> {
    let splits = booster.trees.iter().flat_map(|tree| &tree.splits);
    let asked = splits.filter(|split| matches!(split.question, Question::Among(_)));
    let mut features: Vec<usize> = asked.map(|split| split.feature as usize).collect();
    features.sort_unstable();
    features.dedup();
    features
}

/// By feature: how often it is asked about, and what that gained, as the library's `feature_importance` has it.
fn importance(booster: &Booster, features: usize) -> [Vec<f64>; 2] {
    let (mut counts, mut gains) = (vec![0.0; features], vec![0.0; features]);
    for tree in &booster.trees {
        for (split, &gain) in tree.splits.iter().zip(&tree.gains) {
            // Features out of range are refused where the forest is built.
            if let (Some(count), true) = (counts.get_mut(split.feature as usize), gain > 0.0) {
                *count += 1.0;
                gains[split.feature as usize] += gain;
            }
        }
    }
    [counts, gains]
}

fn structure(booster: &Booster) -> Vec<(String, String)> {
    let mut structure = Vec::new();
    let mut add = |key: &str, value: String| structure.push((key.to_owned(), value));
    let custom = "of the user's own".to_owned();
    add("objective", if booster.objective.is_empty() { custom } else { booster.objective.clone() });
    add("file version", booster.version.clone());
    add("features", booster.num_feature.to_string());
    add("classes", booster.num_class.to_string());
    add("trees in a round", booster.per_round.to_string());
    if booster.averages {
        add("predictions", "means over rounds".to_owned());
    }
    structure
}
