//! A caller's hold on one version.

use super::statistics::Statistics;
use crate::{BatchSettings, ComputePool, Loaded};
use landfall_model::{Model, Problem, Version};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A hold on one version: while it lives, that version is not unloaded. A clone is a further hold.
#[derive(Clone)]
pub struct Lease(Arc<Loaded>);

impl Lease {
    pub(crate) fn new(loaded: Arc<Loaded>) -> Self {
        Lease(loaded)
    }

    /// A hold on a model that no catalog keeps, its signatures as they are: for whoever brings the model along.
    ///
    /// # Errors
    /// When the model cannot make its first workspace.
    pub fn on_model(
        model: &str,
        version: Version,
        runner: Arc<dyn Model>,
        batching: BatchSettings,
        pool: Arc<ComputePool>,
    ) -> Result<Self, Problem> {
        let signatures = runner.signatures().to_vec();
        Ok(Lease(Arc::new(Loaded::new(model.into(), version, signatures, runner, batching, pool)?)))
    }

    /// The version itself with counters at zero, when this is the only hold on it; `replayed` is as in [`Loaded`].
    pub(crate) fn into_fresh(self, replayed: Option<(PathBuf, Duration)>) -> Option<Arc<Loaded>> {
        let mut loaded = self.0;
        let own = Arc::get_mut(&mut loaded)?;
        own.statistics = Statistics::new();
        own.replayed = replayed;
        Some(loaded)
    }

    /// Whether both hold the same copy of the same version (a version that was loaded again is another one).
    pub fn is_same(&self, other: &Lease) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Lease {
    type Target = Loaded;
    #[inline]
    fn deref(&self) -> &Loaded {
        &self.0
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({} {})", self.model(), self.version())
    }
}
