//! TensorFlow's C functions. `unsafe` lives here, in `session.rs`, `value.rs` and `fetch.rs`, and in `denormals.rs`, which calls
//! none of them.
//!
//! Facts about the C API: `tensorflow/c/c_api.h`, `tf_tensor.h` and `tf_tstring.h` of TensorFlow 2.15 to 2.21. All
//! handles are pointers to classes of the library's own. From 2.21 on some of the functions lie in the library that this
//! one depends on, which a look-up in the opened library finds all the same.
#![expect(unsafe_code, reason = "calls into a C library")]

use crate::functions::functions;
use landfall_foreign::{Library, Surroundings};
use landfall_model::{Kind, Problem};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};
use std::{ptr, slice};

/// The oldest minor version of TensorFlow 2 that will do.
const OLDEST: u32 = 15;

/// A pointer to an object of the library's own.
pub(super) type Handle = *mut c_void;

/// Frees memory that a tensor was made over: the memory, its length, the argument that came with it.
pub(super) type Deallocator = unsafe extern "C" fn(*mut c_void, usize, *mut c_void);

/// `TF_Output`: an output of an operation of a graph. Valid as long as the graph is.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Endpoint {
    pub(super) operation: Handle,
    pub(super) index: c_int,
}

// SAFETY: a name for a place in a graph; nothing is reached through it but by calls of the library with the graph's
// session, which may be used from any thread.
unsafe impl Send for Endpoint {}
// SAFETY: as above.
unsafe impl Sync for Endpoint {}

/// `TF_Buffer`: bytes, their number, who frees them.
#[repr(C)]
pub(super) struct Bytes {
    data: *const c_void,
    length: usize,
    deallocator: Option<unsafe extern "C" fn(*mut c_void, usize)>,
}

impl Bytes {
    /// Borrowed bytes, which the library only reads, and does not free.
    pub(super) fn borrowed(bytes: &[u8]) -> Self {
        Bytes { data: bytes.as_ptr().cast(), length: bytes.len(), deallocator: None }
    }

    /// Room for bytes that the library makes.
    pub(super) fn room() -> Self {
        Bytes { data: ptr::null(), length: 0, deallocator: None }
    }

    /// What the library made, if it did.
    pub(super) fn made(&self) -> &[u8] {
        match self.deallocator {
            // SAFETY: a library that says how its bytes are freed has put them there; they stay until this is dropped.
            Some(_) if !self.data.is_null() => unsafe {
                slice::from_raw_parts(self.data.cast(), self.length)
            },
            _ => &[],
        }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        if let Some(free) = self.deallocator {
            // SAFETY: bytes that the library made, freed once and in its own way.
            unsafe { free(self.data.cast_mut(), self.length) };
        }
    }
}

functions! {
    new_status: "TF_NewStatus" = fn() -> Handle;
    delete_status: "TF_DeleteStatus" = fn(Handle);
    code: "TF_GetCode" = fn(Handle) -> c_int;
    message: "TF_Message" = fn(Handle) -> *const c_char;
    new_session_options: "TF_NewSessionOptions" = fn() -> Handle;
    delete_session_options: "TF_DeleteSessionOptions" = fn(Handle);
    /// Options, a serialised `ConfigProto`, its length, status.
    set_config: "TF_SetConfig" = fn(Handle, *const c_void, usize, Handle);
    /// Path, status: a library that stays open.
    load_library: "TF_LoadLibrary" = fn(*const c_char, Handle) -> Handle;
    new_graph: "TF_NewGraph" = fn() -> Handle;
    delete_graph: "TF_DeleteGraph" = fn(Handle);
    /// Options, run options, folder, tags, their number, graph to fill, buffer for the meta graph, status.
    load_saved_model: "TF_LoadSessionFromSavedModel" =
        fn(Handle, *const Bytes, *const c_char, *const *const c_char, c_int, Handle, *mut Bytes, Handle) -> Handle;
    /// Graph, options, status.
    new_session: "TF_NewSession" = fn(Handle, Handle, Handle) -> Handle;
    close_session: "TF_CloseSession" = fn(Handle, Handle);
    delete_session: "TF_DeleteSession" = fn(Handle, Handle);
    new_import_options: "TF_NewImportGraphDefOptions" = fn() -> Handle;
    delete_import_options: "TF_DeleteImportGraphDefOptions" = fn(Handle);
    /// Graph, a serialised `GraphDef`, options, status.
    import_graph_def: "TF_GraphImportGraphDef" = fn(Handle, *const Bytes, Handle, Handle);
    /// Graph, name.
    operation: "TF_GraphOperationByName" = fn(Handle, *const c_char) -> Handle;
    operation_outputs: "TF_OperationNumOutputs" = fn(Handle) -> c_int;
    output_type: "TF_OperationOutputType" = fn(Endpoint) -> c_int;
    /// Graph, output, status: -1 for an unknown rank.
    output_rank: "TF_GraphGetTensorNumDims" = fn(Handle, Endpoint, Handle) -> c_int;
    /// Graph, output, lengths of axes, their number, status.
    output_shape: "TF_GraphGetTensorShape" = fn(Handle, Endpoint, *mut i64, c_int, Handle);
    /// Session, run options, inputs, their tensors, their number, outputs, room for their tensors, their number, target
    /// operations, their number, run metadata, status.
    run: "TF_SessionRun" = fn(
        Handle, *const Bytes,
        *const Endpoint, *const Handle, c_int,
        *const Endpoint, *mut Handle, c_int,
        *const Handle, c_int, *mut Bytes, Handle
    );
    /// Type, lengths of axes, their number, memory, its length, who frees it, an argument for that.
    new_tensor: "TF_NewTensor" =
        fn(c_int, *const i64, c_int, *mut c_void, usize, Deallocator, *mut c_void) -> Handle;
    delete_tensor: "TF_DeleteTensor" = fn(Handle);
    tensor_type: "TF_TensorType" = fn(Handle) -> c_int;
    tensor_rank: "TF_NumDims" = fn(Handle) -> c_int;
    tensor_dim: "TF_Dim" = fn(Handle, c_int) -> i64;
    tensor_bytes: "TF_TensorByteSize" = fn(Handle) -> usize;
    tensor_data: "TF_TensorData" = fn(Handle) -> *mut c_void;
    string_init: "TF_StringInit" = fn(*mut StringCell);
    /// String, bytes, their number: copies them.
    string_copy: "TF_StringCopy" = fn(*mut StringCell, *const c_char, usize);
    string_data: "TF_StringGetDataPointer" = fn(*const StringCell) -> *const c_char;
    string_size: "TF_StringGetSize" = fn(*const StringCell) -> usize;
    string_dealloc: "TF_StringDealloc" = fn(*mut StringCell);
}

