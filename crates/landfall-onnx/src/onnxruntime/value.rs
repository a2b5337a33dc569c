//! Values that go into and come out of ONNX Runtime.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::api::{Failure, Runtime};
use super::session::Session;
use crate::declared::ElementType;
use landfall_foreign::Held;
use landfall_model::{Buffer, DType, Shape, Strings, StringsMut};
use ort_sys as sys;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// The C enum has this size, and a number that Rust's does not have cannot be held by it.
pub(super) fn element_of(element: ElementType) -> Result<sys::ONNXTensorElementDataType, Failure> {
    use sys::ONNXTensorElementDataType::*;
    Ok(match element.0 {
        1 => ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        2 => ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
        3 => ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
        4 => ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16,
        5 => ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16,
        6 => ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
        7 => ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
        8 => ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING,
        9 => ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,
        10 => ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
        11 => ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
        12 => ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32,
        13 => ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64,
        14 => ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX64,
        15 => ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX128,
        16 => ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16,
        _ => return Err(Failure { code: 0, text: format!("no tensor of {element} can be made") }),
    })
}

/// A tensor value over memory of ours: ONNX Runtime reads it, or writes into it, where it lies.
///
/// # Safety
/// `data` must be valid for `bytes` bytes until the value is released, and for writes if the value is an output.
/// Nobody else may write to it while a run uses it.
pub(super) unsafe fn wrap(
    runtime: &Runtime,
    data: *mut u8,
    bytes: usize,
    element: ElementType,
    dims: &[i64],
) -> Result<*mut sys::OrtValue, Failure> {
    let mut value = ptr::null_mut();
    let element = element_of(element)?;
    // SAFETY: the memory description lives for ever, dims are valid for their length, and the caller vouches for the
    // data; the library checks that the dims' product fits into `bytes`.
    let status = unsafe {
        (runtime.table.CreateTensorWithDataAsOrtValue)(
            runtime.memory,
            data.cast(),
            bytes,
            dims.as_ptr(),
            dims.len(),
            element,
            &mut value,
        )
    };
    runtime.check(status)?;
    Ok(value)
}

/// A tensor value of strings, copied: the library keeps strings in a form of its own.
pub(super) fn from_strings(
    runtime: &Runtime,
    strings: &Strings,
    dims: &[i64],
) -> Result<*mut sys::OrtValue, Failure> {
    let mut value = ptr::null_mut();
    let element = sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING;
    // SAFETY: the allocator lives for ever, dims are valid for their length.
    let status = unsafe {
        (runtime.table.CreateTensorAsOrtValue)(
            runtime.allocator,
            dims.as_ptr(),
            dims.len(),
            element,
            &mut value,
        )
    };
    runtime.check(status)?;
    for (index, text) in strings.iter().enumerate() {
        let mut room = ptr::null_mut();
        // SAFETY: the value is a string tensor made above; the library checks the index.
        let status = unsafe {
            (runtime.table.GetResizedStringTensorElementBuffer)(value, index, text.len(), &mut room)
        };
        if let Err(failure) = runtime.check(status) {
            // SAFETY: made above, released once.
            unsafe { (runtime.table.ReleaseValue)(value) };
            return Err(failure);
        }
        if !text.is_empty() {
            // SAFETY: the library gave room for as many bytes as were asked for, in memory of its own.
            unsafe { ptr::copy_nonoverlapping(text.as_ptr(), room.cast(), text.len()) };
        }
    }
    Ok(value)
}

/// Outputs of up to so many bytes are copied out of the library's memory.
const COPIED_BYTES: usize = 16 * 1024;

/// A value that ONNX Runtime made. Holds the session, whose memory it may lie in.
pub(super) struct Value {
    pointer: NonNull<sys::OrtValue>,
    session: Arc<Session>,
}

// SAFETY: a value is changed by nobody after the run that made it, and may be read and released on any thread.
unsafe impl Send for Value {}
// SAFETY: as above.
unsafe impl Sync for Value {}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: owned by this struct alone, released once.
        unsafe { (self.session.runtime().table.ReleaseValue)(self.pointer.as_ptr()) }
    }
}

impl Value {
    /// Takes over a value.
    ///
    /// # Safety
    /// The pointer must be a value that nobody else releases, made by this session or from its values.
    pub(super) unsafe fn owned(pointer: NonNull<sys::OrtValue>, session: Arc<Session>) -> Self {
        Value { pointer, session }
    }

