//! Cheap models: calls wait in the thread's lane until its turn.

use super::fake::*;
use crate::{BatchSettings, Lane, Turned, turn};
use landfall_model::{CostClass, Kind, Reason, RowRule};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

fn row(value: i64) -> Vec<Vec<i64>> {
    vec![vec![value, value + 1]]
}

#[test]
fn a_lone_call_is_answered_by_the_next_turn() {
    let (bench, clock, woken) = (tiny(), HandClock::new(), Arc::<Woken>::default());
    let _lane = Lane::enter();
    assert_eq!(turn(&clock), Turned::Nothing);
    let mut answer = bench.submit(&row(5), crate::Clock::now(&clock));
    assert!(poll(&mut answer, &woken).is_pending());
    assert_eq!(bench.lease.snapshot().waiting, 1);
    assert_eq!(turn(&clock), Turned::All);
    assert_eq!(woken.0.load(SeqCst), 1);
    let Poll::Ready(Ok(response)) = poll(&mut answer, &woken) else { panic!("no answer") };
    assert_right(&response, &row(5));
    assert_eq!(response.timing.rows, 1);
    assert_eq!(turn(&clock), Turned::Nothing);
    assert_eq!((bench.seen.runs(), bench.lease.snapshot().waiting), (vec![1], 0));
}

#[test]
fn what_one_round_found_is_one_batch_and_each_gets_his_own_rows() {
    let (bench, clock) = (tiny(), HandClock::new());
    let _lane = Lane::enter();
    let rows: Vec<Vec<Vec<i64>>> = (0..64).map(|i| (0..i % 4).map(|j| vec![i, j]).collect()).collect();
    let now = crate::Clock::now(&clock);
    let widen = |rows: &[Vec<i64>]| if rows.is_empty() { vec![vec![9, 9]] } else { rows.to_vec() };
    let rows: Vec<_> = rows.iter().map(|rows| widen(rows)).collect();
    let answers: Vec<_> = rows.iter().map(|rows| bench.submit(rows, now)).collect();
    assert_eq!(turn(&clock), Turned::All);
    let total: usize = rows.iter().map(Vec::len).sum();
    assert_eq!(bench.seen.runs(), [total]);
    for (answer, rows) in answers.into_iter().zip(&rows) {
        let response = ready(answer).unwrap();
        assert_right(&response, rows);
        assert_eq!(response.timing.rows, total);
    }
    let found = bench.lease.statistics();
    assert_eq!((found.success.count, found.executions, found.inferences), (64, 1, total as u64));
}

#[test]
fn halves_run_one_by_one_where_callers_come_back_sooner_so() {
    let (bench, clock) = (tiny(), SlowClock(HandClock::new(), 60));
    let _lane = Lane::enter();
    let woken = Arc::<Woken>::default();
    // A cycle of 64 calls, after which the callers take their time; the batches, and after which of them a turn ended.
    let cycle = |pause: [u64; 2]| {
        let (before, now) = (bench.seen.runs().len(), crate::Clock::now(&clock));
        let mut answers = [1; 64].map(|i| bench.submit(&row(i), now));
        assert!(answers.iter_mut().all(|answer| poll(answer, &woken).is_pending()));
        let mut parts = 0;
        while turn(&clock) == Turned::Part {
            parts += 1;
        }
        answers.into_iter().for_each(|answer| assert_right(&ready(answer).unwrap(), &row(1)));
        assert_eq!(turn(&clock), Turned::Nothing);
        clock.0.advance(Duration::from_micros(pause[usize::from(parts > 0)]));
        (bench.seen.runs().split_off(before), parts)
    };
    // The share of cycles in halves.
    let cut = |pause: [u64; 2]| {
        let parts = (0..400).map(|_| match cycle(pause) {
            (batches, 0) if batches == [64] => 0,
            (batches, 1) if batches == [32, 32] => 1,
            // Where one way gives place to the other.
            (batches, parts) => {
                assert_eq!((batches.iter().sum::<usize>(), parts), (64, 1));
                0
            }
        });
        parts.sum::<usize>()
    };
    assert_eq!(cycle([2000, 0]), (vec![64], 0));
    cut([2000, 0]);
    let (better, _) = (cut([2000, 0]), cut([0, 2000]));
    let worse = cut([0, 2000]);
    assert!(better > 280 && worse < 120, "{better} {worse}");
}

