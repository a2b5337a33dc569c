//! A document in memory as the files of a model.

use landfall_model::{FilesInMemory, Model, Options, Problem};
use std::sync::Arc;

/// Loads a document.
pub(crate) fn load(bytes: &[u8]) -> Result<Arc<dyn Model>, Problem> {
    landfall_pmml::engine().load(&FilesInMemory::new("model.pmml", bytes), &Options::new())
}
