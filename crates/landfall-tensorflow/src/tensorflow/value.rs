//! Tensors that go into and come out of TensorFlow.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::api::{Failure, Handle, Runtime, StringCell};
use super::session::Session;
use super::types;
use landfall_foreign::Held;
use landfall_model::{Buffer, DType, Shape, Strings, StringsMut, Tensor};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

/// Frees what was made by `Box::into_raw` of a [`Buffer`], when the library has let go of its bytes.
unsafe extern "C" fn release_buffer(_data: *mut c_void, _length: usize, owner: *mut c_void) {
    // SAFETY: `plain` made the pointer from a box, and the library calls this once for each tensor.
    drop(unsafe { Box::from_raw(owner.cast::<Buffer>()) });
}

/// Elements of a string tensor, with the functions that free them.
struct Cells {
    runtime: &'static Runtime,
    cells: Vec<StringCell>,
}

impl Drop for Cells {
    fn drop(&mut self) {
        for cell in &mut self.cells {
            // SAFETY: each cell was initialised by the library, and is freed once.
            unsafe { (self.runtime.call.string_dealloc)(cell) };
        }
    }
}

/// Frees what was made by `Box::into_raw` of [`Cells`].
unsafe extern "C" fn release_cells(_data: *mut c_void, _length: usize, owner: *mut c_void) {
    // SAFETY: `strings` made the pointer from a box, and the library calls this once for each tensor.
    drop(unsafe { Box::from_raw(owner.cast::<Cells>()) });
}

/// A tensor of the library's for an input. Plain elements are read where they lie, and kept as long as the library holds
/// on to them (an output may share an input's memory); strings are copied, since a model may keep them in a table.
///
/// `dims` is room for the axes. The caller releases the tensor.
pub(super) fn input(
    runtime: &'static Runtime,
    tensor: &Tensor,
    dims: &mut Vec<i64>,
) -> Result<NonNull<c_void>, Failure> {
    dims.clear();
    dims.extend(tensor.shape().iter().map(|&dim| dim as i64));
    match tensor.buffer() {
        Some(buffer) => plain(runtime, tensor.dtype(), clean(tensor.dtype(), buffer), dims),
        None => match tensor.strings() {
            Ok(texts) => strings(runtime, texts, dims),
            Err(problem) => Err(Failure::internal(problem.to_string())),
        },
    }
}

/// Bytes of a `bool` tensor beyond 0 and 1 are true to us and undefined to C++.
fn clean(dtype: DType, buffer: &Buffer) -> Buffer {
    if dtype == DType::Bool && buffer.bytes().iter().any(|&byte| byte > 1) {
        let bytes: Vec<u8> = buffer.bytes().iter().map(|&byte| u8::from(byte != 0)).collect();
        return Buffer::copy_of(&bytes);
    }
    buffer.clone()
}

fn plain(
    runtime: &'static Runtime,
    dtype: DType,
    buffer: Buffer,
    dims: &[i64],
) -> Result<NonNull<c_void>, Failure> {
    let (data, length) = (buffer.bytes().as_ptr().cast_mut(), buffer.len());
    let owner = Box::into_raw(Box::new(buffer));
    // SAFETY: the memory stays as it is until the owner is released, which the library does once when it has let go of
    // it, or at once where it makes a copy (of memory that is not aligned as it likes) or no tensor. It never writes to
    // memory that it does not own, though the pointer is called mutable.
    let made = unsafe {
        (runtime.call.new_tensor)(
            types::number(dtype),
            dims.as_ptr(),
            dims.len() as i32,
            data.cast(),
            length,
            release_buffer,
            owner.cast(),
        )
    };
    NonNull::new(made).ok_or_else(|| Failure::internal("no tensor could be made"))
}

