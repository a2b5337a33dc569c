//! What rows are to each other, and rows and calls that fail.

use super::fake::*;
use crate::{BatchSettings, Clock, Lane, SystemClock, turn};
use landfall_model::{CostClass, Kind, Reason, RowRule};
use std::sync::atomic::Ordering::SeqCst;

fn of(rows: RowRule, max_rows: Option<usize>) -> Bench {
    bench(rows, CostClass::Tiny, BatchSettings { max_rows, ..BatchSettings::default() }, 1)
}

fn values(firsts: &[i64]) -> Vec<Vec<i64>> {
    firsts.iter().map(|&first| vec![first, first * 2]).collect()
}

/// Submits all calls to one lane and takes one turn.
fn together(bench: &Bench, calls: &[Vec<Vec<i64>>]) -> Vec<Result<crate::Response, landfall_model::Problem>> {
    let _lane = Lane::enter();
    let now = SystemClock.now();
    let answers: Vec<_> = calls.iter().map(|rows| bench.submit(rows, now)).collect();
    turn(&SystemClock);
    answers.into_iter().map(block_on).collect()
}

fn assert_bad_one_fails_alone(bad: i64, kind: Kind, says: &str) {
    let bench = of(RowRule::Independent, None);
    let mut calls: Vec<_> = (0..13).map(|i| values(&[i, i + 100])).collect();
    calls[6] = values(&[bad]);
    calls[9] = values(&[9, bad]);
    let assert_told = |problem: &landfall_model::Problem| {
        assert_eq!(problem.kind(), kind);
        assert!(problem.to_string().contains(says), "{problem}");
    };
    for (i, (answer, rows)) in together(&bench, &calls).iter().zip(&calls).enumerate() {
        match answer {
            Ok(response) if i == 9 => assert_failed(response, rows, &[1], assert_told),
            Ok(response) if i != 6 => assert_right(response, rows),
            Err(problem) if i == 6 => assert_told(problem),
            other => panic!("call {i}: {other:?}"),
        }
    }
    assert!(bench.seen.runs().len() <= 16, "halves, and not one by one: {:?}", bench.seen.runs());
    assert_eq!(bench.seen.instances.load(SeqCst), 1);
    let found = bench.lease.statistics();
    assert_eq!((found.success.count, found.fail.count), (12, 1));
}

/// Whether these rows failed alone, each with a problem that is as it should be, and the others were answered.
fn assert_failed(
    response: &crate::Response,
    rows: &[Vec<i64>],
    failed: &[usize],
    as_it_should_be: impl Fn(&landfall_model::Problem),
) {
    assert_eq!(response.outputs.failed().iter().map(|(row, _)| *row).collect::<Vec<_>>(), failed);
    response.outputs.failed().iter().for_each(|(_, problem)| as_it_should_be(problem));
    let numbers = response.outputs.get(0).unwrap().values::<i64>().unwrap();
    assert_eq!(numbers.len(), rows.len());
    let answered = (0..rows.len()).filter(|row| !failed.contains(row));
    answered.for_each(|row| assert_eq!(numbers[row], number_of(&rows[row]), "row {row}"));
}

#[test]
fn a_call_that_the_model_refuses_fails_alone() {
    assert_bad_one_fails_alone(REFUSE, Kind::InvalidArgument, "row 0 is refused");
}

#[test]
fn a_call_that_makes_the_engine_panic_fails_alone() {
    assert_bad_one_fails_alone(PANIC, Kind::Internal, "fake: it panicked");
}

#[test]
fn a_call_that_makes_the_engine_lose_rows_fails_alone() {
    assert_bad_one_fails_alone(LOSE_ROWS, Kind::Internal, "of shape [0] for 1 rows");
}

