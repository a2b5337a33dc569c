//! Who runs next: a pure state machine. Calls come in, time is handed in, batches come out.
//!
//! Calls that may share a batch form a group; calls that share with nobody stand in one group of their own, a batch
//! each. Within a group order is by priority, then by arrival. The group whose first call has the highest priority,
//! and among equals has waited longest, runs next: so none starves beside another of the same priority.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Groups at the same time. Further ones run their calls one by one, so that finding a call's group stays cheap
/// whatever shapes a peer sends.
const GROUPS_MAX: usize = 64;

/// What the batcher needs to know of a waiting call.
pub(crate) trait Job {
    /// Rows that it adds to a batch; a call without rows counts as one.
    fn rows(&self) -> usize;
    /// Bytes of one of its rows.
    fn row_bytes(&self) -> usize;
    /// Lower runs first.
    fn level(&self) -> u64;
    /// When it came.
    fn arrived(&self) -> Instant;
    /// When its answer is worth nothing any more.
    fn deadline(&self) -> Option<Instant>;
    /// Whether somebody still waits for the answer.
    fn is_awaited(&self) -> bool;
    /// Whether it may share a batch with any other call at all.
    fn is_sociable(&self) -> bool;
    /// Whether it may share a batch with this sociable call.
    fn joins(&self, other: &Self) -> bool;
}

/// How large batches may be, and whether they wait for company.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits<'a> {
    /// Rows of one batch; a call with more runs alone.
    pub(crate) max_rows: usize,
    /// Bytes of inputs of one batch; a call with more runs alone.
    pub(crate) max_bytes: usize,
    /// How long a call may wait for company. Zero: it never waits.
    pub(crate) max_delay: Duration,
    /// Sizes in rows that run without further waiting.
    pub(crate) preferred: &'a [usize],
}

/// What to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decision {
    /// The batch that was formed runs.
    Run,
    /// Nothing runs before this time, unless a call comes.
    WaitUntil(Instant),
    /// Nothing waits.
    Nothing,
}

/// Where [`Batcher::next`] puts calls. Kept by its caller, so that the lists are allocated once.
#[derive(Debug)]
pub(crate) struct Formed<J> {
    /// The calls that run together.
    pub(crate) batch: Vec<J>,
    /// Calls whose deadline passed.
    pub(crate) expired: Vec<J>,
    /// Calls that nobody waits for any more.
    pub(crate) left: Vec<J>,
}

impl<J> Default for Formed<J> {
    fn default() -> Self {
        Formed { batch: Vec::new(), expired: Vec::new(), left: Vec::new() }
    }
}

impl<J> Formed<J> {
    /// Number of calls in all lists.
    pub(crate) fn len(&self) -> usize {
        self.batch.len() + self.expired.len() + self.left.len()
    }
}

/// Calls that wait for one version, in one place.
pub(crate) struct Batcher<J> {
    groups: Vec<Group<J>>,
    /// A list without calls, kept for the next group.
    spare: VecDeque<Waiting<J>>,
    arrivals: u64,
    calls: usize,
    rows: usize,
}

struct Group<J> {
    /// Whether its calls share batches.
    sociable: bool,
    /// Ascending by level, then by number. Never empty between calls from outside.
    waiting: VecDeque<Waiting<J>>,
    rows: usize,
}

struct Waiting<J> {
    number: u64,
    job: J,
}

impl<J> Default for Batcher<J> {
    fn default() -> Self {
        Batcher { groups: Vec::new(), spare: VecDeque::new(), arrivals: 0, calls: 0, rows: 0 }
    }
}

impl<J: Job> Batcher<J> {
    /// Number of calls that wait.
    pub(crate) fn calls(&self) -> usize {
        self.calls
    }

    /// Rows of all calls that wait.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// A call came.
    pub(crate) fn push(&mut self, job: J) {
        let waiting = Waiting { number: self.arrivals, job };
        self.arrivals += 1;
        self.calls += 1;
        self.rows += waiting.rows();
        let place = self.group_of(&waiting.job);
        self.groups[place].insert(waiting);
    }

    fn group_of(&mut self, job: &J) -> usize {
        let mut sociable = job.is_sociable();
        let takes = |group: &Group<J>| match (sociable, group.waiting.front()) {
            (true, Some(first)) => group.sociable && first.job.joins(job),
            _ => !group.sociable,
        };
        if let Some(place) = self.groups.iter().position(takes) {
            return place;
        }
        if sociable && self.groups.len() >= GROUPS_MAX {
            sociable = false;
            if let Some(place) = self.groups.iter().position(|group| !group.sociable) {
                return place;
            }
        }
        self.groups.push(Group { sociable, waiting: std::mem::take(&mut self.spare), rows: 0 });
        self.groups.len() - 1
    }

    /// When the next batch may run: now or earlier, or later where company is waited for; `None` when nothing waits.
    pub(crate) fn due(&self, limits: &Limits<'_>) -> Option<Instant> {
        self.groups.iter().filter_map(|group| group.due(limits)).min()
    }

    /// Forms the next batch. Calls whose deadline passed or whose caller left are taken out where they are met; they
    /// never run.
    pub(crate) fn next(&mut self, now: Instant, limits: &Limits<'_>, formed: &mut Formed<J>) -> Decision {
        let before = formed.len();
        let decision = loop {
            self.drop_stale_heads(now, formed);
            let ripe = |group: &&Group<J>| group.due(limits).is_some_and(|due| due <= now);
            let chosen = self.groups.iter().filter(ripe).min_by_key(|group| group.head()).map(Group::head);
            let Some(head) = chosen else {
                break self.due(limits).map_or(Decision::Nothing, Decision::WaitUntil);
            };
            if let Some(place) = self.groups.iter().position(|group| group.head() == head) {
                self.rows -= self.groups[place].take(now, limits, formed);
                self.close_if_empty(place);
            }
            if !formed.batch.is_empty() {
                break Decision::Run;
            }
        };
        self.calls -= formed.len() - before;
        decision
    }

