//! What a version has done since it was loaded: counters, and distributions of times and batch sizes.
//!
//! Terms are those of Triton's statistics extension. Each thread writes to a part of its own, once for each batch;
//! readers put the parts together.

use crate::Clock;
use crate::locked::{lock, thread_number};
use landfall_model::{BatchStatistics, Kind, Timed, Version, VersionStatistics};
use std::sync::Mutex;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// Parts that threads write to. More threads than that share them.
const SHARDS: usize = 8;

/// Batch sizes told apart in one shard. Further ones count under the next power of two.
const SIZES_MAX: usize = 512;

/// Bounds of times, in nanoseconds.
const TIME_BOUNDS_NS: [u64; 20] = [
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// Bounds of batch sizes, in rows.
const ROW_BOUNDS: [u64; 12] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];

/// Canonical codes run from 1 to 16.
const KINDS: usize = 17;

/// What a version has done since it was loaded.
pub(crate) struct Statistics {
    shards: [Mutex<Shard>; SHARDS],
}

/// A distribution.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Histogram {
    /// Upper bounds, inclusive, ascending: nanoseconds or rows.
    pub bounds: &'static [u64],
    /// How many values lie within each bound and above the one before; the last: above all bounds.
    pub counts: Vec<u64>,
    /// Sum of all values.
    pub sum: u64,
}

impl Histogram {
    /// Number of values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// What a version has done since it was loaded, for metrics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Requests answered, from arrival to answer.
    pub success: Timed,
    /// Requests that failed in the queue or in the model, and nanoseconds until then.
    pub fail: Timed,
    /// Rows answered (a request counts as 1 where rows mean nothing).
    pub inferences: u64,
    /// Runs of the model.
    pub executions: u64,
    /// Nanoseconds that each answered request waited.
    pub queue_ns: Histogram,
    /// Nanoseconds that the batch of each answered request took.
    pub compute_ns: Histogram,
    /// Rows of each run.
    pub batch_rows: Histogram,
    /// Requests without an answer by kind of problem, refused ones included; kinds that never happened are left out.
    pub errors: Vec<(Kind, u64)>,
    /// Calls that wait now.
    pub waiting: usize,
}

/// One run and the requests that it answered.
pub(crate) struct Ran {
    /// Rows of the run.
    pub(crate) rows: usize,
    /// When it began.
    pub(crate) started: Instant,
    /// When the last output was cut.
    pub(crate) finished: Instant,
    /// Putting inputs together.
    pub(crate) input: Duration,
    /// Running the model.
    pub(crate) infer: Duration,
    /// Taking outputs apart.
    pub(crate) output: Duration,
}

#[derive(Default)]
struct Shard {
    success: Timed,
    fail: Timed,
    queue: Timed,
    compute_input: Timed,
    compute_infer: Timed,
    compute_output: Timed,
    inferences: u64,
    executions: u64,
    last: Option<Instant>,
    /// Ascending by rows.
    batches: Vec<BatchStatistics>,
    queue_counts: [u64; TIME_BOUNDS_NS.len() + 1],
    compute_counts: [u64; TIME_BOUNDS_NS.len() + 1],
    row_counts: [u64; ROW_BOUNDS.len() + 1],
    rows: u64,
    errors: [u64; KINDS],
}

