//! The queue before the compute threads: when it wants a thread, and what a thread runs of it.

use super::Scheduler;
use super::batch::turn_away;
use super::batcher::{Batcher, Formed};
use super::compute::Station;
use super::request::Ticket;
use crate::locked::lock;
use landfall_model::Problem;
use std::sync::Arc;
use std::time::Instant;

/// The calls that wait for a compute thread.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) batcher: Batcher<Arc<Ticket>>,
    running: usize,
    /// Whether it stands in the pool's ring.
    listed: bool,
    /// When the pool looks at it again by itself.
    alarm: Option<Instant>,
    /// When it was last searched for calls that nobody waits for.
    pub(super) cleared: Option<Instant>,
}

/// What the queue wants of the pool.
enum Wish {
    Nothing,
    Thread,
    Alarm(Instant),
}

impl Scheduler {
    /// Puts a call into the queue before the compute threads.
    pub(crate) fn enqueue(self: &Arc<Self>, ticket: Arc<Ticket>) {
        let wish = {
            let mut queue = lock(&self.queue);
            queue.batcher.push(ticket);
            self.wish(&mut queue)
        };
        self.grant(wish);
    }

    fn wish(&self, queue: &mut Queue) -> Wish {
        if queue.listed || queue.running >= self.parallel {
            return Wish::Nothing;
        }
        let limits = self.compute_limits();
        let Some(due) = queue.batcher.due(&limits) else { return Wish::Nothing };
        if limits.max_delay.is_zero() || due <= self.clock().now() {
            queue.listed = true;
            return Wish::Thread;
        }
        if queue.alarm.is_some_and(|alarm| alarm <= due) {
            return Wish::Nothing;
        }
        queue.alarm = Some(due);
        Wish::Alarm(due)
    }

    fn grant(self: &Arc<Self>, wish: Wish) {
        let granted = match wish {
            Wish::Nothing => Ok(()),
            Wish::Thread => self.pool.add(self.clone()),
            Wish::Alarm(at) => self.pool.add_later(at, self.clone()),
        };
        if let Err(problem) = granted {
            self.give_up(&problem);
        }
    }

    /// Without a thread nobody would come to those that wait.
    #[cold]
    fn give_up(&self, problem: &Problem) {
        let tickets: Vec<_> = {
            let mut queue = lock(&self.queue);
            // The pool has kept nothing: the next call asks it anew.
            (queue.listed, queue.alarm) = (false, None);
            queue.batcher.drain().collect()
        };
        self.release(&tickets);
        turn_away(&tickets, self.clock().now(), problem);
    }
}

impl Station for Scheduler {
    fn run_next(self: Arc<Self>) {
        let now = self.clock().now();
        let mut formed = Formed::default();
        let wish = {
            let mut queue = lock(&self.queue);
            queue.listed = false;
            queue.alarm = queue.alarm.filter(|&alarm| alarm > now);
            if queue.running >= self.parallel {
                return;
            }
            queue.batcher.next(now, &self.compute_limits(), &mut formed);
            queue.running += 1;
            self.wish(&mut queue)
        };
        let _running = Running(&self);
        self.grant(wish);
        self.conduct(&mut formed, now, self.clock());
    }
}

/// One run on a compute thread; when it ends, whoever waits for it may run.
struct Running<'a>(&'a Arc<Scheduler>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let wish = {
            let mut queue = lock(&self.0.queue);
            queue.running -= 1;
            self.0.wish(&mut queue)
        };
        self.0.grant(wish);
    }
}
