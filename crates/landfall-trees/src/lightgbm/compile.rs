//! A booster lowered onto a forest.

use super::FORMAT;
use super::booster::Booster;
use super::growing::Growing;
use super::objective::LightgbmTransform;
use super::options::LightgbmOptions;
use crate::compiled::{Compiled, Evaluator, Extent};
use crate::document::wrong;
use crate::features::{Categories, Feature, RowRules, Unseen};
use landfall_model::Problem;

/// Makes a booster ready to run.
///
/// # Errors
/// Invalid argument, naming tree and node; unimplemented for an objective that is not known here.
pub(crate) fn compile(
    mut booster: Booster,
    trees: Growing,
    options: &LightgbmOptions,
) -> Result<Compiled<f64, f64>, Problem> {
    let groups = booster.per_round;
    let transform = LightgbmTransform::of(&booster.objective, groups, booster.averages)?;
    let mut structure = structure(&booster);
    let mut notes = Vec::new();
    let features = features(&mut booster, &trees, &mut notes);
    let count = trees.trees;
    let rounds = options.rounds(count / groups);
    if !count.is_multiple_of(groups) {
        return Err(wrong(format!("{count} trees, {groups} in a round")));
    }
    let asks_for_zero = trees.asks_for_zero;
    let (forest, importance) = trees.finish(&mut structure);
    // Thresholds send tiny values where they send zero.
    let tiny_is_zero = asks_for_zero || forest.has_linear_leaves();
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
        spread: None,
        takes_base_margin: false,
        log_probability: None,
        classes: transform.classes()?,
        predicts_classes: false,
        derived: None,
        transform: Box::new(transform),
        rules: RowRules { missing: None, tiny_is_zero, absent: 0.0, unseen: Unseen::Missing },
        // The library has no contributions of linear trees.
        explains: !forest.has_linear_leaves(),
        explained_groups: groups,
        interacts: false,
        flat_contributions: true,
        structure,
        importance,
        blanks_are_underscores: true,
        tells_value_changes: false,
        notes,
        evaluator: Evaluator::Forest(Box::new(forest)),
    })
}

fn features(booster: &mut Booster, trees: &Growing, notes: &mut Vec<String>) -> Vec<Feature> {
    let names = std::mem::take(&mut booster.feature_names);
    let mut features: Vec<Feature> = if names.is_empty() {
        let name = |number| Feature { name: format!("Column_{number}"), categories: None };
        (0..booster.num_feature).map(name).collect()
    } else {
        names.into_iter().map(|name| Feature { name, categories: None }).collect()
    };
    let lists: Vec<Categories> = std::mem::take(&mut booster.categories);
    if lists.is_empty() {
        return features;
    }
    let mut places = booster.categorical.clone();
    places.push(trees.asked_as_categories.iter().copied().collect());
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
    features
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
