//! Counters of predictions by door and outcome. Each I/O thread counts in cells of its own, so that no cache line is
//! shared; a scrape puts them together.

use landfall_model::{Kind, Version};
use landfall_serving::{Lease, Loaded};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Where a prediction came in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Door {
    TfsRest,
    TfsGrpc,
    OipRest,
    OipGrpc,
}

impl Door {
    const ALL: [Door; 4] = [Door::TfsRest, Door::TfsGrpc, Door::OipRest, Door::OipGrpc];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Door::TfsRest => "tfs-rest",
            Door::TfsGrpc => "tfs-grpc",
            Door::OipRest => "oip-rest",
            Door::OipGrpc => "oip-grpc",
        }
    }
}

/// Outcomes: 0 is OK, the others are the canonical codes.
const OUTCOMES: usize = 17;

/// One thread's counts of one version.
struct Cells {
    model: Arc<str>,
    /// `None` for requests that found no model.
    version: Option<Version>,
    counts: [[AtomicU64; OUTCOMES]; Door::ALL.len()],
}

impl Cells {
    fn are_of(&self, lease: Option<&Lease>) -> bool {
        lease.is_none_or(|lease| {
            Arc::ptr_eq(&self.model, lease.model()) && self.version.as_ref() == Some(lease.version())
        })
    }

    /// Whether a scrape still finds them. What was counted of a version that was not there at a scrape is dropped, and a
    /// version that comes after it may lie at the same address.
    fn are_listed(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1
    }

    fn count(&self, door: Door, outcome: Option<Kind>) {
        let place = outcome.map_or(0, |kind| kind.code() as usize % OUTCOMES);
        let cell = &self.counts[door as usize][place];
        // Only this thread writes here.
        cell.store(cell.load(Relaxed) + 1, Relaxed);
    }
}

/// Counters of one server.
#[derive(Default)]
pub(crate) struct Metrics {
    all: Arc<All>,
}

type All = Mutex<Vec<Arc<Cells>>>;

/// A server's and a version's address. Either may be another's once that one is gone.
type Key = (*const All, *const Loaded);

thread_local! {
    static OWN: RefCell<FxHashMap<Key, Remembered>> = RefCell::default();
}

struct Remembered {
    /// Keeps the server's address from being used again.
    server: Weak<All>,
    cells: Arc<Cells>,
}

/// A sum over all threads.
pub(crate) struct Count {
    pub(crate) model: String,
    pub(crate) version: String,
    pub(crate) door: Door,
    /// `None` is OK.
    pub(crate) outcome: Option<Kind>,
    pub(crate) count: u64,
}

impl Metrics {
    /// Counts a prediction; `outcome` is `None` for one that was answered.
    pub(crate) fn count(&self, lease: Option<&Lease>, door: Door, outcome: Option<Kind>) {
        let key = (Arc::as_ptr(&self.all), lease.map_or(std::ptr::null(), |lease| &raw const **lease));
        OWN.with_borrow_mut(|own| match own.get(&key) {
            Some(known) if known.cells.are_of(lease) && known.cells.are_listed() => {
                known.cells.count(door, outcome)
            }
            _ => self.remember(own, key, lease).count(door, outcome),
        });
    }

    #[cold]
    fn remember(&self, own: &mut FxHashMap<Key, Remembered>, key: Key, lease: Option<&Lease>) -> Arc<Cells> {
        own.retain(|_, known| known.server.strong_count() > 0 && known.cells.are_listed());
        let cells = Arc::new(Cells {
            model: lease.map_or_else(|| "".into(), |lease| lease.model().clone()),
            version: lease.map(|lease| lease.version().clone()),
            counts: Default::default(),
        });
        self.cells().push(cells.clone());
        own.insert(key, Remembered { server: Arc::downgrade(&self.all), cells: cells.clone() });
        cells
    }

    fn cells(&self) -> MutexGuard<'_, Vec<Arc<Cells>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All counts that are not zero, of versions that are still there and of requests that found none.
    pub(crate) fn counts(&self, is_there: impl Fn(&str, &Version) -> bool) -> Vec<Count> {
        let mut cells = self.cells();
        cells.retain(|cells| cells.version.as_ref().is_none_or(|version| is_there(&cells.model, version)));
        let mut sums: BTreeMap<(String, String, Door, usize), u64> = BTreeMap::new();
        for cells in cells.iter() {
            let version = cells.version.as_ref().map(Version::to_string).unwrap_or_default();
            for door in Door::ALL {
                for (place, count) in cells.counts[door as usize].iter().enumerate() {
                    let count = count.load(Relaxed);
                    if count > 0 {
                        *sums.entry((cells.model.to_string(), version.clone(), door, place)).or_default() +=
                            count;
                    }
                }
            }
        }
        let count = |((model, version, door, place), count)| {
            let outcome = Kind::ALL.into_iter().find(|kind| kind.code() as usize == place);
            Count { model, version, door, outcome, count }
        };
        sums.into_iter().map(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{Facts, Instance, Model, Problem, Signature};
    use landfall_serving::{BatchSettings, ComputePool, SystemClock};

    /// A model that nobody calls.
    struct Uncalled;

    impl Model for Uncalled {
        fn signatures(&self) -> &[Arc<Signature>] {
            &[]
        }
        fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
            struct Never;
            impl Instance for Never {
                fn run(
                    &mut self,
                    _: &landfall_model::Call,
                    _: &mut landfall_model::Outputs,
                ) -> Result<(), Problem> {
                    Err(Problem::internal("nobody calls it"))
                }
            }
            Ok(Box::new(Never))
        }
        fn facts(&self) -> Facts {
            Facts::default()
        }
    }

    #[test]
    fn what_is_counted_after_a_scrape_without_the_version_is_found_by_the_next_one() {
        let (metrics, pool) = (Metrics::default(), ComputePool::new(1, Arc::new(SystemClock)));
        let version = Version::numbered(1);
        let lease =
            Lease::on_model("m", version, Arc::new(Uncalled), BatchSettings::default(), pool).unwrap();
        metrics.count(Some(&lease), Door::OipRest, None);
        assert!(metrics.counts(|_, _| false).is_empty(), "it is unloaded, and its counts go with it");
        // It comes back, and lies where it lay before.
        metrics.count(Some(&lease), Door::OipRest, None);
        let counts = metrics.counts(|_, _| true);
        assert_eq!(
            counts.iter().map(|count| (count.model.as_str(), count.count)).collect::<Vec<_>>(),
            [("m", 1)]
        );
    }

    #[test]
    fn counts_of_all_threads_and_of_one_server_alone_are_put_together() {
        let (one, other) = (Metrics::default(), Metrics::default());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    one.count(None, Door::OipRest, Some(Kind::NotFound));
                    one.count(None, Door::OipRest, Some(Kind::NotFound));
                    other.count(None, Door::TfsGrpc, Some(Kind::InvalidArgument));
                });
            }
        });
        let counts = one.counts(|_, _| true);
        assert_eq!(counts.len(), 1);
        assert_eq!(
            (counts[0].count, counts[0].door, counts[0].outcome),
            (6, Door::OipRest, Some(Kind::NotFound))
        );
        assert_eq!(other.counts(|_, _| true)[0].count, 3);
    }
}
