//! Models in JSON or Universal Binary JSON, from 1.0 to 3.x.
//!
//! Format: XGBoost's `doc/model.schema` and "Introduction to Model IO"; what changed between versions is in the comments.

use super::base_score;
use super::categories;
use super::learner::{Booster, Learner, Source, Trees};
use crate::document::{Value, wrong};
use landfall_model::Problem;

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
    // Of trees it reads such files of 2.0 and later alone: older ones are read as those that wrote them do. So are linear boosters with
    // weights that do not count their rounds, as up to 1.3: 3.2 takes them for untrained, but not the same model's binary file.
    let is_read = matches!(read.booster, Booster::Linear(_)) || read.version >= [2, 0, 0];
    read.base_is_placeholder &= is_untrained && is_read;
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
        base_is_placeholder: parameters.find("boost_from_average").is_none()
            || count("boost_from_average")? == 1,
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
