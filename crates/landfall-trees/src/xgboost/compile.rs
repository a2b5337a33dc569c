//! A learner lowered onto a forest.

use super::FORMAT;
use super::learner::{Booster, Learner, Trees};
use super::objective::Objective;
use super::options::{Rounds, XgboostOptions};
use crate::document::wrong;
use crate::features::{Feature, RowRules, Unseen};
use crate::linear::Linear;
use crate::model::{Compiled, Evaluator, Extent, list_importance};
use landfall_forest::Builder;
use landfall_model::Problem;
use std::ops::Range;

/// Groups beyond which a file is absurd.
const MAX_GROUPS: usize = 1 << 20;

/// Features beyond which a file is absurd: the library's own indices have 31 bits.
const MAX_FEATURES: usize = 1 << 31;

/// Makes a learner ready to run.
///
/// # Errors
/// Invalid argument, naming tree and node; unimplemented for an objective that is not known here.
pub(crate) fn compile(mut learner: Learner, options: &XgboostOptions) -> Result<Compiled<f32, f32>, Problem> {
    let objective = Objective::named(&learner.objective)?;
    let groups = groups(&learner)?;
    let mut base = base(&learner, objective, groups)?;
    if learner.num_feature > MAX_FEATURES {
        return Err(wrong(format!("{} features", learner.num_feature)));
    }
    let features = features(&mut learner)?;
    let mut structure = structure(&learner, groups);
    let (evaluator, extent, has_vectors) = match &learner.booster {
        Booster::Trees(trees) => {
            let extent = extent(trees, groups, &options.rounds)?;
            let forest = forest(trees, features.len(), groups)?;
            let has_vectors = trees.trees.iter().any(|tree| tree.vectors.is_some());
            (Evaluator::Forest(Box::new(forest)), extent, has_vectors)
        }
        Booster::Linear(weights) => {
            if options.rounds != Rounds::All {
                return Err(Problem::invalid("a linear booster has no rounds to choose from"));
            }
            let linear = Linear::new(weights.clone(), features.len(), groups)?;
            // The library's linear booster begins every group with the first one's base.
            let first = base[0];
            base.fill(first);
            (Evaluator::Linear(linear), Extent { from_start: true, ..Extent::default() }, false)
        }
    };
    if let Evaluator::Forest(forest) = &evaluator {
        crate::model::describe(forest, &mut structure);
        importance(&learner, &features, &mut structure);
    }
    let transform = objective.transform(groups);
    Ok(Compiled {
        format: FORMAT,
        evaluator,
        extent,
        features,
        groups,
        base,
        after: None,
        takes_base_margin: true,
        transform: Box::new(transform),
        log_probability: None,
        classes: objective.classes(groups)?,
        predicts_classes: false,
        derived: None,
        rules: RowRules {
            missing: options.missing,
            tiny_is_zero: false,
            absent: f32::NAN,
            unseen: Unseen::Refuse,
        },
        // The library has no contributions of vector leaves.
        explains: !has_vectors,
        explained_groups: groups,
        interacts: !has_vectors,
        flat_contributions: false,
        structure,
        notes: notes(&learner),
    })
}

fn groups(learner: &Learner) -> Result<usize, Problem> {
    let by_tree = match &learner.booster {
        Booster::Trees(trees) => trees.groups.iter().max().map_or(1, |&group| group.saturating_add(1)),
        Booster::Linear(_) => 1,
    };
    let groups = learner.num_class.max(learner.num_target).max(learner.base_scores.len()).max(by_tree);
    if groups > MAX_GROUPS {
        return Err(wrong(format!("{groups} groups")));
    }
    Ok(groups)
}

fn base(learner: &Learner, objective: Objective, groups: usize) -> Result<Vec<f32>, Problem> {
    let margin = |&score: &f32| {
        if learner.base_is_placeholder {
            return score;
        }
        let undone = learner.base_is_margin && !objective.keeps_old_base;
        let score = if undone { objective.link.score_of_margin(score) } else { score };
        objective.link.margin(score)
    };
    let base: Vec<f32> = learner.base_scores.iter().map(margin).collect();
    match base.len() {
        1 => Ok(vec![base[0]; groups]),
        length if length == groups => Ok(base),
        length => Err(wrong(format!("{length} base scores for {groups} groups"))),
    }
}

/// Features by name. A file declares how many there are; it is believed only as far as memory for the names goes.
fn features(learner: &mut Learner) -> Result<Vec<Feature>, Problem> {
    let names = std::mem::take(&mut learner.feature_names);
    if !names.is_empty() && names.len() != learner.num_feature {
        return Err(wrong(format!("{} feature names for {} features", names.len(), learner.num_feature)));
    }
    let mut categories = std::mem::take(&mut learner.categories).into_iter();
    crate::features::check_count(learner.num_feature)?;
    let mut names = names.into_iter();
    let feature = |number: usize| {
        // As the library names them itself.
        let name = names.next().unwrap_or_else(|| format!("f{number}"));
        Feature { name, categories: categories.next().flatten() }
    };
    Ok((0..learner.num_feature).map(feature).collect())
}

