//! What TensorFlow Serving's metrics count beside what versions count themselves. Kept only where their page is offered.

use landfall_model::Kind;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Names of models that callers made up are not kept beyond this number, nor longer ones than this.
const MOST_NAMES: usize = 1000;
const LONGEST_NAME: usize = 1024;
/// Upper bounds of times in microseconds: 10 × 1.8ⁿ.
const BOUNDS: usize = 33;

/// Counts and times of requests, by model.
#[derive(Default)]
pub(crate) struct Latencies(Mutex<Cells>);

/// By whom and how often.
#[derive(Default)]
pub(crate) struct Cells {
    /// By model and outcome.
    pub(crate) requests: BTreeMap<(String, &'static str), u64>,
    /// By model, API and entry point; of answered requests.
    pub(crate) latencies: BTreeMap<(String, &'static str, &'static str), Distribution>,
    /// By model: how many `tf.Example`s the requests had.
    pub(crate) examples: BTreeMap<String, Distribution>,
}

/// How values spread.
#[derive(Clone)]
pub(crate) struct Distribution {
    /// By upper bound; the last is of those above all.
    pub(crate) counts: Vec<u64>,
    pub(crate) sum: f64,
}

/// Where a request came in, as the metrics name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EntryPoint {
    Rest,
    Grpc,
}

impl Latencies {
    /// All of it.
    pub(crate) fn cells(&self) -> MutexGuard<'_, Cells> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request was answered after this time; `outcome` is `None` for success.
    pub(crate) fn record(
        &self,
        model: &str,
        api: &'static str,
        entry: EntryPoint,
        outcome: Option<Kind>,
        took: Duration,
    ) {
        let mut cells = self.cells();
        let status = outcome.map_or("OK", |kind| kind.name());
        let model = if model.len() <= LONGEST_NAME { model } else { "" };
        let known =
            cells.requests.len() < MOST_NAMES || cells.requests.contains_key(&(model.to_owned(), status));
        let model = if known { model } else { "" };
        *cells.requests.entry((model.to_owned(), status)).or_default() += 1;
        if outcome.is_none() {
            let entry = match entry {
                EntryPoint::Rest => "REST",
                EntryPoint::Grpc => "GRPC",
            };
            let times = cells
                .latencies
                .entry((model.to_owned(), api, entry))
                .or_insert_with(|| Distribution::new(BOUNDS));
            times.add(&time_bounds(), took.as_secs_f64() * 1e6);
        }
    }

    /// Requests that were counted, all models together.
    pub(crate) fn requests(&self) -> u64 {
        self.cells().requests.values().sum()
    }

    /// An answered request had so many examples.
    pub(crate) fn examples(&self, model: &str, count: usize) {
        let mut cells = self.cells();
        if cells.examples.len() < MOST_NAMES || cells.examples.contains_key(model) {
            let counts = cells.examples.entry(model.to_owned());
            counts.or_insert_with(|| Distribution::new(EXAMPLE_BOUNDS)).add(&example_bounds(), count as f64);
        }
    }
}

/// Upper bounds of numbers of examples: powers of two.
const EXAMPLE_BOUNDS: usize = 15;

pub(crate) fn example_bounds() -> [f64; EXAMPLE_BOUNDS] {
    std::array::from_fn(|power| 2f64.powi(power as i32))
}

/// Upper bounds of times.
pub(crate) fn time_bounds() -> [f64; BOUNDS] {
    std::array::from_fn(|power| 10.0 * 1.8f64.powi(power as i32))
}

impl Distribution {
    /// Of one time.
    pub(crate) fn of_time(took: Duration) -> Self {
        let mut times = Distribution::new(BOUNDS);
        times.add(&time_bounds(), took.as_secs_f64() * 1e6);
        times
    }

    /// Of values with so many bounds.
    fn new(bounds: usize) -> Self {
        Distribution { counts: vec![0; bounds + 1], sum: 0.0 }
    }

    fn add(&mut self, bounds: &[f64], value: f64) {
        let place = bounds.partition_point(|bound| *bound <= value);
        self.counts[place] += 1;
        self.sum += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_callers_make_up_are_not_kept_without_end() {
        let latencies = Latencies::default();
        for number in 0..3 * MOST_NAMES {
            latencies.record(
                &number.to_string(),
                "predict",
                EntryPoint::Grpc,
                Some(Kind::NotFound),
                Duration::ZERO,
            );
        }
        let long = "a".repeat(1 << 20);
        latencies.record(&long, "predict", EntryPoint::Grpc, Some(Kind::InvalidArgument), Duration::ZERO);
        let cells = latencies.cells();
        assert!(cells.requests.keys().all(|(name, _)| name.len() <= LONGEST_NAME));
        assert!(cells.requests.len() <= MOST_NAMES + 2);
        assert_eq!(cells.requests.values().sum::<u64>(), 3 * MOST_NAMES as u64 + 1);
    }
}
