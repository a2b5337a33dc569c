//! Time as a value that is handed in, and the one place that reads the real clock.

use std::time::{Instant, SystemTime};

/// Where time comes from. Tests hand in their own.
pub trait Clock: Send + Sync {
    /// Monotonic time: deadlines, waits, durations.
    fn now(&self) -> Instant;

    /// Time of day, for what people read.
    fn wall(&self) -> SystemTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}
