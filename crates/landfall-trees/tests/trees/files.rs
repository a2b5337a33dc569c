//! A model in memory, as an engine sees it.

use landfall_model::{FilesInMemory, Model, Options, Problem};
use std::sync::Arc;

/// Loads a model from its bytes.
pub(crate) fn load(name: &str, bytes: &[u8], options: &[(&str, &str)]) -> Result<Arc<dyn Model>, Problem> {
    let mut given = Options::new();
    options.iter().for_each(|(key, value)| given.set(*key, *value));
    landfall_trees::engine().load(&FilesInMemory::new(name, bytes), &given)
}
