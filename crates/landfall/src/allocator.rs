//! The allocator, and the calls that give memory back: the one place here that is `unsafe`, and nothing else.
#![expect(unsafe_code, reason = "the calls are C functions, for which no crate has safe names")]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Gives the system what this thread has freed, and what foreign libraries have. The allocators do so by themselves when
/// they are next called, or never: a thread that loads models may wait for hours, holding a whole file's worth of memory,
/// and an engine's C library as much again.
pub(crate) fn give_back() {
    // SAFETY: it takes no pointer, may be called on any thread at any time, and touches nothing that is in use.
    unsafe { libmimalloc_sys::mi_collect(true) }
    // SAFETY: as above.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}