fn forest(
    trees: &Trees,
    features: usize,
    groups: usize,
) -> Result<landfall_forest::Forest<f32, f32>, Problem> {
    if trees.groups.len() != trees.trees.len() {
        return Err(wrong(format!("{} trees, tree_info has {}", trees.trees.len(), trees.groups.len())));
    }
    if let Some(weights) = &trees.weights
        && weights.len() != trees.trees.len()
    {
        return Err(wrong(format!("{} trees, weight_drop has {}", trees.trees.len(), weights.len())));
    }
    let mut builder = Builder::new(features, groups);
    if trees.trees.iter().any(|tree| !tree.has_hessians()) {
        builder = builder.without_covers();
    }
    for (number, tree) in trees.trees.iter().enumerate() {
        let weight = trees.weights.as_ref().map(|weights| weights[number]);
        let group = if tree.vectors.is_some() { 0 } else { trees.groups[number] };
        let spec = tree.lower(group, weight).map_err(|problem| problem.at(format!("tree {number}")))?;
        builder.add(&spec)?;
    }
    Ok(builder.finish())
}

/// The trees that options choose.
fn extent(trees: &Trees, groups: usize, rounds: &Rounds) -> Result<Extent, Problem> {
    let count = trees.trees.len();
    let starts: Vec<usize> = if trees.rounds.is_empty() {
        let vectors = trees.trees.iter().any(|tree| tree.vectors.is_some());
        let each = trees.parallel * if vectors { 1 } else { groups };
        (0..=count / each).map(|round| round * each).collect()
    } else {
        trees.rounds.clone()
    };
    let ascends = starts.windows(2).all(|pair| pair[0] <= pair[1]);
    if starts.first() != Some(&0) || !ascends || starts.last().is_none_or(|&last| last > count) {
        return Err(wrong(format!("iteration_indptr does not ascend from 0 to {count}")));
    }
    let last = starts.len() - 1;
    let chosen: Range<usize> = match rounds {
        Rounds::All => return Ok(Extent { trees: 0..count, rounds: last, from_start: true }),
        Rounds::Range(range) => range.start..if range.end == 0 { last } else { range.end },
        Rounds::Trees(limit) => 0..limit.div_ceil(trees.parallel),
    };
    if chosen.end > last || chosen.start > chosen.end {
        let Range { start, end } = chosen;
        return Err(Problem::invalid(format!(
            "option iteration_range: {start}:{end}, the model has {last} rounds"
        )));
    }
    Ok(Extent {
        trees: starts[chosen.start]..starts[chosen.end],
        rounds: chosen.len(),
        from_start: chosen.start == 0,
    })
}

fn structure(learner: &Learner, groups: usize) -> Vec<(String, String)> {
    let mut structure = Vec::new();
    let mut add = |key: &str, value: String| structure.push((key.to_owned(), value));
    add("objective", learner.objective.clone());
    match &learner.booster {
        Booster::Trees(trees) => add("booster", trees.name.clone()),
        Booster::Linear(_) => add("booster", "gblinear".to_owned()),
    }
    if learner.version != [0; 3] {
        add("written by", format!("XGBoost {}", learner.version.map(|part| part.to_string()).join(".")));
    }
    add("features", learner.num_feature.to_string());
    add("groups", groups.to_string());
    structure
}

/// As the library's `get_score` has it, by kind: sums over all splits of a feature, and means of them.
fn importance(learner: &Learner, features: &[Feature], structure: &mut Vec<(String, String)>) {
    let Booster::Trees(trees) = &learner.booster else { return };
    let (mut counts, mut gains, mut covers) =
        (vec![0.0; features.len()], vec![0.0; features.len()], vec![0.0; features.len()]);
    for tree in &trees.trees {
        for (node, &feature) in tree.features.iter().enumerate().filter(|(node, _)| tree.left[*node] >= 0) {
            // Features out of range were refused where the forest was built, nodes that nothing leads to were not.
            if let Some(count) = counts.get_mut(feature as usize) {
                *count += 1.0;
                gains[feature as usize] += f64::from(tree.gains.get(node).copied().unwrap_or(0.0));
                covers[feature as usize] += f64::from(tree.hessians.get(node).copied().unwrap_or(0.0));
            }
        }
    }
    let means = |sums: &[f64]| -> Vec<f64> {
        sums.iter().zip(&counts).map(|(sum, &count)| if count > 0.0 { sum / count } else { 0.0 }).collect()
    };
    list_importance("weight", &counts, features, structure);
    list_importance("gain", &means(&gains), features, structure);
    list_importance("cover", &means(&covers), features, structure);
    list_importance("total_gain", &gains, features, structure);
    list_importance("total_cover", &covers, features, structure);
}

fn notes(learner: &Learner) -> Vec<String> {
    let note = |best: &String| {
        format!(
            "best_iteration is {best}; all rounds are used, as the library does, unless iteration_range is set"
        )
    };
    learner.best_iteration.iter().map(note).collect()
}
