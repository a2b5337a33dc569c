//! CatBoost's models: [`raw`] is what both file forms tell, read by [`cbm`] (the library's own form) or [`json`];
//! [`compile`] lowers it onto a forest whose rows have a column for each value and statistic of a category
//! ([`columns`]).

mod cbm;
mod columns;
mod compile;
mod flatbuffer;
mod hash;
mod info;
mod json;
mod objective;
mod options;
mod raw;
mod tree;

use crate::compiled::Compiled;
use crate::document::Value;
use landfall_model::{OptionSpec, Options, Problem};

pub(crate) use cbm::MAGIC;

/// The name of the format in facts.
pub(crate) const FORMAT: &str = "catboost";

/// Compiles a `.cbm`.
pub(crate) fn load_binary(
    file: &str,
    bytes: &[u8],
    options: &Options,
) -> Result<Compiled<f32, f64>, Problem> {
    let options = options::CatboostOptions::read(options).map_err(|problem| problem.at(file))?;
    let model = cbm::read(file, bytes)?;
    compile::compile(model, &options).map_err(|problem| problem.at(file))
}

/// Compiles a model in JSON, read already.
pub(crate) fn load_document(document: &Value<'_>, options: &Options) -> Result<Compiled<f32, f64>, Problem> {
    let options = options::CatboostOptions::read(options)?;
    compile::compile(json::read(document)?, &options)
}

/// All options that CatBoost models take.
pub(crate) fn known() -> &'static [OptionSpec] {
    &options::KNOWN
}
