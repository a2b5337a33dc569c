//! A file compiled by LiteRT, with lifetimes that hold.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::api::{Failure, Handle, Layout, Runtime, checked, made};
use super::room::Room;
use super::taker::{self, KERNEL, Taker};
use landfall_model::{Buffer, DType};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Arc, PoisonError};

/// `kLiteRtHwAcceleratorCpu`.
const CPU: c_int = 1;

/// What settings of an interpreter are for, and those that have it keep what it says of what fails: else that would go to standard
/// error.
///
/// Source: `litert/runtime/litert_runtime_options.h` of LiteRT 2.2 and 2.3; settings are TOML, and
/// `kLiteRtErrorReporterModeBuffer` is 2.
const KEPT_WORDS: (&CStr, &CStr) = (c"runtime_options_string", c"error_reporter_mode = 2\n");

/// After so many runs that did not fail what the interpreter has said is forgotten: kernels may say something in runs that do not
/// fail, and the library keeps it all.
const FORGETTING: u32 = 64;

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
        made("read the model", status, model)?;
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
        let name =
            CString::new(taker::NAME).map_err(|_| Failure::Status { what: "name an operator", status: 1 })?;
        let mut options = ptr::null_mut();
        // SAFETY: the out pointer is valid for a pointer.
        let status = unsafe { (call.create_options)(&mut options) };
        made("make options", status, options)?;
        let mut compiled =
            Compiled { program: self.clone(), handle: ptr::null_mut(), options, taker, runs: 0 };
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
            let status = (call.compile)(environment, self.model, options, &mut compiled.handle);
            made("compile the model", status, compiled.handle)?;
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
        let status = (call.create_settings)(purpose.as_ptr(), settings.as_ptr().cast(), leave, &mut handle);
        made("make settings", status, handle)?;
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
    /// Runs since what the interpreter says was last forgotten.
    runs: u32,
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
        Room::new(self.program.runtime, dtype, dims, size, bytes)
    }

    /// Memory of `bytes` for an input or output of strings, all of it zero. What strings take is not asked for: it shows
    /// when there are some.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn room_of_strings(&self, dims: &[i32], bytes: usize) -> Result<Room, Failure> {
        let mut room = Room::new(self.program.runtime, DType::String, dims, bytes, bytes)?;
        room.clear()?;
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
            let status = needs(self.handle, signature, index, &mut requirements);
            made("ask for a tensor's memory", status, requirements)?;
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
        let handles = |rooms: &[Room]| rooms.iter().map(Room::handle).collect::<Vec<_>>();
        let (mut from, mut to) = (handles(inputs), handles(outputs));
        let run = self.program.runtime.call.run;
        // SAFETY: handles are alive, as many as announced; the library checks each one's size against its tensor's before
        // it reads or writes, and no tensor among them changes its shape in a run but those of strings, which it copies
        // after it has checked their size again.
        let status =
            unsafe { run(self.handle, signature, from.len(), from.as_mut_ptr(), to.len(), to.as_mut_ptr()) };
        checked("run the model", status)?;
        self.runs += 1;
        if self.runs == FORGETTING {
            self.runs = 0;
            // SAFETY: the handle is alive.
            let status = unsafe { (self.program.runtime.call.forget_words)(self.handle) };
            checked("forget what was said", status)?;
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::super::api::Functions;
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static FORGOTTEN: AtomicUsize = AtomicUsize::new(0);

    unsafe extern "C" fn runs(
        _: Handle,
        _: usize,
        _: usize,
        _: *mut Handle,
        _: usize,
        _: *mut Handle,
    ) -> c_int {
        0
    }

    unsafe extern "C" fn forgets(_: Handle) -> c_int {
        FORGOTTEN.fetch_add(1, Ordering::Relaxed);
        0
    }

    unsafe extern "C" fn lets_go(_: Handle) {}

    unsafe extern "C" fn makes_nothing(_: Handle, _: *const c_void, _: usize, _: *mut Handle) -> c_int {
        0
    }

    unsafe extern "C" fn asks_for_nothing(_: Handle, _: usize, _: usize, _: *mut Handle) -> c_int {
        0
    }

    fn compiled() -> Compiled {
        let runtime = Runtime::made_of(Functions {
            run: runs,
            forget_words: forgets,
            output_needs: asks_for_nothing,
            destroy_model: lets_go,
            destroy_compiled: lets_go,
            destroy_options: lets_go,
            ..Functions::unexpected()
        });
        let handle = ptr::dangling_mut();
        let program = Arc::new(Program { runtime, model: handle, _bytes: Buffer::default() });
        Compiled { program, handle, options: handle, taker: Box::new(Taker::new(runtime)), runs: 0 }
    }

    #[test]
    fn what_kernels_say_in_runs_that_do_not_fail_is_forgotten_in_time() {
        let mut compiled = compiled();
        for _ in 0..10 * FORGETTING {
            compiled.run(0, &[], &[]).unwrap();
        }
        assert_eq!(FORGOTTEN.load(Ordering::Relaxed), 10);
    }

    #[test]
    fn success_without_what_was_asked_for_is_an_error() {
        let failure = compiled().needed((0, Side::Output, 0)).unwrap_err();
        assert_eq!(failure, Failure::Nothing { what: "ask for a tensor's memory" });
        let runtime = Runtime::made_of(Functions { create_model: makes_nothing, ..Functions::unexpected() });
        let failure = Program::load(runtime, Buffer::default()).err();
        assert_eq!(failure, Some(Failure::Nothing { what: "read the model" }));
    }
}
