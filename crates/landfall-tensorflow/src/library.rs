//! A library that is looked for when the first model needs it.

use landfall_foreign::{Library, LibrarySpec, Search, Surroundings, search};
use landfall_model::{Kind, Problem};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Takes over an opened library, or says in a few words why it will not do.
type Open<R> = fn(Library) -> Result<&'static R, String>;

/// The library of one engine; found, it stays for the life of the process as an `R`.
pub(crate) struct OnDemand<R: 'static> {
    spec: &'static LibrarySpec,
    explicit: Option<PathBuf>,
    surroundings: Surroundings,
    open: Open<R>,
    found: OnceLock<Search<&'static R>>,
}

impl<R> OnDemand<R> {
    /// Nothing is looked for yet; `explicit` is the path that the operator gave.
    pub(crate) fn new(
        spec: &'static LibrarySpec,
        explicit: Option<&Path>,
        surroundings: Surroundings,
        open: Open<R>,
    ) -> Self {
        let explicit = explicit.map(Path::to_owned);
        OnDemand { spec, explicit, surroundings, open, found: OnceLock::new() }
    }

    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Looks for it, once, and says what was tried.
    pub(crate) fn search(&self) -> &Search<&'static R> {
        self.found.get_or_init(|| search(self.spec, self.explicit.as_deref(), &self.surroundings, self.open))
    }

    /// The library, for models of a kind (`TensorFlow models`).
    ///
    /// # Errors
    /// Failed precondition, saying what was tried and how to get it.
    pub(crate) fn opened(&self, models: &str) -> Result<&'static R, Problem> {
        let found = self.search();
        let missing = || format!("{models} need {}: {}", self.spec.title, found.report);
        found.taken.ok_or_else(|| Problem::worded(Kind::FailedPrecondition, missing()))
    }
}
