//! What a run costs at each batch size, learned from the runs themselves.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Sizes are told apart by powers of two: bucket `i` holds runs of more than 2^(i-1) and up to 2^i rows.
const BUCKETS: usize = 21;

/// A model whose single row costs less runs where it stands: a hop to another thread and back costs tens of
/// microseconds, and an I/O thread is not to be held up for longer.
pub(crate) const CHEAP_ROW: Duration = Duration::from_micros(250);

/// A version whose calls differ (sequences of any length) may have cheap rows and take long all the same. It runs where
/// it stands only while a row takes no longer than this on average.
const CHEAP_MEAN: Duration = Duration::from_millis(1);

/// More than this of one row does not count towards the average, nor does a run count for more than its share: a thread
/// that lost its core once does not make a model expensive.
const MEAN_SAMPLE_MAX: Duration = Duration::from_millis(16);
const MEAN_RUNS: u64 = 32;

/// A batch size is not chosen when its rows cost this many times (over two) what they cost in smaller batches. Not
/// less than two times: so far apart are the sizes of one bucket.
const WORSE_HALVES: u64 = 5;

/// Every so many runs the sizes that looked bad, and one beyond what is expected to fit, are tried again: what was measured
/// may have been a hiccup.
const EXPLORE_EVERY: u32 = 256;

/// What a run costs at each batch size. Shared by threads; an update that is lost to another thread's is no harm.
#[derive(Debug, Default)]
pub(crate) struct Cost {
    /// Nanoseconds of a run by bucket; 0 where none was measured.
    runs_ns: [AtomicU64; BUCKETS],
    /// Nanoseconds of a row, averaged over the last runs.
    row_mean_ns: AtomicU64,
    runs: AtomicU32,
    /// Number of the last run of a single row.
    single_run: AtomicU32,
}

impl Cost {
    /// Learns from a run, and gives the number of runs so far.
    pub(crate) fn observe(&self, rows: usize, took: Duration) -> u32 {
        let cell = &self.runs_ns[bucket(rows)];
        cell.store(learned(cell.load(Relaxed), nanos(took).max(1)), Relaxed);
        let row = (nanos(took) / rows.max(1) as u64).min(nanos(MEAN_SAMPLE_MAX));
        let mean = self.row_mean_ns.load(Relaxed);
        self.row_mean_ns.store(mean - mean / MEAN_RUNS + row / MEAN_RUNS, Relaxed);
        let runs = self.runs.load(Relaxed).wrapping_add(1);
        self.runs.store(runs, Relaxed);
        if rows <= 1 {
            self.single_run.store(runs, Relaxed);
        }
        runs
    }

    /// What a run of so many rows takes; `None` before the first run of any size.
    pub(crate) fn estimate(&self, rows: usize) -> Option<Duration> {
        self.estimate_ns(rows).map(Duration::from_nanos)
    }

    fn estimate_ns(&self, rows: usize) -> Option<u64> {
        let own = bucket(rows);
        // A larger run bounds a smaller one from above, a smaller one, multiplied, a larger one.
        let from_above = (own..BUCKETS).filter_map(|i| self.measured(i)).min();
        from_above.or_else(|| {
            let times = |i: usize, ns: u64| ns.saturating_mul((rows as u64).div_ceil(1 << i));
            (0..own).filter_map(|i| Some(times(i, self.measured(i)?))).min()
        })
    }

    /// Whether a single row is known to be cheap, at best and on average; `None` before the first run. Under load there
    /// are no runs of one row: then a batch tells, when its rows cost little beside a hop.
    pub(crate) fn is_cheap(&self) -> Option<bool> {
        let row = self.estimate(1)?;
        let mean = Duration::from_nanos(self.row_mean_ns.load(Relaxed));
        let singles_are_old =
            self.runs.load(Relaxed).wrapping_sub(self.single_run.load(Relaxed)) >= EXPLORE_EVERY;
        let row_in_batch = || (0..BUCKETS).filter_map(|i| Some(self.measured(i)? >> i)).min();
        let cheap = row <= CHEAP_ROW
            || singles_are_old && row_in_batch().is_some_and(|ns| ns <= nanos(CHEAP_ROW) / 4);
        Some(cheap && mean <= CHEAP_MEAN)
    }

    /// The largest batch, up to `cap` rows, that is expected to run within `budget` and whose rows do not cost
    /// markedly more than those of smaller batches. At least 1.
    pub(crate) fn max_rows(&self, cap: usize, budget: Duration) -> usize {
        let budget = nanos(budget);
        let explores = self.runs.load(Relaxed).is_multiple_of(EXPLORE_EVERY);
        let (mut best_row_ns, mut largest) = (u64::MAX, 1);
        // Whether a smaller size looked bad. It may have had a hiccup, and is not met again as long as nobody sends just
        // so many rows: what larger runs were seen to cost counts more, but then only what was seen, and no loss.
        let mut doubtful = false;
        for size in (0..BUCKETS).map(|i| 1usize << i).take_while(|&size| size < cap).chain([cap.max(1)]) {
            if self.estimate_ns(size).is_some_and(|ns| ns > budget) {
                if explores {
                    largest = size;
                }
                break;
            }
            if let Some(ns) = self.measured(bucket(size)) {
                let row_ns = ns / size as u64;
                let most = if doubtful { best_row_ns } else { best_row_ns.saturating_mul(WORSE_HALVES) / 2 };
                if !explores && row_ns > most {
                    doubtful = true;
                    continue;
                }
                best_row_ns = best_row_ns.min(row_ns);
            } else if doubtful {
                continue;
            }
            largest = size;
        }
        largest
    }

