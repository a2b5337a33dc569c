//! The page that is scraped: in OpenMetrics text for who asks for it, else in Prometheus' older text format.

use super::process;
use crate::caller::Shared;
use crate::memory::Memory;
use crate::metrics::Count;
use http::HeaderValue;
use landfall_model::{VersionState, VersionStatus};
use landfall_serving::{Histogram, Lease, Snapshot};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;

/// Content type of [`page`].
pub(super) const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Content type of what [`plain`] gives.
pub(super) const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// All metrics, as they are now.
pub(super) fn page(shared: &Arc<Shared>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(shared.clone())));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)
        .expect("writing into a string does not fail");
    text
}

/// The page in Prometheus' text format 0.0.4: there, a counter's own name ends in `_total`, and units and an end are not
/// known.
pub(super) fn plain(page: &str) -> String {
    let counter = |line: &str| Some(format!("{} ", line.strip_prefix("# TYPE ")?.strip_suffix(" counter")?));
    let counters: Vec<String> = page.lines().filter_map(counter).collect();
    let mut text = String::with_capacity(page.len());
    for line in page.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF") {
        let about = ["# HELP ", "# TYPE "].iter().find_map(|head| Some((head, line.strip_prefix(head)?)));
        let named = about.and_then(|(head, rest)| {
            let name = counters.iter().find(|name| rest.starts_with(name.as_str()))?;
            Some((head, name.trim_end(), &rest[name.len()..]))
        });
        match named {
            Some((head, name, rest)) => text.extend([head, name, "_total ", rest, "\n"]),
            None => text.extend([line, "\n"]),
        }
    }
    text
}

struct Page(Arc<Shared>);

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page")
    }
}

/// A version that answers, and what it has done.
struct Seen {
    lease: Lease,
    version: String,
    snapshot: Snapshot,
}

impl Seen {
    fn labels(&self) -> [(&'static str, &str); 2] {
        [("model", self.lease.model()), ("version", &self.version)]
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let shared = &self.0;
        let seen: Vec<Seen> = shared.catalog.available(None).into_iter().map(see).collect();
        let is_there = |model: &str, version: &_| {
            seen.iter().any(|seen| **seen.lease.model() == *model && seen.lease.version() == version)
        };
        requests(encoder, &shared.metrics.counts(is_there))?;
        of_versions(encoder, &seen)?;
        failures(encoder, &seen)?;
        states(encoder, shared)?;
        memory(encoder, &shared.memory)?;
        build(encoder)?;
        process::encode(encoder)?;
        let mut ready = encoder.encode_descriptor(
            "landfall_ready",
            "1 when everything that was asked for answers",
            None,
            MetricType::Gauge,
        )?;
        ready.encode_gauge(&u64::from(shared.is_ready()))
    }
}

fn see(lease: Lease) -> Seen {
    Seen { version: lease.version().to_string(), snapshot: lease.snapshot(), lease }
}

fn requests(encoder: &mut DescriptorEncoder<'_>, counts: &[Count]) -> fmt::Result {
    let what =
        "Predictions by door and outcome; model and version are empty where a request did not get that far";
    let mut metric = encoder.encode_descriptor("landfall_requests", what, None, MetricType::Counter)?;
    counts.iter().try_for_each(|count| {
        let labels = [
            ("model", count.model.as_str()),
            ("version", &count.version),
            ("door", count.door.name()),
            ("kind", count.outcome.map_or("OK", |kind| kind.name())),
        ];
        counter(metric.encode_family(&labels)?, count.count)
    })
}

/// Which Landfall this is.
fn build(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    // A gauge: Prometheus' older format knows no metric of information.
    encoder
        .encode_descriptor("landfall_build_info", "Which Landfall this is", None, MetricType::Gauge)?
        .encode_family(&[("version", env!("CARGO_PKG_VERSION"))])?
        .encode_gauge(&1u64)
}

fn memory(encoder: &mut DescriptorEncoder<'_>, memory: &Memory) -> fmt::Result {
    let bytes = Some(&Unit::Bytes);
    let what = "Memory that requests hold: bodies, what they turn into, and answers";
    let name = "landfall_requests_memory";
    encoder
        .encode_descriptor(name, what, bytes, MetricType::Gauge)?
        .encode_gauge(&(memory.taken() as u64))?;
    let what = "Memory that requests may hold together";
    let name = "landfall_requests_memory_limit";
    encoder
        .encode_descriptor(name, what, bytes, MetricType::Gauge)?
        .encode_gauge(&(memory.limit() as u64))?;
    let what = "How often a request found no room in it";
    let name = "landfall_requests_memory_refusals";
    counter(encoder.encode_descriptor(name, what, None, MetricType::Counter)?, memory.refused())
}

fn counter(mut metric: MetricEncoder<'_>, value: u64) -> fmt::Result {
    metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn of_versions(encoder: &mut DescriptorEncoder<'_>, seen: &[Seen]) -> fmt::Result {
    counters(encoder, seen, "landfall_rows", "Rows answered", |snapshot| snapshot.inferences)?;
    let what = "Runs of the model; a batch of many requests is one";
    counters(encoder, seen, "landfall_runs", what, |snapshot| snapshot.executions)?;
    let seconds = || Some(Unit::Seconds);
    let what = "How long each request waited";
    histograms(encoder, seen, "landfall_queue", what, seconds(), |snapshot| &snapshot.queue_ns)?;
    let what = "How long the batch of each request took";
    histograms(encoder, seen, "landfall_compute", what, seconds(), |snapshot| &snapshot.compute_ns)?;
    histograms(encoder, seen, "landfall_batch_rows", "Rows of each run", None, |snapshot| {
        &snapshot.batch_rows
    })?;
    let what = "Requests that wait now";
    let mut waiting = encoder.encode_descriptor("landfall_waiting", what, None, MetricType::Gauge)?;
    for seen in seen {
        waiting.encode_family(&seen.labels())?.encode_gauge(&(seen.snapshot.waiting as u64))?;
    }
    let what = "Memory of the model, as far as its engine knows";
    let mut memory =
        encoder.encode_descriptor("landfall_model_memory", what, Some(&Unit::Bytes), MetricType::Gauge)?;
    for seen in seen {
        if let Some(bytes) = seen.lease.facts().memory_bytes {
            memory.encode_family(&seen.labels())?.encode_gauge(&bytes)?;
        }
    }
    Ok(())
}

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    seen: &[Seen],
    name: &str,
    what: &str,
    value: fn(&Snapshot) -> u64,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, what, None, MetricType::Counter)?;
    seen.iter().try_for_each(|seen| counter(metric.encode_family(&seen.labels())?, value(&seen.snapshot)))
}

