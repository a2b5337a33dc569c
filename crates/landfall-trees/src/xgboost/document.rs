//! Models in JSON or Universal Binary JSON, from 1.0 to 3.x.
//!
//! Format: XGBoost's `doc/model.schema` and "Introduction to Model IO"; what changed between versions is in the comments.

use super::base_score;
use super::categories;
use super::learner::{Booster, Learner, Outline, Source, Trees};
use super::tree::{LeafVectors, MAX_CATEGORY, RawTree};
use crate::document::{Numbers, Value, wrong};
use landfall_model::Problem;
use std::collections::HashMap;

/// Reads a model.
///
/// # Errors
/// Invalid argument, naming the place by the keys that lead to it.
pub(crate) fn read<'a>(document: &'a Value<'a>) -> Result<Learner<'a>, Problem> {
    let version = document.maybe("version", Value::integers)?.unwrap_or_default();
    let part = |i: usize| version.get(i).and_then(|&v| u32::try_from(v).ok()).unwrap_or(0);
    let mut read = learner(document.field("learner")?).map_err(|problem| problem.at("learner"))?;
    read.version = [part(0), part(1), part(2)];
    let is_untrained = match &read.booster {
        Booster::Trees(trees) => trees.source.len() == 0,
        Booster::Linear(weights) => weights.is_empty(),
    };
    read.base_is_placeholder &= is_untrained && read.version >= [3, 1, 0];
    Ok(read)
}

fn learner<'a>(learner: &'a Value<'a>) -> Result<Learner<'a>, Problem> {
    let parameters = learner.field("learner_model_param")?;
    let count = |key: &str| -> Result<usize, Problem> {
        let count = parameters.maybe(key, Value::count).map_err(|p| p.at("learner_model_param"))?;
        Ok(count.unwrap_or(0))
    };
    let base_scores = parameters.at("base_score", |value| match value {
        Value::Number(number) => Ok(vec![*number as f32]),
        Value::Numbers(_) => value.f32s(),
        other => base_score::parse(other.text()?),
    })?;
    let gradient_booster = learner.field("gradient_booster")?;
    let (booster, categories) =
        booster(gradient_booster).map_err(|problem| problem.at("gradient_booster"))?;
    let attributes = learner.find("attributes");
    let best_iteration = attributes.and_then(|a| a.find("best_iteration")).and_then(|b| b.text().ok());
    Ok(Learner {
        version: [0; 3],
        objective: learner
            .at("objective", |objective| objective.at("name", |n| n.text().map(str::to_owned)))?,
        base_scores,
        base_is_margin: false,
        base_is_placeholder: count("boost_from_average")? == 1,
        base_is_bounded: true,
        num_class: count("num_class")?,
        num_target: count("num_target")?,
        num_feature: count("num_feature")?,
        booster,
        feature_names: learner.maybe("feature_names", Value::texts)?.unwrap_or_default(),
        categories,
        best_iteration: best_iteration.map(str::to_owned),
    })
}

type WithCategories<'a> = (Booster<'a>, Vec<Option<crate::features::Categories>>);

fn booster<'a>(booster: &'a Value<'a>) -> Result<WithCategories<'a>, Problem> {
    let name = booster.at("name", Value::text_owned)?;
    match name.as_str() {
        "gbtree" => trees(booster, name, None),
        "dart" => {
            let weights = booster.at("weight_drop", Value::f32s)?;
            trees(booster.field("gbtree")?, name, Some(weights)).map_err(|problem| problem.at("gbtree"))
        }
        "gblinear" => {
            let weights = booster.at("model", |model| model.at("weights", Value::f32s))?;
            Ok((Booster::Linear(weights), Vec::new()))
        }
        _ => Err(Problem::unsupported(format!("booster {name:?}"), "gbtree, dart and gblinear are read")),
    }
}

fn trees<'a>(
    booster: &'a Value<'a>,
    name: String,
    weights: Option<Vec<f32>>,
) -> Result<WithCategories<'a>, Problem> {
    let model = booster.field("model")?;
    read_model(model, name, weights).map_err(|problem| problem.at("model"))
}

fn read_model<'a>(
    model: &'a Value<'a>,
    name: String,
    weights: Option<Vec<f32>>,
) -> Result<WithCategories<'a>, Problem> {
    let list = model.field("trees")?.list().map_err(|problem| problem.at("trees"))?;
    let parameters = model.find("gbtree_model_param");
    let parallel = match parameters {
        Some(parameters) => parameters.maybe("num_parallel_tree", Value::count)?,
        None => None,
    };
    let whole = |key: &str| -> Result<Vec<usize>, Problem> {
        let integers = model.maybe(key, Value::integers)?.unwrap_or_default();
        let convert =
            |&integer: &i64| usize::try_from(integer).map_err(|_| wrong(format!("{key}: {integer}")));
        integers.iter().map(convert).collect()
    };
    let categories = model.maybe("cats", categories::read)?.unwrap_or_default();
    let later_weights = model.maybe("weight_drop", Value::f32s)?.unwrap_or_default();
    let trees = Trees {
        name,
        source: Source::Document(list),
        groups: whole("tree_info")?,
        rounds: whole("iteration_indptr")?,
        parallel: parallel.unwrap_or(1).max(1),
        weights,
        later_weights,
    };
    Ok((Booster::Trees(trees), categories))
}

