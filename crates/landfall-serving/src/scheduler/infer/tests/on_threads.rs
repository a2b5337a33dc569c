//! Models that are too expensive for an I/O thread, and threads without a lane.

use super::fake::*;
use crate::scheduler::batcher::tests::Random;
use crate::{BatchSettings, Clock, Lane, SystemClock, turn};
use landfall_model::{CostClass, Kind, Reason, RowRule};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

fn row(value: i64) -> Vec<Vec<i64>> {
    vec![vec![value, value + 1]]
}

fn threads(settings: BatchSettings, threads: usize) -> Bench {
    bench(RowRule::Independent, CostClass::Unknown, settings, threads)
}

#[test]
fn a_burst_of_64_runs_in_few_batches() {
    let bench = threads(BatchSettings::default(), 1);
    let now = SystemClock.now();
    bench.seen.shut();
    let first = bench.submit(&row(0), now);
    bench.seen.wait_for_runs(1);
    let rest: Vec<_> = (1..64).map(|i| bench.submit(&row(i), now)).collect();
    bench.seen.open();
    assert_right(&block_on(first).unwrap(), &row(0));
    rest.into_iter().zip(1..).for_each(|(answer, i)| assert_right(&block_on(answer).unwrap(), &row(i)));
    // While the first ran, all others came: they are one batch, or a few where the first one's long run (it was held up)
    // taught that rows are dear.
    let runs = bench.seen.runs();
    assert!(runs.len() <= 5 && runs[0] == 1 && runs.iter().sum::<usize>() == 64, "{runs:?}");
}

#[test]
fn the_highest_priority_runs_next() {
    let bench = threads(BatchSettings { max_rows: Some(2), ..BatchSettings::default() }, 1);
    let now = SystemClock.now();
    bench.seen.shut();
    let mut answers = vec![bench.submit(&row(0), now)];
    bench.seen.wait_for_runs(1);
    for (value, priority) in [(10, 0), (11, 3), (12, 1), (13, 2), (14, 1)] {
        let request = crate::Request { priority, ..bench.request(&row(value)) };
        answers.push(crate::submit(bench.lease.clone(), request, now));
    }
    bench.seen.open();
    answers.into_iter().for_each(|answer| drop(block_on(answer).unwrap()));
    assert_eq!(*bench.seen.firsts.lock().unwrap(), [0, 12, 10, 11]);
}

#[test]
fn two_threads_run_two_batches_of_a_version_at_once() {
    let bench = threads(BatchSettings::default(), 2);
    let now = SystemClock.now();
    bench.seen.shut();
    let first = bench.submit(&row(0), now);
    bench.seen.wait_for_runs(1);
    let answers = [first, bench.submit(&row(1), now)];
    bench.seen.wait_for_runs(2);
    bench.seen.open();
    answers.into_iter().zip(0..).for_each(|(answer, i)| assert_right(&block_on(answer).unwrap(), &row(i)));
    assert_eq!(bench.seen.instances.load(SeqCst), 2);
}

#[test]
fn a_version_with_a_long_queue_does_not_keep_others_from_the_threads() {
    let long = threads(BatchSettings { max_rows: Some(1), ..BatchSettings::default() }, 1);
    let mut model = FakeModel::new(RowRule::Independent, CostClass::Unknown);
    model.seen = long.seen.clone();
    let version = landfall_model::Version::numbered(1);
    let (runner, settings) = (Arc::new(model), BatchSettings::default());
    let other = crate::Lease::on_model("other", version, runner, settings, long.pool.clone()).unwrap();
    let bench = Bench { lease: other, seen: long.seen.clone(), pool: long.pool.clone() };
    let now = SystemClock.now();
    long.seen.shut();
    let mut answers: Vec<_> = (0..50).map(|i| long.submit(&row(i), now)).collect();
    long.seen.wait_for_runs(1);
    answers.push(bench.submit(&row(1000), now));
    long.seen.open();
    answers.into_iter().for_each(|answer| drop(block_on(answer).unwrap()));
    // At most the run under way and the next one came first.
    assert!(bench.seen.firsts.lock().unwrap()[..3].contains(&1000));
}

#[test]
fn a_delay_that_was_set_is_waited_for_and_a_full_batch_is_not_delayed() {
    let delay = Duration::from_millis(30);
    let settings = BatchSettings { max_rows: Some(4), max_delay: delay, ..BatchSettings::default() };
    let bench = bench(RowRule::Independent, CostClass::Tiny, settings, 2);
    let _lane = Lane::enter();
    let alone = block_on(bench.submit(&row(1), SystemClock.now())).unwrap();
    assert!(alone.timing.queue >= delay, "{:?}", alone.timing);
    let long = Duration::from_secs(3600);
    let settings = BatchSettings { max_delay: long, ..bench.lease.batching().clone() };
    let bench = super::fake::bench(RowRule::Independent, CostClass::Tiny, settings, 2);
    let answers: Vec<_> = (0..8).map(|i| bench.submit(&row(i), SystemClock.now())).collect();
    answers.into_iter().zip(0..).for_each(|(answer, i)| assert_right(&block_on(answer).unwrap(), &row(i)));
    assert_eq!(bench.seen.runs(), [4, 4]);
}

