//! The run of a model: the hot path.
#![expect(unsafe_code, reason = "calls into a C library")]

use super::api::{Failure, Runtime};
use super::session::Session;
use super::value::{self, Value};
use crate::declared::ElementType;
use landfall_model::Strings;
use ort_sys as sys;
use std::ffi::{CStr, c_char};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// What an input is fed with, by borrow.
pub(super) enum Feed<'a> {
    /// Little-endian, row-major bytes of whole elements.
    Plain { bytes: &'a [u8], element: ElementType, shape: &'a [usize] },
    /// Strings.
    Strings { strings: &'a Strings, shape: &'a [usize] },
}

/// Where an output goes.
pub(super) enum Want<'a> {
    /// Into this memory, which has room for exactly this shape; another shape is an error.
    Into { bytes: &'a mut [u8], element: ElementType, shape: &'a [usize] },
    /// Into memory of the library's own: the shape is not known before.
    Given,
}

/// Room for the pointers of one run, reused by the next.
#[derive(Default)]
pub(super) struct Workspace {
    dims: Vec<i64>,
    input_names: Vec<*const c_char>,
    inputs: Vec<*const sys::OrtValue>,
    output_names: Vec<*const c_char>,
    outputs: Vec<*mut sys::OrtValue>,
    /// Which outputs are the library's own memory.
    given: Vec<bool>,
}

// SAFETY: between runs all lists are empty (see `Workspace::run`); within one they are used by one thread.
unsafe impl Send for Workspace {}

impl Workspace {
    /// Runs a model. Inputs are read where they lie; outputs come into the memory given for them, or as values in the
    /// order of `wants`: `None` for those that went into memory.
    pub(super) fn run<'a>(
        &mut self,
        session: &Arc<Session>,
        feeds: impl Iterator<Item = (&'a CStr, Feed<'a>)>,
        wants: impl Iterator<Item = (&'a CStr, Want<'a>)>,
        mut each: impl FnMut(usize, Value),
    ) -> Result<(), Failure> {
        let runtime = session.runtime();
        let ran = self.bind(runtime, feeds, wants).and_then(|()| {
            // SAFETY: session and names are valid; each list has the length given; every input is a value made in
            // `bind` over memory that is borrowed until this function returns; every output is such a value, or null,
            // which asks the library for one of its own.
            runtime.check(unsafe {
                (runtime.table.Run)(
                    session.pointer(),
                    ptr::null(),
                    self.input_names.as_ptr(),
                    self.inputs.as_ptr(),
                    self.inputs.len(),
                    self.output_names.as_ptr(),
                    self.output_names.len(),
                    self.outputs.as_mut_ptr(),
                )
            })
        });
        let release = runtime.table.ReleaseValue;
        for input in self.inputs.drain(..) {
            // SAFETY: made in `bind`, released once; the memory below it stays ours.
            unsafe { release(input.cast_mut()) };
        }
        for (index, (output, given)) in self.outputs.drain(..).zip(self.given.drain(..)).enumerate() {
            match NonNull::new(output) {
                None => {}
                Some(pointer) if given && ran.is_ok() => {
                    // SAFETY: the run made it for us.
                    each(index, unsafe { Value::owned(pointer, session.clone()) });
                }
                // SAFETY: made in `bind`, or left by a run that failed; released once.
                Some(pointer) => unsafe { release(pointer.as_ptr()) },
            }
        }
        self.input_names.clear();
        self.output_names.clear();
        ran
    }

    /// Makes the values of a run. What was made stays in the workspace when a later one fails.
    fn bind<'a>(
        &mut self,
        runtime: &Runtime,
        feeds: impl Iterator<Item = (&'a CStr, Feed<'a>)>,
        wants: impl Iterator<Item = (&'a CStr, Want<'a>)>,
    ) -> Result<(), Failure> {
        for (name, feed) in feeds {
            let value = match feed {
                Feed::Plain { bytes, element, shape } => {
                    let dims = signed(&mut self.dims, shape);
                    // SAFETY: the bytes are borrowed until `run` returns, which releases the value first; the library
                    // only reads inputs, so that the cast to mutable is never made use of.
                    unsafe { value::wrap(runtime, bytes.as_ptr().cast_mut(), bytes.len(), element, dims) }
                }
                Feed::Strings { strings, shape } => {
                    value::from_strings(runtime, strings, signed(&mut self.dims, shape))
                }
            }?;
            self.inputs.push(value);
            self.input_names.push(name.as_ptr());
        }
        for (name, want) in wants {
            let value = match want {
                Want::Given => ptr::null_mut(),
                Want::Into { bytes, element, shape } => {
                    let dims = signed(&mut self.dims, shape);
                    // SAFETY: the bytes are borrowed mutably, so for this output alone, until `run` returns, which
                    // releases the value first.
                    unsafe { value::wrap(runtime, bytes.as_mut_ptr(), bytes.len(), element, dims) }?
                }
            };
            self.given.push(value.is_null());
            self.outputs.push(value);
            self.output_names.push(name.as_ptr());
        }
        Ok(())
    }
}

fn signed<'d>(dims: &'d mut Vec<i64>, shape: &[usize]) -> &'d [i64] {
    dims.clear();
    dims.extend(shape.iter().map(|&dim| dim as i64));
    dims
}