/// Values of a leaf.
fn width(tree: &Value<'_>) -> Result<usize, Problem> {
    Ok(match tree.find("tree_param") {
        // 0 in old files, 1 in newer ones: a scalar.
        Some(parameters) => parameters.maybe("size_leaf_vector", Value::count)?.unwrap_or(1).max(1),
        None => 1,
    })
}

/// What is known of a tree before it is read; what is wrong with it is said when it is.
pub(crate) fn outline(tree: &Value<'_>) -> Outline {
    let length = |key: &str| tree.find(key).and_then(|list| list.numbers().ok()).map_or(0, Numbers::len);
    Outline {
        nodes: length("left_children"),
        has_hessians: length("sum_hessian") > 0,
        has_vectors: width(tree).is_ok_and(|width| width > 1),
    }
}

/// Reads a tree in place of the one that `into` holds, whose memory it takes.
///
/// # Errors
/// Invalid argument, naming the key.
pub(crate) fn tree(tree: &Value<'_>, into: &mut RawTree) -> Result<(), Problem> {
    let width = width(tree)?;
    tree.at("split_conditions", |list| list.f32s_into(&mut into.conditions))?;
    into.vectors = if width == 1 {
        None
    } else if tree.find("leaf_weights").is_some() {
        Some(LeafVectors { width, values: tree.at("leaf_weights", Value::f32s)?, by_node: false })
    } else {
        Some(LeafVectors { width, values: tree.at("base_weights", Value::f32s)?, by_node: true })
    };
    tree.at("left_children", |list| list.i32s_into(&mut into.left))?;
    tree.at("right_children", |list| list.i32s_into(&mut into.right))?;
    // What is no number of a feature is out of range, and named where the forest is built.
    tree.at("split_indices", |list| list.u32s_or_max_into(&mut into.features))?;
    tree.at("default_left", |list| list.flags_into(&mut into.default_left))?;
    into.hessians.clear();
    tree.maybe("sum_hessian", |list| list.f32s_into(&mut into.hessians))?;
    into.gains.clear();
    tree.maybe("loss_changes", |list| list.f32s_into(&mut into.gains))?;
    into.categories = node_categories(tree)?;
    Ok(())
}

/// Categories by node: `categories_nodes[i]` has `categories[segments[i]..][..sizes[i]]`.
fn node_categories(tree: &Value<'_>) -> Result<HashMap<u32, Vec<u32>>, Problem> {
    let kinds = tree.find("split_type").filter(|kinds| !kinds.is_all_zero_bytes());
    let kinds = kinds.map(Value::integers).transpose().map_err(|problem| problem.at("split_type"))?;
    let kinds = kinds.unwrap_or_default();
    if let Some(kind) = kinds.iter().find(|kind| ![0, 1].contains(*kind)) {
        return Err(Problem::unsupported(format!("split type {kind}"), "types 0 and 1 are read"));
    }
    let list = |key: &str| tree.maybe(key, Value::integers).map(Option::unwrap_or_default);
    let (nodes, segments) = (list("categories_nodes")?, list("categories_segments")?);
    let (sizes, categories) = (list("categories_sizes")?, list("categories")?);
    if segments.len() != nodes.len() || sizes.len() != nodes.len() {
        return Err(wrong("categories_nodes, categories_segments and categories_sizes differ in length"));
    }
    let mut by_node = HashMap::new();
    let mut listed = 0usize;
    for ((&node, &start), &size) in nodes.iter().zip(&segments).zip(&sizes) {
        let part = usize::try_from(start)
            .ok()
            .zip(usize::try_from(size).ok())
            .and_then(|(start, size)| categories.get(start..start.checked_add(size)?));
        let part = part.ok_or_else(|| {
            wrong(format!("node {node}: categories {start}, {size} of them, of {}", categories.len()))
        })?;
        // Segments may not share categories, or a small file could ask for any amount of memory.
        listed += part.len();
        if listed > categories.len() {
            return Err(wrong(format!("node {node}: its categories are another node's")));
        }
        let category = |&category: &i64| {
            let fits = u32::try_from(category).ok().filter(|&category| category < MAX_CATEGORY);
            fits.ok_or_else(|| wrong(format!("node {node}: category {category}")))
        };
        let node = u32::try_from(node).map_err(|_| wrong(format!("categories_nodes: {node}")))?;
        by_node.insert(node, part.iter().map(category).collect::<Result<Vec<_>, _>>()?);
    }
    // A split of this kind without categories sends all but missing ones left.
    for node in (0..kinds.len()).filter(|&node| kinds[node] == 1) {
        by_node.entry(node as u32).or_default();
    }
    Ok(by_node)
}
