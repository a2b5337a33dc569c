//! LightGBM's models: [`booster`] is what both file forms tell, read by [`text`] (`model.txt`, in [`blocks`]) or [`dump`] (the JSON of
//! `dump_model`); [`compile`] lowers it onto a forest.

mod blocks;
mod booster;
mod categories;
mod compile;
mod dump;
mod growing;
mod objective;
mod options;
mod text;
mod tree;
mod words;

use crate::compiled::Compiled;
use crate::document::Value;
pub(crate) use blocks::Text;
use landfall_model::{OptionSpec, Options, Problem};

/// The name of the format in facts.
pub(crate) const FORMAT: &str = "lightgbm";

/// Compiles a `model.txt`.
pub(crate) fn load_text(text: Text<'_>, options: &Options) -> Result<Compiled<f64, f64>, Problem> {
    let file = text.file;
    let options = options::LightgbmOptions::read(options).map_err(|problem| problem.at(file))?;
    let (booster, trees) = text::read(text)?;
    compile::compile(booster, trees, &options).map_err(|problem| problem.at(file))
}

/// Compiles a dump, read already.
pub(crate) fn load_dump(document: &Value<'_>, options: &Options) -> Result<Compiled<f64, f64>, Problem> {
    let options = options::LightgbmOptions::read(options)?;
    let (booster, trees) = dump::read(document)?;
    compile::compile(booster, trees, &options)
}

/// All options that LightGBM models take.
pub(crate) fn known() -> &'static [OptionSpec] {
    &options::KNOWN
}