/// `TF_TString`: an element of a string tensor. Its inside belongs to the library.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(super) struct StringCell([u8; 24]);

impl StringCell {
    /// Room for one, to be initialised by the library.
    pub(super) const ROOM: StringCell = StringCell([0; 24]);
}

/// How much the library writes to standard error, from 0 to 3.
const LOG_LEVEL: &str = "TF_CPP_MIN_LOG_LEVEL";

/// Keeps the library, which is not loaded yet, from writing to standard error, unless the operator has set how much it
/// does. What fails is in the status; without this each refused request would also be logged, with bytes of the caller's
/// in it, and each model's loading take a dozen lines.
pub(super) fn quiet(surroundings: &Surroundings) {
    static ONCE: Once = Once::new();
    if surroundings.variable(LOG_LEVEL).is_some() {
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "the library takes this from the environment alone")]
    ONCE.call_once(|| {
        // SAFETY: Rust's own readers are locked out. C code that reads the environment at this moment sees the old list
        // or the new one: the C library frees a list only when it replaces one that it made itself, which the first
        // change in a process does not, and nothing else in this program changes the environment.
        unsafe { std::env::set_var(LOG_LEVEL, "3") }
    });
}

/// The library, opened for the life of the process.
pub(super) struct Runtime {
    pub(super) call: Functions,
    /// Threads within one operator: the first session settles them for all, since the pool is the process's.
    pub(super) intra: OnceLock<i32>,
    version: String,
    path: PathBuf,
}

/// What a call of the library failed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// `TF_Code`: the canonical codes.
    pub(super) code: i32,
    /// In the library's words.
    pub(super) text: String,
}

/// `TF_Status`, for one thread at a time.
pub(super) struct Status {
    runtime: &'static Runtime,
    pub(super) handle: Handle,
}

// SAFETY: a plain object of the library's; it belongs to this struct alone, and no call keeps it.
unsafe impl Send for Status {}

impl Drop for Status {
    fn drop(&mut self) {
        // SAFETY: made by `Status::new`, released once.
        unsafe { (self.runtime.call.delete_status)(self.handle) }
    }
}

impl Status {
    pub(super) fn new(runtime: &'static Runtime) -> Self {
        // SAFETY: takes nothing.
        Status { runtime, handle: unsafe { (runtime.call.new_status)() } }
    }

    /// What the last call that took this status came to.
    #[inline]
    pub(super) fn check(&self) -> Result<(), Failure> {
        // SAFETY: the status is valid.
        match unsafe { (self.runtime.call.code)(self.handle) } {
            0 => Ok(()),
            code => Err(self.failure(code)),
        }
    }

