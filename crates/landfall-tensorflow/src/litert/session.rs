//! A file compiled by LiteRT, and the memory of its inputs and outputs, with lifetimes that hold.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::api::{Failure, Handle, Layout, Runtime, TensorType, checked};
use super::taker::{self, KERNEL, Taker};
use landfall_model::{Buffer, DType};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::{Arc, PoisonError};

/// `kLiteRtHwAcceleratorCpu`.
const CPU: c_int = 1;
/// `kLiteRtTensorBufferTypeHostMemory`.
const HOST_MEMORY: c_int = 1;
/// `kLiteRtTensorBufferLockModeRead`.
const READ: c_int = 0;
/// `kLiteRtTensorBufferLockModeWrite`.
const WRITE: c_int = 1;

/// What settings of an interpreter are for, and those that have it keep what it says of what fails: else that would go to standard
/// error.
///
/// Source: `litert/runtime/litert_runtime_options.h` of LiteRT 2.2 and 2.3; settings are TOML, and
/// `kLiteRtErrorReporterModeBuffer` is 2.
const KEPT_WORDS: (&CStr, &CStr) = (c"runtime_options_string", c"error_reporter_mode = 2\n");

unsafe extern "C" {
    /// C's own: for what the library has made by C's `malloc`.
    fn free(memory: *mut c_void);
}

/// Frees nothing, for settings that are constants.
extern "C" fn leave(_: *mut c_void) {}

/// A file that the library has read. Shared by all that was compiled of it.
pub(super) struct Program {
    runtime: &'static Runtime,
    model: Handle,
    /// The library reads constants where they lie.
    _bytes: Buffer,
}

// SAFETY: the model is immutable once it was made, and is only read when it is compiled.
unsafe impl Send for Program {}
// SAFETY: as above; the compiling lock keeps even the readers apart.
unsafe impl Sync for Program {}

impl Program {
    /// Has the library read a file whose layout was checked.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn load(runtime: &'static Runtime, bytes: Buffer) -> Result<Self, Failure> {
        let mut model = ptr::null_mut();
        let (start, length) = (bytes.bytes().as_ptr(), bytes.len());
        // SAFETY: the bytes live as long as the model, in this struct; the out pointer is valid for a pointer.
        let status =
            unsafe { (runtime.call.create_model)(runtime.environment, start.cast(), length, &mut model) };
        checked("read the model", status)?;
        Ok(Program { runtime, model, _bytes: bytes })
    }

    /// A workspace of its own for one thread: an interpreter with its tensors.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn compile(self: &Arc<Self>) -> Result<Compiled, Failure> {
        let call = &self.runtime.call;
        let _alone = self.runtime.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        let taker = Box::new(Taker::new(self.runtime));
        let name = CString::new(taker::NAME).map_err(|_| Failure { what: "name an operator", status: 1 })?;
        let mut options = ptr::null_mut();
        // SAFETY: the out pointer is valid for a pointer.
        checked("make options", unsafe { (call.create_options)(&mut options) })?;
        let mut compiled = Compiled { program: self.clone(), handle: ptr::null_mut(), options, taker };
        let data = ptr::from_ref(&*compiled.taker).cast();
        // SAFETY: environment, model and options are alive; the name is copied; functions and user data outlive the
        // interpreter, the latter in the same struct.
        unsafe {
            checked("choose the CPU", (call.set_accelerators)(options, CPU))?;
            checked(
                "add an operator",
                (call.add_operator)(options, name.as_ptr(), 1, &raw const KERNEL, data),
            )?;
            keep_words(self.runtime, options)?;
            let environment = self.runtime.environment;
            checked(
                "compile the model",
                (call.compile)(environment, self.model, options, &mut compiled.handle),
            )?;
        }
        Ok(compiled)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: made by `load`, released once; whatever was compiled of it holds the program, and is gone.
        unsafe { (self.runtime.call.destroy_model)(self.model) }
    }
}

/// Has interpreters that are made with these options keep their words.
///
/// # Safety
/// The options must be alive.
unsafe fn keep_words(runtime: &'static Runtime, options: Handle) -> Result<(), Failure> {
    let (call, (purpose, settings)) = (&runtime.call, KEPT_WORDS);
    let mut handle = ptr::null_mut();
    // SAFETY: both texts end in NUL and are constants, which are read and never freed; the out pointer is valid; settings
    // that the options have not taken over are released here.
    unsafe {
        let made = (call.create_settings)(purpose.as_ptr(), settings.as_ptr().cast(), leave, &mut handle);
        checked("make settings", made)?;
        let added = (call.add_settings)(options, handle);
        if added != 0 {
            (call.destroy_settings)(handle);
        }
        checked("add settings", added)
    }
}

