//! `XSpace`: a trace as TensorBoard's profiler reads it. One plane for the machine's processor; in it a line for each
//! model version, or several, where requests overlap; in them an event for each request, with its waiting and its batch
//! within; and lines for the operators that its engine timed. A line before them shows how long was traced: a trace without a
//! request is a trace, too.

use crate::protobuf::Writer;
use landfall_model::Step;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The plane of all that runs on the processor, by the name that readers know.
const PLANE: &str = "/host:CPU";

/// A request that was answered, or refused, while it was traced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Traced {
    /// The model that it was for.
    pub model: Arc<str>,
    /// And the version.
    pub version: String,
    /// And the signature.
    pub signature: String,
    /// When it was handed in, since the trace began.
    pub start: Duration,
    /// From there to its answer.
    pub took: Duration,
    /// What became of it; `None` where it failed.
    pub batch: Option<Batch>,
    /// What its batch's run did, where the engine knows; callers of one batch share it.
    pub steps: Option<Arc<Vec<Step>>>,
}

/// How a traced request came to its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Batch {
    /// From the request's arrival to its batch.
    pub queue: Duration,
    /// The batch: putting inputs together, running, taking outputs apart.
    pub compute: Duration,
    /// Rows of the batch.
    pub rows: usize,
}

/// A trace that began at this time of day (nanoseconds since 1970) on this machine and took so long, as a serialised
/// `XSpace`.
pub fn encode_xspace(host: &str, began_ns: u64, took: Duration, requests: &[Traced]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut space = Writer::new(&mut out);
    space.message(1, |plane| encode_plane(plane, began_ns, took, requests));
    space.string_field(4, host);
    out
}

/// Names of events that are in every trace.
const QUEUE: &str = "queue";
const COMPUTE: &str = "compute";
const TRACE: &str = "trace";

/// What is said of a request, by number.
const STATS: [&str; 5] = ["model", "model_version", "signature", "batch_rows", "failed"];

/// The numbers of events' names.
#[derive(Default)]
struct Names(BTreeMap<String, u64>);

impl Names {
    fn number(&mut self, name: &str) -> u64 {
        let next = self.0.len() as u64 + 1;
        match self.0.get(name) {
            Some(number) => *number,
            None => *self.0.entry(name.to_owned()).or_insert(next),
        }
    }
}

fn encode_plane(plane: &mut Writer<'_>, began_ns: u64, took: Duration, requests: &[Traced]) {
    plane.string_field(2, PLANE);
    let (mut names, mut number) = (Names::default(), 0);
    let mut line = |name: &str, events: &mut dyn FnMut(&mut Writer<'_>, &mut Names)| {
        number += 1;
        plane.message(3, |line| {
            line.varint_field(1, number);
            line.string_field(2, name);
            line.varint_field(3, began_ns);
            events(line, &mut names);
        });
    };
    line(TRACE, &mut |line, names| event(line, names.number(TRACE), Duration::ZERO, took, |_| {}));
    let mut by_version: BTreeMap<(&str, &str), Vec<&Traced>> = BTreeMap::new();
    for request in requests {
        by_version.entry((&*request.model, &*request.version)).or_default().push(request);
    }
    for ((model, version), requests) in by_version {
        let steps = steps(&requests, Duration::from_nanos(began_ns));
        for (lane, requests) in (1..).zip(lanes(requests, |request| (request.start, request.took))) {
            line(&format!("{model}/{version} #{lane}"), &mut |line, names| {
                requests.iter().for_each(|request| encode_request(line, names, request));
            });
        }
        for (lane, steps) in (1..).zip(lanes(steps, |(start, step)| (*start, step.took))) {
            line(&format!("{model}/{version} operators #{lane}"), &mut |line, names| {
                for (start, step) in &steps {
                    event(line, names.number(&step.name), *start, step.took, |_| {});
                }
            });
        }
    }
    for (name, number) in &names.0 {
        named(plane, 4, *number, name);
    }
    for (number, name) in STATS.into_iter().enumerate() {
        named(plane, 5, number as u64 + 1, name);
    }
}

/// The steps of all runs, each run's once, with when they began since the trace did.
fn steps<'t>(requests: &[&'t Traced], began: Duration) -> Vec<(Duration, &'t Step)> {
    let mut runs = HashSet::new();
    let new = requests
        .iter()
        .filter_map(|request| request.steps.as_ref())
        .filter(|run| runs.insert(Arc::as_ptr(run)));
    new.flat_map(|run| run.iter()).map(|step| (step.start.saturating_sub(began), step)).collect()
}

/// An entry of a map from numbers to what has a number and a name.
fn named(plane: &mut Writer<'_>, field: u32, id: u64, name: &str) {
    plane.message(field, |entry| {
        entry.varint_field(1, id);
        entry.message(2, |value| {
            value.varint_field(1, id);
            value.string_field(2, name);
        });
    });
}

fn encode_request(line: &mut Writer<'_>, names: &mut Names, request: &Traced) {
    let failed = request.batch.is_none();
    // With a colon readers would take it for an operator.
    let name = format!("{} {}", request.model, request.signature);
    event(line, names.number(&name), request.start, request.took, |event| {
        let mut stat = |number: u64, value: &dyn Fn(&mut Writer<'_>)| {
            event.message(4, |stat| {
                stat.varint_field(1, number);
                value(stat);
            });
        };
        stat(1, &|stat| stat.string_field(5, &request.model));
        stat(2, &|stat| stat.string_field(5, &request.version));
        stat(3, &|stat| stat.string_field(5, &request.signature));
        if let Some(batch) = request.batch {
            stat(4, &|stat| stat.varint_field(3, batch.rows as u64));
        }
        if failed {
            stat(5, &|stat| stat.varint_field(3, 1));
        }
    });
    if let Some(batch) = request.batch {
        event(line, names.number(QUEUE), request.start, batch.queue, |_| {});
        event(line, names.number(COMPUTE), request.start + batch.queue, batch.compute, |_| {});
    }
}

fn event(
    line: &mut Writer<'_>,
    name: u64,
    start: Duration,
    took: Duration,
    stats: impl FnOnce(&mut Writer<'_>),
) {
    line.message(4, |event| {
        event.varint_field(1, name);
        event.varint_field(2, picoseconds(start));
        event.varint_field(3, picoseconds(took));
        stats(event);
    });
}

fn picoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().saturating_mul(1000)).unwrap_or(i64::MAX as u64).min(i64::MAX as u64)
}

/// What takes its time, in the order of its starts and in lanes within which nothing overlaps.
fn lanes<T>(mut all: Vec<T>, time: impl Fn(&T) -> (Duration, Duration)) -> Vec<Vec<T>> {
    all.sort_by_key(|one| time(one).0);
    let mut lanes: Vec<(Duration, Vec<T>)> = Vec::new();
    for one in all {
        let (start, took) = time(&one);
        match lanes.iter_mut().find(|(free, _)| *free <= start) {
            Some((free, lane)) => {
                *free = start + took;
                lane.push(one);
            }
            None => lanes.push((start + took, vec![one])),
        }
    }
    lanes.into_iter().map(|(_, lane)| lane).collect()
}
