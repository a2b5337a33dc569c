//! How many of the calls that wait on an I/O thread go into its next batch: all of them, or half.
//!
//! Callers that share a connection read all their answers before they ask again. Served in one batch, they and the thread
//! work in turns, each waiting for the other; served in two, they read the first half's answers while the second half
//! runs. A batch of half as many rows costs more than half, though, and where the thread is what everybody waits for
//! nothing is gained. Which of the two answers more rows in a second depends on callers that nobody here knows: so both
//! are tried, and the better one stays.

use std::time::{Duration, Instant};

/// What runs within this time is not cut: to look at the sockets once more costs a tenth of it.
const CUT_FROM: Duration = Duration::from_micros(50);

/// Batches after which the two ways are compared: a thread that lost its core for some milliseconds is a small part of them.
const WINDOW: u32 = 64;

/// What looks worse is tried again after one window, then after two, four and so on up to this many.
const TRY_EVERY_MAX: u32 = 64;

/// Of how many tries the gain is the average: one alone may have met with a disturbance.
const GAIN_OVER: u32 = 4;

/// Halves must answer one part in so many more rows: full batches take less of the processor.
const WORTH_CUTTING: f64 = 32.0;

/// A pause of this length says nothing of either way: a window in which there is one starts anew.
const PAUSE: Duration = Duration::from_millis(5);

/// Of how many batches the number of rows under way is the average.
const CALLERS_OVER: f64 = 16.0;

/// The next batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NextBatch {
    /// Its most rows.
    pub(crate) rows: usize,
    /// Whether its answers go out before the next batch runs.
    pub(crate) cut: bool,
}

/// Chooses between whole batches and halves for one version.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Rows that callers keep under way, on average.
    callers: f64,
    /// Rows of the last batch.
    ran: usize,
    /// Rows of a whole batch when the gain was measured.
    whole: usize,
    /// How many times as many rows halves answered as whole batches, on average of so many tries.
    gain: f64,
    tries: u32,
    /// Whether halves are the better way so far.
    halves_win: bool,
    /// Windows of the better way between two tries of the other, and those to come before the next one.
    between: u32,
    to_come: u32,
    /// The rate of the better way in the window before a try; nothing while no try is under way.
    before_try: Option<f64>,
    window: Option<Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    last: Instant,
    batches: u32,
    rows: usize,
}

impl Pace {
    /// What of `waiting` rows runs now. `waited`: the thread had nothing to do before they came. `most` is the
    /// largest batch; `takes` says what a run of so many rows takes, where that is known.
    pub(crate) fn next(
        &mut self,
        waiting: usize,
        waited: bool,
        now: Instant,
        most: usize,
        takes: impl Fn(usize) -> Option<Duration>,
    ) -> NextBatch {
        // Who was answered last is about to ask again, unless what waits is just that.
        let under_way = waiting + if waited { 0 } else { self.ran };
        self.callers += (under_way as f64 - self.callers) / CALLERS_OVER;
        let whole = power_of_two_near(self.callers);
        if whole / 2 >= most || whole < 2 || takes(whole).is_none_or(|time| time < CUT_FROM) {
            self.forget(whole);
            return NextBatch { rows: most, cut: false };
        }
        if whole != self.whole {
            self.forget(whole);
        }
        self.look_back(now);
        if self.cuts() {
            NextBatch { rows: whole / 2, cut: true }
        } else {
            NextBatch { rows: most, cut: false }
        }
    }

    /// Whether batches are halves now: the better way, or while the other is tried the other.
    fn cuts(&self) -> bool {
        self.halves_win != self.before_try.is_some()
    }

    /// So many rows ran.
    pub(crate) fn ran(&mut self, rows: usize) {
        self.ran = rows;
        if let Some(window) = &mut self.window {
            window.rows += rows;
        }
    }

    fn forget(&mut self, whole: usize) {
        *self = Pace { callers: self.callers, ran: self.ran, whole, ..Pace::default() };
    }

    /// Counts a batch that begins now; at the end of a window chooses the way of the next one.
    fn look_back(&mut self, now: Instant) {
        let fresh = Window { began: now, last: now, batches: 0, rows: 0 };
        let window = self.window.get_or_insert(fresh);
        if now.saturating_duration_since(window.last) > PAUSE {
            *window = Window { began: now, last: now, batches: 0, rows: 0 };
        }
        window.last = now;
        window.batches += 1;
        if window.batches <= WINDOW {
            return;
        }
        let rate = window.rows as f64 / now.saturating_duration_since(window.began).as_secs_f64().max(1e-9);
        self.window = None;
        self.choose(rate);
    }

    /// Learns the rate of the window that ended. A try is held against the window right before it: rates drift, and what
    /// disturbs the one mostly disturbs the other.
    fn choose(&mut self, rate: f64) {
        let Some(before) = self.before_try.take() else {
            match self.to_come.checked_sub(1) {
                Some(to_come) => self.to_come = to_come,
                None => self.before_try = Some(rate),
            }
            return;
        };
        let gain = if self.halves_win { before / rate } else { rate / before };
        self.tries = (self.tries + 1).min(GAIN_OVER);
        self.gain += (gain - self.gain) / f64::from(self.tries);
        let worth = 1.0 + 1.0 / WORTH_CUTTING;
        let (confirmed, halves_win) = ((gain > worth) == self.halves_win, self.gain > worth);
        // What speaks against the better way is looked into at once.
        self.between = if confirmed { (2 * self.between + 1).min(TRY_EVERY_MAX) } else { 0 };
        (self.halves_win, self.to_come) = (halves_win, self.between);
    }
}

