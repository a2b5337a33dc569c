//! The batcher as a table of cases, and under a seeded simulation.

use super::*;
use crate::{Clock, SystemClock};
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

#[derive(Clone, Debug)]
struct Fake {
    id: usize,
    rows: usize,
    shape: usize,
    level: u64,
    arrived: Instant,
    deadline: Option<Instant>,
    awaited: Rc<Cell<bool>>,
    sociable: bool,
}

impl Job for Fake {
    fn rows(&self) -> usize {
        self.rows
    }
    fn row_bytes(&self) -> usize {
        8
    }
    fn level(&self) -> u64 {
        self.level
    }
    fn arrived(&self) -> Instant {
        self.arrived
    }
    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
    fn is_awaited(&self) -> bool {
        self.awaited.get()
    }
    fn is_sociable(&self) -> bool {
        self.sociable
    }
    fn joins(&self, other: &Self) -> bool {
        self.sociable && other.sociable && self.shape == other.shape
    }
}

fn start() -> Instant {
    SystemClock.now()
}

fn fake(id: usize, shape: usize, arrived: Instant) -> Fake {
    let awaited = Rc::new(Cell::new(true));
    Fake { id, rows: 1, shape, level: 2, arrived, deadline: None, awaited, sociable: true }
}

fn limits(max_rows: usize) -> Limits<'static> {
    Limits { max_rows, max_bytes: usize::MAX, max_delay: Duration::ZERO, preferred: &[] }
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Ids of the next batch; what else came out is lost.
fn next(batcher: &mut Batcher<Fake>, now: Instant, limits: &Limits<'_>) -> Vec<usize> {
    let mut formed = Formed::default();
    let decision = batcher.next(now, limits, &mut formed);
    assert_eq!(decision == Decision::Run, !formed.batch.is_empty());
    formed.batch.iter().map(|job| job.id).collect()
}

fn filled(jobs: impl IntoIterator<Item = Fake>) -> Batcher<Fake> {
    let mut batcher = Batcher::default();
    jobs.into_iter().for_each(|job| batcher.push(job));
    batcher
}

#[test]
fn a_lone_caller_never_waits() {
    let now = start();
    let mut batcher = filled([fake(0, 0, now)]);
    assert_eq!(batcher.due(&limits(64)), Some(now));
    assert_eq!(next(&mut batcher, now, &limits(64)), [0]);
    assert_eq!((batcher.calls(), batcher.rows(), batcher.due(&limits(64))), (0, 0, None));
}

#[test]
fn a_burst_of_64_runs_in_few_batches_in_order() {
    let now = start();
    let mut batcher = filled((0..64).map(|id| fake(id, 0, now)));
    assert_eq!(next(&mut batcher, now, &limits(48)), (0..48).collect::<Vec<_>>());
    assert_eq!(next(&mut batcher, now, &limits(48)), (48..64).collect::<Vec<_>>());
    assert!(next(&mut batcher, now, &limits(48)).is_empty());
}

#[test]
fn two_interleaved_shapes_both_progress_and_never_mix() {
    let now = start();
    let mut batcher = filled((0..8).map(|id| fake(id, id % 2, now)));
    assert_eq!(next(&mut batcher, now, &limits(3)), [0, 2, 4]);
    assert_eq!(next(&mut batcher, now, &limits(3)), [1, 3, 5]);
    // More of the first shape do not push the second one aside.
    (8..20).for_each(|id| batcher.push(fake(id, 0, now)));
    assert_eq!(next(&mut batcher, now, &limits(3)), [6, 8, 9]);
    assert_eq!(next(&mut batcher, now, &limits(3)), [7]);
}

#[test]
fn higher_priority_runs_first_and_equals_keep_their_order() {
    let now = start();
    let level = |id, level| Fake { level, ..fake(id, 0, now) };
    let mut batcher = filled([level(0, 2), level(1, 3), level(2, 1), level(3, 2), level(4, 1)]);
    batcher.push(Fake { level: 1, ..fake(5, 1, now) });
    assert_eq!(next(&mut batcher, now, &limits(3)), [2, 4, 0]);
    assert_eq!(next(&mut batcher, now, &limits(3)), [5]);
    assert_eq!(next(&mut batcher, now, &limits(3)), [3, 1]);
}

