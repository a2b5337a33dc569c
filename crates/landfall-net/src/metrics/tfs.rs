//! TensorFlow Serving's metrics, under its names and in its text format. Kept only where their page is offered.

use crate::caller::{CLOCK, Shared};
use http::HeaderValue;
use landfall_model::Kind;
use landfall_serving::{Clock, Histogram, Snapshot};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) const TFS_CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain");

/// Names of models that callers made up are not kept beyond this number, nor longer ones than this.
const MOST_NAMES: usize = 1000;
const LONGEST_NAME: usize = 1024;
/// Upper bounds of times in microseconds: 10 × 1.8ⁿ.
const BOUNDS: usize = 33;

/// Counts and times of requests, by model.
#[derive(Default)]
pub(crate) struct Latencies(Mutex<Cells>);

#[derive(Default)]
struct Cells {
    /// By model and outcome.
    requests: BTreeMap<(String, &'static str), u64>,
    /// By model, API and entry point; of answered requests.
    latencies: BTreeMap<(String, &'static str, &'static str), Distribution>,
    /// By model: how many `tf.Example`s the requests had.
    examples: BTreeMap<String, Distribution>,
}

/// How values spread.
#[derive(Clone)]
struct Distribution {
    /// By upper bound; the last is of those above all.
    counts: Vec<u64>,
    sum: f64,
}

/// Where a request came in, as the metrics name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EntryPoint {
    Rest,
    Grpc,
}

/// A request of which the metrics take notice, until it is answered.
pub(crate) struct Noticed {
    api: &'static str,
    entry: EntryPoint,
    began: Instant,
}

impl Noticed {
    /// A request began; `None` where nobody asks for the metrics.
    pub(crate) fn begin(shared: &Shared, api: &'static str, entry: EntryPoint) -> Option<Self> {
        shared.tfs.metrics_path.as_ref()?;
        Some(Noticed { api, entry, began: CLOCK.now() })
    }

    /// It was answered; `outcome` is `None` for success.
    pub(crate) fn end(self, shared: &Shared, model: &str, outcome: Option<Kind>) {
        let took = CLOCK.now().saturating_duration_since(self.began);
        shared.latencies.record(model, self.api, self.entry, outcome, took);
    }
}

impl Latencies {
    fn cells(&self) -> MutexGuard<'_, Cells> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(
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
            times.add(&bounds(), took.as_secs_f64() * 1e6);
        }
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

fn example_bounds() -> [f64; EXAMPLE_BOUNDS] {
    std::array::from_fn(|power| 2f64.powi(power as i32))
}

fn bounds() -> [f64; BOUNDS] {
    std::array::from_fn(|power| 10.0 * 1.8f64.powi(power as i32))
}

