//! CSV as RFC 4180 has it, read leniently: any line end, quotes in the middle of a cell are themselves; semicolons, tabs
//! or bars between cells where the header's names are the model's only so. Where numbers have a decimal comma, semicolons
//! come first.

mod read;
mod record;
mod write;

pub(crate) use read::open;
pub use write::push_quoted;
pub(crate) use write::{encode, header};
