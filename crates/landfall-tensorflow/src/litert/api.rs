//! LiteRT's C functions and their one environment. `unsafe` lives here, in `room.rs`, `session.rs` and
//! `taker.rs` alone.
//!
//! Facts about the C API: the headers under `litert/c/` of LiteRT 2.3.0. All handles are pointers to classes of the
//! library's own.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::taker::Kernel;
use crate::functions::functions;
use landfall_foreign::Library;
use std::ffi::{c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Mutex;

/// A pointer to an object of the library's own.
pub(super) type Handle = *mut c_void;

/// `LiteRtStatus`, as a number: a newer library may have further ones.
type Status = c_int;

/// `LiteRtRankedTensorType`: element type, then rank and flags in one word, lengths of axes, strides.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct TensorType {
    pub(super) element: c_int,
    pub(super) layout: Layout,
}

/// `LiteRtLayout`: seven bits of rank, one that says whether strides are given.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    pub(super) rank: u32,
    pub(super) dims: [i32; 8],
    pub(super) strides: [u32; 8],
}

/// `LiteRtEnvOption`, of a whole number.
#[repr(C)]
struct EnvironmentOption {
    tag: c_int,
    /// The value starts at a multiple of eight.
    unused: c_int,
    kind: c_int,
    padding: c_int,
    value: i64,
}

/// `kLiteRtEnvOptionTagAutoRegisterAccelerators`: otherwise libraries for graphics cards are looked for and opened.
const REGISTERED: c_int = 24;
/// `kLiteRtHwAcceleratorCpu`.
const CPU: i64 = 1;
/// `kLiteRtEnvOptionTagMinLoggerSeverity`.
const LOG_FROM: c_int = 25;
/// `kLiteRtAnyTypeInt`.
const INTEGER: c_int = 2;
/// `kLiteRtLogSeveritySilent`: what fails is in the status, and each refused request would else be a line on standard
/// error.
const SILENT: i64 = 4;

functions! {
    create_environment: "LiteRtCreateEnvironment" = fn(c_int, *const c_void, *mut Handle) -> Status;
    /// Environment, bytes, their number.
    create_model: "LiteRtCreateModelFromBuffer" = fn(Handle, *const c_void, usize, *mut Handle) -> Status;
    destroy_model: "LiteRtDestroyModel" = fn(Handle);
    create_options: "LiteRtCreateOptions" = fn(*mut Handle) -> Status;
    set_accelerators: "LiteRtSetOptionsHardwareAccelerators" = fn(Handle, c_int) -> Status;
    /// Options, name, version, functions, their user data.
    add_operator: "LiteRtAddCustomOpKernelOption" = fn(Handle, *const c_char, c_int, *const Kernel, *const c_void) -> Status;
    /// What the settings are for, the settings, what frees them, room for their handle.
    create_settings: "LiteRtCreateOpaqueOptions" =
        fn(*const c_char, *const c_void, extern "C" fn(*mut c_void), *mut Handle) -> Status;
    destroy_settings: "LiteRtDestroyOpaqueOptions" = fn(Handle);
    /// Options, settings: takes these over.
    add_settings: "LiteRtAddOpaqueOptions" = fn(Handle, Handle) -> Status;
    destroy_options: "LiteRtDestroyOptions" = fn(Handle);
    /// Environment, model, options.
    compile: "LiteRtCreateCompiledModel" = fn(Handle, Handle, Handle, *mut Handle) -> Status;
    destroy_compiled: "LiteRtDestroyCompiledModel" = fn(Handle);
    /// Compiled model, room for a text that `free` frees.
    words: "LiteRtCompiledModelGetErrorMessages" = fn(Handle, *mut *mut c_char) -> Status;
    forget_words: "LiteRtCompiledModelClearErrors" = fn(Handle) -> Status;
    /// Compiled model, signature, input, lengths of axes, their number.
    resize: "LiteRtCompiledModelResizeInputTensor" = fn(Handle, usize, usize, *const c_int, usize) -> Status;
    /// Compiled model, signature, number of outputs, their layouts, whether shapes are worked out anew first.
    output_layouts: "LiteRtGetCompiledModelOutputTensorLayouts" = fn(Handle, usize, usize, *mut Layout, bool) -> Status;
    /// Compiled model, signature, input.
    input_needs: "LiteRtGetCompiledModelInputBufferRequirements" = fn(Handle, usize, usize, *mut Handle) -> Status;
    /// Compiled model, signature, output.
    output_needs: "LiteRtGetCompiledModelOutputBufferRequirements" = fn(Handle, usize, usize, *mut Handle) -> Status;
    needed_size: "LiteRtGetTensorBufferRequirementsBufferSize" = fn(Handle, *mut usize) -> Status;
    /// Environment, kind of memory, type, bytes.
    create_buffer: "LiteRtCreateManagedTensorBuffer" = fn(Handle, c_int, *const TensorType, usize, *mut Handle) -> Status;
    destroy_buffer: "LiteRtDestroyTensorBuffer" = fn(Handle);
    /// Buffer, its memory, what for.
    lock: "LiteRtLockTensorBuffer" = fn(Handle, *mut *mut c_void, c_int) -> Status;
    unlock: "LiteRtUnlockTensorBuffer" = fn(Handle) -> Status;
    buffer_size: "LiteRtGetTensorBufferSize" = fn(Handle, *mut usize) -> Status;
    host_memory: "LiteRtGetTensorBufferHostMemory" = fn(Handle, *mut *mut c_void) -> Status;
    /// Compiled model, signature, number of inputs, their buffers, number of outputs, their buffers.
    run: "LiteRtRunCompiledModel" = fn(Handle, usize, usize, *mut Handle, usize, *mut Handle) -> Status;
}

