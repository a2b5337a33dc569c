//! Divisions of whole numbers in foreign code that x86-64's processors do not take, but trap: anything by 0, and the least number
//! by −1, whose quotient has no place. Either would end the process, for one caller's two numbers. Libraries look for the first,
//! mostly, and for the second hardly ever.
//!
//! Here they go on, with what other processors leave (and NumPy): the least number by −1 is itself, without a rest; by 0 it is
//! noticed ([`watched`]), so that the call can be failed, and leaves 0.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod handler;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod instruction;

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// For messages.
pub const BY_ZERO: &str = "integer division by zero";

/// Divisions by 0 so far.
static TRAPPED: AtomicU64 = AtomicU64::new(0);

/// From now on they go on.
pub(crate) fn go_on() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        handler::install();
    });
}

/// Runs foreign code, and says whether it divided by 0: on whatever thread, so that at worst a run beside the one that did is told
/// so with it.
pub fn watched<T>(run: impl FnOnce() -> T) -> (T, bool) {
    let before = TRAPPED.load(Ordering::Relaxed);
    let ran = run();
    (ran, TRAPPED.load(Ordering::Relaxed) != before)
}
