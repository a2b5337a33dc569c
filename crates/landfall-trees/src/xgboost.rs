//! XGBoost's models: [`learner`] is what every file form tells, read by [`document`] (JSON and Universal Binary JSON) or
//! [`binary`] (the form before 3.0); [`compile`] lowers it onto a forest.

mod base_score;
mod binary;
mod categories;
mod compile;
mod document;
mod document_tree;
mod learner;
mod objective;
mod options;
mod tree;

use crate::compiled::Compiled;
use landfall_model::{OptionSpec, Options, Problem};

pub(crate) use binary::looks_like_binary;
pub(crate) use options::KNOWN;

/// The name of the format in facts.
pub(crate) const FORMAT: &str = "xgboost";

/// Compiles a model in JSON or Universal Binary JSON, read already.
pub(crate) fn load_document(
    document: &crate::document::Value<'_>,
    options: &Options,
) -> Result<Compiled<f32, f32>, Problem> {
    let options = options::XgboostOptions::read(options)?;
    compile::compile(document::read(document)?, &options)
}

/// Compiles a model in the old binary form.
pub(crate) fn load_binary(
    file: &str,
    bytes: &[u8],
    options: &Options,
) -> Result<Compiled<f32, f32>, Problem> {
    let options = options::XgboostOptions::read(options).map_err(|problem| problem.at(file))?;
    let learner = binary::read(file, bytes)?;
    compile::compile(learner, &options).map_err(|problem| problem.at(file))
}

/// All options that XGBoost models take.
pub(crate) fn known() -> &'static [OptionSpec] {
    &KNOWN
}
