//! One run of a session, tensors in and tensors out: the hot path.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::api::{Bytes, Endpoint, Failure, Handle, Runtime, Status};
use super::denormals::Flushed;
use super::session::Session;
use super::value::{self, Value};
use landfall_model::Tensor;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// `RunOptions`: trace_level = 1, SOFTWARE_TRACE.
const TIMED: [u8; 2] = [1 << 3, 1];

/// Room for the pointers of one run, reused by the next.
pub(super) struct Workspace {
    status: Status,
    dims: Vec<i64>,
    inputs: Vec<Endpoint>,
    fed: Vec<Handle>,
    outputs: Vec<Endpoint>,
    fetched: Vec<Handle>,
}

// SAFETY: between runs the lists of handles are empty (see [`run`]); within one they are used by one thread.
unsafe impl Send for Workspace {}

impl Workspace {
    pub(super) fn new(runtime: &'static Runtime) -> Self {
        Workspace {
            status: Status::new(runtime),
            dims: Vec::new(),
            inputs: Vec::new(),
            fed: Vec::new(),
            outputs: Vec::new(),
            fetched: Vec::new(),
        }
    }
}

/// Runs the graph: `each` gets every fetched tensor, in the order of `fetches`; where there is `metadata`, operators
/// are timed, and it becomes the run's `RunMetadata`.
pub(super) fn run<'a>(
    session: &Arc<Session>,
    workspace: &mut Workspace,
    feeds: impl Iterator<Item = (Endpoint, &'a Tensor)>,
    fetches: impl Iterator<Item = Endpoint>,
    metadata: Option<&mut Bytes>,
    mut each: impl FnMut(Value),
) -> Result<(), Failure> {
    let runtime = session.runtime();
    let Workspace { status, dims, inputs, fed, outputs, fetched } = workspace;
    inputs.clear();
    outputs.clear();
    outputs.extend(fetches);
    fetched.resize(outputs.len(), ptr::null_mut());
    let mut bound = Ok(());
    for (endpoint, tensor) in feeds {
        match value::input(runtime, tensor, dims) {
            Ok(made) => fed.push(made.as_ptr()),
            Err(failure) => {
                bound = Err(failure);
                break;
            }
        }
        inputs.push(endpoint);
    }
    let options = metadata.is_some().then(|| Bytes::borrowed(&TIMED));
    let ran = bound.and_then(|()| {
        let _flushed = Flushed::new();
        // SAFETY: the session is valid; each list has the length given; inputs are tensors made above, of memory
        // that they own; there is room for every output; options may be null and are borrowed for the call, as is the
        // room for metadata.
        unsafe {
            (runtime.call.run)(
                session.handle(),
                options.as_ref().map_or(ptr::null(), ptr::from_ref),
                inputs.as_ptr(),
                fed.as_ptr(),
                inputs.len() as i32,
                outputs.as_ptr(),
                fetched.as_mut_ptr(),
                outputs.len() as i32,
                ptr::null(),
                0,
                metadata.map_or(ptr::null_mut(), ptr::from_mut),
                status.handle,
            );
        }
        status.check()
    });
    for tensor in fed.drain(..) {
        // SAFETY: made above, released once; the library keeps what it still needs of it.
        unsafe { (runtime.call.delete_tensor)(tensor) };
    }
    for tensor in fetched.drain(..) {
        if let Some(pointer) = NonNull::new(tensor) {
            // SAFETY: the run made it for us.
            let value = unsafe { Value::owned(pointer, session.clone()) };
            if ran.is_ok() {
                each(value);
            }
        }
    }
    ran
}
