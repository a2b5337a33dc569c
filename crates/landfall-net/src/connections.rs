//! The connections of one I/O thread: who is idle, who is told to finish, who is cut.
//!
//! Nothing here costs a timer or a lock per request: a connection counts its requests and writes, a sweep now and then
//! compares the counts with those it saw before.

pub(crate) mod authority;
pub(crate) mod repoll;
pub(crate) mod socket;

use crate::limits::portion_after;
use crate::memory::Share;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use tokio::sync::Notify;

/// What a connection is told. Later ones outrank earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Order {
    /// Go on.
    Serve,
    /// Answer what is under way, then close.
    Finish,
    /// Close at once.
    Cut,
}

/// What a connection has done and is told, as counters. One thread writes those of requests and writes, the connection's own:
/// no read-modify-write is needed.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    requests: AtomicU64,
    under_way: AtomicUsize,
    written: AtomicU64,
    http2: AtomicBool,
    order: AtomicU8,
}

impl Activity {
    /// So many bytes were taken by the peer's side.
    pub(crate) fn wrote(&self, bytes: usize) {
        self.written.store(self.written.load(Relaxed).wrapping_add(bytes as u64), Relaxed);
    }

    /// Requests that are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Relaxed)
    }

    /// What the connection is told.
    pub(crate) fn order(&self) -> Order {
        match self.order.load(Relaxed) {
            0 => Order::Serve,
            1 => Order::Finish,
            _ => Order::Cut,
        }
    }

    fn tell(&self, order: Order) {
        self.order.fetch_max(order as u8, Relaxed);
    }
}

/// A request that is under way.
pub(crate) struct UnderWay<A: Deref<Target = Activity>>(A);

impl<A: Deref<Target = Activity>> UnderWay<A> {
    /// A request began; it is under way until the value is dropped.
    pub(crate) fn begin(activity: A, http2: bool) -> Self {
        activity.requests.store(activity.requests.load(Relaxed).wrapping_add(1), Relaxed);
        activity.under_way.store(activity.under_way.load(Relaxed) + 1, Relaxed);
        activity.http2.store(http2, Relaxed);
        UnderWay(activity)
    }
}

impl<A: Deref<Target = Activity>> Drop for UnderWay<A> {
    fn drop(&mut self) {
        self.0.under_way.store(self.0.under_way.load(Relaxed) - 1, Relaxed);
    }
}

/// The connections of one I/O thread.
#[derive(Default)]
pub(crate) struct Connections {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    next: u64,
    open: HashMap<u64, OpenConnection>,
    told: Option<Order>,
}

struct OpenConnection {
    activity: Arc<Activity>,
    share: Arc<Share>,
    waker: Option<Waker>,
    /// Requests, and bytes written, when something happened last.
    seen: (u64, u64),
    idle_sweeps: u32,
}

impl Connections {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A further connection.
    pub(crate) fn add(self: &Arc<Self>, share: &Arc<Share>) -> Registration {
        let activity = Arc::new(Activity::default());
        let mut state = self.state();
        if let Some(order) = state.told {
            activity.tell(order);
        }
        let number = state.next;
        state.next += 1;
        let entry = OpenConnection {
            activity: activity.clone(),
            share: share.clone(),
            waker: None,
            seen: (0, 0),
            idle_sweeps: 0,
        };
        state.open.insert(number, entry);
        Registration { connections: self.clone(), number, activity, waker: None }
    }

    /// Tells all connections, and those to come.
    pub(crate) fn tell(&self, order: Order) {
        let mut state = self.state();
        state.told = state.told.max(Some(order));
        for entry in state.open.values_mut() {
            entry.tell(order);
        }
    }

    /// Closes connections that were idle, or whose peers read too little of what waits for them, for so many sweeps.
    pub(crate) fn sweep(&self, patience: u32) {
        for entry in self.state().open.values_mut() {
            if entry.has_moved() {
                entry.idle_sweeps = 0;
            } else {
                entry.idle_sweeps += 1;
            }
            if entry.idle_sweeps >= patience {
                entry.tell(Order::Cut);
            }
        }
    }

    /// Requests under way on all connections.
    pub(crate) fn under_way(&self) -> usize {
        self.state().open.values().map(|entry| entry.activity.under_way.load(Relaxed)).sum()
    }

    /// Number of connections.
    pub(crate) fn len(&self) -> usize {
        self.state().open.len()
    }

    /// Waits until there is no connection.
    pub(crate) async fn empty(&self) {
        while self.len() > 0 {
            self.changed.notified().await;
        }
    }
}