#[test]
fn answers_of_one_batch_share_its_memory() {
    let (bench, clock) = (tiny(), HandClock::new());
    let _lane = Lane::enter();
    let answers = [3, 5].map(|i| bench.submit(&row(i), crate::Clock::now(&clock)));
    turn(&clock);
    let [first, second] = answers.map(|answer| ready(answer).unwrap().outputs.get(0).unwrap().clone());
    let of = |tensor: &landfall_model::Tensor| tensor.bytes().unwrap().as_ptr() as usize;
    assert_eq!(of(&second) - of(&first), size_of::<i64>());
}

#[test]
fn two_shapes_both_run_in_one_turn_and_never_mix() {
    let (bench, clock) = (tiny(), HandClock::new());
    let _lane = Lane::enter();
    let now = crate::Clock::now(&clock);
    let rows: Vec<Vec<Vec<i64>>> = (0..10).map(|i| vec![vec![i; 1 + i as usize % 2]]).collect();
    let answers: Vec<_> = rows.iter().map(|rows| bench.submit(rows, now)).collect();
    assert_eq!(turn(&clock), Turned::All);
    assert_eq!(bench.seen.runs(), [5, 5]);
    answers.into_iter().zip(&rows).for_each(|(answer, rows)| assert_right(&ready(answer).unwrap(), rows));
}

#[test]
fn versions_take_turns_on_a_lane() {
    let (a, b, clock) = (tiny(), tiny(), HandClock::new());
    let _lane = Lane::enter();
    let now = crate::Clock::now(&clock);
    let answers: Vec<_> =
        (0..20).map(|i| if i % 2 == 0 { a.submit(&row(i), now) } else { b.submit(&row(i), now) }).collect();
    assert_eq!(turn(&clock), Turned::All);
    assert_eq!((a.seen.runs(), b.seen.runs()), (vec![10], vec![10]));
    for (i, answer) in answers.into_iter().enumerate() {
        assert_right(&ready(answer).unwrap(), &row(i as i64));
    }
}

#[test]
fn a_deadline_that_passes_in_the_lane_is_seen_before_the_run() {
    let (bench, clock) = (tiny(), HandClock::new());
    let _lane = Lane::enter();
    let now = crate::Clock::now(&clock);
    let mut request = bench.request(&row(1));
    request.deadline = Some(now + Duration::from_millis(5));
    let late = crate::submit(bench.lease.clone(), request.clone(), now);
    clock.advance(Duration::from_millis(5));
    assert_eq!(turn(&clock), Turned::All);
    assert_eq!(ready(late).unwrap_err().kind(), Kind::DeadlineExceeded);
    let too_late = crate::submit(bench.lease.clone(), request, crate::Clock::now(&clock));
    assert_eq!(ready(too_late).unwrap_err().kind(), Kind::DeadlineExceeded);
    assert!(bench.seen.runs().is_empty());
    let found = bench.lease.statistics();
    assert_eq!((found.fail.count, found.fail.ns, found.success.count), (1, 5_000_000, 0));
    assert_eq!(bench.lease.snapshot().errors, [(Kind::DeadlineExceeded, 2)]);
}