/// The power of two that is nearest by ratio: costs are told apart by powers of two.
fn power_of_two_near(rows: f64) -> usize {
    1 << (rows.max(1.0).log2().round().min(30.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;

    const fn micros(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    /// A thread and callers of 64 rows in all: what a cycle of 64 rows takes in one batch, and in two.
    struct Play {
        now: Instant,
        pace: Pace,
        whole: Duration,
        halves: Duration,
    }

    impl Play {
        fn of(whole: Duration, halves: Duration) -> Self {
            Play { now: crate::SystemClock.now(), pace: Pace::default(), whole, halves }
        }

        /// Some cycles; the batches of the last one.
        fn cycles(&mut self, cycles: u32) -> Vec<usize> {
            let mut batches = Vec::new();
            for _ in 0..cycles {
                batches.clear();
                let (mut waiting, mut waited) = (64, true);
                while waiting > 0 {
                    let batch =
                        self.pace.next(waiting, waited, self.now, 256, |rows| Some(micros(2) * rows as u32));
                    let rows = batch.rows.min(waiting);
                    self.pace.ran(rows);
                    batches.push(rows);
                    self.now += (if batch.cut { self.halves } else { self.whole }) * rows as u32 / 64;
                    (waiting, waited) = (waiting - rows, false);
                }
            }
            batches
        }
    }

    impl Play {
        /// The share of cycles that run in halves.
        fn cut_of(&mut self, cycles: u32) -> f64 {
            let cut = (0..cycles).filter(|_| self.cycles(1) != [64]).count();
            cut as f64 / f64::from(cycles)
        }
    }

    #[test]
    fn halves_stay_where_they_answer_more() {
        let mut play = Play::of(micros(300), micros(250));
        assert_eq!(play.cycles(1), [64]);
        play.cycles(20 * WINDOW);
        assert!(play.cut_of(20 * WINDOW) > 0.8);
    }

    #[test]
    fn whole_batches_stay_where_halves_answer_no_more() {
        let mut play = Play::of(micros(300), micros(295));
        play.cycles(3 * TRY_EVERY_MAX * WINDOW);
        let tried = play.cut_of(10 * TRY_EVERY_MAX * WINDOW);
        assert!(tried > 0.0 && tried < 0.02, "{tried}");
    }

    #[test]
    fn one_try_that_met_with_a_disturbance_changes_nothing_for_long() {
        let mut play = Play::of(micros(300), micros(330));
        play.cycles(3 * TRY_EVERY_MAX * WINDOW);
        while play.cycles(1) == [64] {}
        play.halves = micros(250);
        while play.cycles(1) != [64] {}
        play.halves = micros(330);
        assert!(play.cut_of(20 * WINDOW) < 0.3);
    }

    #[test]
    fn what_was_worse_and_becomes_better_is_found() {
        let mut play = Play::of(micros(300), micros(400));
        play.cycles(4 * TRY_EVERY_MAX * WINDOW);
        assert!(play.cut_of(10 * WINDOW) < 0.2);
        play.halves = micros(200);
        play.cycles(2 * TRY_EVERY_MAX * WINDOW);
        assert!(play.cut_of(10 * WINDOW) > 0.8);
        play.halves = micros(400);
        play.cycles(2 * TRY_EVERY_MAX * WINDOW);
        assert!(play.cut_of(10 * WINDOW) < 0.2);
    }

    #[test]
    fn a_pause_is_held_against_nobody() {
        let mut play = Play::of(micros(300), micros(250));
        for _ in 0..8 {
            play.cycles(WINDOW / 3);
            play.now += Duration::from_secs(1);
        }
        assert_eq!(play.pace.tries, 0);
        assert_eq!(play.cycles(1), [64]);
    }

    #[test]
    fn short_runs_and_lone_calls_are_never_cut() {
        let mut pace = Pace::default();
        let now = crate::SystemClock.now();
        for batch in 0..10_000 {
            let now = now + micros(100) * batch;
            assert_eq!(
                pace.next(1, true, now, 256, |_| Some(micros(200))),
                NextBatch { rows: 256, cut: false }
            );
            pace.ran(1);
        }
        for batch in 0..10_000 {
            let now = now + micros(100) * batch;
            assert_eq!(
                pace.next(64, true, now, 256, |_| Some(micros(40))),
                NextBatch { rows: 256, cut: false }
            );
            pace.ran(64);
        }
    }

    #[test]
    fn batches_below_half_of_what_is_under_way_are_left_as_they_are() {
        let mut pace = Pace::default();
        let now = crate::SystemClock.now();
        for batch in 0..10_000 {
            let batch = pace.next(1000, false, now + micros(500) * batch, 256, |_| Some(micros(2000)));
            assert_eq!(batch, NextBatch { rows: 256, cut: false });
            pace.ran(256);
        }
    }
}