impl Distribution {
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

/// Requests that were counted, all models together.
pub(crate) fn request_count(shared: &Shared) -> u64 {
    shared.latencies.cells().requests.values().sum()
}

/// The page.
pub(crate) fn tfs_page(shared: &Shared) -> String {
    let mut page = Page(String::new());
    {
        let cells = shared.latencies.cells();
        page.kind("request_count", "counter");
        for ((model, status), count) in &cells.requests {
            page.scalar("request_count", &[("model_name", model), ("status", status)], *count);
        }
        page.kind("request_latency", "histogram");
        for ((model, api, entry), times) in &cells.latencies {
            let labels = [("model_name", model.as_str()), ("API", api), ("entrypoint", entry)];
            page.histogram("request_latency", &labels, &bounds(), &times.counts, times.sum);
        }
        page.kind("request_example_count_total", "counter");
        for (model, examples) in &cells.examples {
            page.scalar("request_example_count_total", &[("model", model)], examples.sum as u64);
        }
        page.kind("request_example_counts", "histogram");
        for (model, Distribution { counts, sum }) in &cells.examples {
            page.histogram("request_example_counts", &[("model", model)], &example_bounds(), counts, *sum);
        }
    }
    let available = shared.catalog.available(None);
    page.kind("model_warmup_latency", "histogram");
    for (folder, took) in available.iter().filter_map(|lease| lease.replayed()) {
        let mut times = Distribution::new(BOUNDS);
        times.add(&bounds(), took.as_secs_f64() * 1e6);
        let labels = [("model_path", &*folder.to_string_lossy()), ("status", "OK")];
        page.histogram("model_warmup_latency", &labels, &bounds(), &times.counts, times.sum);
    }
    let seen: Vec<(String, Snapshot)> =
        available.iter().map(|lease| (lease.model().to_string(), lease.snapshot())).collect();
    page.kind("runtime_latency", "histogram");
    for (model, snapshot) in merged(&seen, |snapshot| &snapshot.compute_ns) {
        let labels = [("model_name", model.as_str()), ("API", "Predict"), ("runtime", "Landfall")];
        page.in_microseconds("runtime_latency", &labels, &snapshot);
    }
    page.kind("batching_session:queuing_latency", "histogram");
    for (model, snapshot) in merged(&seen, |snapshot| &snapshot.queue_ns) {
        page.in_microseconds("batching_session:queuing_latency", &[("model_name", &model)], &snapshot);
    }
    page.0
}

/// Distributions of a model's versions put together.
fn merged(
    seen: &[(String, Snapshot)],
    of: fn(&Snapshot) -> &Histogram,
) -> BTreeMap<String, (Vec<f64>, Vec<u64>, f64)> {
    let mut sums: BTreeMap<String, (Vec<f64>, Vec<u64>, f64)> = BTreeMap::new();
    for (model, snapshot) in seen {
        let histogram = of(snapshot);
        let (_, counts, sum) = sums.entry(model.clone()).or_insert_with(|| {
            let bounds = histogram.bounds.iter().map(|&bound| bound as f64 / 1e3).collect();
            (bounds, vec![0; histogram.counts.len()], 0.0)
        });
        counts.iter_mut().zip(histogram.counts.iter()).for_each(|(sum, count)| *sum += count);
        *sum += histogram.sum as f64 / 1e3;
    }
    sums
}

struct Page(String);

impl Page {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a string takes all that is written to it");
        self.0.push('\n');
    }

    fn kind(&mut self, name: &str, kind: &str) {
        self.line(format_args!("# TYPE :tensorflow:serving:{name} {kind}"));
    }

    fn scalar(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.line(format_args!(":tensorflow:serving:{name}{{{}}} {value}", written(labels)));
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], bounds: &[f64], counts: &[u64], sum: f64) {
        let labels = written(labels);
        let comma = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        for (place, count) in counts.iter().enumerate() {
            below += count;
            let bound = bounds.get(place).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            let name = format_args!(":tensorflow:serving:{name}_bucket");
            self.line(format_args!("{name}{{{labels}{comma}le=\"{bound}\"}} {below}"));
        }
        self.line(format_args!(":tensorflow:serving:{name}_sum{{{labels}}} {sum}"));
        self.line(format_args!(":tensorflow:serving:{name}_count{{{labels}}} {below}"));
    }

    fn in_microseconds(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        (bounds, counts, sum): &(Vec<f64>, Vec<u64>, f64),
    ) {
        self.histogram(name, labels, bounds, counts, *sum);
    }
}

fn written(labels: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    };
    labels.iter().map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_the_originals_buckets_and_labels_are_escaped() {
        let latencies = Latencies::default();
        for micros in [5, 10, 17, 1_000_000] {
            latencies.record("a\"\nb\\", "predict", EntryPoint::Rest, None, Duration::from_micros(micros));
        }
        latencies.record("a\"\nb\\", "predict", EntryPoint::Rest, Some(Kind::NotFound), Duration::ZERO);
        let cells = latencies.cells();
        let ((model, ..), times) = cells.latencies.iter().next().unwrap();
        let mut page = Page(String::new());
        page.histogram("t", &[("model_name", model)], &bounds(), &times.counts, times.sum);
        let lines: Vec<&str> = page.0.lines().collect();
        assert_eq!(lines[0], r#":tensorflow:serving:t_bucket{model_name="a\"\nb\\",le="10"} 1"#);
        assert_eq!(lines[1], r#":tensorflow:serving:t_bucket{model_name="a\"\nb\\",le="18"} 3"#);
        assert_eq!(lines.len(), 33 + 1 + 2);
        assert!(lines[33].contains(r#"le="+Inf"} 4"#), "{}", lines[33]);
        assert_eq!(lines[35], r#":tensorflow:serving:t_count{model_name="a\"\nb\\"} 4"#);
        let counted: Vec<u64> = cells.requests.values().copied().collect();
        assert_eq!(counted, [1, 4], "NOT_FOUND before OK");
    }

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
