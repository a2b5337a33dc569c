//! Polls at once again what woke itself while it was polled, and not where nothing new can be found.
//!
//! hyper hands a request's body to its handler through a channel within the connection's own future: taking a piece wakes the
//! connection. Where there are more pieces it is polled again at once, not after all others that are ready; after the last
//! one ([`Polled::body_came`]) not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// How often in a row a future is polled before others have their turn.
const POLLS: usize = 3;

/// Polls one future.
#[derive(Default)]
pub(crate) struct Repoll {
    polled: Polled,
    seat: Option<Seat>,
}

/// Where the future stands, for what runs within it.
#[derive(Clone, Default)]
pub(crate) struct Polled(Arc<AtomicU8>);

/// The task that the future runs in.
struct Seat {
    bell: Arc<Bell>,
    /// Rings it.
    waker: Waker,
}

/// What wakes the future: the task, or a note for whoever is polling it.
struct Bell {
    polled: Polled,
    task: Waker,
}

const WAITING: u8 = 0;
const POLLED: u8 = 1;
const WOKEN: u8 = 2;

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let state = self.polled.0.compare_exchange(POLLED, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        if state == Err(WAITING) {
            self.task.wake_by_ref();
        }
    }
}

impl Seat {
    fn new(polled: &Polled, task: &Waker) -> Self {
        let bell = Arc::new(Bell { polled: polled.clone(), task: task.clone() });
        Seat { waker: bell.clone().into(), bell }
    }
}

impl Polled {
    /// A request's body has come whole, and its handler waits for nothing yet: what woke the connection so far within this
    /// poll was that its bytes were taken. Without a meaning outside of a poll, as for HTTP/2, whose requests run beside
    /// their connection.
    pub(crate) fn body_came(&self) {
        let _ = self.0.compare_exchange(WOKEN, POLLED, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl Repoll {
    /// Where the future stands.
    pub(crate) fn polled(&self) -> &Polled {
        &self.polled
    }

    /// Polls until the future is ready, or waits for something else than itself. `task` is whom to wake later.
    pub(crate) fn poll<T>(
        &mut self,
        task: &Waker,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let seat = match self.seat.take().filter(|seat| seat.bell.task.will_wake(task)) {
            Some(seat) => self.seat.insert(seat),
            None => self.seat.insert(Seat::new(&self.polled, task)),
        };
        let mut context = Context::from_waker(&seat.waker);
        for _ in 0..POLLS {
            self.polled.0.store(POLLED, Ordering::Release);
            let polled = poll(&mut context);
            let woken = self.polled.0.swap(WAITING, Ordering::AcqRel) == WOKEN;
            if polled.is_ready() || !woken {
                return polled;
            }
        }
        task.wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// Counts how often its task was woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Polls once a future that wakes itself in its first polls; gives how often it was polled and its task was woken.
    fn polled(wakes_itself: usize) -> (usize, usize) {
        let task = Arc::new(Task::default());
        let mut polls = 0;
        let pending: Poll<()> = Repoll::default().poll(&task.clone().into(), |context| {
            polls += 1;
            if polls <= wakes_itself {
                context.waker().wake_by_ref();
            }
            Poll::Pending
        });
        assert!(pending.is_pending());
        (polls, task.0.load(Ordering::SeqCst))
    }

    #[test]
    fn what_wakes_itself_is_polled_again_without_its_task_but_not_for_ever() {
        assert_eq!(polled(0), (1, 0));
        assert_eq!(polled(1), (2, 0));
        assert_eq!(polled(2), (3, 0));
        assert_eq!(polled(usize::MAX), (POLLS, 1));
    }

    #[test]
    fn what_comes_between_polls_wakes_the_task_that_polled_last() {
        let (first, second) = (Arc::new(Task::default()), Arc::new(Task::default()));
        let mut again = Repoll::default();
        for (task, woken) in [(&first, (1, 0)), (&second, (1, 1)), (&second, (1, 2))] {
            let mut waker = None;
            let pending: Poll<()> = again.poll(&task.clone().into(), |context| {
                waker = Some(context.waker().clone());
                Poll::Pending
            });
            assert!(pending.is_pending());
            waker.unwrap().wake();
            assert_eq!((first.0.load(Ordering::SeqCst), second.0.load(Ordering::SeqCst)), woken);
        }
    }

    #[test]
    fn a_body_that_came_whole_is_no_reason_to_poll_again_but_what_comes_after_it_is() {
        let task = Arc::new(Task::default());
        let waker: Waker = task.clone().into();
        let mut again = Repoll::default();
        let polled = again.polled().clone();
        let mut polls = 0;
        for wakes_later in [false, true] {
            let pending: Poll<()> = again.poll(&waker, |context| {
                polls += 1;
                if polls < 3 {
                    context.waker().wake_by_ref();
                    polled.body_came();
                }
                if wakes_later && polls < 3 {
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            });
            assert!(pending.is_pending());
        }
        assert_eq!((polls, task.0.load(Ordering::SeqCst)), (3, 0));
        // Nobody is polling: a wake from here on reaches the task.
        polled.body_came();
        let waker = again.seat.as_ref().unwrap().waker.clone();
        waker.wake_by_ref();
        assert_eq!(task.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_wake_from_another_thread_is_never_lost() {
        let task = Arc::new(Task::default());
        let mut again = Repoll::default();
        for _ in 0..2000 {
            let before = task.0.load(Ordering::SeqCst);
            let mut polls = 0;
            let mut other = None;
            let _: Poll<()> = again.poll(&task.clone().into(), |context| {
                polls += 1;
                if other.is_none() {
                    let waker = context.waker().clone();
                    other = Some(std::thread::spawn(move || waker.wake()));
                }
                Poll::Pending
            });
            other.unwrap().join().unwrap();
            // Either it was seen while polling, or the task was woken.
            assert_eq!(polls - 1 + task.0.load(Ordering::SeqCst) - before, 1);
        }
    }
}
