//! A model lowered onto a forest.

use super::FORMAT;
use super::columns::{Columns, Question};
use super::info::Info;
use super::objective::CatboostTransform;
use super::options::{CatboostOptions, PredictionType};
use super::raw::RawModel;
use crate::classes::{ClassRule, Classes};
use crate::compiled::{Compiled, Evaluator, Extent, ScaleAndBias};
use crate::document::wrong;
use crate::features::{Categories, Derive, Feature, RowRules, Unseen};
use crate::spread::Spread;
use landfall_forest::{Builder, Forest, Room};
use landfall_model::Problem;

/// Sums of a row beyond which a file is absurd.
const MAX_DIMENSION: usize = 1 << 20;

/// Features beyond those that a file lists: texts and embeddings that a model in JSON does not use are left out there.
const MAX_UNLISTED: usize = 1 << 16;

/// Makes a model ready to run.
///
/// # Errors
/// Invalid argument, naming tree and node.
pub(crate) fn compile(
    mut model: RawModel<'_>,
    options: &CatboostOptions,
) -> Result<Compiled<f32, f64>, Problem> {
    let dimension = model.dimension;
    if !(1..=MAX_DIMENSION).contains(&dimension) {
        return Err(wrong(format!("{dimension} sums of a row")));
    }
    let features = features(&model)?;
    let (columns, questions) = Columns::new(&model, features.len())?;
    let chosen = options.trees(model.trees.len())?;
    let (classes, spread) = classes(&model.info, dimension)?.unzip();
    let spread = spread.flatten();
    let shown = spread.as_ref().map_or(dimension, Spread::width);
    let mut structure = structure(&model, features.len(), options);
    if options.prediction == PredictionType::Class && classes.is_none() {
        return Err(Problem::invalid("prediction_type Class of a model that is no classifier"));
    }
    let mut bias = std::mem::take(&mut model.bias);
    if bias.len() == 1 {
        bias.resize(dimension, bias[0]);
    } else if bias.len() != dimension {
        return Err(wrong(format!("{} biases of {dimension} sums", bias.len())));
    }
    if chosen.start > 0 {
        // As the library does: the bias belongs to the first tree.
        bias.fill(0.0);
    }
    let after = ScaleAndBias { scale: model.scale, bias };
    let info = std::mem::take(&mut model.info);
    let forest = forest(&model, &questions, &columns, features.len())?;
    crate::compiled::describe(&forest, &mut structure);
    let one_by_one = info.is_one_against_all();
    let log_probability =
        classes.is_some().then(|| CatboostTransform::of(PredictionType::LogProbability, shown, one_by_one));
    let is_uncertainty = info.loss.as_deref() == Some("RMSEWithUncertainty");
    Ok(Compiled {
        format: FORMAT,
        extent: Extent { rounds: chosen.len(), from_start: chosen.start == 0, trees: chosen },
        groups: dimension,
        base: vec![0.0; dimension],
        after: Some(after).filter(|after| !after.is_identity()),
        spread,
        takes_base_margin: false,
        transform: Box::new(CatboostTransform::of(options.prediction, shown, one_by_one)?),
        log_probability: match log_probability {
            Some(transform) => Some(Box::new(transform?)),
            None => None,
        },
        predicts_classes: options.prediction == PredictionType::Class,
        classes,
        rules: RowRules { missing: None, tiny_is_zero: false, absent: 0.0, unseen: Unseen::Missing },
        explains: forest.has_covers(),
        explained_groups: if is_uncertainty { 1 } else { dimension },
        interacts: false,
        flat_contributions: false,
        structure,
        importance: Vec::new(),
        blanks_are_underscores: false,
        tells_value_changes: true,
        notes: Vec::new(),
        derived: if columns.columns() > 0 || columns.categories() > 0 {
            Some(Box::new(columns))
        } else {
            None
        },
        features,
        evaluator: Evaluator::Forest(Box::new(forest)),
    })
}

fn classes(info: &Info, dimension: usize) -> Result<Option<(Classes, Option<Spread>)>, Problem> {
    let Some((labels, spread)) = info.classes(dimension)? else { return Ok(None) };
    // The threshold is a probability; sums are its log odds.
    let bound = match info.threshold {
        Some(threshold) if threshold != 0.5 => -(1.0 / threshold - 1.0).ln(),
        _ => 0.0,
    };
    let rule = if info.is_multi_label() {
        ClassRule::EachAbove(bound)
    } else if dimension == 1 {
        ClassRule::Above(bound)
    } else {
        ClassRule::Largest
    };
    Ok(Some((Classes { labels, rule, of_margins: true }, spread)))
}

/// Features by their numbers among all; numbers that the file does not list are numbers that nothing asks for.
fn features(model: &RawModel<'_>) -> Result<Vec<Feature>, Problem> {
    let floats = model.floats.iter().map(|feature| (feature.flat, &feature.name, false));
    let categories = model.categories.iter().map(|feature| (feature.flat, &feature.name, true));
    let listed: Vec<_> = floats.chain(categories).collect();
    let count = listed.iter().map(|(flat, ..)| flat.saturating_add(1)).max().unwrap_or(0);
    if count > listed.len().saturating_add(MAX_UNLISTED) {
        return Err(wrong(format!("{count} features, of which {} are listed", listed.len())));
    }
    let unnamed = |flat: usize| Feature { name: flat.to_string(), categories: None };
    let mut features: Vec<Feature> = (0..count).map(unnamed).collect();
    let mut seen = vec![false; count];
    for (flat, name, is_category) in listed {
        if std::mem::replace(&mut seen[flat], true) {
            return Err(wrong(format!("two features have the number {flat}")));
        }
        if !name.is_empty() {
            features[flat].name.clone_from(name);
        }
        features[flat].categories = is_category.then_some(Categories::Hashed);
    }
    Ok(features)
}

fn forest(
    model: &RawModel<'_>,
    questions: &[Question],
    columns: &Columns,
    features: usize,
) -> Result<Forest<f32, f64>, Problem> {
    let width = features + columns.columns();
    let (players, count) = columns.players();
    let mut builder = Builder::new(width, model.dimension).players(players, count).skip_empty_nodes();
    if model.weights.is_empty() {
        builder = builder.without_covers();
    }
    let mut room = Room { nodes: 0, leaf_ids: 0, values: model.values.len(), covers: 0 };
    model.trees.iter().for_each(|tree| tree.count(&mut room));
    builder = builder.reserve(room);
    let mut levels = Vec::new();
    for number in 0..model.trees.len() {
        model.add_to(&mut builder, number, questions, &mut levels)?;
    }
    Ok(builder.finish())
}

fn structure(model: &RawModel<'_>, features: usize, options: &CatboostOptions) -> Vec<(String, String)> {
    let mut structure = Vec::new();
    let mut add = |key: &str, value: String| structure.push((key.to_owned(), value));
    if let Some(loss) = &model.info.loss {
        add("objective", loss.clone());
    }
    if let Some(version) = &model.info.written_by {
        add("written by", format!("CatBoost {version}"));
    }
    add("features", features.to_string());
    if !model.categories.is_empty() {
        add("categories", model.categories.len().to_string());
        add("statistics of categories", model.ctrs.len().to_string());
    }
    add("sums", model.dimension.to_string());
    add("predictions", format!("{:?}", options.prediction));
    structure
}
