//! JSON of tensors: one pass over bytes, no tree. What is wrong with a document is said in RapidJSON's words, since the
//! original servers' clients see those.

mod fault;
mod number;
mod quote;
mod scan;
mod short;
mod string;
pub(crate) mod write;

pub(crate) use fault::{Fault, SyntaxError};
pub(crate) use number::Number;
pub(crate) use number::POWERS;
pub(crate) use quote::quoted;
pub(crate) use scan::Scanner;
pub(crate) use short::FromShort;