/// The library, opened for the life of the process, with its environment.
pub(super) struct Runtime {
    pub(super) call: Functions,
    pub(super) environment: Handle,
    /// Held while a model is compiled: the headers promise nothing about two at a time.
    pub(super) compiling: Mutex<()>,
    path: PathBuf,
}

// SAFETY: functions are immutable; the environment is made once, never changed or released, and only read by the calls
// that take it.
unsafe impl Send for Runtime {}
// SAFETY: as above.
unsafe impl Sync for Runtime {}

/// What a call of the library failed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A `LiteRtStatus` other than success, and what was tried.
    Status { what: &'static str, status: i32 },
    /// Success, without what was asked for.
    Nothing { what: &'static str },
}

/// Turns a status into a result.
#[inline]
pub(super) fn checked(what: &'static str, status: Status) -> Result<(), Failure> {
    if status == 0 { Ok(()) } else { Err(Failure::Status { what, status }) }
}

/// The same for a call that was to make something.
#[inline]
pub(super) fn made(what: &'static str, status: Status, handle: Handle) -> Result<(), Failure> {
    checked(what, status)?;
    if handle.is_null() { Err(Failure::Nothing { what }) } else { Ok(()) }
}

impl Runtime {
    /// Takes over an opened library, and makes the environment. Neither is ever closed again.
    ///
    /// # Errors
    /// In a few words: why this library will not do.
    pub(super) fn open(library: Library) -> Result<&'static Runtime, String> {
        // The library does not tell its version. This function came with 2.2, which takes tensors of strings; 2.1 ends the
        // process where a kernel refuses a call's shapes, and functions of still older ones have fewer arguments.
        // SAFETY: never called.
        let marker =
            unsafe { library.function::<unsafe extern "C" fn()>("LiteRtGetCompiledModelEnvironment") };
        marker.map_err(|_| "it is too old: ai-edge-litert 2.2 or newer is needed".to_owned())?;
        let library = library.keep();
        let call = Functions::of(library)?;
        let options = [(LOG_FROM, SILENT), (REGISTERED, CPU)];
        let options = options.map(|(tag, value)| EnvironmentOption {
            tag,
            unused: 0,
            kind: INTEGER,
            padding: 0,
            value,
        });
        const { assert!(size_of::<EnvironmentOption>() == 24 && size_of::<TensorType>() == 72) };
        let mut environment = ptr::null_mut();
        // SAFETY: two options are announced and given; the out pointer is valid for a pointer.
        let status = unsafe { (call.create_environment)(2, options.as_ptr().cast(), &mut environment) };
        made("create an environment", status, environment).map_err(|failure| failure.to_string())?;
        let path = library.path().to_owned();
        Ok(Box::leak(Box::new(Runtime { call, environment, compiling: Mutex::new(()), path })))
    }

    /// One of functions that stand in for a library's.
    #[cfg(test)]
    pub(super) fn made_of(call: Functions) -> &'static Runtime {
        let (compiling, path) = (Mutex::new(()), PathBuf::new());
        Box::leak(Box::new(Runtime { call, environment: ptr::null_mut(), compiling, path }))
    }

    /// The file that it was opened from.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, status) = match *self {
            Failure::Status { what, status } => (what, status),
            Failure::Nothing { what } => {
                return write!(f, "cannot {what}: the library says it did, and gives nothing");
            }
        };
        let name = match status {
            1 => "invalid argument",
            2 => "out of memory",
            3 => "runtime failure",
            4 => "an input is missing",
            5 => "not supported",
            6 => "not found",
            8 => "wrong version",
            500 => "the file cannot be read",
            501 => "no valid flatbuffer",
            504 => "it cannot be compiled",
            1000 => "index out of bounds",
            1001 => "invalid type",
            1002 => "invalid graph",
            _ => "see LiteRtStatus in its headers",
        };
        write!(f, "cannot {what}: status {status} ({name})")
    }
}
