//! CatBoost's JSON.
//!
//! Format: `json_model_helpers.cpp` of the library's sources. Splits are taken by their `split_index`: borders of
//! statistics have no other name.

use super::info::Info;
use super::raw::{
    CategoryFeature, Counts, Ctr, CtrBase, CtrKind, CtrTable, FloatFeature, OneHot, Projection, RawModel,
    RawNode, RawTree, Shape, refused_features,
};
use crate::document::{Value, json, wrong};
use landfall_model::Problem;
use std::collections::HashMap;

/// Reads a model.
///
/// # Errors
/// Invalid argument naming the place, unimplemented for text and embeddings.
pub(crate) fn read(document: &Value<'_>) -> Result<RawModel<'static>, Problem> {
    let mut model = document.at("features_info", features)?;
    if let Some(Value::Object(pairs)) = document.find("model_info") {
        model.info = info(pairs).map_err(|problem| problem.at("model_info"))?;
    }
    if let Some(scale_and_bias) = document.find("scale_and_bias") {
        (model.scale, model.bias) = scale_and_bias_of(scale_and_bias).map_err(|p| p.at("scale_and_bias"))?;
    }
    let is_oblivious = document.find("oblivious_trees").is_some();
    let key = if is_oblivious { "oblivious_trees" } else { "trees" };
    let trees = document.field(key)?.list().map_err(|problem| problem.at(key))?;
    let read_tree = if is_oblivious { oblivious } else { nested };
    model.dimension = dimension(trees, model.bias.len())?;
    let dimension = model.dimension;
    let mut leaves = Leaves { values: Vec::new(), weights: Vec::new(), dimension, levels: Vec::new() };
    for (number, tree) in trees.iter().enumerate() {
        let first = leaves.count();
        let shape = read_tree(tree, &mut leaves).and_then(|shape| leaves.close(shape, first));
        model.trees.push(shape.map_err(|p| p.at(format!("tree {number}")))?);
    }
    if leaves.weights.len() != leaves.count() {
        leaves.weights.clear();
    }
    (model.values, model.weights, model.levels) =
        (leaves.values.into(), leaves.weights.into(), leaves.levels);
    if let Some(tables) = document.find("ctr_data") {
        model.tables = tables_of(tables).map_err(|problem| problem.at("ctr_data"))?;
        check_borders(&model)?;
    }
    Ok(model)
}

/// Holds the borders that statistics ask for against their tables. Tables of several classifiers of the target have the
/// same name in this form, and only one of them is in the file.
fn check_borders(model: &RawModel<'_>) -> Result<(), Problem> {
    let classes: HashMap<_, _> =
        model.tables.iter().map(|table| (&table.base, table.counts.classes())).collect();
    for (number, ctr) in model.ctrs.iter().enumerate() {
        let found = classes.get(&ctr.base).copied().flatten();
        if let Some(classes) = found.filter(|&classes| ctr.target_border >= classes.saturating_sub(1))
            && ctr.base.kind == CtrKind::Borders
        {
            let border = ctr.target_border;
            let what = format!(
                "statistic {number}, border {border} of a table of {classes} classes of another target"
            );
            return Err(Problem::unsupported(what, "CatBoost's JSON does not hold its own: save as .cbm"));
        }
    }
    Ok(())
}

fn info(pairs: &[(std::borrow::Cow<'_, str>, Value<'_>)]) -> Result<Info, Problem> {
    let mut info = Info::default();
    for (key, value) in pairs {
        match value {
            Value::Text(text) => info.take_text(key, text.as_bytes())?,
            value => info.take(key, value).map_err(|problem| problem.at(key.as_ref()))?,
        }
    }
    Ok(info)
}

/// A number, and a list of numbers.
fn scale_and_bias_of(value: &Value<'_>) -> Result<(f64, Vec<f64>), Problem> {
    match value {
        // Old files have two numbers.
        Value::Numbers(numbers) if numbers.len() == 2 => {
            let numbers = numbers.collect(|number| number);
            Ok((numbers[0], vec![numbers[1]]))
        }
        Value::List(pair) if pair.len() == 2 => Ok((pair[0].number()?, pair[1].f64s()?)),
        other => Err(wrong(format!("expected a scale and biases, found {}", other.kind()))),
    }
}

/// Sums of a row: by the first tree, else by the biases.
fn dimension(trees: &[Value<'_>], biases: usize) -> Result<usize, Problem> {
    let Some(mut node) = trees.first() else { return Ok(biases.max(1)) };
    if let Some(values) = node.find("leaf_values") {
        let splits = node.maybe("splits", |splits| splits.list().map(<[_]>::len))?.unwrap_or(0);
        let leaves = 1usize.checked_shl(splits as u32).unwrap_or(0);
        return match values.numbers()?.len().checked_div(leaves) {
            Some(dimension) if dimension > 0 => Ok(dimension),
            _ => Err(wrong(format!("tree 0: {splits} splits, {} values", values.numbers()?.len()))),
        };
    }
    while let Some(left) = node.find("left") {
        node = left;
    }
    match node.field("value")? {
        Value::Numbers(numbers) => Ok(numbers.len().max(1)),
        _ => Ok(1),
    }
}

fn features(info: &Value<'_>) -> Result<RawModel<'static>, Problem> {
    for (key, kind) in [
        ("text_features", "text features"),
        ("embedding_features", "embedding features"),
        ("estimated_features", "estimated features"),
    ] {
        if info.find(key).is_some_and(|list| list.list().map_or(true, |list| !list.is_empty())) {
            let names = info.find(key).and_then(|list| list.list().ok()).unwrap_or_default();
            let names = names.iter().filter_map(|feature| name(feature).ok()).collect();
            return Err(refused_features(kind, names));
        }
    }
    let mut model = RawModel { scale: 1.0, bias: vec![0.0], ..RawModel::default() };
    each(info, "float_features", |feature| {
        model.floats.push(float_feature(feature)?);
        Ok(())
    })?;
    each(info, "categorical_features", |feature| {
        let index = feature.at("feature_index", Value::count)?;
        let flat = feature.at("flat_feature_index", Value::count)?;
        model.categories.push(CategoryFeature { index, flat, name: name(feature)? });
        if let Some(values) = feature.maybe("values", Value::integers)? {
            let values = values.into_iter().map(|value| value as u32).collect();
            model.one_hots.push(OneHot { category: index, values });
        }
        Ok(())
    })?;
    each(info, "ctrs", |feature| {
        model.ctrs.push(ctr(feature)?);
        Ok(())
    })?;
    Ok(model)
}

/// Takes each element of a list that may be absent.
fn each(
    info: &Value<'_>,
    key: &str,
    mut take: impl FnMut(&Value<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let Some(list) = info.find(key) else { return Ok(()) };
    let list = list.list().map_err(|problem| problem.at(key))?;
    for (number, value) in list.iter().enumerate() {
        take(value).map_err(|problem| problem.at(format!("{key}, place {number}")))?;
    }
    Ok(())
}

fn name(feature: &Value<'_>) -> Result<String, Problem> {
    let named = feature.maybe("feature_id", Value::text_owned)?.filter(|name| !name.is_empty());
    match named {
        Some(name) => Ok(name),
        None => Ok(feature.maybe("feature_name", Value::text_owned)?.unwrap_or_default()),
    }
}

fn float_feature(feature: &Value<'_>) -> Result<FloatFeature, Problem> {
    Ok(FloatFeature {
        index: feature.at("feature_index", Value::count)?,
        flat: feature.at("flat_feature_index", Value::count)?,
        borders: feature.maybe("borders", Value::f32s)?.unwrap_or_default(),
        nan_as: match feature.find("nan_value_treatment") {
            Some(Value::Text(rule)) if rule == "AsFalse" => f32::NEG_INFINITY,
            Some(Value::Text(rule)) if rule == "AsTrue" => f32::INFINITY,
            _ => f32::NAN,
        },
        name: name(feature)?,
    })
}

fn ctr(feature: &Value<'_>) -> Result<Ctr, Problem> {
    let number = |key: &str, default: f32| {
        feature.maybe(key, Value::number).map(|number| number.map_or(default, |number| number as f32))
    };
    Ok(Ctr {
        base: CtrBase {
            projection: feature.at("elements", projection)?,
            kind: feature.at("ctr_type", kind)?,
            classifier: feature.maybe("target_border_classifier_idx", Value::count)?.unwrap_or(0) as i32,
        },
        target_border: feature.maybe("target_border_idx", Value::count)?.unwrap_or(0),
        prior_numerator: number("prior_numerator", 0.0)?,
        // The library's own spelling.
        prior_denominator: number("prior_denomerator", 1.0)?,
        shift: number("shift", 0.0)?,
        scale: number("scale", 1.0)?,
        borders: feature.at("borders", Value::f32s)?,
    })
}

fn kind(value: &Value<'_>) -> Result<CtrKind, Problem> {
    let name = value.text()?;
    let found = CtrKind::ALL.iter().find(|(known, _)| *known == name);
    found.map(|(_, kind)| *kind).ok_or_else(|| wrong(format!("kind of statistic {name:?}")))
}

fn projection(elements: &Value<'_>) -> Result<Projection, Problem> {
    let mut projection = Projection::default();
    for element in elements.list()? {
        match element.at("combination_element", |kind| kind.text_owned())?.as_str() {
            "cat_feature_value" => projection.categories.push(element.at("cat_feature_index", Value::count)?),
            "float_feature" => {
                let border = element.at("border", Value::number)? as f32;
                projection.floats.push((element.at("float_feature_index", Value::count)?, border.to_bits()));
            }
            "cat_feature_exact_value" => {
                let value = element.at("value", Value::number)? as i64 as u32;
                projection.one_hots.push((element.at("cat_feature_index", Value::count)?, value));
            }
            other => return Err(wrong(format!("combination_element {other:?}"))),
        }
    }
    Ok(projection)
}

/// Tables by the text of what they are kept by.
fn tables_of(tables: &Value<'_>) -> Result<Vec<CtrTable>, Problem> {
    let Value::Object(pairs) = tables else {
        return Err(wrong(format!("expected an object, found {}", tables.kind())));
    };
    pairs.iter().map(|(key, table)| ctr_table(key, table).map_err(|p| p.at(key.as_ref()))).collect()
}

fn ctr_table(key: &str, table: &Value<'_>) -> Result<CtrTable, Problem> {
    let key = json::read("the table's name", key.as_bytes())?;
    let base = CtrBase {
        projection: key.at("identifier", projection)?,
        kind: key.at("type", kind)?,
        classifier: key.maybe("target_border_classifier_idx", Value::count)?.unwrap_or(0) as i32,
    };
    let stride = table.at("hash_stride", Value::count)?;
    let list = table.field("hash_map")?.list().map_err(|problem| problem.at("hash_map"))?;
    if stride < 2 || !list.len().is_multiple_of(stride) {
        return Err(wrong(format!("hash_map has {} elements, hash_stride is {stride}", list.len())));
    }
    let is_mean = matches!(base.kind, CtrKind::BinarizedTargetMeanValue | CtrKind::FloatTargetMeanValue);
    if is_mean && stride != 3 {
        return Err(wrong(format!("hash_stride of means is {stride}")));
    }
    let (mut keys, mut means, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for (place, bucket) in list.chunks_exact(stride).enumerate() {
        let key = bucket_key(&bucket[0]).map_err(|p| p.at(format!("hash_map, bucket {place}")))?;
        let numbers = bucket[1..].iter().map(Value::number).collect::<Result<Vec<_>, _>>()?;
        if key != u64::MAX {
            keys.push((key, place as u32));
        }
        if is_mean {
            means.push((numbers[0] as f32, numbers[1] as i32));
        } else {
            counts.extend(numbers.into_iter().map(|number| number as i32));
        }
    }
    let counts = if is_mean { Counts::Means(means) } else { Counts::Classes { counts, classes: stride - 1 } };
    let denominator = table.maybe("counter_denominator", Value::number)?.unwrap_or(0.0) as i32;
    Ok(CtrTable { base, keys, counts, denominator })
}

fn bucket_key(value: &Value<'_>) -> Result<u64, Problem> {
    match value {
        Value::Text(text) => text.parse().map_err(|_| wrong(format!("expected a hash, found {text:?}"))),
        other => Err(wrong(format!("expected a hash as text, found {}", other.kind()))),
    }
}

fn split_index(split: &Value<'_>) -> Result<usize, Problem> {
    split.at("split_index", Value::count)
}

/// The leaves of all trees, and what the levels of oblivious ones ask.
struct Leaves {
    values: Vec<f64>,
    weights: Vec<f64>,
    dimension: usize,
    levels: Vec<u32>,
}

impl Leaves {
    fn count(&self) -> usize {
        self.values.len() / self.dimension
    }

    /// A tree of the leaves from one on.
    fn close(&self, shape: Shape, first: usize) -> Result<RawTree, Problem> {
        if !self.values.len().is_multiple_of(self.dimension) {
            let values = self.values.len() - first * self.dimension;
            return Err(wrong(format!("{values} values of leaves, {} sums", self.dimension)));
        }
        Ok(RawTree { shape, leaves: first..self.count() })
    }
}

fn oblivious(tree: &Value<'_>, leaves: &mut Leaves) -> Result<Shape, Problem> {
    let first = leaves.levels.len();
    let read = |splits: &Value<'_>| -> Result<(), Problem> {
        for split in splits.list()? {
            let index = split_index(split)?;
            let index = u32::try_from(index).map_err(|_| wrong(format!("split {index} is not there")))?;
            leaves.levels.push(index);
        }
        Ok(())
    };
    tree.maybe("splits", read)?;
    let values = tree.at("leaf_values", Value::f64s)?;
    let weights = tree.maybe("leaf_weights", Value::f64s)?.unwrap_or_default();
    if !weights.is_empty() && weights.len() * leaves.dimension != values.len() {
        return Err(wrong(format!("{} weights, {} values of leaves", weights.len(), values.len())));
    }
    leaves.values.extend(values);
    leaves.weights.extend(weights);
    Ok(Shape::Oblivious(first..leaves.levels.len()))
}

/// Leaves are numbered as the library does: of each node first its own leaves, then those of the nodes below.
fn nested(tree: &Value<'_>, leaves: &mut Leaves) -> Result<Shape, Problem> {
    let first = leaves.values.len();
    let mut count = 0u32;
    let mut add_leaf = |node: &Value<'_>| -> Result<RawNode, Problem> {
        match node.field("value")? {
            Value::Numbers(numbers) => leaves.values.extend(numbers.collect(|number| number)),
            number => leaves.values.push(number.number()?),
        }
        leaves.weights.extend(node.maybe("weight", Value::number)?);
        count += 1;
        Ok(RawNode::Leaf(count - 1))
    };
    let mut nodes = vec![RawNode::Leaf(0)];
    let is_leaf = |node: &Value<'_>| node.find("split").is_none();
    if is_leaf(tree) {
        nodes[0] = add_leaf(tree)?;
    }
    let mut open: Vec<(&Value<'_>, usize)> = if is_leaf(tree) { Vec::new() } else { vec![(tree, 0)] };
    while let Some((node, place)) = open.pop() {
        let children = [node.field("left")?, node.field("right")?];
        let left = nodes.len() as u32;
        nodes[place] = RawNode::Split { split: node.at("split", split_index)?, left, right: left + 1 };
        for child in children {
            nodes.push(if is_leaf(child) { add_leaf(child)? } else { RawNode::Leaf(0) });
        }
        for (child, place) in [(children[1], left + 1), (children[0], left)] {
            if !is_leaf(child) {
                open.push((child, place as usize));
            }
        }
    }
    let values = leaves.values.len() - first;
    if values != count as usize * leaves.dimension {
        return Err(wrong(format!("{values} values of {count} leaves, {} sums", leaves.dimension)));
    }
    Ok(Shape::Nested(nodes))
}