#[test]
fn rows_that_the_model_fails_for_take_no_other_with_them_and_their_call_counts_once() {
    for failed in [vec![0], vec![500], vec![999], vec![0, 333, 666, 998], (1..17).collect::<Vec<_>>()] {
        let bench = of(RowRule::Independent, None);
        let mut firsts: Vec<i64> = (0..1000).collect();
        failed.iter().for_each(|&row| firsts[row] = REFUSE);
        let rows = values(&firsts);
        let answers = together(&bench, std::slice::from_ref(&rows));
        let refused = |problem: &landfall_model::Problem| assert_eq!(problem.kind(), Kind::InvalidArgument);
        assert_failed(answers[0].as_ref().unwrap(), &rows, &failed, refused);
        let found = bench.lease.statistics();
        assert_eq!((found.success.count, found.fail.count, found.inferences), (1, 0, 1000));
        assert_eq!((found.queue.count, found.compute_infer.count), (1, 1));
        let runs: u64 = found.batches.iter().map(|batch| batch.compute_infer.count).sum();
        assert_eq!(found.executions, runs, "each run that succeeded");
        assert!(found.batches.iter().all(|batch| batch.rows < 1000), "none of them was the whole");
        assert!(runs > 1 && runs < bench.seen.runs().len() as u64);
    }
}

#[test]
fn a_model_that_fails_for_every_row_is_not_run_again_for_each() {
    for (rows, most) in [(2, 3), (8, 15), (9, 5), (1000, 5)] {
        let bench = of(RowRule::Independent, None);
        let answers = together(&bench, &[values(&vec![REFUSE; rows])]);
        assert_eq!(answers[0].as_ref().unwrap_err().kind(), Kind::InvalidArgument);
        assert_eq!(bench.seen.runs().len(), most, "{rows} rows");
        let found = bench.lease.statistics();
        assert_eq!((found.success.count, found.fail.count, found.executions), (0, 1, 0));
    }
}

#[test]
fn more_rows_than_are_looked_for_fail_their_call() {
    let bench = of(RowRule::Independent, None);
    let answers = together(&bench, &[values(&[vec![1], vec![REFUSE; 17]].concat())]);
    assert!(answers[0].as_ref().unwrap_err().to_string().contains("row 1 is refused"));
}

#[test]
fn a_row_that_fails_alone_is_told_to_its_caller_by_his_own_count() {
    let bench = of(RowRule::Independent, None);
    let calls = [values(&[1, 2]), values(&[3, FAIL_ROW, 4, FAIL_ROW]), values(&[5])];
    let answers: Vec<_> = together(&bench, &calls).into_iter().map(Result::unwrap).collect();
    let failed: Vec<_> = answers[1].outputs.failed().iter().map(|(row, _)| *row).collect();
    assert_eq!(failed, [1, 3]);
    assert!(answers[0].outputs.failed().is_empty() && answers[2].outputs.failed().is_empty());
    assert_right(&answers[2], &calls[2]);
    assert_eq!(bench.seen.runs(), [7]);
}

#[test]
fn calls_of_models_without_independent_rows_run_alone_and_whole() {
    for rule in [RowRule::None, RowRule::Ordered, RowRule::Unproven, RowRule::GroupedBy("x".into())] {
        let bench = of(rule, Some(2));
        let calls = [values(&[1, 2, 3, 4, 5]), values(&[6])];
        let answers = together(&bench, &calls);
        answers.iter().zip(&calls).for_each(|(a, rows)| assert_right(a.as_ref().unwrap(), rows));
        assert_eq!(bench.seen.runs().len(), 2);
        assert_eq!(bench.seen.runs().iter().sum::<usize>(), 6);
    }
}

#[test]
fn a_call_larger_than_a_batch_runs_in_parts_and_keeps_its_order() {
    let bench = of(RowRule::Independent, Some(4));
    let rows = values(&(0..10).collect::<Vec<_>>());
    let answers = together(&bench, std::slice::from_ref(&rows));
    assert_right(answers[0].as_ref().unwrap(), &rows);
    assert_eq!(bench.seen.runs(), [4, 4, 2]);
    let mut rows = values(&(0..10).collect::<Vec<_>>());
    rows[9][0] = FAIL_ROW;
    let answers = together(&bench, &[rows]);
    assert_eq!(answers[0].as_ref().unwrap().outputs.failed()[0].0, 9);
}