#[test]
fn a_caller_who_left_costs_no_run() {
    let (bench, clock) = (tiny(), HandClock::new());
    let _lane = Lane::enter();
    let now = crate::Clock::now(&clock);
    let stays = bench.submit(&row(1), now);
    drop(bench.submit(&row(2), now));
    turn(&clock);
    assert_right(&ready(stays).unwrap(), &row(1));
    assert_eq!(bench.seen.runs(), [1]);
    assert_eq!(bench.lease.snapshot().errors, [(Kind::Cancelled, 1)]);
    assert_eq!(bench.lease.snapshot().waiting, 0);
}

#[test]
fn the_queue_of_a_version_is_bounded_over_all_lanes() {
    let settings = BatchSettings { max_queue: 4, ..BatchSettings::default() };
    let bench = bench(RowRule::Independent, CostClass::Tiny, settings, 1);
    let clock = HandClock::new();
    let now = crate::Clock::now(&clock);
    let _lane = Lane::enter();
    let mut answers: Vec<_> = (0..3).map(|i| bench.submit(&row(i), now)).collect();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let _lane = Lane::enter();
            let fourth = bench.submit(&row(3), now);
            let refused = ready(bench.submit(&row(4), now)).unwrap_err();
            assert!(matches!(refused.reason(), Reason::QueueFull { waiting: 4, .. }), "{refused:?}");
            turn(&clock);
            assert_right(&ready(fourth).unwrap(), &row(3));
        });
        other.join().unwrap();
    });
    answers.push(bench.submit(&row(3), now));
    turn(&clock);
    answers.into_iter().zip(0..).for_each(|(answer, i)| assert_right(&ready(answer).unwrap(), &row(i)));
    // A refused call is no failure, but it is an error.
    assert_eq!(bench.lease.statistics().fail.count, 0);
    assert_eq!(bench.lease.snapshot().errors, [(Kind::Unavailable, 1)]);
}

#[test]
fn calls_left_in_a_lane_that_ends_are_answered_by_compute_threads() {
    let (bench, clock) = (tiny(), HandClock::new());
    let lane = Lane::enter();
    let answers: Vec<_> = (0..9).map(|i| bench.submit(&row(i), crate::Clock::now(&clock))).collect();
    drop(lane);
    assert_eq!(turn(&clock), Turned::Nothing);
    answers.into_iter().zip(0..).for_each(|(answer, i)| assert_right(&block_on(answer).unwrap(), &row(i)));
}

#[test]
fn a_second_lane_on_a_thread_changes_nothing() {
    let (bench, clock) = (tiny(), HandClock::new());
    let _lane = Lane::enter();
    let answer = bench.submit(&row(1), crate::Clock::now(&clock));
    drop(Lane::enter());
    assert_eq!(turn(&clock), Turned::All);
    assert_right(&ready(answer).unwrap(), &row(1));
}

/// A waker that does within the turn what a careless one might.
struct Careless(Bench, HandClock, std::sync::Mutex<Vec<crate::Answer>>);

impl Wake for Careless {
    fn wake(self: Arc<Self>) {
        assert_eq!(turn(&self.1), Turned::Nothing);
        let answer = self.0.submit(&row(77), crate::Clock::now(&self.1));
        self.2.lock().unwrap().push(answer);
    }
}

#[test]
fn a_waker_may_submit_and_even_turn() {
    let _lane = Lane::enter();
    let careless = Arc::new(Careless(tiny(), HandClock::new(), std::sync::Mutex::default()));
    let mut answer = careless.0.submit(&row(1), crate::Clock::now(&careless.1));
    let waker = Waker::from(careless.clone());
    assert!(
        std::future::Future::poll(std::pin::Pin::new(&mut answer), &mut Context::from_waker(&waker))
            .is_pending()
    );
    assert_eq!(turn(&careless.1), Turned::All);
    assert_right(&ready(answer).unwrap(), &row(1));
    let within = careless.2.lock().unwrap().pop().unwrap();
    assert_right(&ready(within).unwrap(), &row(77));
    assert_eq!(careless.0.seen.runs(), [1, 1]);
}

/// A waker that fails.
struct Failing;

