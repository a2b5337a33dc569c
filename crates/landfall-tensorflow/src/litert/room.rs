//! The memory of one input or output, which LiteRT makes and reads.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::api::{Failure, Handle, Layout, Runtime, TensorType, checked, made};
use landfall_model::DType;
use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::slice;

/// `kLiteRtTensorBufferTypeHostMemory`.
const HOST_MEMORY: c_int = 1;
/// `kLiteRtTensorBufferLockModeRead`.
const READ: c_int = 0;
/// `kLiteRtTensorBufferLockModeWrite`.
const WRITE: c_int = 1;

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
    /// Memory of `size` for a tensor that takes `bytes`, which are no more.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn new(
        runtime: &'static Runtime,
        dtype: DType,
        dims: &[i32],
        size: usize,
        bytes: usize,
    ) -> Result<Self, Failure> {
        let mut layout = Layout::default();
        // No tensor has more axes: files that declare more are refused.
        let rank = dims.len().min(layout.dims.len());
        layout.dims[..rank].copy_from_slice(&dims[..rank]);
        layout.rank = rank as u32;
        let kind = TensorType { element: element(dtype), layout };
        let mut handle = ptr::null_mut();
        // SAFETY: the environment is alive; type and out pointer are valid.
        let status = unsafe {
            (runtime.call.create_buffer)(runtime.environment, HOST_MEMORY, &kind, size, &mut handle)
        };
        made("make memory for a tensor", status, handle)?;
        Ok(Room { runtime, handle, bytes })
    }

    /// The library's own name for it.
    pub(super) fn handle(&self) -> Handle {
        self.handle
    }

    /// Bytes that its tensor takes; for strings, those that there is room for.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Looks at what it holds, which must have been written whole: for strings, which start as zeros.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn look<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<T, Failure> {
        let bytes = self.bytes;
        self.locked(READ, |memory| {
            // SAFETY: the memory was made for so many bytes, and nobody writes it while it is locked.
            look(unsafe { slice::from_raw_parts(memory, bytes) })
        })
    }

    /// Makes all of it zero.
    ///
    /// # Errors
    /// The library's status.
    pub(super) fn clear(&mut self) -> Result<(), Failure> {
        let bytes = self.bytes;
        self.locked(WRITE, |memory| {
            // SAFETY: the memory was made for so many bytes, and is ours while it is locked.
            unsafe { ptr::write_bytes(memory, 0, bytes) }
        })
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

    /// Does something with its memory while it is locked. Of a tensor of no bytes there may be none, and any place will do.
    fn locked<T>(&mut self, mode: c_int, touch: impl FnOnce(*mut u8) -> T) -> Result<T, Failure> {
        const WHAT: &str = "reach a tensor's memory";
        let call = &self.runtime.call;
        let mut memory = ptr::null_mut();
        // SAFETY: the handle is alive, the out pointer valid; what was locked is unlocked.
        unsafe {
            checked(WHAT, (call.lock)(self.handle, &mut memory, mode))?;
            let place = NonNull::new(memory.cast()).or((self.bytes == 0).then_some(NonNull::dangling()));
            let touched = place.map(|place| touch(place.as_ptr())).ok_or(Failure::Nothing { what: WHAT });
            let given_back = checked("give a tensor's memory back", (call.unlock)(self.handle));
            touched.and_then(|touched| given_back.map(|()| touched))
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: made by `new`, released once.
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

#[cfg(test)]
pub(super) mod tests {
    use super::super::api::Functions;
    use super::*;
    use std::ffi::c_void;

    const OK: c_int = 0;
    const OUT_OF_MEMORY: c_int = 2;

    unsafe extern "C" fn makes(
        _: Handle,
        _: c_int,
        _: *const TensorType,
        _: usize,
        out: *mut Handle,
    ) -> c_int {
        // SAFETY: callers give room for a handle, which is never followed.
        unsafe { *out = ptr::dangling_mut() };
        OK
    }

    unsafe extern "C" fn makes_nothing(
        _: Handle,
        _: c_int,
        _: *const TensorType,
        _: usize,
        _: *mut Handle,
    ) -> c_int {
        OK
    }

    unsafe extern "C" fn locks_nothing(_: Handle, out: *mut *mut c_void, _: c_int) -> c_int {
        // SAFETY: callers give room for a pointer.
        unsafe { *out = ptr::null_mut() };
        OK
    }

    unsafe extern "C" fn refuses(_: Handle, _: *mut *mut c_void, _: c_int) -> c_int {
        OUT_OF_MEMORY
    }

    unsafe extern "C" fn unlocks(_: Handle) -> c_int {
        OK
    }

    unsafe extern "C" fn lets_go(_: Handle) {}

    fn library() -> Functions {
        Functions {
            create_buffer: makes,
            destroy_buffer: lets_go,
            lock: locks_nothing,
            unlock: unlocks,
            ..Functions::unexpected()
        }
    }

    /// Memory that the library says it has locked, and which is not there.
    pub(in super::super) fn without_memory(bytes: usize) -> Room {
        room(library(), bytes).unwrap()
    }

    fn room(call: Functions, bytes: usize) -> Result<Room, Failure> {
        Room::new(Runtime::made_of(call), DType::F32, &[1], bytes, bytes)
    }

    #[test]
    fn memory_that_is_not_there_is_an_error_not_zeros() {
        let mut room = without_memory(4);
        let mut bytes = [7; 4];
        let nothing = Failure::Nothing { what: "reach a tensor's memory" };
        assert_eq!(room.read(&mut bytes), Err(nothing));
        assert_eq!(bytes, [7; 4]);
        assert_eq!(room.write(&bytes), Err(nothing));
        assert_eq!(room.clear(), Err(nothing));
        assert_eq!(room.look(<[u8]>::len), Err(nothing));
        assert_eq!(
            nothing.to_string(),
            "cannot reach a tensor's memory: the library says it did, and gives nothing"
        );
    }

    #[test]
    fn a_tensor_of_no_bytes_needs_no_memory() {
        let mut room = without_memory(0);
        assert_eq!((room.read(&mut []), room.write(&[]), room.look(<[u8]>::len)), (Ok(()), Ok(()), Ok(0)));
    }

    #[test]
    fn what_the_library_refuses_is_said() {
        let mut refused = room(Functions { lock: refuses, ..library() }, 4).unwrap();
        let status = Failure::Status { what: "reach a tensor's memory", status: OUT_OF_MEMORY };
        assert_eq!(refused.read(&mut [0; 4]), Err(status));
        let none = room(Functions { create_buffer: makes_nothing, ..library() }, 4);
        assert_eq!(none.err(), Some(Failure::Nothing { what: "make memory for a tensor" }));
    }
}