#[test]
fn the_time_is_watched_while_other_threads_are_busy() {
    let busy = threads(BatchSettings::default(), 2);
    let mut model = FakeModel::new(RowRule::Independent, CostClass::Unknown);
    let version = landfall_model::Version::numbered(1);
    let settings = BatchSettings { max_delay: Duration::from_millis(20), ..BatchSettings::default() };
    let seen = std::mem::take(&mut model.seen);
    let lease =
        crate::Lease::on_model("slow", version, Arc::new(model), settings, busy.pool.clone()).unwrap();
    let delayed = Bench { lease, seen, pool: busy.pool.clone() };
    let now = SystemClock.now();
    busy.seen.shut();
    let delayed = delayed.submit(&row(1), now);
    let running = busy.submit(&row(0), now);
    busy.seen.wait_for_runs(1);
    assert_right(&block_on(delayed).unwrap(), &row(1));
    busy.seen.open();
    assert_right(&block_on(running).unwrap(), &row(0));
}

#[test]
fn a_thread_that_cannot_be_started_fails_those_who_wait_and_is_tried_again_for_the_next() {
    let starts = std::sync::atomic::AtomicUsize::new(0);
    let start = move |name, run| match starts.fetch_add(1, SeqCst) {
        0 | 1 => Err(std::io::Error::other("no threads left")),
        _ => std::thread::Builder::new().name(name).spawn(run).map(drop),
    };
    let pool = crate::ComputePool::starting(1, Arc::new(SystemClock), Box::new(start));
    let bench = |delay| {
        let mut model = FakeModel::new(RowRule::Independent, CostClass::Unknown);
        let seen = std::mem::take(&mut model.seen);
        let settings = BatchSettings { max_delay: delay, ..BatchSettings::default() };
        let version = landfall_model::Version::numbered(1);
        let lease = crate::Lease::on_model("m", version, Arc::new(model), settings, pool.clone()).unwrap();
        Bench { lease, seen, pool: pool.clone() }
    };
    let benches = [bench(Duration::ZERO), bench(Duration::from_millis(20))];
    for bench in &benches {
        let refused = ready(bench.submit(&row(1), SystemClock.now())).unwrap_err();
        assert!(refused.to_string().contains("no threads left"), "{refused}");
        assert_eq!(bench.lease.snapshot().waiting, 0);
    }
    for bench in &benches {
        assert_right(&block_on(bench.submit(&row(2), SystemClock.now())).unwrap(), &row(2));
    }
}

#[test]
fn an_expected_wait_beyond_the_deadline_is_refused_at_once() {
    let bench = threads(BatchSettings { max_rows: Some(1), ..BatchSettings::default() }, 1);
    bench.lease.scheduler.observe(1, Duration::from_millis(100));
    let now = SystemClock.now();
    bench.seen.shut();
    let running = bench.submit(&row(0), now);
    bench.seen.wait_for_runs(1);
    let with = |millis| {
        let deadline = Some(now + Duration::from_millis(millis));
        crate::submit(bench.lease.clone(), crate::Request { deadline, ..bench.request(&row(1)) }, now)
    };
    let waiting: Vec<_> = (0..5).map(|_| with(3_600_000)).collect();
    let refused = ready(with(400)).unwrap_err();
    let Reason::QueueFull { retry_after, waiting: 6 } = refused.reason() else { panic!("{refused:?}") };
    assert_eq!(*retry_after, Duration::from_millis(500));
    bench.seen.open();
    waiting.into_iter().chain([running]).for_each(|answer| drop(block_on(answer).unwrap()));
}

#[test]
fn a_queue_is_full_of_bytes_too_and_a_lone_call_of_any_size_is_taken() {
    // A row of these tests is two int64.
    let bench = threads(BatchSettings { max_queue_bytes: 40, ..BatchSettings::default() }, 1);
    let now = SystemClock.now();
    bench.seen.shut();
    let large: Vec<Vec<i64>> = (0..100).map(|i| vec![i, i + 1]).collect();
    let running = bench.submit(&large, now);
    bench.seen.wait_for_runs(1);
    let waiting = [bench.submit(&row(1), now), bench.submit(&row(2), now)];
    let refused = ready(bench.submit(&row(3), now)).unwrap_err();
    assert!(matches!(refused.reason(), Reason::QueueFull { .. }), "{refused:?}");
    bench.seen.open();
    assert_right(&block_on(running).unwrap(), &large);
    for (answer, i) in waiting.into_iter().zip(1..) {
        assert_right(&block_on(answer).unwrap(), &row(i));
    }
    assert_right(&block_on(bench.submit(&row(4), SystemClock.now())).unwrap(), &row(4));
}

