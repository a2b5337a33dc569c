//! A model loaded by ONNX Runtime.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::api::{Failure, Runtime};
use super::options::SessionOptions;
use ort_sys as sys;
use std::ffi::CString;
use std::path::Path;
use std::ptr::{self, NonNull};

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

impl Session {
    /// Loads a model file; files with external data beside it are found by the library. Where `bytes` are given, they are
    /// loaded in the file's place.
    pub(super) fn load(
        runtime: &'static Runtime,
        path: &Path,
        bytes: Option<&[u8]>,
        options: &SessionOptions,
    ) -> Result<Session, Failure> {
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let folder = c_text(folder.as_os_str().as_encoded_bytes())?;
        let path = os_path(path)?;
        let mut raw = ptr::null_mut();
        // SAFETY: the out pointer is valid for a pointer.
        runtime.check(unsafe { (runtime.table.CreateSessionOptions)(&mut raw) })?;
        let mut session = ptr::null_mut();
        let loaded = apply(runtime, raw, options).and_then(|()| {
            let Some(bytes) = bytes else {
                // SAFETY: environment and options are valid, the path ends in NUL.
                return runtime.check(unsafe {
                    (runtime.table.CreateSession)(runtime.environment, path.as_ptr(), raw, &mut session)
                });
            };
            let key = c"session.model_external_initializers_file_folder_path";
            // SAFETY: as above; both texts end in NUL, and the library reads so many bytes, and keeps none of them.
            unsafe {
                runtime.check((runtime.table.AddSessionConfigEntry)(raw, key.as_ptr(), folder.as_ptr()))?;
                runtime.check((runtime.table.CreateSessionFromArray)(
                    runtime.environment,
                    bytes.as_ptr().cast(),
                    bytes.len(),
                    raw,
                    &mut session,
                ))
            }
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

    /// For runs, which may take place on several threads at once; valid as long as this lives.
    pub(super) fn pointer(&self) -> *mut sys::OrtSession {
        self.pointer.as_ptr()
    }
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

/// A text as the C API takes it, ending in NUL.
fn c_text(text: &[u8]) -> Result<CString, Failure> {
    CString::new(text)
        .map_err(|_| Failure { code: 0, text: format!("{} holds a NUL", String::from_utf8_lossy(text)) })
}

/// A path as the C API takes it, ending in NUL.
#[cfg(not(windows))]
fn os_path(path: &Path) -> Result<CString, Failure> {
    c_text(path.as_os_str().as_encoded_bytes())
}

/// A path as the C API takes it, ending in NUL.
#[cfg(windows)]
fn os_path(path: &Path) -> Result<Vec<u16>, Failure> {
    use std::os::windows::ffi::OsStrExt;
    Ok(path.as_os_str().encode_wide().chain([0]).collect())
}