#[test]
fn a_fixed_number_of_rows_is_met_by_pieces_and_padding() {
    let bench = of(RowRule::Pieces(4), None);
    let calls = [values(&(0..10).collect::<Vec<_>>()), values(&[1]), values(&[1, 2, 3, 4])];
    let answers = together(&bench, &calls);
    answers.iter().zip(&calls).for_each(|(a, rows)| assert_right(a.as_ref().unwrap(), rows));
    assert_eq!(bench.seen.runs(), [4; 5]);
    let padded_away = together(&bench, &[values(&[1, 2, FAIL_ROW])]);
    assert_eq!(padded_away[0].as_ref().unwrap().outputs.failed().len(), 1);
    let none = together(&bench, &[vec![]]);
    assert_eq!(none[0].as_ref().unwrap_err().kind(), Kind::InvalidArgument);
}

#[test]
fn calls_without_rows_are_answered_beside_others() {
    let bench = of(RowRule::Independent, None);
    let calls = [vec![], vec![vec![1]], vec![]];
    let answers = together(&bench, &calls);
    answers.iter().zip(&calls).for_each(|(a, rows)| assert_right(a.as_ref().unwrap(), rows));
    assert_eq!(bench.seen.runs(), [1]);
}

#[test]
fn callers_run_apart_where_they_are_told_to() {
    let settings = BatchSettings { together: false, ..BatchSettings::default() };
    let bench = bench(RowRule::Independent, CostClass::Tiny, settings, 1);
    let calls = [values(&[1, 2]), values(&[3])];
    for (answer, rows) in together(&bench, &calls).into_iter().zip(&calls) {
        assert_right(&answer.unwrap(), rows);
    }
    assert_eq!(bench.seen.runs(), [2, 1]);
}

#[test]
fn a_batch_is_filled_up_and_the_filling_is_cut_from_the_answers() {
    let settings = BatchSettings { pad_to: vec![2, 8], ..BatchSettings::default() };
    let bench = bench(RowRule::Independent, CostClass::Tiny, settings, 1);
    let calls = [values(&[1, 2]), values(&[3])];
    for (answer, rows) in together(&bench, &calls).into_iter().zip(&calls) {
        assert_right(&answer.unwrap(), rows);
    }
    let large = values(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_right(&together(&bench, std::slice::from_ref(&large))[0].clone().unwrap(), &large);
    assert_eq!(bench.seen.runs(), [8, 9], "what is larger than all sizes runs as it is");
}

#[test]
fn calls_of_unequal_lengths_run_apart_or_filled_up_with_their_own_first_value() {
    let calls = [vec![vec![1, 2, 3]], vec![vec![4], vec![5]]];
    let apart = bench(RowRule::Independent, CostClass::Tiny, BatchSettings::default(), 1);
    for (answer, rows) in together(&apart, &calls).into_iter().zip(&calls) {
        assert_right(&answer.unwrap(), rows);
    }
    assert_eq!(apart.seen.runs(), [1, 2]);

    let settings = BatchSettings { pad_lengths: true, ..BatchSettings::default() };
    let bench = bench(RowRule::Independent, CostClass::Tiny, settings, 1);
    let answers = together(&bench, &calls);
    assert_right(answers[0].as_ref().unwrap(), &calls[0]);
    assert_right(answers[1].as_ref().unwrap(), &[vec![4, 4, 4], vec![5, 4, 4]]);
    assert_eq!(bench.seen.runs(), [3]);
}

#[test]
fn a_call_larger_than_the_largest_is_refused() {
    let settings = BatchSettings { largest_call: Some(2), ..BatchSettings::default() };
    let bench = bench(RowRule::Independent, CostClass::Tiny, settings, 1);
    let answers = together(&bench, &[values(&[1, 2, 3]), values(&[1, 2])]);
    let problem = answers[0].as_ref().unwrap_err();
    assert_eq!(problem.kind(), Kind::InvalidArgument);
    assert_eq!(*problem.reason(), Reason::CallTooLarge { rows: 3, most: 2 });
    assert_right(answers[1].as_ref().unwrap(), &values(&[1, 2]));
}