    /// Element type and shape of a tensor.
    pub(super) fn tensor(&self) -> Result<(ElementType, Shape), Failure> {
        let runtime = self.session.runtime();
        let mut info = ptr::null_mut();
        let (mut element, mut rank) = (0i32, 0usize);
        // SAFETY: the value is valid; the out pointers are valid for what is written (the C enum is an int); the info
        // is released on every way out, and not used after.
        unsafe {
            runtime.check((runtime.table.GetTensorTypeAndShape)(self.pointer.as_ptr(), &mut info))?;
            let mut dims = Vec::new();
            let read = runtime
                .check((runtime.table.GetTensorElementType)(info, ptr::from_mut(&mut element).cast()))
                .and_then(|()| runtime.check((runtime.table.GetDimensionsCount)(info, &mut rank)))
                .and_then(|()| {
                    dims = vec![0i64; rank];
                    runtime.check((runtime.table.GetDimensions)(info, dims.as_mut_ptr(), rank))
                });
            (runtime.table.ReleaseTensorTypeAndShapeInfo)(info);
            read?;
            let shape = dims.iter().map(|&dim| usize::try_from(dim).unwrap_or(0)).collect();
            Ok((ElementType(u64::try_from(element).unwrap_or(0)), shape))
        }
    }

    /// A tensor that is no string tensor: type, shape, and bytes. Large ones stay where the library put them; small ones
    /// are copied, which is cheaper than to hold a piece of its memory.
    pub(super) fn plain(self) -> Result<(ElementType, Shape, Buffer), Failure> {
        let (element, shape) = self.tensor()?;
        let wrong = |text: String| Failure { code: 0, text };
        let size = element.dtype().and_then(DType::size);
        let size = size.ok_or_else(|| wrong(format!("a tensor of {element} has no plain bytes")))?;
        let length = shape.elements().ok().and_then(|n| n.checked_mul(size));
        let length = length.ok_or_else(|| wrong(format!("a tensor of shape {shape} is too large")))?;
        let runtime = self.session.runtime();
        let mut data = ptr::null_mut();
        // SAFETY: the value is valid. The pointer is called mutable, but is only read here.
        runtime.check(unsafe { (runtime.table.GetTensorMutableData)(self.pointer.as_ptr(), &mut data) })?;
        let Some(data) = NonNull::new(data.cast::<u8>()).filter(|_| length > 0) else {
            return Ok((element, shape, Buffer::default()));
        };
        // SAFETY: pointer and length are the value's, which lives as long as its owner, and whose memory nobody changes.
        let held = unsafe { Held::new(data, length, self) };
        let buffer =
            if length <= COPIED_BYTES { Buffer::copy_of(held.as_ref()) } else { Buffer::from_owner(held) };
        Ok((element, shape, buffer))
    }

    /// The elements of a string tensor of so many.
    pub(super) fn strings(&self, count: usize) -> Result<Strings, Failure> {
        let runtime = self.session.runtime();
        let (mut total, mut strings) = (0, StringsMut::new());
        if count == 0 {
            return Ok(strings.freeze());
        }
        // SAFETY: the value is valid; for another type the library returns an error.
        let status = unsafe { (runtime.table.GetStringTensorDataLength)(self.pointer.as_ptr(), &mut total) };
        runtime.check(status)?;
        let (mut bytes, mut starts) = (vec![0u8; total], vec![0usize; count]);
        // SAFETY: both buffers have the lengths given; the library checks them against its own.
        let status = unsafe {
            (runtime.table.GetStringTensorContent)(
                self.pointer.as_ptr(),
                bytes.as_mut_ptr().cast(),
                total,
                starts.as_mut_ptr(),
                count,
            )
        };
        runtime.check(status)?;
        for (index, &start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(total);
            let text = bytes.get(start..end);
            strings.push(text.ok_or_else(|| Failure { code: 0, text: "strings out of order".to_owned() })?);
        }
        Ok(strings.freeze())
    }

    /// Number of items of a sequence; 2 for a map (keys, values).
    pub(super) fn count(&self) -> Result<usize, Failure> {
        let runtime = self.session.runtime();
        let mut count = 0;
        // SAFETY: the value is valid; for another type the library returns an error.
        runtime.check(unsafe { (runtime.table.GetValueCount)(self.pointer.as_ptr(), &mut count) })?;
        Ok(count)
    }

    /// An item of a sequence; of a map, the keys (0) or the values (1). A value of its own.
    pub(super) fn item(&self, index: usize) -> Result<Value, Failure> {
        let runtime = self.session.runtime();
        let mut item = ptr::null_mut();
        let index = i32::try_from(index).map_err(|error| Failure { code: 0, text: error.to_string() })?;
        // SAFETY: the value is valid; the library checks type and index.
        let status =
            unsafe { (runtime.table.GetValue)(self.pointer.as_ptr(), index, runtime.allocator, &mut item) };
        runtime.check(status)?;
        let pointer = NonNull::new(item).ok_or_else(|| Failure { code: 0, text: "no item".to_owned() })?;
        // SAFETY: made for this call, by the caller's contract ours to release.
        Ok(unsafe { Value::owned(pointer, self.session.clone()) })
    }
}
