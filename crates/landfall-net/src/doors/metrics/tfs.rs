//! TensorFlow Serving's metrics, under its names and in its text format.

use crate::caller::Shared;
use crate::metrics::{Distribution, example_bounds, time_bounds};
use http::HeaderValue;
use landfall_serving::{Histogram, Snapshot};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Content type of [`page`].
pub(super) const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain");

/// The page.
pub(super) fn page(shared: &Shared) -> String {
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
            page.histogram("request_latency", &labels, &time_bounds(), &times.counts, times.sum);
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
        let times = Distribution::of_time(took);
        let labels = [("model_path", &*folder.to_string_lossy()), ("status", "OK")];
        page.histogram("model_warmup_latency", &labels, &time_bounds(), &times.counts, times.sum);
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
    use crate::metrics::{EntryPoint, Latencies};
    use landfall_model::Kind;
    use std::time::Duration;

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
        page.histogram("t", &[("model_name", model)], &time_bounds(), &times.counts, times.sum);
        let lines: Vec<&str> = page.0.lines().collect();
        assert_eq!(lines[0], r#":tensorflow:serving:t_bucket{model_name="a\"\nb\\",le="10"} 1"#);
        assert_eq!(lines[1], r#":tensorflow:serving:t_bucket{model_name="a\"\nb\\",le="18"} 3"#);
        assert_eq!(lines.len(), 33 + 1 + 2);
        assert!(lines[33].contains(r#"le="+Inf"} 4"#), "{}", lines[33]);
        assert_eq!(lines[35], r#":tensorflow:serving:t_count{model_name="a\"\nb\\"} 4"#);
        let counted: Vec<u64> = cells.requests.values().copied().collect();
        assert_eq!(counted, [1, 4], "NOT_FOUND before OK");
    }
}
