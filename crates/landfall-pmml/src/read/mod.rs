//! From bytes to typed parts of a document, with the place of everything that is refused.

pub(crate) mod array;
pub(crate) mod encoding;
mod matrix;
pub(crate) mod table;
pub(crate) mod xml;

pub(crate) use matrix::Matrix;
pub(crate) use xml::{Element, Place, Xml};
