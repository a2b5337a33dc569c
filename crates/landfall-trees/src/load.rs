//! From a file's bytes to a model.

use crate::compiled::Compiled;
use crate::document::{json, ubjson};
use crate::lightgbm::Text;
use crate::model::TreeModel;
use crate::recognise::{Form, form, head_form, not_recognised};
use crate::{catboost, lightgbm, xgboost};
use landfall_forest::Real;
use landfall_model::{Element, FileEntry, Model, ModelFiles, Options, Problem};
use std::sync::Arc;

/// Files from this size on are read in pieces where their reader goes through them once: the bytes of smaller ones stay in the core's
/// caches, and to look at the first ones beforehand takes longer than memory for all of them.
const IN_PIECES_FROM: u64 = 8 << 20;

/// Reads a model's file.
///
/// # Errors
/// As [`load`]; what the operating system said of the file.
pub(crate) fn load_file(
    files: &dyn ModelFiles,
    entry: &FileEntry,
    options: &Options,
) -> Result<Arc<dyn Model>, Problem> {
    let file = files.place(entry).display().to_string();
    if entry.bytes < IN_PIECES_FROM || head_form(files, entry)? != Some(Form::LightgbmText) {
        return load(&file, files.bytes(&entry.name)?.bytes(), options);
    }
    let mut reader = files.reader(&entry.name)?;
    ToModel.ready(lightgbm::load_text(Text::of_reader(&file, entry.bytes, &mut *reader), options)?)
}

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
        Form::LightgbmText => to.ready(lightgbm::load_text(Text::of_bytes(file, bytes), options)?),
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