/// An interpreter of a file.
pub(super) struct Compiled {
    program: Arc<Program>,
    /// Null until it is compiled.
    handle: Handle,
    /// The library goes on reading the names in them.
    options: Handle,
    /// Boxed: operators point at it.
    taker: Box<Taker>,
}

// SAFETY: nothing in it is bound to the thread that made it; `&mut self` keeps callers apart.
unsafe impl Send for Compiled {}

impl Compiled {
    /// Gives an input another shape.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn resize(&mut self, signature: usize, input: usize, dims: &[i32]) -> Result<(), Failure> {
        let resize = self.program.runtime.call.resize;
        // SAFETY: the handle is alive; pointer and length are the slice's.
        let status = unsafe { resize(self.handle, signature, input, dims.as_ptr(), dims.len()) };
        checked("give an input this shape", status)
    }

    /// The outputs' shapes: worked out from those of the inputs, or as the last run has left them.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn output_shapes(
        &mut self,
        signature: usize,
        outputs: usize,
        is_before_run: bool,
    ) -> Result<Vec<Vec<i32>>, Failure> {
        let mut layouts = vec![Layout::default(); outputs];
        let output_layouts = self.program.runtime.call.output_layouts;
        // SAFETY: the handle is alive; there is room for as many layouts as are announced.
        let status =
            unsafe { output_layouts(self.handle, signature, outputs, layouts.as_mut_ptr(), is_before_run) };
        checked("work out the outputs' shapes", status)?;
        let dims = |layout: &Layout| {
            let rank = (layout.rank & 0x7f) as usize;
            layout.dims[..rank.min(layout.dims.len())].to_vec()
        };
        Ok(layouts.iter().map(dims).collect())
    }

    /// Memory for an input or output of the present shape, which takes `bytes`.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn room(
        &mut self,
        place: Place,
        dtype: DType,
        dims: &[i32],
        bytes: usize,
    ) -> Result<Room, Failure> {
        let size = self.needed(place)?.max(bytes);
        let mut room = Room::new(self.program.runtime, dtype, dims, size)?;
        room.bytes = bytes;
        Ok(room)
    }

    /// Memory of `bytes` for an input or output of strings, all of it zero. What strings take is not asked for: it shows
    /// when there are some.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn room_of_strings(&self, dims: &[i32], bytes: usize) -> Result<Room, Failure> {
        let mut room = Room::new(self.program.runtime, DType::String, dims, bytes)?;
        room.locked(WRITE, |memory| {
            // SAFETY: the memory was made for so many bytes, and is ours while it is locked.
            unsafe { ptr::write_bytes(memory, 0, bytes) }
        })?;
        Ok(room)
    }

    /// Bytes that the library asks for, for an input or output; of an output of strings what the last run gave, if it was
    /// not asked for before.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn needed(&self, (signature, side, index): Place) -> Result<usize, Failure> {
        let call = &self.program.runtime.call;
        let needs = match side {
            Side::Input => call.input_needs,
            Side::Output => call.output_needs,
        };
        let (mut requirements, mut size) = (ptr::null_mut(), 0);
        // SAFETY: the handle is alive; out pointers are valid; the requirements belong to the compiled model and are read
        // at once.
        unsafe {
            checked("ask for a tensor's memory", needs(self.handle, signature, index, &mut requirements))?;
            checked("ask for a size", (call.needed_size)(requirements, &mut size))?;
        }
        Ok(size)
    }

    /// What the interpreter has said of what failed since it was asked last, in one line; `None` where it said nothing.
    pub(super) fn words(&mut self) -> Option<String> {
        let call = &self.program.runtime.call;
        let mut text: *mut c_char = ptr::null_mut();
        // SAFETY: the handle is alive; the out pointer is valid for a pointer.
        let status = unsafe { (call.words)(self.handle, &mut text) };
        if status != 0 || text.is_null() {
            return None;
        }
        // SAFETY: the library made the text by C's `malloc`, with NUL at its end, and gave it away; it is freed once, after it
        // was copied. The handle is alive.
        let said = unsafe {
            let said = CStr::from_ptr(text).to_string_lossy().into_owned();
            free(text.cast());
            (call.forget_words)(self.handle);
            said
        };
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        (!said.is_empty()).then_some(said)
    }

    /// What the operator of our own took over in the last run; `None` where there was none, or no memory for it.
    pub(super) fn taken(&mut self) -> Option<Vec<u8>> {
        self.taker.taken()
    }

    /// Runs a signature: reads the inputs' memory, fills the outputs'. The memory must live until the next run or
    /// resize, since the library keeps pointing at it.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn run(&mut self, signature: usize, inputs: &[Room], outputs: &[Room]) -> Result<(), Failure> {
        let handles = |rooms: &[Room]| rooms.iter().map(|room| room.handle).collect::<Vec<_>>();
        let (mut from, mut to) = (handles(inputs), handles(outputs));
        let run = self.program.runtime.call.run;
        // SAFETY: handles are alive, as many as announced; the library checks each one's size against its tensor's before
        // it reads or writes, and no tensor among them changes its shape in a run but those of strings, which it copies
        // after it has checked their size again.
        let status =
            unsafe { run(self.handle, signature, from.len(), from.as_mut_ptr(), to.len(), to.as_mut_ptr()) };
        checked("run the model", status)
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        let call = &self.program.runtime.call;
        // SAFETY: made by `compile`, released once, before the program that it holds; the options after what read them.
        unsafe {
            if !self.handle.is_null() {
                (call.destroy_compiled)(self.handle);
            }
            (call.destroy_options)(self.options);
        }
    }
}