fn strings(runtime: &'static Runtime, texts: &Strings, dims: &[i64]) -> Result<NonNull<c_void>, Failure> {
    let mut owner = Box::new(Cells { runtime, cells: vec![StringCell::ROOM; texts.len()] });
    for (cell, text) in owner.cells.iter_mut().zip(texts.iter()) {
        // SAFETY: the cell is room for one string; the text's bytes are copied before the call returns.
        unsafe {
            (runtime.call.string_init)(cell);
            (runtime.call.string_copy)(cell, text.as_ptr().cast(), text.len());
        }
    }
    let (data, length) = (owner.cells.as_mut_ptr(), size_of_val(&owner.cells[..]));
    let owner = Box::into_raw(owner);
    // SAFETY: as in `plain`; the cells are initialised strings, one for each element.
    let made = unsafe {
        (runtime.call.new_tensor)(
            types::number(DType::String),
            dims.as_ptr(),
            dims.len() as i32,
            data.cast(),
            length,
            release_cells,
            owner.cast(),
        )
    };
    NonNull::new(made).ok_or_else(|| Failure::internal("no tensor could be made"))
}

/// Outputs of up to so many bytes are copied out of the library's memory.
const COPIED_BYTES: usize = 16 * 1024;

/// A tensor that TensorFlow made. Holds the session, whose memory it may lie in.
pub(super) struct Value {
    pointer: NonNull<c_void>,
    session: Arc<Session>,
}

// SAFETY: a tensor is changed by nobody after the run that made it, and may be read and released on any thread.
unsafe impl Send for Value {}
// SAFETY: as above.
unsafe impl Sync for Value {}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: owned by this struct alone, released once.
        unsafe { (self.session.runtime().call.delete_tensor)(self.pointer.as_ptr()) }
    }
}

impl Value {
    /// Takes over a tensor.
    ///
    /// # Safety
    /// The pointer must be a tensor that nobody else releases, made by a run of this session.
    pub(super) unsafe fn owned(pointer: NonNull<c_void>, session: Arc<Session>) -> Self {
        Value { pointer, session }
    }

    fn handle(&self) -> Handle {
        self.pointer.as_ptr()
    }

    /// The number of its element type.
    pub(super) fn element(&self) -> i32 {
        // SAFETY: the tensor is valid.
        unsafe { (self.session.runtime().call.tensor_type)(self.handle()) }
    }

    fn shape(&self) -> Shape {
        let call = &self.session.runtime().call;
        // SAFETY: the tensor is valid.
        let rank = unsafe { (call.tensor_rank)(self.handle()) };
        // SAFETY: as above, and the axis is one that it has.
        (0..rank)
            .map(|axis| usize::try_from(unsafe { (call.tensor_dim)(self.handle(), axis) }).unwrap_or(0))
            .collect()
    }

    /// As a tensor of ours; the caller has held [`Value::element`] against `dtype`. Large ones stay where the library put
    /// them; small ones are copied, which is cheaper than to hold a piece of its memory.
    pub(super) fn tensor(self, dtype: DType) -> Result<Tensor, Failure> {
        let internal = |problem: landfall_model::Problem| Failure::internal(problem.to_string());
        let shape = self.shape();
        let elements = shape.elements().map_err(internal)?;
        let width = dtype.size().unwrap_or(size_of::<StringCell>());
        let call = &self.session.runtime().call;
        // SAFETY: the tensor is valid.
        let (data, length) =
            unsafe { ((call.tensor_data)(self.handle()), (call.tensor_bytes)(self.handle())) };
        if elements.checked_mul(width) != Some(length) {
            return Err(Failure::internal(format!("a tensor of shape {shape} came with {length} bytes")));
        }
        let data = NonNull::new(data.cast::<u8>()).filter(|_| length > 0);
        if data.is_none() && length > 0 {
            return Err(Failure::internal(format!(
                "a tensor of shape {shape} came without its {length} bytes"
            )));
        }
        if dtype == DType::String {
            let strings = match data {
                Some(data) => self.strings(data.cast(), elements)?,
                None => StringsMut::new().freeze(),
            };
            return Tensor::from_strings(shape, strings).map_err(internal);
        }
        let Some(data) = data else {
            return Tensor::from_buffer(dtype, shape, Buffer::default()).map_err(internal);
        };
        // SAFETY: pointer and length are the value's, which lives as long as its owner, and whose memory nobody changes.
        let held = unsafe { Held::new(data, length, self) };
        let buffer =
            if length <= COPIED_BYTES { Buffer::copy_of(held.as_ref()) } else { Buffer::from_owner(held) };
        Tensor::from_buffer(dtype, shape, buffer).map_err(internal)
    }

