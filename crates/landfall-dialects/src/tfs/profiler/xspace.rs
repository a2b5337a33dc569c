//! `XSpace`: a trace as TensorBoard's profiler reads it. One plane for the machine's processor; in it a line for each
//! model version, or several, where requests overlap; in them an event for each request, with its waiting and its batch
//! within. A line before them shows how long was traced: a trace without a request is a trace, too.

use crate::protobuf::Writer;
use std::collections::BTreeMap;
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

/// What is known of events, by number.
const QUEUE: u64 = 1;
const COMPUTE: u64 = 2;
const TRACE: u64 = 3;
/// Requests have numbers from here on, by model and signature.
const FIRST_REQUEST: u64 = 4;

/// What is said of a request, by number.
const STATS: [&str; 5] = ["model", "model_version", "signature", "batch_rows", "failed"];

fn encode_plane(plane: &mut Writer<'_>, began_ns: u64, took: Duration, requests: &[Traced]) {
    plane.string_field(2, PLANE);
    let mut names: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for request in requests {
        let next = FIRST_REQUEST + names.len() as u64;
        names.entry((&*request.model, &*request.signature)).or_insert(next);
    }
    plane.message(3, |line| {
        line.varint_field(1, 1);
        line.string_field(2, "trace");
        line.varint_field(3, began_ns);
        event(line, TRACE, Duration::ZERO, took, |_| {});
    });
    for (number, (name, lane)) in lines(requests).into_iter().enumerate() {
        plane.message(3, |line| {
            line.varint_field(1, number as u64 + 2);
            line.string_field(2, &name);
            line.varint_field(3, began_ns);
            for request in lane {
                let name = names.get(&(&*request.model, &*request.signature)).copied().unwrap_or_default();
                encode_request(line, name, request);
            }
        });
    }
    let requests = names.iter().map(|((model, signature), id)| (*id, format!("{model}:{signature}")));
    let parts = [(QUEUE, "queue".to_owned()), (COMPUTE, "compute".to_owned()), (TRACE, "trace".to_owned())];
    for (id, name) in parts.into_iter().chain(requests) {
        named(plane, 4, id, &name);
    }
    for (number, name) in STATS.into_iter().enumerate() {
        named(plane, 5, number as u64 + 1, name);
    }
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

fn encode_request(line: &mut Writer<'_>, name: u64, request: &Traced) {
    let failed = request.batch.is_none();
    event(line, name, request.start, request.took, |event| {
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
        event(line, QUEUE, request.start, batch.queue, |_| {});
        event(line, COMPUTE, request.start + batch.queue, batch.compute, |_| {});
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

/// The requests of each version in lines within which none overlaps another, with the lines' names.
fn lines(requests: &[Traced]) -> Vec<(String, Vec<&Traced>)> {
    let mut by_version: BTreeMap<(&str, &str), Vec<&Traced>> = BTreeMap::new();
    for request in requests {
        by_version.entry((&*request.model, &*request.version)).or_default().push(request);
    }
    let mut lines = Vec::new();
    for ((model, version), mut requests) in by_version {
        requests.sort_by_key(|request| request.start);
        let mut lanes: Vec<(Duration, Vec<&Traced>)> = Vec::new();
        for request in requests {
            let end = request.start + request.took;
            match lanes.iter_mut().find(|(free, _)| *free <= request.start) {
                Some((free, lane)) => {
                    *free = end;
                    lane.push(request);
                }
                None => lanes.push((end, vec![request])),
            }
        }
        let name = |number: usize| format!("{model}/{version} #{}", number + 1);
        lines.extend(lanes.into_iter().enumerate().map(|(number, (_, lane))| (name(number), lane)));
    }
    lines
}
