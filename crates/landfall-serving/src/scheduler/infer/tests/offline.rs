//! Workers: calls of files and tables.

use super::fake::*;
use crate::{BatchSettings, Worker};
use landfall_model::{CostClass, Kind, RowRule};
use std::sync::atomic::Ordering::SeqCst;

fn values(firsts: std::ops::Range<i64>) -> Vec<Vec<i64>> {
    firsts.map(|first| vec![first, first * 2]).collect()
}

#[test]
fn workers_on_two_threads_answer_as_one_call_would() {
    let bench = tiny();
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let bench = &bench;
            scope.spawn(move || {
                let mut own = Worker::new(bench.lease.clone()).unwrap();
                for chunk in (worker..40).step_by(2) {
                    let rows = values(chunk * 100..chunk * 100 + 100);
                    assert_right(&own.run(&bench.call(&rows)).unwrap(), &rows);
                }
            });
        }
    });
    assert!(bench.seen.instances.load(SeqCst) <= 2);
    let found = bench.lease.statistics();
    assert_eq!((found.inferences, found.executions, found.queue.ns), (4000, 40, 0));
}

#[test]
fn a_worker_outlives_what_goes_wrong_in_a_call() {
    let bench = bench(RowRule::Independent, CostClass::Tiny, BatchSettings::default(), 1);
    let mut worker = Worker::new(bench.lease.clone()).unwrap();
    assert_eq!(worker.run(&bench.call(&[vec![PANIC, 1]])).unwrap_err().kind(), Kind::Internal);
    assert_eq!(worker.run(&bench.call(&[vec![REFUSE, 1]])).unwrap_err().kind(), Kind::InvalidArgument);
    assert_right(&worker.run(&bench.call(&values(0..5))).unwrap(), &values(0..5));
    let found = bench.lease.statistics();
    assert_eq!((found.success.count, found.fail.count), (1, 2));
}

#[test]
fn a_worker_cuts_calls_as_a_server_does() {
    let settings = BatchSettings { max_rows: Some(3), ..BatchSettings::default() };
    let bench = bench(RowRule::Independent, CostClass::Tiny, settings, 1);
    let mut worker = Worker::new(bench.lease.clone()).unwrap();
    assert_right(&worker.run(&bench.call(&values(0..7))).unwrap(), &values(0..7));
    assert_eq!(bench.seen.runs(), [3, 3, 1]);
}
