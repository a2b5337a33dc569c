//! JSON of tensors: one pass over bytes, no tree. What is wrong with a document is said in RapidJSON's words, since the
//! original servers' clients see those.

mod fault;
mod number;
mod quote;
mod scan;
mod short;
mod string;
pub mod write;

pub use fault::{Fault, SyntaxError};
pub use number::Number;
pub(crate) use number::POWERS;
pub use quote::quoted;
pub use scan::Scanner;
pub use short::FromShort;
