//! A model loaded by ONNX Runtime, and the run: the hot path.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::api::{Failure, Runtime};
use super::options::SessionOptions;
use super::value::{self, Value};
use crate::declared::ElementType;
use landfall_model::Strings;
use ort_sys as sys;
use std::ffi::{CStr, c_char};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// A loaded model. Shared by all threads: a run takes no lock of ours, and the library documents it as thread-safe.
pub(super) struct Session {
    runtime: &'static Runtime,
    pointer: NonNull<sys::OrtSession>,
}

// SAFETY: `Run` may be called from several threads at once on one session, and nothing else is called on it before the
// last owner releases it.
unsafe impl Send for Session {}
// SAFETY: as above.
unsafe impl Sync for Session {}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the last owner; values hold the session, so that none is left.
        unsafe { (self.runtime.table.ReleaseSession)(self.pointer.as_ptr()) }
    }
}

/// What an input is fed with, by borrow.
pub(super) enum Feed<'a> {
    /// Little-endian, row-major bytes of whole elements.
    Plain { bytes: &'a [u8], element: ElementType, shape: &'a [usize] },
    /// Strings.
    Strings { strings: &'a Strings, shape: &'a [usize] },
}

/// Where an output goes.
pub(super) enum Want<'a> {
    /// Into this memory, which has room for exactly this shape; another shape is an error.
    Into { bytes: &'a mut [u8], element: ElementType, shape: &'a [usize] },
    /// Into memory of the library's own: the shape is not known before.
    Given,
}

/// Room for the pointers of one run, reused by the next.
#[derive(Default)]
pub(super) struct Workspace {
    dims: Vec<i64>,
    input_names: Vec<*const c_char>,
    inputs: Vec<*const sys::OrtValue>,
    output_names: Vec<*const c_char>,
    outputs: Vec<*mut sys::OrtValue>,
    /// Which outputs are the library's own memory.
    given: Vec<bool>,
}

// SAFETY: between runs all lists are empty (see `Session::run`); within one they are used by one thread.
unsafe impl Send for Workspace {}

impl Session {
    /// Loads a model file; files with external data beside it are found by the library.
    pub(super) fn load(
        runtime: &'static Runtime,
        path: &Path,
        options: &SessionOptions,
    ) -> Result<Session, Failure> {
        let path = os_path(path)?;
        let mut raw = ptr::null_mut();
        // SAFETY: the out pointer is valid for a pointer.
        runtime.check(unsafe { (runtime.table.CreateSessionOptions)(&mut raw) })?;
        let mut session = ptr::null_mut();
        let loaded = apply(runtime, raw, options).and_then(|()| {
            // SAFETY: environment and options are valid, the path ends in NUL.
            runtime.check(unsafe {
                (runtime.table.CreateSession)(runtime.environment, path.as_ptr(), raw, &mut session)
            })
        });
        // SAFETY: made above, released once; a session keeps its own copy.
        unsafe { (runtime.table.ReleaseSessionOptions)(raw) };
        loaded?;
        let pointer = NonNull::new(session);
        let pointer = pointer.ok_or_else(|| Failure { code: 0, text: "no session".to_owned() })?;
        Ok(Session { runtime, pointer })
    }