    fn strings(&self, cells: NonNull<StringCell>, count: usize) -> Result<Strings, Failure> {
        let call = &self.session.runtime().call;
        let mut strings = StringsMut::new();
        for index in 0..count {
            // SAFETY: the tensor has so many cells (its length was held against its shape), each an initialised string,
            // whose bytes live as long as the tensor.
            strings.push(unsafe {
                let cell = cells.as_ptr().add(index);
                let (data, size) = ((call.string_data)(cell), (call.string_size)(cell));
                match NonNull::new(data.cast_mut()) {
                    _ if size == 0 => &[],
                    Some(data) => std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), size),
                    None => {
                        let text = format!("string {index} of a tensor came without its {size} bytes");
                        return Err(Failure::internal(text));
                    }
                }
            });
        }
        Ok(strings.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::super::api::Functions;
    use super::*;
    use std::ffi::{c_char, c_int};
    use std::ptr;

    unsafe extern "C" fn makes() -> Handle {
        ptr::dangling_mut()
    }

    unsafe extern "C" fn takes(_: Handle) {}

    unsafe extern "C" fn ends(_: Handle, _: Handle) {}

    unsafe extern "C" fn has_one_axis(_: Handle) -> c_int {
        1
    }

    unsafe extern "C" fn has_two_elements(_: Handle, _: c_int) -> i64 {
        2
    }

    unsafe extern "C" fn has_8_bytes(_: Handle) -> usize {
        8
    }

    unsafe extern "C" fn has_two_cells(_: Handle) -> usize {
        2 * size_of::<StringCell>()
    }

    unsafe extern "C" fn lies_nowhere(_: Handle) -> *mut c_void {
        ptr::null_mut()
    }

    unsafe extern "C" fn lies_somewhere(_: Handle) -> *mut c_void {
        static CELLS: [StringCell; 2] = [StringCell::ROOM; 2];
        CELLS.as_ptr().cast_mut().cast()
    }

    unsafe extern "C" fn text_lies_nowhere(_: *const StringCell) -> *const c_char {
        ptr::null()
    }

    unsafe extern "C" fn has_five_letters(_: *const StringCell) -> usize {
        5
    }

    unsafe extern "C" fn has_no_letters(_: *const StringCell) -> usize {
        0
    }

    /// A tensor of two elements whose memory is nowhere.
    fn library() -> Functions {
        Functions {
            new_status: makes,
            delete_status: takes,
            close_session: ends,
            delete_session: ends,
            delete_graph: takes,
            delete_tensor: takes,
            tensor_rank: has_one_axis,
            tensor_dim: has_two_elements,
            tensor_bytes: has_8_bytes,
            tensor_data: lies_nowhere,
            ..Functions::unexpected()
        }
    }

    fn tensor(call: Functions, dtype: DType) -> Result<Tensor, Failure> {
        let session = Arc::new(Session::made_of(Runtime::made_of(call)));
        Value { pointer: NonNull::dangling(), session }.tensor(dtype)
    }

    #[test]
    fn bytes_that_are_not_there_are_an_error_not_an_empty_tensor() {
        let failure = tensor(library(), DType::F32).unwrap_err();
        assert_eq!(failure.text, "a tensor of shape [2] came without its 8 bytes");
        let texts = Functions { tensor_bytes: has_two_cells, ..library() };
        let failure = tensor(texts, DType::String).unwrap_err();
        assert_eq!(failure.text, "a tensor of shape [2] came without its 48 bytes");
    }

    #[test]
    fn a_string_without_its_bytes_is_an_error_and_an_empty_one_needs_none() {
        let texts = |string_size| Functions {
            tensor_bytes: has_two_cells,
            tensor_data: lies_somewhere,
            string_data: text_lies_nowhere,
            string_size,
            ..library()
        };
        let failure = tensor(texts(has_five_letters), DType::String).unwrap_err();
        assert_eq!(failure.text, "string 0 of a tensor came without its 5 bytes");
        let empty = tensor(texts(has_no_letters), DType::String).unwrap();
        assert!(empty.strings().unwrap().iter().all(<[u8]>::is_empty));
    }
}