#[test]
fn calls_too_late_or_without_a_caller_never_run() {
    let now = start();
    let mut jobs: Vec<_> = (0..6).map(|id| fake(id, 0, now)).collect();
    jobs[0].deadline = Some(now + ms(5));
    jobs[2].deadline = Some(now + ms(5));
    jobs[3].deadline = Some(now + ms(6));
    jobs[5].awaited.set(false);
    let mut batcher = filled(jobs);
    let mut formed = Formed::default();
    assert_eq!(batcher.next(now + ms(5), &limits(64), &mut formed), Decision::Run);
    let ids = |jobs: &[Fake]| jobs.iter().map(|job| job.id).collect::<Vec<_>>();
    assert_eq!(ids(&formed.batch), [1, 3, 4]);
    assert_eq!(ids(&formed.expired), [0, 2]);
    assert_eq!(ids(&formed.left), [5]);
    assert_eq!((batcher.calls(), batcher.rows()), (0, 0));
}

#[test]
fn a_queue_of_the_dead_alone_gives_nothing_to_run() {
    let now = start();
    let mut batcher = filled((0..4).map(|id| fake(id, id, now)));
    batcher.groups.iter().for_each(|group| group.waiting[0].job.awaited.set(false));
    let mut formed = Formed::default();
    assert_eq!(batcher.next(now, &limits(64), &mut formed), Decision::Nothing);
    assert_eq!((formed.left.len(), batcher.calls()), (4, 0));
}

#[test]
fn a_full_queue_is_cleared_of_the_dead() {
    let now = start();
    let mut batcher = filled((0..6).map(|id| fake(id, id % 2, now)));
    batcher.groups[0].waiting.iter().for_each(|waiting| waiting.job.awaited.set(false));
    batcher.groups[1].waiting[1].job.deadline = Some(now);
    let mut formed = Formed::default();
    batcher.drop_stale(now, &mut formed);
    assert_eq!((formed.left.len(), formed.expired.len(), formed.batch.len()), (3, 1, 0));
    assert_eq!((batcher.calls(), batcher.rows()), (2, 2));
    assert_eq!(next(&mut batcher, now, &limits(64)), [1, 5]);
}

#[test]
fn a_call_larger_than_a_batch_runs_alone() {
    let now = start();
    let rows = |id, rows| Fake { rows, ..fake(id, 0, now) };
    let mut batcher = filled([rows(0, 3), rows(1, 100), rows(2, 3), rows(3, 5), rows(4, 1)]);
    assert_eq!(next(&mut batcher, now, &limits(8)), [0]);
    assert_eq!(next(&mut batcher, now, &limits(8)), [1]);
    assert_eq!(next(&mut batcher, now, &limits(8)), [2, 3]);
    assert_eq!(next(&mut batcher, now, &limits(8)), [4]);
}

#[test]
fn calls_without_rows_of_their_own_run_one_by_one() {
    let now = start();
    let mut batcher = filled((0..3).map(|id| Fake { sociable: false, ..fake(id, 0, now) }));
    batcher.push(fake(3, 0, now));
    let order: Vec<_> = (0..4).map(|_| next(&mut batcher, now, &limits(8))).collect();
    assert_eq!(order, [[0], [1], [2], [3]]);
}

#[test]
fn a_batch_stays_within_its_bytes() {
    let now = start();
    let mut batcher = filled((0..10).map(|id| fake(id, 0, now)));
    let bytes = Limits { max_bytes: 32, ..limits(64) };
    assert_eq!(next(&mut batcher, now, &bytes), [0, 1, 2, 3]);
    assert_eq!(next(&mut batcher, now, &Limits { max_bytes: 1, ..bytes }), [4]);
}

