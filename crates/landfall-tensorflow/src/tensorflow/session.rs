//! A graph in a session of TensorFlow's.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::api::{Bytes, Endpoint, Failure, Handle, Runtime, Status};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{self, NonNull};

/// A loaded graph with its session. Shared by all threads: a run takes no lock of ours, and the library documents it as
/// thread-safe.
pub(super) struct Session {
    runtime: &'static Runtime,
    graph: Graph,
    pointer: NonNull<c_void>,
}

// SAFETY: `TF_SessionRun` and the look-ups in a graph may be called from several threads at once, and nothing else is
// called before the last owner releases both.
unsafe impl Send for Session {}
// SAFETY: as above.
unsafe impl Sync for Session {}

impl Drop for Session {
    fn drop(&mut self) {
        let call = &self.runtime.call;
        let status = Status::new(self.runtime);
        // SAFETY: the last owner; values hold the session, so that none is left. The graph outlives it.
        unsafe {
            (call.close_session)(self.pointer.as_ptr(), status.handle);
            (call.delete_session)(self.pointer.as_ptr(), status.handle);
        }
    }
}

/// A graph, released when dropped.
struct Graph {
    runtime: &'static Runtime,
    pointer: NonNull<c_void>,
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: made by `Graph::new`, released once.
        unsafe { (self.runtime.call.delete_graph)(self.pointer.as_ptr()) }
    }
}

impl Graph {
    fn new(runtime: &'static Runtime) -> Result<Self, Failure> {
        // SAFETY: takes nothing.
        let pointer = NonNull::new(unsafe { (runtime.call.new_graph)() });
        let pointer = pointer.ok_or_else(|| Failure::internal("no graph could be made"))?;
        Ok(Graph { runtime, pointer })
    }
}

/// Session options, released when dropped.
struct Settings {
    runtime: &'static Runtime,
    pointer: NonNull<c_void>,
}

impl Drop for Settings {
    fn drop(&mut self) {
        // SAFETY: made by `Settings::new`, released once.
        unsafe { (self.runtime.call.delete_session_options)(self.pointer.as_ptr()) }
    }
}

impl Settings {
    /// `config` is a serialised `ConfigProto`.
    fn new(runtime: &'static Runtime, config: &[u8]) -> Result<Self, Failure> {
        let status = Status::new(runtime);
        // SAFETY: takes nothing.
        let pointer = NonNull::new(unsafe { (runtime.call.new_session_options)() });
        let pointer = pointer.ok_or_else(|| Failure::internal("no options could be made"))?;
        let settings = Settings { runtime, pointer };
        // SAFETY: options and status are valid, the bytes are borrowed for the call.
        unsafe {
            let (bytes, length) = (config.as_ptr().cast(), config.len());
            (runtime.call.set_config)(settings.pointer.as_ptr(), bytes, length, status.handle);
        }
        status.check().map(|()| settings)
    }
}

impl Session {
    /// Opens the meta graph with exactly these tags of the SavedModel in a folder, with its variables and tables.
    pub(super) fn of_saved_model(
        runtime: &'static Runtime,
        folder: &CStr,
        tags: &[CString],
        config: &[u8],
    ) -> Result<Session, Failure> {
        let (graph, settings, status) =
            (Graph::new(runtime)?, Settings::new(runtime, config)?, Status::new(runtime));
        let tags: Vec<*const c_char> = tags.iter().map(|tag| tag.as_ptr()).collect();
        // SAFETY: all handles are valid, folder and tags end in NUL and are borrowed for the call; the buffers may be
        // null.
        let pointer = unsafe {
            (runtime.call.load_saved_model)(
                settings.pointer.as_ptr(),
                ptr::null(),
                folder.as_ptr(),
                tags.as_ptr(),
                tags.len() as i32,
                graph.pointer.as_ptr(),
                ptr::null_mut(),
                status.handle,
            )
        };
        Session::made(runtime, graph, pointer, &status)
    }

    /// Imports a serialised `GraphDef`.
    pub(super) fn of_graph(
        runtime: &'static Runtime,
        graph_def: &[u8],
        config: &[u8],
    ) -> Result<Session, Failure> {
        let (graph, settings, status) =
            (Graph::new(runtime)?, Settings::new(runtime, config)?, Status::new(runtime));
        let bytes = Bytes::borrowed(graph_def);
        // SAFETY: all handles are valid; the bytes are borrowed for the call, which reads them.
        unsafe {
            let options = (runtime.call.new_import_options)();
            (runtime.call.import_graph_def)(graph.pointer.as_ptr(), &bytes, options, status.handle);
            (runtime.call.delete_import_options)(options);
        }
        status.check()?;
        // SAFETY: all handles are valid.
        let pointer = unsafe {
            (runtime.call.new_session)(graph.pointer.as_ptr(), settings.pointer.as_ptr(), status.handle)
        };
        Session::made(runtime, graph, pointer, &status)
    }

    fn made(
        runtime: &'static Runtime,
        graph: Graph,
        pointer: Handle,
        status: &Status,
    ) -> Result<Session, Failure> {
        status.check()?;
        let pointer = NonNull::new(pointer).ok_or_else(|| Failure::internal("no session could be made"))?;
        Ok(Session { runtime, graph, pointer })
    }

    /// One of functions that stand in for a library's.
    #[cfg(test)]
    pub(super) fn made_of(runtime: &'static Runtime) -> Session {
        let pointer = NonNull::dangling();
        Session { runtime, graph: Graph { runtime, pointer }, pointer }
    }

    pub(super) fn runtime(&self) -> &'static Runtime {
        self.runtime
    }

    /// The library's session, valid as long as this.
    pub(super) fn handle(&self) -> Handle {
        self.pointer.as_ptr()
    }

    /// The output `index` of the operation of this name, and the number of its element type; `None` when the graph has
    /// none.
    pub(super) fn endpoint(&self, operation: &str, index: i32) -> Option<(Endpoint, i32)> {
        let (call, name) = (&self.runtime.call, CString::new(operation).ok()?);
        // SAFETY: the graph is valid, the name ends in NUL.
        let operation = unsafe { (call.operation)(self.graph.pointer.as_ptr(), name.as_ptr()) };
        // SAFETY: not null, so an operation of the graph.
        if operation.is_null() || index < 0 || index >= unsafe { (call.operation_outputs)(operation) } {
            return None;
        }
        let endpoint = Endpoint { operation, index };
        // SAFETY: an output that the operation has.
        Some((endpoint, unsafe { (call.output_type)(endpoint) }))
    }

    /// The axes that the library has inferred for an output, -1 for a free one; `None` for an unknown rank.
    pub(super) fn shape(&self, endpoint: Endpoint) -> Option<Vec<i64>> {
        let (call, graph) = (&self.runtime.call, self.graph.pointer.as_ptr());
        let status = Status::new(self.runtime);
        // SAFETY: the endpoint is one of this graph.
        let rank = unsafe { (call.output_rank)(graph, endpoint, status.handle) };
        let mut dims = vec![0i64; status.check().ok().and_then(|()| usize::try_from(rank).ok())?];
        // SAFETY: as above, and there is room for as many axes as there are.
        unsafe { (call.output_shape)(graph, endpoint, dims.as_mut_ptr(), rank, status.handle) };
        status.check().ok().map(|()| dims)
    }
}