impl Wake for Failing {
    fn wake(self: Arc<Self>) {
        panic!("as the test asks for");
    }
}

#[test]
fn a_panic_beside_the_engine_ends_its_batch_and_neither_the_turn_nor_the_count_of_those_who_wait() {
    let (bench, clock) = (tiny(), HandClock::new());
    let _lane = Lane::enter();
    let now = crate::Clock::now(&clock);
    let mut answers = [bench.submit(&row(1), now), bench.submit(&row(2), now)];
    let waker = Waker::from(Arc::new(Failing));
    let first = std::pin::Pin::new(&mut answers[0]);
    assert!(std::future::Future::poll(first, &mut Context::from_waker(&waker)).is_pending());
    let turned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| turn(&clock)));
    assert_eq!(turned.ok(), Some(Turned::All), "the thread goes on");
    let [first, second] = answers;
    assert_right(&ready(first).unwrap(), &row(1));
    assert!(ready(second).unwrap_err().to_string().contains("given up"));
    let next = bench.submit(&row(3), now);
    assert_eq!(turn(&clock), Turned::All);
    assert_right(&ready(next).unwrap(), &row(3));
    assert_eq!(bench.lease.snapshot().waiting, 0);
}

#[test]
fn a_long_turn_stops_for_those_who_can_be_sent_their_answers() {
    let (bench, clock, woken) = (tiny(), SlowClock(HandClock::new(), 10), Arc::<Woken>::default());
    let _lane = Lane::enter();
    let now = crate::Clock::now(&clock);
    let rows: Vec<Vec<Vec<i64>>> = (1..10).map(|width| vec![vec![3; width]]).collect();
    let mut answers: Vec<_> = rows.iter().map(|rows| bench.submit(rows, now)).collect();
    // The first five take up the turn's time, but wake nobody, so that it goes on.
    assert!(answers[5..].iter_mut().all(|answer| poll(answer, &woken).is_pending()));
    assert_eq!(turn(&clock), Turned::Part);
    assert_eq!((bench.seen.runs().len(), woken.0.load(SeqCst)), (6, 1));
    assert_eq!(turn(&clock), Turned::All);
    answers.into_iter().zip(&rows).for_each(|(answer, rows)| assert_right(&ready(answer).unwrap(), rows));
}

/// Each look at it takes so many microseconds.
struct SlowClock(HandClock, u64);

impl crate::Clock for SlowClock {
    fn now(&self) -> std::time::Instant {
        self.0.advance(Duration::from_micros(self.1));
        self.0.now()
    }
    fn wall(&self) -> std::time::SystemTime {
        self.0.wall()
    }
}

#[test]
fn an_answer_holds_its_version_and_workspaces_go_with_it() {
    let (bench, clock) = (tiny(), HandClock::new());
    let seen = bench.seen.clone();
    let _lane = Lane::enter();
    let answer = bench.submit(&row(1), crate::Clock::now(&clock));
    turn(&clock);
    drop(bench);
    assert_eq!(seen.instances.load(SeqCst), 1);
    drop(answer);
    // The lane lives on, and keeps nothing of the version.
    assert_eq!(seen.instances.load(SeqCst), 0);
}

#[test]
fn after_many_turns_nothing_has_piled_up() {
    let (bench, clock) = (tiny(), HandClock::new());
    let _lane = Lane::enter();
    for round in 0..2000 {
        let now = crate::Clock::now(&clock);
        let mut answers: Vec<_> = (0..round % 7).map(|i| bench.submit(&row(i), now)).collect();
        answers.truncate(5);
        turn(&clock);
        answers.into_iter().zip(0..).for_each(|(answer, i)| assert_right(&ready(answer).unwrap(), &row(i)));
    }
    assert_eq!(bench.seen.instances.load(SeqCst), 1);
    assert_eq!(bench.lease.snapshot().waiting, 0);
    assert_eq!(crate::scheduler::lane::lists_kept(), (0, 1));
}
