//! What the operating system calls where a division of whole numbers is trapped.
#![expect(unsafe_code, reason = "a handler reads and changes what the processor was about to do")]

use super::TRAPPED;
use super::instruction::{Divisor, Instruction, Registers, Trap};
use libc::{c_int, c_void, greg_t, siginfo_t, ucontext_t};
use std::sync::atomic::Ordering;

/// Of a divisor that does not fit: `FPE_INTDIV` of the kernel's `siginfo.h`, which it says of 0 and of the least number by −1.
const FPE_INTDIV: c_int = 1;

/// Where the system keeps registers, in the order of [`Registers`].
const PLACES: [c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];
const NEXT: usize = libc::REG_RIP as usize;

/// Has the system call [`on_trap`].
pub(super) fn install() {
    // SAFETY: a `sigaction` of zeros is one; what it points to stays. The handler allocates nothing, takes no lock, and
    // keeps to what may be done in one.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction =
            on_trap as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGFPE, &raw const action, std::ptr::null_mut());
    }
}

extern "C" fn on_trap(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the system gives both to a handler that was installed with `SA_SIGINFO`, for as long as it runs.
    let (code, registers) =
        unsafe { ((*info).si_code, &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs) };
    match (code == FPE_INTDIV).then(|| finished(registers)).flatten() {
        Some(Trap::LeastByMinusOne) => {}
        Some(Trap::ByZero) => _ = TRAPPED.fetch_add(1, Ordering::Relaxed),
        // Not ours: once more, and as without a handler.
        // SAFETY: a handler may do so.
        None => _ = unsafe { libc::signal(signal, libc::SIG_DFL) },
    }
}

/// Finishes the division that was trapped, and goes on behind it.
fn finished(saved: &mut [greg_t; 23]) -> Option<Trap> {
    let start = saved[NEXT].cast_unsigned();
    // SAFETY: the processor has read the instruction there.
    let instruction = Instruction::read(|at| unsafe { *((start + at as u64) as *const u8) })?;
    let mut registers: Registers = PLACES.map(|place| saved[place as usize].cast_unsigned());
    let next = start + instruction.length;
    let divisor = match &instruction.divisor {
        Divisor::Register(number) => registers[*number],
        Divisor::SecondByte(number) => registers[*number] >> 8,
        Divisor::Memory(address) => {
            let place = address.of(&registers, next);
            let byte = |at: u32| {
                // SAFETY: the processor has read the divisor there.
                u64::from(unsafe { *((place + u64::from(at)) as *const u8) }) << (8 * at)
            };
            (0..instruction.width).map(byte).sum()
        }
    };
    let trap = instruction.finish(divisor, &mut registers)?;
    for (place, value) in PLACES.iter().zip(registers) {
        saved[*place as usize] = value.cast_signed();
    }
    saved[NEXT] = next.cast_signed();
    Some(trap)
}

#[cfg(test)]
mod tests {
    use super::super::watched;
    use super::*;
    use std::arch::asm;

    /// Quotient and remainder by the processor's own instruction.
    fn divided(dividend: i64, divisor: i64) -> (i64, i64) {
        let (quotient, rest);
        // SAFETY: the instruction changes the registers that it says alone.
        unsafe {
            asm!("cqo", "idiv {}", in(reg) divisor, inout("rax") dividend => quotient, out("rdx") rest, options(nostack));
        }
        (quotient, rest)
    }

    /// The same of 32 bits, with the divisor in memory.
    fn divided_short(dividend: i32, divisor: &i32) -> (i32, i32) {
        let (quotient, rest);
        // SAFETY: as above; the divisor is read.
        unsafe {
            asm!("cdq", "idiv dword ptr [{}]", in(reg) divisor, inout("eax") dividend => quotient, out("edx") rest,
                options(nostack, readonly));
        }
        (quotient, rest)
    }

    /// The same of 16 bits, and of 8.
    fn divided_narrow(dividend: i16, divisor: i16) -> (i16, i16) {
        let (quotient, rest);
        // SAFETY: as above.
        unsafe {
            asm!("cwd", "idiv {:x}", in(reg) divisor, inout("ax") dividend => quotient, out("dx") rest, options(nostack));
        }
        (quotient, rest)
    }

    fn divided_bytes(dividend: i8, divisor: i8) -> (i8, i8) {
        let both: i16;
        // SAFETY: as above.
        unsafe {
            asm!("idiv {}", in(reg_byte) divisor, inout("ax") i16::from(dividend) => both, options(nostack));
        }
        let [quotient, rest] = both.to_le_bytes();
        (quotient.cast_signed(), rest.cast_signed())
    }

    #[test]
    fn trapped_divisions_go_on() {
        install();
        let ((), by_zero) = watched(|| {
            for (dividend, divisor) in [(i64::MIN, -1), (7, 2), (-7, 2), (5, -1), (i64::MIN, 1)] {
                let expected = (dividend.wrapping_div(divisor), dividend.wrapping_rem(divisor));
                assert_eq!(divided(dividend, divisor), expected);
            }
            assert_eq!(divided_short(i32::MIN, &-1), (i32::MIN, 0));
            assert_eq!(divided_short(9, &4), (2, 1));
            assert_eq!(divided_narrow(i16::MIN, -1), (i16::MIN, 0));
            assert_eq!(divided_bytes(i8::MIN, -1), (i8::MIN, 0));
        });
        assert!(!by_zero);
        assert_eq!(watched(|| divided(i64::MIN, 0)), ((0, 0), true));
        assert_eq!(watched(|| divided_short(-3, &0)), ((0, 0), true));
        assert_eq!(watched(|| divided_narrow(3, 0)), ((0, 0), true));
        assert_eq!(watched(|| divided_bytes(3, 0)), ((0, 0), true));
    }
}
