//! A learner lowered onto a forest.

use super::FORMAT;
use super::learner::{Booster, Learner, Trees};
use super::objective::{Objective, QUANTILES_SORTED};
use super::options::{Rounds, XgboostOptions};
use super::tree::{Outline, RawTree};
use crate::compiled::{Compiled, Evaluator, Extent, Importance};
use crate::document::wrong;
use crate::features::{Feature, RowRules, Unseen};
use crate::linear::Linear;
use landfall_forest::{Builder, Room};
use landfall_model::Problem;
use std::ops::Range;

/// Groups beyond which a file is absurd, and those of which each needs a tree or a base score.
const MAX_GROUPS: usize = 1 << 20;
const FEW_GROUPS: usize = 1 << 16;

/// Features beyond which a file is absurd: the library's own indices have 31 bits.
const MAX_FEATURES: usize = 1 << 31;

/// The version whose reading of a file counts, unless options say otherwise.
const JUDGE: [u32; 3] = [3, 2, 0];

/// Makes a learner ready to run.
///
/// # Errors
/// Invalid argument, naming tree and node; unimplemented for an objective that is not known here.
pub(crate) fn compile(
    mut learner: Learner<'_>,
    options: &XgboostOptions,
) -> Result<Compiled<f32, f32>, Problem> {
    let rules = if options.by_file { learner.version } else { learner.version.min(JUDGE) };
    let objective = Objective::named(&learner.objective, rules)?;
    let groups = groups(&learner)?;
    let mut base = base(&learner, objective, groups)?;
    if learner.num_feature > MAX_FEATURES {
        return Err(wrong(format!("{} features", learner.num_feature)));
    }
    let features = features(&mut learner)?;
    let mut structure = structure(&learner, groups);
    let (evaluator, extent, has_vectors, importance) = match &learner.booster {
        Booster::Trees(trees) => {
            let outlines = trees.source.outlines();
            let has_vectors = outlines.iter().any(|tree| tree.has_vectors);
            let extent = extent(trees, has_vectors, groups, &options.rounds)?;
            let (forest, importance) = forest(trees, options.by_file, &outlines, features.len(), groups)?;
            crate::compiled::describe(&forest, &mut structure);
            (Evaluator::Forest(Box::new(forest)), extent, has_vectors, importance.list())
        }
        Booster::Linear(weights) => {
            let (linear, importance) = linear(weights, options, features.len(), groups)?;
            // The library's linear booster begins every group with the first one's base.
            let first = base[0];
            base.fill(first);
            let extent = Extent { from_start: true, ..Extent::default() };
            (Evaluator::Linear(linear), extent, false, importance)
        }
    };
    let transform = objective.transform(groups);
    Ok(Compiled {
        format: FORMAT,
        evaluator,
        extent,
        features,
        groups,
        base,
        after: None,
        spread: None,
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
        importance,
        blanks_are_underscores: false,
        tells_value_changes: false,
        notes: notes(&learner, options),
    })
}

/// A linear booster, and how important it makes features.
fn linear(
    weights: &[f32],
    options: &XgboostOptions,
    features: usize,
    groups: usize,
) -> Result<(Linear<f32>, Vec<Importance>), Problem> {
    if options.rounds != Rounds::All {
        return Err(Problem::invalid("a linear booster has no rounds to choose from"));
    }
    let linear = Linear::new(weights.to_vec(), features, groups)?;
    // Of several groups the library tells a list for each feature: there is no order among those.
    let importance = (weights.len() == features + 1).then(|| Importance {
        kind: "weight",
        of_features: weights[..features].iter().map(|&weight| weight.into()).collect(),
    });
    Ok((linear, importance.into_iter().collect()))
}

fn groups(learner: &Learner<'_>) -> Result<usize, Problem> {
    let by_tree = match &learner.booster {
        Booster::Trees(trees) => trees.groups.iter().max().map_or(1, |&group| group.saturating_add(1)),
        Booster::Linear(_) => 1,
    };
    let held = learner.base_scores.len().max(by_tree);
    let groups = learner.num_class.max(learner.num_target).max(held);
    if groups > MAX_GROUPS || groups > held.max(FEW_GROUPS) {
        return Err(wrong(format!("{groups} groups")));
    }
    Ok(groups)
}

fn base(learner: &Learner<'_>, objective: Objective, groups: usize) -> Result<Vec<f32>, Problem> {
    let margin = |&score: &f32| {
        if learner.base_is_placeholder {
            return score;
        }
        let undone = learner.base_is_margin && !objective.keeps_old_base;
        let score = if undone { objective.link.score_of_margin(score) } else { score };
        let score = if learner.base_is_bounded { objective.link.bounded(score) } else { score };
        objective.link.margin(score)
    };
    let base: Vec<f32> = learner.base_scores.iter().map(margin).collect();
    let mut base = match base.len() {
        1 => vec![base[0]; groups],
        length if length == groups => base,
        length => return Err(wrong(format!("{length} base scores for {groups} groups"))),
    };
    if !learner.base_is_placeholder {
        objective.link.relate(&mut base);
    }
    Ok(base)
}