impl Statistics {
    pub(crate) fn new() -> Self {
        Statistics { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    fn own(&self) -> &Mutex<Shard> {
        &self.shards[thread_number() % SHARDS]
    }

    /// A run answered requests, each given by its arrival and its rows.
    pub(crate) fn ran(&self, ran: &Ran, requests: impl Iterator<Item = (Instant, usize)>) {
        let mut shard = lock(self.own());
        shard.answered(ran, requests);
        shard.executed(ran);
    }

    /// A run answered a part of a request, of which [`Statistics::answered`] will tell.
    pub(crate) fn executed(&self, ran: &Ran) {
        lock(self.own()).executed(ran);
    }

    /// A request was answered by several runs: `ran` is all of them, which are counted already.
    pub(crate) fn answered(&self, ran: &Ran, arrived: Instant) {
        lock(self.own()).answered(ran, std::iter::once((arrived, ran.rows)));
    }

    /// A request that was accepted failed, this long after it came.
    #[cold]
    pub(crate) fn failed(&self, kind: Kind, after: Duration) {
        let mut shard = lock(self.own());
        add(&mut shard.fail, 1, ns(after));
        shard.errors[kind.code() as usize % KINDS] += 1;
    }

    /// A request was not accepted.
    #[cold]
    pub(crate) fn refused(&self, kind: Kind) {
        lock(self.own()).errors[kind.code() as usize % KINDS] += 1;
    }

    /// The counters, as protocols word them.
    pub(crate) fn version(&self, model: &str, version: &Version, clock: &dyn Clock) -> VersionStatistics {
        let all = self.sum();
        VersionStatistics {
            model: model.to_owned(),
            version: version.clone(),
            last_inference_ms: all.last.map_or(0, |last| unix_ms(last, clock)),
            inferences: all.inferences,
            executions: all.executions,
            success: all.success,
            fail: all.fail,
            queue: all.queue,
            compute_input: all.compute_input,
            compute_infer: all.compute_infer,
            compute_output: all.compute_output,
            batches: all.batches,
        }
    }

    /// The distributions; `waiting` calls wait now.
    pub(crate) fn snapshot(&self, waiting: usize) -> Snapshot {
        let all = self.sum();
        let compute_ns = all.compute_input.ns + all.compute_infer.ns + all.compute_output.ns;
        let histogram = |bounds, counts: &[u64], sum| Histogram { bounds, counts: counts.to_vec(), sum };
        Snapshot {
            success: all.success,
            fail: all.fail,
            inferences: all.inferences,
            executions: all.executions,
            queue_ns: histogram(&TIME_BOUNDS_NS, &all.queue_counts, all.queue.ns),
            compute_ns: histogram(&TIME_BOUNDS_NS, &all.compute_counts, compute_ns),
            batch_rows: histogram(&ROW_BOUNDS, &all.row_counts, all.rows),
            errors: Kind::ALL
                .into_iter()
                .map(|kind| (kind, all.errors[kind.code() as usize]))
                .filter(|(_, count)| *count > 0)
                .collect(),
            waiting,
        }
    }

    fn sum(&self) -> Shard {
        let mut all = Shard::default();
        self.shards.iter().for_each(|shard| all.add(&lock(shard)));
        all
    }
}

impl Ran {
    /// A run of one call, which was neither put together nor cut apart.
    pub(crate) fn alone(rows: usize, started: Instant, finished: Instant) -> Self {
        let infer = finished.saturating_duration_since(started);
        Ran { rows, started, finished, input: Duration::ZERO, infer, output: Duration::ZERO }
    }
}

impl Shard {
    fn answered(&mut self, ran: &Ran, requests: impl Iterator<Item = (Instant, usize)>) {
        let before = self.success.count;
        for (arrived, rows) in requests {
            let waited = ns(ran.started.saturating_duration_since(arrived));
            self.inferences += rows as u64;
            add(&mut self.queue, 1, waited);
            add(&mut self.success, 1, ns(ran.finished.saturating_duration_since(arrived)));
            self.queue_counts[place(&TIME_BOUNDS_NS, waited)] += 1;
        }
        let requests = self.success.count - before;
        let (input, infer, output) = (ns(ran.input), ns(ran.infer), ns(ran.output));
        self.compute_counts[place(&TIME_BOUNDS_NS, input + infer + output)] += requests;
        // As in Triton, each request of a batch is charged the whole batch's time.
        add(&mut self.compute_input, requests, input * requests);
        add(&mut self.compute_infer, requests, infer * requests);
        add(&mut self.compute_output, requests, output * requests);
        self.last = self.last.max(Some(ran.finished));
    }

    fn executed(&mut self, ran: &Ran) {
        let rows = ran.rows as u64;
        self.executions += 1;
        self.rows += rows;
        self.row_counts[place(&ROW_BOUNDS, rows)] += 1;
        let batch = self.batch(rows);
        add(&mut batch.compute_input, 1, ns(ran.input));
        add(&mut batch.compute_infer, 1, ns(ran.infer));
        add(&mut batch.compute_output, 1, ns(ran.output));
    }

    fn batch(&mut self, rows: u64) -> &mut BatchStatistics {
        let full = self.batches.len() >= SIZES_MAX;
        let search =
            |batches: &[BatchStatistics], rows| batches.binary_search_by_key(&rows, |batch| batch.rows);
        let (rows, found) = match search(&self.batches, rows) {
            Err(_) if full => {
                let rounded = rows.next_power_of_two();
                (rounded, search(&self.batches, rounded))
            }
            found => (rows, found),
        };
        let place = found.unwrap_or_else(|place| {
            let none = Timed::default();
            let (compute_input, compute_infer, compute_output) = (none, none, none);
            self.batches
                .insert(place, BatchStatistics { rows, compute_input, compute_infer, compute_output });
            place
        });
        &mut self.batches[place]
    }

    fn add(&mut self, other: &Shard) {
        let timed = |into: &mut Timed, from: &Timed| add(into, from.count, from.ns);
        timed(&mut self.success, &other.success);
        timed(&mut self.fail, &other.fail);
        timed(&mut self.queue, &other.queue);
        timed(&mut self.compute_input, &other.compute_input);
        timed(&mut self.compute_infer, &other.compute_infer);
        timed(&mut self.compute_output, &other.compute_output);
        self.inferences += other.inferences;
        self.executions += other.executions;
        self.rows += other.rows;
        self.last = self.last.max(other.last);
        for batch in &other.batches {
            let own = self.batch(batch.rows);
            timed(&mut own.compute_input, &batch.compute_input);
            timed(&mut own.compute_infer, &batch.compute_infer);
            timed(&mut own.compute_output, &batch.compute_output);
        }
        let counts = |into: &mut [u64], from: &[u64]| into.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        counts(&mut self.queue_counts, &other.queue_counts);
        counts(&mut self.compute_counts, &other.compute_counts);
        counts(&mut self.row_counts, &other.row_counts);
        counts(&mut self.errors, &other.errors);
    }
}

fn add(timed: &mut Timed, count: u64, ns: u64) {
    timed.count += count;
    timed.ns += ns;
}

fn place(bounds: &[u64], value: u64) -> usize {
    bounds.partition_point(|&bound| bound < value)
}

fn ns(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into())
}

fn unix_ms(then: Instant, clock: &dyn Clock) -> u64 {
    let ago = clock.now().saturating_duration_since(then);
    let since = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(ago);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;

    fn ran(rows: usize, started: Instant) -> Ran {
        let [input, infer, output] = [10, 300, 20].map(Duration::from_micros);
        Ran { rows, started, finished: started + input + infer + output, input, infer, output }
    }

    #[test]
    fn two_requests_in_one_batch_are_one_run_and_each_is_charged_all_of_it() {
        let (statistics, came) = (Statistics::new(), SystemClock.now());
        let started = came + Duration::from_micros(7);
        statistics.ran(&ran(5, started), [(came, 3), (came, 2)].into_iter());
        let found = statistics.version("m", &Version::numbered(1), &SystemClock);
        assert_eq!((found.success.count, found.inferences, found.executions), (2, 5, 1));
        assert_eq!(found.success.ns, 2 * 337_000);
        assert_eq!(found.queue, Timed { count: 2, ns: 14_000 });
        assert_eq!(found.compute_infer, Timed { count: 2, ns: 600_000 });
        let [batch] = found.batches[..] else { panic!("{:?}", found.batches) };
        assert_eq!((batch.rows, batch.compute_infer), (5, Timed { count: 1, ns: 300_000 }));
        assert!(found.last_inference_ms > 1_600_000_000_000);
    }

    #[test]
    fn refused_requests_are_errors_but_no_failures() {
        let statistics = Statistics::new();
        statistics.refused(Kind::Unavailable);
        statistics.failed(Kind::DeadlineExceeded, Duration::from_micros(5));
        let found = statistics.snapshot(3);
        assert_eq!(found.fail, Timed { count: 1, ns: 5_000 });
        assert_eq!(found.errors, [(Kind::DeadlineExceeded, 1), (Kind::Unavailable, 1)]);
        assert_eq!(found.waiting, 3);
        assert_eq!(statistics.version("m", &Version::numbered(1), &SystemClock).last_inference_ms, 0);
    }

    #[test]
    fn what_threads_counted_apart_is_put_together() {
        let (statistics, now) = (Statistics::new(), SystemClock.now());
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| (0..100).for_each(|_| statistics.ran(&ran(4, now), [(now, 4)].into_iter())));
            }
        });
        let found = statistics.snapshot(0);
        assert_eq!((found.success.count, found.executions, found.inferences), (1600, 1600, 6400));
        assert_eq!(found.batch_rows.counts[2], 1600);
        assert_eq!((found.batch_rows.count(), found.batch_rows.sum), (1600, 6400));
        assert_eq!(found.queue_ns.counts[0], 1600);
        assert_eq!(found.compute_ns.counts[place(&TIME_BOUNDS_NS, 330_000)], 1600);
    }

    #[test]
    fn the_table_of_batch_sizes_stays_small() {
        let (statistics, now) = (Statistics::new(), SystemClock.now());
        (0..100_000).for_each(|rows| statistics.ran(&ran(rows, now), [(now, rows)].into_iter()));
        let batches = statistics.version("m", &Version::numbered(1), &SystemClock).batches;
        assert!(batches.len() < SIZES_MAX + 64, "{}", batches.len());
        assert_eq!(batches.iter().map(|batch| batch.compute_infer.count).sum::<u64>(), 100_000);
        assert!(batches.is_sorted_by_key(|batch| batch.rows));
    }
}