    #[cold]
    fn failure(&self, code: i32) -> Failure {
        // SAFETY: the status is valid, and its message lives until its next use.
        let message = unsafe { (self.runtime.call.message)(self.handle) };
        // SAFETY: not null, and ends in NUL.
        let text = (!message.is_null()).then(|| unsafe { CStr::from_ptr(message) }.to_string_lossy());
        Failure {
            code,
            text: text.map_or_else(|| format!("error {code}"), |text| text.trim_end().to_owned()),
        }
    }
}

impl Failure {
    pub(super) fn internal(text: impl Into<String>) -> Self {
        Failure { code: 13, text: text.into() }
    }

    /// The kind that the library's code stands for.
    pub(super) fn kind(&self) -> Kind {
        use Kind::*;
        const CANONICAL: [Kind; 16] = [
            Cancelled,
            Unknown,
            InvalidArgument,
            DeadlineExceeded,
            NotFound,
            AlreadyExists,
            PermissionDenied,
            ResourceExhausted,
            FailedPrecondition,
            Aborted,
            OutOfRange,
            Unimplemented,
            Internal,
            Unavailable,
            DataLoss,
            Unauthenticated,
        ];
        let known = CANONICAL.iter().find(|kind| i64::from(kind.code()) == i64::from(self.code));
        known.copied().unwrap_or(Unknown)
    }

    /// The library's own code and words.
    #[cold]
    pub(super) fn problem(self) -> Problem {
        Problem::worded(self.kind(), self.text)
    }
}

impl Runtime {
    /// Takes over an opened library. It is never closed again: it keeps threads of its own.
    ///
    /// # Errors
    /// In a few words: why this library will not do.
    pub(super) fn open(library: Library) -> Result<&'static Runtime, String> {
        // SAFETY: the function has had this type since the library's first release.
        let version = unsafe { library.function::<unsafe extern "C" fn() -> *const c_char>("TF_Version") }?;
        // The library has started threads by now, and cannot be closed, even when it will not do.
        let library = library.keep();
        // SAFETY: returns static text or null.
        let version = unsafe { version() };
        if version.is_null() {
            return Err("it does not tell its version".to_owned());
        }
        // SAFETY: not null, static, ends in NUL.
        let version = unsafe { CStr::from_ptr(version) }.to_string_lossy().into_owned();
        check_version(&version)?;
        let call = Functions::of(library)?;
        Ok(Box::leak(Box::new(Runtime {
            call,
            intra: OnceLock::new(),
            version,
            path: library.path().to_owned(),
        })))
    }

    /// One of functions that stand in for a library's.
    #[cfg(test)]
    pub(super) fn made_of(call: Functions) -> &'static Runtime {
        let (version, path) = (String::new(), PathBuf::new());
        Box::leak(Box::new(Runtime { call, intra: OnceLock::new(), version, path }))
    }

    /// The library's version: `2.21.0`.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The file that it was opened from.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of Python packages in which it lies.
    pub(super) fn packages(&self) -> Option<&Path> {
        self.path.parent()?.parent()
    }

    /// Opens a library of operators for the life of the process; one that is open already stays as it is. Opening runs
    /// the library's own initialisers: the path must come from whoever runs this process.
    ///
    /// # Errors
    /// As the library words them.
    pub(super) fn load_library(&'static self, path: &Path) -> Result<(), Failure> {
        let status = Status::new(self);
        let path = CString::new(path.as_os_str().as_encoded_bytes())
            .map_err(|_| Failure { code: 3, text: format!("{path:?} holds a NUL") })?;
        // SAFETY: the path ends in NUL, the status is valid. What comes back is never released, and with it the library
        // stays open: its operators are registered for good.
        unsafe { (self.call.load_library)(path.as_ptr(), status.handle) };
        status.check()
    }
}

/// Refuses versions before 2.15, and other major ones, whose functions could differ.
fn check_version(version: &str) -> Result<(), String> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(2), Some(minor)) if minor >= OLDEST => Ok(()),
        (Some(0..=2), Some(_)) => Err(format!("version {version} is too old: 2.{OLDEST} or newer is needed")),
        _ => Err(format!("version {version:?} is not known: 2.{OLDEST} or newer is needed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(check_version("2.15.0").is_ok() && check_version("2.21.0-rc1").is_ok());
        assert!(check_version("2.9.1").unwrap_err().contains("too old"));
        assert!(check_version("1.15.5").unwrap_err().contains("too old"));
        assert!(check_version("3.0.0").is_err() && check_version("").is_err() && check_version("2").is_err());
    }

    #[test]
    fn codes_are_the_canonical_ones() {
        for (code, kind) in [(3, Kind::InvalidArgument), (5, Kind::NotFound), (15, Kind::DataLoss)] {
            assert_eq!(Failure { code, text: String::new() }.kind(), kind);
        }
        assert_eq!(Failure { code: 99, text: String::new() }.kind(), Kind::Unknown);
    }
}