#[test]
fn a_delay_is_waited_for_unless_the_batch_is_full_or_of_a_preferred_size() {
    let now = start();
    let slow = Limits { max_delay: ms(10), preferred: &[4], ..limits(6) };
    let mut batcher = filled([fake(0, 0, now)]);
    let mut formed = Formed::default();
    assert_eq!(batcher.next(now + ms(9), &slow, &mut formed), Decision::WaitUntil(now + ms(10)));
    assert_eq!(batcher.due(&slow), Some(now + ms(10)));
    assert_eq!(next(&mut batcher, now + ms(10), &slow), [0]);

    let mut batcher = filled((0..5).map(|id| fake(id, 0, now)));
    assert_eq!(next(&mut batcher, now + ms(1), &slow), [0, 1, 2, 3]);
    assert!(next(&mut batcher, now + ms(1), &slow).is_empty());
    (5..12).for_each(|id| batcher.push(fake(id, 0, now + ms(2))));
    // The oldest has waited long enough: the batch is as large as it can be.
    assert_eq!(next(&mut batcher, now + ms(10), &slow), [4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_peer_that_sends_ever_new_shapes_makes_no_more_groups_than_there_may_be() {
    let now = start();
    let mut batcher = filled((0..1000).map(|id| fake(id, id, now)));
    assert!(batcher.groups.len() <= GROUPS_MAX + 1);
    let order: Vec<_> = std::iter::repeat_with(|| next(&mut batcher, now, &limits(8))).take(1000).collect();
    assert_eq!(order, (0..1000).map(|id| vec![id]).collect::<Vec<_>>());
}

/// A generator of numbers that is the same everywhere (xorshift64*).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }
}

/// What happened to a call.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Ran,
    Expired,
    Left,
}

/// One server thread, calls that come at random: everything that must hold of every batch is checked.
fn simulate(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let begin = start();
    let mut now = begin;
    let max_rows = 1 + random.below(20) as usize;
    let max_delay = ms([0, 0, 4][random.below(3) as usize]);
    let preferred: &[usize] = [&[] as &[usize], &[4, 8]][random.below(2) as usize];
    let limits = Limits { max_rows, max_bytes: usize::MAX, max_delay, preferred };
    let mut batcher = Batcher::default();
    let mut waiting: Vec<Fake> = Vec::new();
    let mut fates: HashMap<usize, Fate> = HashMap::new();
    let calls = 400;
    let mut came = 0;
    while fates.len() < calls {
        for _ in 0..random.below(12) {
            if came < calls {
                let mut job = fake(came, random.below(3) as usize, now);
                job.rows = random.below(6) as usize;
                job.level = 1 + random.below(3);
                job.sociable = random.below(10) > 0;
                job.deadline = (random.below(4) == 0).then(|| now + ms(1 + random.below(20)));
                waiting.push(job.clone());
                batcher.push(job);
                came += 1;
            }
        }
        for job in &waiting {
            job.awaited.set(job.awaited.get() && random.below(60) > 0);
        }
        let mut formed = Formed::default();
        let decision = batcher.next(now, &limits, &mut formed);
        check(&formed, &waiting, &limits, now, decision);
        let lists =
            [(Fate::Ran, &formed.batch), (Fate::Expired, &formed.expired), (Fate::Left, &formed.left)];
        for (fate, job) in lists.iter().flat_map(|(fate, jobs)| jobs.iter().map(move |job| (*fate, job))) {
            assert_eq!(fates.insert(job.id, fate), None, "call {} met two fates", job.id);
            waiting.retain(|other| other.id != job.id);
        }
        assert_eq!(batcher.calls(), waiting.len());
        assert_eq!(batcher.rows(), waiting.iter().map(|job| job.rows.max(1)).sum::<usize>());
        now += ms(match decision {
            Decision::Run => 1 + formed.batch.len() as u64 / 4,
            _ => 1,
        });
        assert!(now < begin + Duration::from_secs(60), "calls wait for ever");
    }
}

fn check(formed: &Formed<Fake>, waiting: &[Fake], limits: &Limits<'_>, now: Instant, decision: Decision) {
    let dead = |job: &Fake| !job.awaited.get() || job.deadline.is_some_and(|deadline| deadline <= now);
    assert!(formed.batch.iter().all(|job| !dead(job)));
    assert!(formed.left.iter().all(|job| !job.awaited.get()));
    assert!(formed.expired.iter().all(|job| job.awaited.get() && job.deadline.is_some_and(|d| d <= now)));
    let Some(first) = formed.batch.first() else {
        // Nothing that could run is left lying, unless it waits for company.
        assert!(decision != Decision::Run);
        let idle =
            waiting.iter().filter(|job| !formed.left.iter().chain(&formed.expired).any(|j| j.id == job.id));
        assert!(idle.clone().all(|job| job.arrived + limits.max_delay > now || dead(job)), "{idle:?}");
        return;
    };
    let rows: usize = formed.batch.iter().map(|job| job.rows.max(1)).sum();
    assert!(formed.batch.len() == 1 || rows <= limits.max_rows);
    assert!(formed.batch.iter().all(|job| job.id == first.id || job.joins(first)));
    assert!(formed.batch.is_sorted_by_key(|job| (job.level, job.id)));
    // No call of the same kind that came earlier, or stands higher, was passed over.
    let key = |job: &Fake| (job.level, job.id);
    let last = formed.batch.last().map(key).unwrap_or_default();
    let taken = |job: &Fake| formed.batch.iter().any(|other| other.id == job.id);
    let alike = waiting.iter().filter(|job| job.joins(first) && !dead(job) && !taken(job));
    alike.clone().for_each(|job| assert!(key(job) > last, "{job:?} was passed over"));
    if limits.max_delay.is_zero() {
        let best = waiting.iter().filter(|job| !dead(job)).map(key).min();
        assert_eq!(best, Some(key(first)), "the first in line runs first");
    }
}

#[test]
fn in_every_simulation_each_call_meets_one_fate_in_its_turn() {
    (0..300).for_each(simulate);
}
