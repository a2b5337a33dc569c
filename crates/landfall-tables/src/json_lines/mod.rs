//! JSON Lines: one object on each line, `{"dense": [0.5, …], "ids": [3, …]}`. NaN, Infinity and -Infinity are numbers;
//! bytes that are no UTF-8 stand as `{"b64": "…"}`.

mod read;
mod scan;
mod value;
mod write;

pub(crate) use read::open;
pub(crate) use scan::text;
pub use write::JsonNan;
pub(crate) use write::{encode, push_string, push_values};
