//! A thread that has just answered looks at its sockets a little longer before it sleeps.
//!
//! To sleep and to be woken again costs a lone caller about as much as a cheap model's run: the processor has to leave its
//! idle state, and finds its caches cold. So where the next request tends to come at once the thread waits for it awake,
//! and where it does not, the thread soon stops trying. An idle server sleeps.

use landfall_serving::Clock;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::yield_now;

/// How long a thread waits awake: a caller on the same machine asks again within 20 to 80 µs.
const BUSY: Duration = Duration::from_micros(100);

/// After so many times in vain, every 2 to this power'th answer is followed by another try.
const DOUBT_MAX: u32 = 10;

/// Waits awake after answers, for as long as the runtime lives. `answered` is notified when a turn gave answers; `turn`
/// runs what waits in this thread's lane, and says whether there was anything; `handed_in` counts what came since.
pub(crate) async fn busy_poll(
    answered: &Notify,
    clock: &dyn Clock,
    handed_in: impl Fn() -> usize,
    mut turn: impl FnMut() -> bool,
) {
    let mut doubt = Doubt::default();
    loop {
        answered.notified().await;
        if doubt.keeps_away() {
            continue;
        }
        let mut until = clock.now() + BUSY;
        let mut paid = false;
        loop {
            let before = handed_in();
            // The runtime looks at the sockets, without sleeping, and then comes back here.
            yield_now().await;
            behind_others().await;
            // Where one look found calls, the next may find those that belong into the same batch.
            if handed_in() > before {
                continue;
            }
            if turn() {
                paid = true;
                until = clock.now() + BUSY;
            } else if clock.now() >= until {
                break;
            }
        }
        doubt.learn(paid);
    }
}

/// Goes to the end of the line once: connections that were found ready have come by then as far as to start their
/// requests' tasks, and these stand in the line before this one.
async fn behind_others() {
    let mut went = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut went, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Whether waiting awake has paid lately.
#[derive(Default)]
struct Doubt {
    /// How often it was in vain, without a success between.
    vain: u32,
    /// Answers to let pass before the next try.
    pass: u32,
}

impl Doubt {
    fn keeps_away(&mut self) -> bool {
        let away = self.pass > 0;
        self.pass = self.pass.saturating_sub(1);
        away
    }

    fn learn(&mut self, paid: bool) {
        self.vain = if paid { 0 } else { (self.vain + 1).min(DOUBT_MAX) };
        self.pass = (1 << self.vain) - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::sync::Mutex;
    use std::time::{Instant, SystemTime};

    /// Ten microseconds pass whenever somebody asks for the time.
    struct Ticking(Mutex<Instant>);

    impl Clock for Ticking {
        fn now(&self) -> Instant {
            let mut now = self.0.lock().unwrap();
            *now += Duration::from_micros(10);
            *now
        }

        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }
    }

    /// How many turns a thread takes after each of so many answers, when requests come at the given turns.
    fn turns(answers: usize, found: impl Fn(usize) -> bool) -> Vec<usize> {
        turns_while(answers, || 0, found)
    }

    /// The same while calls are handed in, as a count that grows says.
    fn turns_while(
        answers: usize,
        handed_in: impl Fn() -> usize,
        found: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let clock = Ticking(Mutex::new(landfall_serving::SystemClock.now()));
        let (answered, taken) = (Notify::new(), Cell::new(0));
        let turn = || {
            taken.set(taken.get() + 1);
            found(taken.get())
        };
        runtime.block_on(async {
            let lingering = busy_poll(&answered, &clock, &handed_in, turn);
            tokio::pin!(lingering);
            let mut each = Vec::new();
            for _ in 0..answers {
                let before = taken.get();
                answered.notify_one();
                // As many polls as a try could need at most.
                for _ in 0..200 {
                    assert!(futures_now(lingering.as_mut()).await.is_none());
                }
                each.push(taken.get() - before);
            }
            each
        })
    }

    /// One poll.
    async fn futures_now<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut found = None;
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                found = Some(output);
            }
            Poll::Ready(())
        })
        .await;
        found
    }

    #[test]
    fn a_thread_waits_awake_for_a_while_and_then_sleeps() {
        assert_eq!(turns(1, |_| false), [10]);
    }

    #[test]
    fn no_turn_is_taken_while_each_look_finds_further_calls() {
        let asked = Cell::new(0);
        let count = |until| {
            asked.set(asked.get() + 1);
            asked.get().min(until)
        };
        assert_eq!(turns_while(1, || count(usize::MAX), |_| false), [0]);
        asked.set(0);
        assert_eq!(turns_while(1, || count(40), |_| false), [10]);
    }

    #[test]
    fn each_request_that_came_starts_the_wait_anew() {
        assert_eq!(turns(1, |turn| turn % 5 == 0 && turn <= 20), [30]);
    }

    #[test]
    fn where_nothing_comes_it_is_tried_ever_more_seldom() {
        let tries: Vec<bool> = turns(16, |_| false).iter().map(|&turns| turns > 0).collect();
        let at: Vec<usize> = (0..16).filter(|&answer| tries[answer]).collect();
        assert_eq!(at, [0, 2, 6, 14]);
    }

    #[test]
    fn one_success_takes_all_doubt_away() {
        // Turns 1 to 10 in vain, then a request at the second try's first turn.
        let tries = turns(5, |turn| turn == 11);
        assert_eq!(
            tries.iter().map(|&turns| turns > 0).collect::<Vec<_>>(),
            [true, false, true, true, false]
        );
    }
}
