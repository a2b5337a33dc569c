//! The engine `trees`.

use crate::{NAME, catboost, lightgbm, load, recognise, xgboost};
use landfall_model::{Claim, Engine, Model, ModelFiles, OptionSpec, Options, Problem};
use std::sync::{Arc, LazyLock};

/// The options of all libraries; a model takes those of its own alone.
static KNOWN: LazyLock<Vec<OptionSpec>> =
    LazyLock::new(|| [xgboost::known(), lightgbm::known(), catboost::known()].concat());

/// The engine.
pub(crate) struct Trees;

impl Engine for Trees {
    fn name(&self) -> &'static str {
        NAME
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        recognise::claim(files)
    }

    fn options(&self) -> &'static [OptionSpec] {
        &KNOWN
    }

    fn load(&self, files: &dyn ModelFiles, options: &Options) -> Result<Arc<dyn Model>, Problem> {
        load::load_file(files, recognise::model_file(files)?, options)
    }
}
