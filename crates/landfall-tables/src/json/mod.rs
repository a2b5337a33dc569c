//! JSON as tables have it: NaN, Infinity and -Infinity are numbers; bytes that are no UTF-8 stand as `{"b64": "…"}`.

mod scan;
mod write;

pub(crate) use scan::{DEPTH, Scanner, Start, text};
pub use write::JsonNan;
pub(crate) use write::{nested, push_string, push_values};