#[test]
fn a_call_of_any_size_is_taken_where_all_who_waited_have_left() {
    let bench = threads(BatchSettings { max_queue_bytes: 40, ..BatchSettings::default() }, 1);
    let now = SystemClock.now();
    bench.seen.shut();
    let running = bench.submit(&row(0), now);
    bench.seen.wait_for_runs(1);
    drop(bench.submit(&row(1), now));
    let large: Vec<Vec<i64>> = (0..100).map(|i| vec![i, i + 1]).collect();
    let large_one = bench.submit(&large, now + Duration::from_millis(10));
    bench.seen.open();
    assert_right(&block_on(running).unwrap(), &row(0));
    assert_right(&block_on(large_one).unwrap(), &large);
}

#[test]
fn a_full_queue_makes_room_where_callers_have_left() {
    let bench = threads(BatchSettings { max_queue: 3, ..BatchSettings::default() }, 1);
    let now = SystemClock.now();
    bench.seen.shut();
    let running = bench.submit(&row(0), now);
    bench.seen.wait_for_runs(1);
    let mut waiting: Vec<_> = (1..4).map(|i| bench.submit(&row(i), now)).collect();
    assert_eq!(ready(bench.submit(&row(9), now)).unwrap_err().kind(), Kind::Unavailable);
    waiting.truncate(1);
    let next = bench.submit(&row(4), now + Duration::from_millis(10));
    bench.seen.open();
    assert_right(&block_on(running).unwrap(), &row(0));
    assert_right(&block_on(waiting.remove(0)).unwrap(), &row(1));
    assert_right(&block_on(next).unwrap(), &row(4));
    assert_eq!(bench.lease.snapshot().errors, [(Kind::Cancelled, 2), (Kind::Unavailable, 1)]);
}

#[test]
fn what_was_accepted_is_answered_after_closing_and_nothing_new_is() {
    let bench = threads(BatchSettings::default(), 1);
    let now = SystemClock.now();
    bench.seen.shut();
    let answers: Vec<_> = (0..10).map(|i| bench.submit(&row(i), now)).collect();
    bench.lease.scheduler.close();
    assert_eq!(*ready(bench.submit(&row(1), now)).unwrap_err().reason(), Reason::ShuttingDown);
    bench.seen.open();
    answers.into_iter().zip(0..).for_each(|(answer, i)| assert_right(&block_on(answer).unwrap(), &row(i)));
}

#[test]
fn a_model_moves_to_lanes_and_back_as_its_cost_is_learned() {
    let bench = threads(BatchSettings::default(), 1);
    assert!(!bench.lease.scheduler.runs_in_place(1));
    bench.lease.scheduler.observe(1, Duration::from_micros(30));
    assert!(bench.lease.scheduler.runs_in_place(1));
    (0..200).for_each(|_| bench.lease.scheduler.observe(1, Duration::from_millis(3)));
    assert!(!bench.lease.scheduler.runs_in_place(1));
}

#[test]
fn calls_in_a_lane_move_to_the_threads_when_their_model_turns_out_expensive() {
    let bench = threads(BatchSettings::default(), 1);
    let learn = |micros| bench.lease.scheduler.observe(1, Duration::from_micros(micros));
    learn(30);
    let _lane = Lane::enter();
    let answers: Vec<_> = (0..10).map(|i| bench.submit(&row(i), SystemClock.now())).collect();
    (0..200).for_each(|_| learn(3_000));
    bench.seen.shut();
    // A run here would wait at the gate for ever.
    turn(&SystemClock);
    bench.seen.open();
    answers.into_iter().zip(0..).for_each(|(answer, i)| assert_right(&block_on(answer).unwrap(), &row(i)));
}

/// Random calls from one thread, each answer held against what the model gives for those rows alone.
fn caller(bench: &Bench, seed: u64, lane: bool, rounds: u64) {
    let _lane = lane.then(Lane::enter);
    let mut random = Random(seed * 2 + 1);
    for _ in 0..rounds {
        let burst: Vec<Vec<Vec<i64>>> = (0..1 + random.below(12))
            .map(|_| {
                let width = 1 + random.below(3) as usize;
                let rows = 1 + random.below(4);
                (0..rows).map(|_| (0..width).map(|_| random.below(1 << 20) as i64).collect()).collect()
            })
            .collect();
        let now = SystemClock.now();
        let answers: Vec<_> = burst.iter().map(|rows| bench.submit(rows, now)).collect();
        if lane {
            turn(&SystemClock);
        }
        for (answer, rows) in answers.into_iter().zip(&burst) {
            if random.below(20) > 0 {
                assert_right(&block_on(answer).unwrap(), rows);
            }
        }
    }
}

#[test]
fn thousands_of_callers_on_lanes_and_threads_each_get_their_own_answer() {
    let bench = bench(RowRule::Independent, CostClass::Tiny, BatchSettings::default(), 3);
    std::thread::scope(|scope| {
        for seed in 1..9 {
            let bench = &bench;
            scope.spawn(move || caller(bench, seed, seed % 2 == 0, 300));
        }
    });
    let found = bench.lease.snapshot();
    assert_eq!(found.waiting, 0);
    assert!(found.executions < found.success.count, "{} runs", found.executions);
    assert!(bench.seen.instances.load(SeqCst) <= 7, "one workspace for each thread at most");
}