    /// Takes out all calls whose deadline passed or whose caller left.
    pub(crate) fn drop_stale(&mut self, now: Instant, formed: &mut Formed<J>) {
        let before = formed.len();
        for place in (0..self.groups.len()).rev() {
            let group = &mut self.groups[place];
            for waiting in std::mem::take(&mut group.waiting) {
                match waiting.job.stale(now) {
                    None => group.waiting.push_back(waiting),
                    Some(why) => {
                        group.rows -= waiting.rows();
                        self.rows -= waiting.rows();
                        formed.lay_aside(waiting.job, why);
                    }
                }
            }
            self.close_if_empty(place);
        }
        self.calls -= formed.len() - before;
    }

    /// Takes out all calls.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = J> + use<J> {
        (self.calls, self.rows) = (0, 0);
        std::mem::take(&mut self.groups)
            .into_iter()
            .flat_map(|group| group.waiting)
            .map(|waiting| waiting.job)
    }

    fn drop_stale_heads(&mut self, now: Instant, formed: &mut Formed<J>) {
        for place in (0..self.groups.len()).rev() {
            let group = &mut self.groups[place];
            while let Some(why) = group.waiting.front().and_then(|first| first.job.stale(now)) {
                if let Some(waiting) = group.pop() {
                    self.rows -= waiting.rows();
                    formed.lay_aside(waiting.job, why);
                }
            }
            self.close_if_empty(place);
        }
    }

    fn close_if_empty(&mut self, place: usize) {
        if self.groups[place].waiting.is_empty() {
            self.spare = self.groups.swap_remove(place).waiting;
        }
    }
}

/// Why a call that waits is not run.
#[derive(Clone, Copy)]
enum Stale {
    Expired,
    Left,
}

trait Staleness {
    fn stale(&self, now: Instant) -> Option<Stale>;
}

impl<J: Job> Staleness for J {
    fn stale(&self, now: Instant) -> Option<Stale> {
        if !self.is_awaited() {
            Some(Stale::Left)
        } else if self.deadline().is_some_and(|deadline| deadline <= now) {
            Some(Stale::Expired)
        } else {
            None
        }
    }
}

impl<J> Formed<J> {
    fn lay_aside(&mut self, job: J, why: Stale) {
        match why {
            Stale::Expired => self.expired.push(job),
            Stale::Left => self.left.push(job),
        }
    }
}

impl<J: Job> Waiting<J> {
    fn rows(&self) -> usize {
        self.job.rows().max(1)
    }
}

impl<J: Job> Group<J> {
    /// What decides between groups: level and number of the first call.
    fn head(&self) -> (u64, u64) {
        self.waiting.front().map_or((u64::MAX, u64::MAX), |first| (first.job.level(), first.number))
    }

    fn insert(&mut self, waiting: Waiting<J>) {
        self.rows += waiting.rows();
        let level = waiting.job.level();
        if self.waiting.back().is_none_or(|last| last.job.level() <= level) {
            self.waiting.push_back(waiting);
        } else {
            let place = self.waiting.partition_point(|other| other.job.level() <= level);
            self.waiting.insert(place, waiting);
        }
    }

    fn pop(&mut self) -> Option<Waiting<J>> {
        let waiting = self.waiting.pop_front()?;
        self.rows -= waiting.rows();
        Some(waiting)
    }

    /// The largest batch of this group's calls.
    fn max_rows(&self, limits: &Limits<'_>) -> usize {
        let row_bytes = self.waiting.front().map_or(0, |first| first.job.row_bytes());
        limits.max_rows.min(limits.max_bytes / row_bytes.max(1)).max(1)
    }

    fn preferred(&self, limits: &Limits<'_>) -> Option<usize> {
        limits.preferred.iter().copied().filter(|&size| size <= self.rows).max()
    }

    fn due(&self, limits: &Limits<'_>) -> Option<Instant> {
        let first = self.waiting.front()?;
        let waits = self.sociable
            && !limits.max_delay.is_zero()
            && self.rows < self.max_rows(limits)
            && self.preferred(limits).is_none();
        if !waits {
            return Some(first.job.arrived());
        }
        self.waiting.iter().map(|waiting| waiting.job.arrived()).min().map(|oldest| oldest + limits.max_delay)
    }

    /// Moves the next batch out, and gives the rows that left the group.
    fn take(&mut self, now: Instant, limits: &Limits<'_>, formed: &mut Formed<J>) -> usize {
        let max_rows = self.max_rows(limits);
        let overdue = !limits.max_delay.is_zero()
            && self.waiting.iter().any(|waiting| waiting.job.arrived() + limits.max_delay <= now);
        let aim = match self.preferred(limits) {
            Some(size) if !overdue => size.min(max_rows),
            _ => max_rows,
        };
        let (mut rows, mut gone) = (0, 0);
        while let Some(first) = self.waiting.front() {
            let more = first.rows();
            let full = rows > 0 && (!self.sociable || rows + more > aim);
            if full {
                break;
            }
            let Some(waiting) = self.pop() else { break };
            gone += more;
            match waiting.job.stale(now) {
                Some(why) => formed.lay_aside(waiting.job, why),
                None => {
                    rows += more;
                    formed.batch.push(waiting.job);
                }
            }
        }
        gone
    }
}

#[cfg(test)]
pub(crate) mod tests;