/// An input or output of a file: the signature's number, which end, and its number there.
pub(super) type Place = (usize, Side, usize);

/// Which end of a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Input,
    Output,
}

/// Memory of one tensor, the library's own: aligned and padded as its kernels ask.
pub(super) struct Room {
    runtime: &'static Runtime,
    handle: Handle,
    /// Bytes that the tensor takes; the memory may be larger.
    bytes: usize,
}

// SAFETY: plain memory behind a handle; `&mut self` keeps writers apart, and it is locked while it is touched.
unsafe impl Send for Room {}

impl Room {
    /// Memory of `bytes` for a tensor.
    fn new(runtime: &'static Runtime, dtype: DType, dims: &[i32], bytes: usize) -> Result<Self, Failure> {
        let mut layout = Layout::default();
        // No tensor has more axes: files that declare more are refused.
        let rank = dims.len().min(layout.dims.len());
        layout.dims[..rank].copy_from_slice(&dims[..rank]);
        layout.rank = rank as u32;
        let kind = TensorType { element: element(dtype), layout };
        let mut handle = ptr::null_mut();
        // SAFETY: the environment is alive; type and out pointer are valid.
        let status = unsafe {
            (runtime.call.create_buffer)(runtime.environment, HOST_MEMORY, &kind, bytes, &mut handle)
        };
        checked("make memory for a tensor", status)?;
        Ok(Room { runtime, handle, bytes })
    }

    /// Bytes that its tensor takes; for strings, those that there is room for.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Looks at what it holds, which must have been written whole: for strings, which start as zeros.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn look<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, Failure> {
        let (bytes, mut seen) = (self.bytes, None);
        self.locked(READ, |memory| {
            // SAFETY: the memory was made for so many bytes, and nobody writes it while it is locked.
            seen = Some(look(unsafe { slice::from_raw_parts(memory, bytes) }));
        })?;
        Ok(seen)
    }

    /// Fills it. What is longer than the tensor is cut off.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let length = bytes.len().min(self.bytes);
        self.locked(WRITE, |memory| {
            // SAFETY: the memory was made for `self.bytes` at least, and is ours while it is locked.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), memory, length) }
        })
    }

    /// Copies what it holds.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<(), Failure> {
        let length = into.len().min(self.bytes);
        self.locked(READ, |memory| {
            // SAFETY: as in `write`.
            unsafe { ptr::copy_nonoverlapping(memory, into.as_mut_ptr(), length) }
        })
    }

    fn locked(&mut self, mode: c_int, touch: impl FnOnce(*mut u8)) -> Result<(), Failure> {
        let call = &self.runtime.call;
        let mut memory = ptr::null_mut();
        // SAFETY: the handle is alive, the out pointer valid; what was locked is unlocked.
        unsafe {
            checked("reach a tensor's memory", (call.lock)(self.handle, &mut memory, mode))?;
            if !memory.is_null() {
                touch(memory.cast());
            }
            checked("give a tensor's memory back", (call.unlock)(self.handle))
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: made by `room`, released once.
        unsafe { (self.runtime.call.destroy_buffer)(self.handle) }
    }
}

/// `LiteRtElementType`.
fn element(dtype: DType) -> c_int {
    match dtype {
        DType::F32 => 1,
        DType::I32 => 2,
        DType::U8 => 3,
        DType::I64 => 4,
        DType::String => 5,
        DType::Bool => 6,
        DType::I16 => 7,
        DType::Complex64 => 8,
        DType::I8 => 9,
        DType::F16 => 10,
        DType::F64 => 11,
        DType::Complex128 => 12,
        DType::U64 => 13,
        DType::U32 => 16,
        DType::U16 => 17,
        DType::BF16 => 19,
    }
}
