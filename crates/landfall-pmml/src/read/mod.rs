//! From bytes to typed parts of a document, with the place of everything that is refused.

mod added;
pub(crate) mod array;
mod element;
pub(crate) mod encoding;
mod locator;
mod matrix;
mod piece;
pub(crate) mod table;
pub(crate) mod xml;

pub(crate) use element::Element;
pub(crate) use matrix::Matrix;
pub(crate) use xml::{Place, Xml};