    pub(super) fn runtime(&self) -> &'static Runtime {
        self.runtime
    }

    /// Runs the model. Inputs are read where they lie; outputs come into the memory given for them, or as values in the
    /// order of `wants`: `None` for those that went into memory.
    pub(super) fn run<'a>(
        self: &Arc<Self>,
        workspace: &mut Workspace,
        feeds: impl Iterator<Item = (&'a CStr, Feed<'a>)>,
        wants: impl Iterator<Item = (&'a CStr, Want<'a>)>,
        mut each: impl FnMut(usize, Value),
    ) -> Result<(), Failure> {
        let ran = self.bind(workspace, feeds, wants).and_then(|()| {
            // SAFETY: session and names are valid; each list has the length given; every input is a value made in
            // `bind` over memory that is borrowed until this function returns; every output is such a value, or null,
            // which asks the library for one of its own.
            self.runtime.check(unsafe {
                (self.runtime.table.Run)(
                    self.pointer.as_ptr(),
                    ptr::null(),
                    workspace.input_names.as_ptr(),
                    workspace.inputs.as_ptr(),
                    workspace.inputs.len(),
                    workspace.output_names.as_ptr(),
                    workspace.output_names.len(),
                    workspace.outputs.as_mut_ptr(),
                )
            })
        });
        let release = self.runtime.table.ReleaseValue;
        for input in workspace.inputs.drain(..) {
            // SAFETY: made in `bind`, released once; the memory below it stays ours.
            unsafe { release(input.cast_mut()) };
        }
        for (index, (output, given)) in workspace.outputs.drain(..).zip(workspace.given.drain(..)).enumerate()
        {
            match NonNull::new(output) {
                None => {}
                Some(pointer) if given && ran.is_ok() => {
                    // SAFETY: the run made it for us.
                    each(index, unsafe { Value::owned(pointer, self.clone()) });
                }
                // SAFETY: made in `bind`, or left by a run that failed; released once.
                Some(pointer) => unsafe { release(pointer.as_ptr()) },
            }
        }
        workspace.input_names.clear();
        workspace.output_names.clear();
        ran
    }

    /// Makes the values of a run. What was made stays in the workspace when a later one fails.
    fn bind<'a>(
        &self,
        workspace: &mut Workspace,
        feeds: impl Iterator<Item = (&'a CStr, Feed<'a>)>,
        wants: impl Iterator<Item = (&'a CStr, Want<'a>)>,
    ) -> Result<(), Failure> {
        for (name, feed) in feeds {
            let value = match feed {
                Feed::Plain { bytes, element, shape } => {
                    let dims = signed(&mut workspace.dims, shape);
                    // SAFETY: the bytes are borrowed until `run` returns, which releases the value first; the library
                    // only reads inputs, so that the cast to mutable is never made use of.
                    unsafe {
                        value::wrap(self.runtime, bytes.as_ptr().cast_mut(), bytes.len(), element, dims)
                    }
                }
                Feed::Strings { strings, shape } => {
                    value::from_strings(self.runtime, strings, signed(&mut workspace.dims, shape))
                }
            }?;
            workspace.inputs.push(value);
            workspace.input_names.push(name.as_ptr());
        }
        for (name, want) in wants {
            let value = match want {
                Want::Given => ptr::null_mut(),
                Want::Into { bytes, element, shape } => {
                    let dims = signed(&mut workspace.dims, shape);
                    // SAFETY: the bytes are borrowed mutably, so for this output alone, until `run` returns, which
                    // releases the value first.
                    unsafe { value::wrap(self.runtime, bytes.as_mut_ptr(), bytes.len(), element, dims) }?
                }
            };
            workspace.given.push(value.is_null());
            workspace.outputs.push(value);
            workspace.output_names.push(name.as_ptr());
        }
        Ok(())
    }
}

fn signed<'d>(dims: &'d mut Vec<i64>, shape: &[usize]) -> &'d [i64] {
    dims.clear();
    dims.extend(shape.iter().map(|&dim| dim as i64));
    dims
}

/// Sets what is asked for; the library's defaults stay otherwise.
fn apply(
    runtime: &Runtime,
    raw: *mut sys::OrtSessionOptions,
    options: &SessionOptions,
) -> Result<(), Failure> {
    use sys::GraphOptimizationLevel::*;
    let table = runtime.table;
    let level = match options.graph_optimization_level {
        super::options::Level::DisableAll => ORT_DISABLE_ALL,
        super::options::Level::Basic => ORT_ENABLE_BASIC,
        super::options::Level::Extended => ORT_ENABLE_EXTENDED,
        super::options::Level::All => ORT_ENABLE_ALL,
    };
    let mode =
        if options.parallel { sys::ExecutionMode::ORT_PARALLEL } else { sys::ExecutionMode::ORT_SEQUENTIAL };
    // SAFETY: the options were made by the caller and are used by this thread alone; texts are static and end in NUL.
    unsafe {
        runtime.check((table.SetIntraOpNumThreads)(raw, options.intra_op_num_threads))?;
        runtime.check((table.SetInterOpNumThreads)(raw, options.inter_op_num_threads))?;
        runtime.check((table.SetSessionGraphOptimizationLevel)(raw, level))?;
        runtime.check((table.SetSessionExecutionMode)(raw, mode))?;
        if !options.enable_mem_pattern {
            runtime.check((table.DisableMemPattern)(raw))?;
        }
        if !options.enable_cpu_mem_arena {
            runtime.check((table.DisableCpuMemArena)(raw))?;
        }
        // A waiting pool thread that spins takes a core from the threads that decode and answer.
        for key in [c"session.intra_op.allow_spinning", c"session.inter_op.allow_spinning"] {
            runtime.check((table.AddSessionConfigEntry)(raw, key.as_ptr(), c"0".as_ptr()))?;
        }
    }
    Ok(())
}

/// A path as the C API takes it, ending in NUL.
#[cfg(not(windows))]
fn os_path(path: &Path) -> Result<std::ffi::CString, Failure> {
    std::ffi::CString::new(path.as_os_str().as_encoded_bytes())
        .map_err(|_| Failure { code: 0, text: format!("{} holds a NUL", path.display()) })
}

/// A path as the C API takes it, ending in NUL.
#[cfg(windows)]
fn os_path(path: &Path) -> Result<Vec<u16>, Failure> {
    use std::os::windows::ffi::OsStrExt;
    Ok(path.as_os_str().encode_wide().chain([0]).collect())
}