/// Distributions; those in seconds were kept in nanoseconds.
fn histograms(
    encoder: &mut DescriptorEncoder<'_>,
    seen: &[Seen],
    name: &str,
    what: &str,
    unit: Option<Unit>,
    value: fn(&Snapshot) -> &Histogram,
) -> fmt::Result {
    let parts = if unit.is_some() { 1e9 } else { 1.0 };
    let mut metric = encoder.encode_descriptor(name, what, unit.as_ref(), MetricType::Histogram)?;
    seen.iter()
        .try_for_each(|seen| histogram(metric.encode_family(&seen.labels())?, value(&seen.snapshot), parts))
}

/// `parts` of what was kept make one of what is written. A quotient is the number nearest to the true one, so that a bound
/// reads as `30.0`; a product with the fraction need not be.
fn histogram(mut metric: MetricEncoder<'_>, histogram: &Histogram, parts: f64) -> fmt::Result {
    let bounds = histogram.bounds.iter().map(|&bound| bound as f64 / parts).chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(histogram.counts.iter().copied()).collect();
    metric.encode_histogram::<NoLabelSet>(histogram.sum as f64 / parts, histogram.count(), &buckets, None)
}

fn failures(encoder: &mut DescriptorEncoder<'_>, seen: &[Seen]) -> fmt::Result {
    let what = "Requests that were refused, or failed in the queue or in the model";
    let mut metric = encoder.encode_descriptor("landfall_failures", what, None, MetricType::Counter)?;
    for seen in seen {
        let [model, version] = seen.labels();
        for (kind, count) in &seen.snapshot.errors {
            counter(metric.encode_family(&[model, version, ("kind", kind.name())])?, *count)?;
        }
    }
    Ok(())
}

fn states(encoder: &mut DescriptorEncoder<'_>, shared: &Shared) -> fmt::Result {
    let what = "1 for the state that each version is in; one that was unloaded is left out";
    let mut metric = encoder.encode_descriptor("landfall_version_state", what, None, MetricType::Gauge)?;
    for model in shared.catalog.models() {
        for status in &model.versions {
            let Some(state) = state(status) else { continue };
            let version = status.version.to_string();
            let labels = [("model", model.name.as_str()), ("version", &version), ("state", state)];
            metric.encode_family(&labels)?.encode_gauge(&1u64)?;
        }
    }
    Ok(())
}

/// A version that failed is told; one that was unloaded has none.
fn state(status: &VersionStatus) -> Option<&'static str> {
    Some(match status.state {
        VersionState::Start => "START",
        VersionState::Loading => "LOADING",
        VersionState::Available => "AVAILABLE",
        VersionState::Unloading => "UNLOADING",
        VersionState::End if status.problem.is_some() => "FAILED",
        VersionState::End => return None,
    })
}
