//! Numbers too small for the normal form: TensorFlow's own threads take them for zero, and so does a thread of ours while
//! it runs a graph. Left as they are, answers would differ from the library's, and recurrent layers whose state fades
//! away would take a hundred times as long.
#![expect(unsafe_code, reason = "the processor's control register of floating point")]

use std::arch::asm;
use std::marker::PhantomData;

/// While this lives, numbers below the normal form are zero on this thread.
pub(super) struct Flushed {
    /// What the register held before.
    before: Control,
    /// The register is the thread's.
    _here: PhantomData<*const ()>,
}

/// What the control register holds.
#[cfg(target_arch = "x86_64")]
type Control = u32;
/// What the control register holds.
#[cfg(not(target_arch = "x86_64"))]
type Control = u64;

/// MXCSR: results (bit 15) and operands (bit 6).
#[cfg(target_arch = "x86_64")]
const ZERO: Control = 1 << 15 | 1 << 6;
/// FPCR: FZ, both of them.
#[cfg(target_arch = "aarch64")]
const ZERO: Control = 1 << 24;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ZERO: Control = 0;

impl Flushed {
    /// From now on. Nothing of ours computes until this is dropped: the compiler takes the register for what it was.
    #[inline]
    pub(super) fn new() -> Self {
        let before = read();
        write(before | ZERO);
        Flushed { before, _here: PhantomData }
    }
}

impl Drop for Flushed {
    #[inline]
    fn drop(&mut self) {
        write(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn read() -> Control {
    let mut control: Control = 0;
    // SAFETY: writes four bytes to where `control` lies.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn write(control: Control) {
    // SAFETY: reads four bytes of a register's content, with bits set that every processor on which TensorFlow's library
    // opens (SSE4.2) has. What runs until it is put back is foreign code, which expects it.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const control, options(nostack, readonly, preserves_flags)) };
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn read() -> Control {
    let control: Control;
    // SAFETY: reads a register that every program may read.
    unsafe { asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn write(control: Control) {
    // SAFETY: as for the other architecture; all processors have the bit.
    unsafe { asm!("msr fpcr, {}", in(reg) control, options(nomem, nostack, preserves_flags)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn read() -> Control {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn write(_: Control) {}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::*;

    #[test]
    fn the_register_is_as_it_was_afterwards() {
        let before = read();
        let outer = Flushed::new();
        drop(Flushed::new());
        assert_eq!(read(), before | ZERO, "the inner one gives back what it found");
        drop(outer);
        assert_eq!(read(), before);
    }
}
