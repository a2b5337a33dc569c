//! The operator of our own that takes over what a run has laid in a row: bytes of any number, from the library's memory.
#![expect(unsafe_code, reason = "called by a C library")]

use super::api::{Handle, Layout, Runtime};
use std::ffi::{c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::{Mutex, PoisonError};

/// What files call it.
pub(super) const NAME: &str = "landfall.take";

/// `LiteRtCustomOpKernel`: functions of user data.
#[repr(C)]
pub(super) struct Kernel {
    start: extern "C" fn(*mut c_void, *const c_void, usize) -> c_int,
    layouts: unsafe extern "C" fn(*mut c_void, usize, *const Layout, usize, *mut Layout) -> c_int,
    run: unsafe extern "C" fn(*mut c_void, usize, *const Handle, usize, *mut Handle) -> c_int,
    end: extern "C" fn(*mut c_void) -> c_int,
}

/// The operator. Its user data is a `Taker`.
pub(super) static KERNEL: Kernel = Kernel { start, layouts, run, end };

/// `kLiteRtStatusErrorRuntimeFailure`.
const FAILED: c_int = 3;

/// What one interpreter's operators took over last.
pub(super) struct Taker {
    runtime: &'static Runtime,
    /// `None` before a run, and where its memory was not to be had.
    bytes: Mutex<Option<Vec<u8>>>,
}

impl Taker {
    /// One that has nothing yet.
    pub(super) fn new(runtime: &'static Runtime) -> Self {
        Taker { runtime, bytes: Mutex::new(None) }
    }

    /// What the last run gave.
    pub(super) fn taken(&self) -> Option<Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

extern "C" fn start(_: *mut c_void, _: *const c_void, _: usize) -> c_int {
    0
}

extern "C" fn end(_: *mut c_void) -> c_int {
    0
}

/// Its output, whatever comes in, is one number that means nothing.
unsafe extern "C" fn layouts(
    _: *mut c_void,
    _: usize,
    _: *const Layout,
    count: usize,
    out: *mut Layout,
) -> c_int {
    for index in 0..count {
        // SAFETY: there is room for as many layouts as are announced.
        let layout = unsafe { &mut *out.add(index) };
        *layout = Layout { rank: 1, ..Layout::default() };
        layout.dims[0] = 1;
    }
    0
}

/// Copies its input; without one there is nothing to copy.
unsafe extern "C" fn run(
    user: *mut c_void,
    inputs: usize,
    input: *const Handle,
    outputs: usize,
    output: *mut Handle,
) -> c_int {
    // SAFETY: the user data is the taker that the interpreter was compiled with, which outlives it.
    let taker = unsafe { &*user.cast::<Taker>() };
    let call = &taker.runtime.call;
    let (mut memory, mut length) = (ptr::null_mut(), 0);
    let mut taken = Vec::new();
    if inputs > 0 {
        // SAFETY: as many handles as announced are alive; out pointers are valid; memory and length are one tensor's, which
        // nobody writes while this operator runs.
        let bytes = unsafe {
            let size = (call.buffer_size)(*input, &mut length);
            let host = (call.host_memory)(*input, &mut memory);
            if size != 0 || host != 0 || memory.is_null() || taken.try_reserve_exact(length).is_err() {
                return FAILED;
            }
            slice::from_raw_parts(memory.cast::<u8>(), length)
        };
        taken.extend_from_slice(bytes);
    }
    if outputs > 0 {
        // SAFETY: as above; the one number has one byte.
        unsafe {
            if (call.host_memory)(*output, &mut memory) != 0 || memory.is_null() {
                return FAILED;
            }
            memory.cast::<u8>().write(0);
        }
    }
    *taker.bytes.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken);
    0
}
