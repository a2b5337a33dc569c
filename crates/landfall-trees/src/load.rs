//! From a file's bytes to a model.

use crate::document::{json, ubjson};
use crate::model::{Compiled, TreeModel};
use crate::recognise::{Form, form, not_recognised};
use crate::{lightgbm, xgboost};
use landfall_forest::Real;
use landfall_model::{Element, Model, Options, Problem};
use std::sync::Arc;

/// Reads a model; `file` is for messages.
///
/// # Errors
/// What is wrong with the file, naming it and the place.
pub(crate) fn load(file: &str, bytes: &[u8], options: &Options) -> Result<Arc<dyn Model>, Problem> {
    let here = |problem: Problem| problem.at(file);
    match form(bytes).ok_or_else(|| not_recognised(file))? {
        Form::XgboostJson => {
            let document = json::read(file, bytes)?;
            ready(xgboost::load_document(&document, options).map_err(here)?)
        }
        Form::XgboostUbjson => {
            let document = ubjson::read(file, bytes)?;
            ready(xgboost::load_document(&document, options).map_err(here)?)
        }
        Form::XgboostBinary => ready(xgboost::load_binary(file, bytes, options)?),
        Form::LightgbmText => ready(lightgbm::load_text(file, bytes, options)?),
        Form::LightgbmDump => {
            let document = json::read(file, bytes)?;
            ready(lightgbm::load_dump(&document, options).map_err(here)?)
        }
    }
}

fn ready<X: Real + Element, Y: Real + Element>(compiled: Compiled<X, Y>) -> Result<Arc<dyn Model>, Problem> {
    Ok(Arc::new(TreeModel::new(compiled)?))
}