impl OpenConnection {
    /// Whether there was reason since the last time to let the connection stay.
    fn has_moved(&mut self) -> bool {
        let activity = &self.activity;
        let now = (activity.requests.load(Relaxed), activity.written.load(Relaxed));
        let waiting = self.share.waiting();
        let moved = if waiting > 0 {
            // Who leaves answers unread holds memory, and takes no others.
            now.1.wrapping_sub(self.seen.1) >= portion_after(waiting) as u64
        } else {
            now != self.seen || activity.http2.load(Relaxed) || activity.under_way.load(Relaxed) > 0
        };
        if moved {
            self.seen = now;
        }
        moved
    }

    fn tell(&mut self, order: Order) {
        self.activity.tell(order);
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

/// A connection's place among the others, until it is dropped.
pub(crate) struct Registration {
    connections: Arc<Connections>,
    number: u64,
    pub(crate) activity: Arc<Activity>,
    waker: Option<Waker>,
}

impl Registration {
    /// Whom to wake when the connection is told something. Cheap where it is the same as before.
    pub(crate) fn wake(&mut self, waker: &Waker) {
        if self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        self.waker = Some(waker.clone());
        if let Some(entry) = self.connections.state().open.get_mut(&self.number) {
            entry.waker = Some(waker.clone());
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.connections.state().open.remove(&self.number);
        self.connections.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BODY_PORTION;
    use crate::memory::Memory;

    fn share() -> Arc<Share> {
        Memory::new(usize::MAX).share()
    }

    #[test]
    fn a_peer_that_reads_none_of_its_answers_is_cut_and_one_that_reads_slowly_is_not() {
        let connections = Arc::new(Connections::default());
        let (deaf, slow) = (share(), share());
        let answers = [&deaf, &slow].map(|share| share.answer(bytes::Bytes::from_static(b"answer")).unwrap());
        let (deaf, slow) = (connections.add(&deaf), connections.add(&slow));
        let guards = [&deaf, &slow].map(|peer| UnderWay::begin(&*peer.activity, true));
        for _ in 0..4 {
            slow.activity.wrote(BODY_PORTION / 2);
            UnderWay::begin(&*deaf.activity, true);
            deaf.activity.wrote(1);
            connections.sweep(3);
        }
        assert_eq!((deaf.activity.order(), slow.activity.order()), (Order::Cut, Order::Serve));
        drop((answers, guards));
    }

    #[test]
    fn a_large_answer_over_http_1_has_to_be_read_faster_than_a_small_one() {
        let connections = Arc::new(Connections::default());
        let shares = [share(), share()];
        shares[0].lone_answer(1 << 30).unwrap();
        shares[1].lone_answer(1 << 20).unwrap();
        let [large, small] = shares.map(|share| connections.add(&share));
        for _ in 0..4 {
            [&large, &small].into_iter().for_each(|peer| peer.activity.wrote(2 * BODY_PORTION));
            connections.sweep(3);
        }
        assert_eq!((large.activity.order(), small.activity.order()), (Order::Cut, Order::Serve));
    }

    #[test]
    fn an_idle_connection_is_cut_and_a_busy_one_is_not() {
        let connections = Arc::new(Connections::default());
        let idle = connections.add(&share());
        let asking = connections.add(&share());
        let writing = connections.add(&share());
        let http2 = connections.add(&share());
        drop(UnderWay::begin(&*http2.activity, true));
        let guard = UnderWay::begin(&*asking.activity, false);
        for _ in 0..4 {
            writing.activity.wrote(1);
            connections.sweep(3);
        }
        assert_eq!(idle.activity.order(), Order::Cut);
        for busy in [&asking, &writing, &http2] {
            assert_eq!(busy.activity.order(), Order::Serve);
        }
        assert_eq!(connections.under_way(), 1);
        drop(guard);
        (0..4).for_each(|_| connections.sweep(3));
        assert_eq!(asking.activity.order(), Order::Cut);
    }

    #[test]
    fn an_order_reaches_those_who_come_later_and_is_never_taken_back() {
        let connections = Arc::new(Connections::default());
        let before = connections.add(&share());
        connections.tell(Order::Cut);
        connections.tell(Order::Finish);
        let after = connections.add(&share());
        assert_eq!((before.activity.order(), after.activity.order()), (Order::Cut, Order::Cut));
        drop((before, after));
        assert_eq!(connections.len(), 0);
    }
}