/// Features by name. A file declares how many there are; it is believed only as far as memory for the names goes.
fn features(learner: &mut Learner<'_>) -> Result<Vec<Feature>, Problem> {
    let names = std::mem::take(&mut learner.feature_names);
    if !names.is_empty() && names.len() != learner.num_feature {
        return Err(wrong(format!("{} feature names for {} features", names.len(), learner.num_feature)));
    }
    let mut categories = std::mem::take(&mut learner.categories).into_iter();
    if names.is_empty() {
        let held = || match &learner.booster {
            Booster::Trees(trees) => trees.source.outlines().iter().map(|tree| tree.nodes).sum(),
            Booster::Linear(weights) => weights.len(),
        };
        crate::features::check_count(learner.num_feature, held)?;
    }
    let mut names = names.into_iter();
    let feature = |number: usize| {
        // As the library names them itself.
        let name = names.next().unwrap_or_else(|| format!("f{number}"));
        Feature { name, categories: categories.next().flatten() }
    };
    Ok((0..learner.num_feature).map(feature).collect())
}

/// The trees compiled, and how important they make features.
fn forest(
    trees: &Trees<'_>,
    by_file: bool,
    outlines: &[Outline],
    features: usize,
    groups: usize,
) -> Result<(landfall_forest::Forest<f32, f32>, Sums), Problem> {
    let count = trees.source.len();
    if trees.groups.len() != count {
        return Err(wrong(format!("{count} trees, tree_info has {}", trees.groups.len())));
    }
    if let Some(weights) = &trees.weights
        && weights.len() != count
    {
        return Err(wrong(format!("{count} trees, weight_drop has {}", weights.len())));
    }
    let mut builder = Builder::new(features, groups);
    if outlines.iter().any(|tree| !tree.has_hessians) {
        builder = builder.without_covers();
    }
    let nodes = outlines.iter().map(|tree| tree.nodes).sum();
    // Of a tree's nodes one more are leaves than are splits.
    let leaves = outlines.iter().map(|tree| tree.nodes / 2 + 1).sum();
    builder = builder.reserve(Room { nodes, leaf_ids: leaves, values: leaves, covers: nodes });
    let mut importance = Sums::of(features);
    trees.source.each(|number, tree| {
        let later = by_file.then(|| trees.later_weights.get(number).copied()).flatten();
        let weight = trees.weights.as_ref().map_or(later, |weights| Some(weights[number]));
        let group = if tree.vectors.is_some() { 0 } else { trees.groups[number] };
        tree.add_to(&mut builder, number, group, weight)?;
        importance.add(tree);
        Ok(())
    })?;
    Ok((builder.finish(), importance))
}

/// The trees that options choose.
fn extent(trees: &Trees<'_>, has_vectors: bool, groups: usize, rounds: &Rounds) -> Result<Extent, Problem> {
    let count = trees.source.len();
    let starts: Vec<usize> = if trees.rounds.is_empty() {
        let each = trees.parallel * if has_vectors { 1 } else { groups };
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

fn structure(learner: &Learner<'_>, groups: usize) -> Vec<(String, String)> {
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

/// What the library's `get_score` is made of, by feature: sums over all its splits, in float32 as it adds them up.
struct Sums {
    /// Splits, what they gained, and what came through them.
    sums: Vec<[f32; 3]>,
}

impl Sums {
    fn of(features: usize) -> Self {
        Sums { sums: vec![[0.0; 3]; features] }
    }

    fn add(&mut self, tree: &RawTree) {
        let nodes = tree.features.iter().zip(&tree.left).enumerate();
        for (node, (&feature, _)) in nodes.filter(|(_, (_, left))| **left >= 0) {
            // Features out of range were refused where the forest was built, nodes that nothing leads to were not.
            if let Some([count, gain, cover]) = self.sums.get_mut(feature as usize) {
                *count += 1.0;
                *gain += tree.gains.get(node).copied().unwrap_or(0.0);
                *cover += tree.hessians.get(node).copied().unwrap_or(0.0);
            }
        }
    }

    /// Tells it by kind: sums, and means of them.
    fn list(&self) -> Vec<Importance> {
        let mean = |sum: f32, count: f32| if count > 0.0 { sum / count } else { 0.0 };
        let of = |kind: &'static str, of: &dyn Fn(&[f32; 3]) -> f32| Importance {
            kind,
            of_features: self.sums.iter().map(|sums| of(sums).into()).collect(),
        };
        vec![
            of("weight", &|[count, ..]| *count),
            of("gain", &|[count, gain, _]| mean(*gain, *count)),
            of("cover", &|[count, _, cover]| mean(*cover, *count)),
            of("total_gain", &|[_, gain, _]| *gain),
            of("total_cover", &|[_, _, cover]| *cover),
        ]
    }
}

fn notes(learner: &Learner<'_>, options: &XgboostOptions) -> Vec<String> {
    let note = |best: &String| {
        format!(
            "best_iteration is {best}; all rounds are used, as the library does, unless iteration_range is set"
        )
    };
    let mut notes: Vec<String> = learner.best_iteration.iter().map(note).collect();
    let has_later = matches!(&learner.booster, Booster::Trees(trees) if !trees.later_weights.is_empty());
    let is_sorted = learner.objective == "reg:quantileerror" && learner.version >= QUANTILES_SORTED;
    let mut left_out = |is_there: bool, what: &str| {
        if is_there && !options.by_file {
            notes.push(format!(
                "{what}, as in XGBoost 3.2; the version that wrote the file does it: set rules=file"
            ));
        }
    };
    left_out(has_later, "the weights of trees that dart dropped are not applied");
    left_out(is_sorted, "quantiles of a row are not put in order");
    notes
}