    fn measured(&self, bucket: usize) -> Option<u64> {
        Some(self.runs_ns[bucket].load(Relaxed)).filter(|&ns| ns > 0)
    }
}

fn bucket(rows: usize) -> usize {
    (rows.max(1).next_power_of_two().trailing_zeros() as usize).min(BUCKETS - 1)
}

/// Goes down at once and up slowly, and never believes a single slow run (a thread that lost its core): what is
/// learned is what a run costs when nothing disturbs it.
fn learned(old: u64, new: u64) -> u64 {
    match old {
        0 => new,
        _ if new <= old => old.midpoint(new),
        _ => old + (new.min(old.saturating_mul(4)) - old).div_ceil(16),
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn micros(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    fn observe_often(cost: &Cost, times: u32, rows: usize, took: Duration) {
        for _ in 0..times {
            cost.observe(rows, took);
        }
    }

    #[test]
    fn nothing_is_claimed_before_the_first_run() {
        let cost = Cost::default();
        assert_eq!(cost.estimate(1), None);
        assert_eq!(cost.is_cheap(), None);
        assert_eq!(cost.max_rows(64, micros(1)), 64);
    }

    #[test]
    fn sizes_not_seen_are_bounded_by_those_seen() {
        let cost = Cost::default();
        cost.observe(4, micros(40));
        assert_eq!(cost.estimate(1), Some(micros(40)));
        assert_eq!(cost.estimate(16), Some(micros(160)));
        cost.observe(32, micros(100));
        assert_eq!(cost.estimate(16), Some(micros(100)));
    }

    #[test]
    fn batches_stop_growing_where_the_time_is_up() {
        let cost = Cost::default();
        cost.observe(1, micros(100));
        assert_eq!(cost.max_rows(1000, micros(2000)), 16);
        // Larger batches turn out to be cheap, and the size follows.
        cost.observe(16, micros(120));
        assert_eq!(cost.max_rows(1000, micros(2000)), 256);
        assert_eq!(cost.max_rows(100, micros(2000)), 100);
        assert_eq!(cost.max_rows(1, micros(2000)), 1);
    }

    #[test]
    fn a_size_whose_rows_cost_more_is_left_alone_but_tried_again() {
        let cost = Cost::default();
        cost.observe(8, micros(80));
        cost.observe(16, micros(480));
        assert_eq!(cost.max_rows(64, micros(1_000_000)), 8);
        observe_often(&cost, EXPLORE_EVERY - 2, 8, micros(80));
        assert_eq!(cost.max_rows(64, micros(1_000_000)), 64);
    }

    #[test]
    fn a_hiccup_at_one_size_does_not_keep_larger_batches_away() {
        let cost = Cost::default();
        let largest = || cost.max_rows(64, micros(2_000));
        cost.observe(1, micros(24));
        cost.observe(2, micros(1_500));
        observe_often(&cost, EXPLORE_EVERY - 3, 1, micros(24));
        assert_eq!(largest(), 1, "so far two rows look bad, and of more nothing is known");
        cost.observe(1, micros(24));
        assert_eq!(largest(), 64, "all sizes are tried again");
        cost.observe(64, micros(420));
        assert_eq!(largest(), 64, "a row of 64 costs less than one alone");
        cost.observe(64, micros(1_900));
        observe_often(&cost, 40, 64, micros(1_900));
        assert_eq!(largest(), 1, "and no longer");
    }

    #[test]
    fn a_first_large_batch_that_took_long_does_not_keep_all_later_ones_single() {
        let cost = Cost::default();
        let largest = || cost.max_rows(1024, micros(2_000));
        observe_often(&cost, 1_000, 1, micros(24));
        // It found its memory cold, and nothing is known of the sizes between.
        cost.observe(64, micros(2_500));
        assert_eq!(largest(), 1);
        // 64 callers go on asking.
        let (mut most, mut runs) = (1, 0);
        while most < 64 && runs < 8 * EXPLORE_EVERY {
            let rows = most.min(64);
            runs = cost.observe(rows, micros(20 + 7 * rows as u64)) - 1_001;
            if cost.runs.load(Relaxed).is_multiple_of(16) {
                most = largest();
            }
        }
        assert!(most >= 64, "{most} rows after {runs} runs");
    }

    #[test]
    fn one_slow_run_does_not_make_a_model_expensive_but_many_do() {
        let cost = Cost::default();
        cost.observe(1, micros(100));
        cost.observe(1, micros(50_000));
        assert_eq!(cost.is_cheap(), Some(true));
        observe_often(&cost, 100, 1, micros(50_000));
        assert_eq!(cost.is_cheap(), Some(false));
        observe_often(&cost, 150, 1, micros(100));
        assert_eq!(cost.is_cheap(), Some(true));
    }

    #[test]
    fn a_first_run_in_the_cold_does_not_stand_for_ever_under_load() {
        let cost = Cost::default();
        cost.observe(1, micros(10_000));
        observe_often(&cost, 100, 64, micros(500));
        assert_eq!(cost.is_cheap(), Some(false));
        observe_often(&cost, EXPLORE_EVERY, 64, micros(500));
        assert_eq!(cost.is_cheap(), Some(true));
        cost.observe(1, micros(2_000));
        assert_eq!(cost.is_cheap(), Some(false));
    }

    #[test]
    fn a_model_with_some_cheap_calls_among_long_ones_is_not_cheap() {
        let cost = Cost::default();
        for _ in 0..50 {
            cost.observe(1, micros(100));
            cost.observe(1, micros(20_000));
        }
        assert!(cost.estimate(1) < Some(micros(4000)));
        assert_eq!(cost.is_cheap(), Some(false));
    }
}
