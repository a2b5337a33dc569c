//! ONNX Runtime's function table, its one environment, and its status codes. `unsafe` lives here, in `session.rs` and in
//! `value.rs` alone.
//!
//! Facts about the C API: `onnxruntime_c_api.h`, API version 24, as `ort-sys` declares it.
#![expect(unsafe_code, reason = "calls into a C library")]

use landfall_foreign::Library;
use ort_sys as sys;
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::ptr;

/// The oldest function table that will do; the library's minor version has the same number.
const API_VERSION: u32 = 24;

/// The library, opened for the life of the process, with its environment.
#[derive(Debug)]
pub(super) struct Runtime {
    pub(super) table: &'static sys::OrtApi,
    pub(super) environment: *mut sys::OrtEnv,
    /// Says "ordinary memory" of the buffers that are wrapped.
    pub(super) memory: *mut sys::OrtMemoryInfo,
    /// Gives the memory of string tensors and of map entries.
    pub(super) allocator: *mut sys::OrtAllocator,
    version: String,
    path: PathBuf,
}

// SAFETY: the table is immutable; environment, memory description and default allocator are never changed or released
// after `open`, and the C API documents them as usable from any thread.
unsafe impl Send for Runtime {}
// SAFETY: as above.
unsafe impl Sync for Runtime {}

/// What a call of the library failed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// `OrtErrorCode`, as a number: a newer library may have further ones.
    pub(super) code: i32,
    /// In the library's words.
    pub(super) text: String,
}

/// `ORT_INVALID_ARGUMENT`.
pub(super) const INVALID_ARGUMENT: i32 = 2;
/// `ORT_NOT_IMPLEMENTED`.
pub(super) const NOT_IMPLEMENTED: i32 = 9;

impl Runtime {
    /// Takes over an opened library: checks its version, makes the environment. Neither is ever closed again, since the
    /// library keeps threads and process-wide state.
    ///
    /// # Errors
    /// In a few words: why this library will not do.
    pub(super) fn open(library: Library) -> Result<&'static Runtime, String> {
        // SAFETY: `OrtGetApiBase` has had this type since the library's first release.
        let base = unsafe {
            library.function::<unsafe extern "system" fn() -> *const sys::OrtApiBase>("OrtGetApiBase")
        }?;
        // SAFETY: takes nothing, and returns a static table or null; the library is open.
        let base = unsafe { base().as_ref() }.ok_or("OrtGetApiBase returns nothing")?;
        // SAFETY: returns static text.
        let version = unsafe { (base.GetVersionString)() };
        if version.is_null() {
            return Err("it does not tell its version".to_owned());
        }
        // SAFETY: not null, static, ends in NUL.
        let version = unsafe { CStr::from_ptr(version) }.to_string_lossy().into_owned();
        check_version(&version)?;
        let library = library.keep();
        // SAFETY: the function takes a number and returns a static table, or null where the version is not known.
        let table = unsafe { (base.GetApi)(API_VERSION).as_ref() };
        let table = table.ok_or_else(|| format!("version {version} has no API {API_VERSION}"))?;
        let mut runtime = Runtime {
            table,
            environment: ptr::null_mut(),
            memory: ptr::null_mut(),
            allocator: ptr::null_mut(),
            version,
            path: library.path().to_owned(),
        };
        runtime.prepare().map_err(|failure| failure.text)?;
        Ok(Box::leak(Box::new(runtime)))
    }

    fn prepare(&mut self) -> Result<(), Failure> {
        let table = self.table;
        // What fails is in the returned status; without this level each refused request would also be logged to
        // standard error.
        let level = sys::OrtLoggingLevel::ORT_LOGGING_LEVEL_FATAL;
        let (mut environment, mut memory, mut allocator) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        let arena = sys::OrtAllocatorType::OrtArenaAllocator;
        // SAFETY: the name is static text that ends in NUL; the out pointers are valid for a pointer each.
        unsafe {
            self.check((table.CreateEnv)(level, c"landfall".as_ptr(), &mut environment))?;
            self.check((table.DisableTelemetryEvents)(environment))?;
            let default = sys::OrtMemType::OrtMemTypeDefault;
            self.check((table.CreateCpuMemoryInfo)(arena, default, &mut memory))?;
            self.check((table.GetAllocatorWithDefaultOptions)(&mut allocator))?;
        }
        (self.environment, self.memory, self.allocator) = (environment, memory, allocator);
        Ok(())
    }

    /// The library's version: `1.31.1`.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The file that it was opened from.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Turns a status into a result, and releases it.
    #[inline]
    pub(super) fn check(&self, status: sys::OrtStatusPtr) -> Result<(), Failure> {
        if status.0.is_null() { Ok(()) } else { Err(self.failure(status)) }
    }

    #[cold]
    fn failure(&self, status: sys::OrtStatusPtr) -> Failure {
        let status = status.0;
        // SAFETY: the C enum is an int. Read as such, because a newer library may return a code that the Rust enum
        // does not have, which would be undefined there.
        let code_of = unsafe {
            std::mem::transmute::<
                unsafe extern "system" fn(*const sys::OrtStatus) -> sys::OrtErrorCode,
                unsafe extern "system" fn(*const sys::OrtStatus) -> i32,
            >(self.table.GetErrorCode)
        };
        // SAFETY: the status is not null and was not released; its message lives as long as it.
        unsafe {
            let code = code_of(status);
            let message = (self.table.GetErrorMessage)(status);
            let text = if message.is_null() {
                format!("error {code}")
            } else {
                CStr::from_ptr(message).to_string_lossy().trim().to_owned()
            };
            (self.table.ReleaseStatus)(status);
            Failure { code, text }
        }
    }
}

/// Refuses libraries older than [`API_VERSION`], and other major versions, whose table could differ.
fn check_version(version: &str) -> Result<(), String> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(1), Some(minor)) if minor >= API_VERSION => Ok(()),
        (Some(1), Some(_)) => {
            Err(format!("version {version} is too old: 1.{API_VERSION} or newer is needed"))
        }
        _ => Err(format!("version {version:?} is not known: 1.{API_VERSION} or newer is needed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(check_version("1.24.0").is_ok() && check_version("1.131.1-dev").is_ok());
        assert!(check_version("1.9.0").unwrap_err().contains("too old"));
        assert!(check_version("2.0.0").is_err() && check_version("").is_err() && check_version("1").is_err());
    }
}
