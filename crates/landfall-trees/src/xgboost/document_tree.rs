//! One tree in a document: arrays by node, categories beside them.

use super::tree::{LeafVectors, MAX_CATEGORY, Outline, RawTree};
use crate::document::{Numbers, Value, wrong};
use landfall_model::Problem;
use std::collections::HashMap;

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
pub(crate) fn read(tree: &Value<'_>, into: &mut RawTree) -> Result<(), Problem> {
    let width = width(tree)?;
    // In the order in which files have them, by name: what comes next is on its way to the core then. What is no number of a feature is
    // out of range, and named where the forest is built.
    tree.at("default_left", |list| list.flags_into(&mut into.default_left))?;
    tree.at("left_children", |list| list.i32s_into(&mut into.left))?;
    into.gains.clear();
    tree.maybe("loss_changes", |list| list.f32s_into(&mut into.gains))?;
    tree.at("right_children", |list| list.i32s_into(&mut into.right))?;
    tree.at("split_conditions", |list| list.f32s_into(&mut into.conditions))?;
    tree.at("split_indices", |list| list.u32s_or_max_into(&mut into.features))?;
    into.hessians.clear();
    tree.maybe("sum_hessian", |list| list.f32s_into(&mut into.hessians))?;
    into.vectors = if width == 1 {
        None
    } else if tree.find("leaf_weights").is_some() {
        Some(LeafVectors { width, values: tree.at("leaf_weights", Value::f32s)?, by_node: false })
    } else {
        Some(LeafVectors { width, values: tree.at("base_weights", Value::f32s)?, by_node: true })
    };
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
