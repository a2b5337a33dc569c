//! Arrow arrays as tensors and back: Parquet files, and Arrow IPC files and streams.

mod at_place;
mod decode;
mod ipc;
mod leaf;
mod lists;
mod messages;
mod moments;
mod page_header;
mod parquet;
mod worded;
mod write;

pub(crate) use ipc::{open_file, open_stream};
pub(crate) use parquet::open as open_parquet;
pub(crate) use worded::{array_dtype, array_tensor, can_be_worded, worded};
pub(crate) use write::{ArrowSink, column, column_type, encode, schema};

use arrow_schema::ArrowError;
use landfall_model::Problem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the library's reader on foreign bytes: what it refuses, and what makes it panic, is no file that can be read.
fn guarded<T, E: std::fmt::Display>(file: &str, read: impl FnOnce() -> Result<T, E>) -> Result<T, Problem> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| Problem::malformed(file, None, error.to_string())),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said =
                said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why");
            Err(Problem::malformed(file, None, format!("the file's reader gave up: {said}")))
        }
    }
}

/// A failure while answers are brought into Arrow's form or written.
fn write_failed(error: &ArrowError) -> Problem {
    match error {
        ArrowError::IoError(text, _) => {
            Problem::worded(landfall_model::Kind::Internal, format!("cannot write: {text}"))
        }
        other => Problem::internal(format!("cannot write: {other}")),
    }
}
