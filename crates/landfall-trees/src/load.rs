//! From a file's bytes to a model.

use crate::compiled::Compiled;
use crate::document::{json, ubjson};
use crate::model::TreeModel;
use crate::recognise::{Form, form, not_recognised};
use crate::{catboost, lightgbm, xgboost};
use landfall_forest::Real;
use landfall_model::{Element, Model, Options, Problem};
use std::sync::Arc;

/// Reads a model; `file` is for messages.
///
/// # Errors
/// What is wrong with the file, naming it and the place.
pub(crate) fn load(file: &str, bytes: &[u8], options: &Options) -> Result<Arc<dyn Model>, Problem> {
    read(file, bytes, options, ToModel)
}

/// What is made of a model that was read, whatever its types are.
pub(crate) trait Ready {
    type Made;

    /// # Errors
    /// As [`read`].
    fn ready<X: Real + Element, Y: Real + Element>(
        self,
        compiled: Compiled<X, Y>,
    ) -> Result<Self::Made, Problem>;
}

/// Reads a model, and makes of it what is asked for.
///
/// # Errors
/// What is wrong with the file, naming it and the place.
pub(crate) fn read<R: Ready>(file: &str, bytes: &[u8], options: &Options, to: R) -> Result<R::Made, Problem> {
    let here = |problem: Problem| problem.at(file);
    match form(bytes).ok_or_else(|| not_recognised(file))? {
        Form::XgboostJson => {
            let document = json::read(file, bytes)?;
            to.ready(xgboost::load_document(&document, options).map_err(here)?)
        }
        Form::XgboostUbjson => {
            let document = ubjson::read(file, bytes)?;
            to.ready(xgboost::load_document(&document, options).map_err(here)?)
        }
        Form::XgboostBinary => to.ready(xgboost::load_binary(file, bytes, options)?),
        Form::LightgbmText => to.ready(lightgbm::load_text(file, bytes, options)?),
        Form::CatboostBinary => to.ready(catboost::load_binary(file, bytes, options)?),
        Form::CatboostJson => {
            let document = json::read(file, bytes)?;
            to.ready(catboost::load_document(&document, options).map_err(here)?)
        }
        Form::LightgbmDump => {
            let document = json::read(file, bytes)?;
            to.ready(lightgbm::load_dump(&document, options).map_err(here)?)
        }
    }
}

struct ToModel;

impl Ready for ToModel {
    type Made = Arc<dyn Model>;

    fn ready<X: Real + Element, Y: Real + Element>(
        self,
        compiled: Compiled<X, Y>,
    ) -> Result<Arc<dyn Model>, Problem> {
        Ok(Arc::new(TreeModel::new(compiled)?))
    }
}
