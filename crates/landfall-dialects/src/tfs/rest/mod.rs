//! TensorFlow Serving's REST API: paths, predict bodies in row and column form, answers, status and metadata.

mod address;
mod base64;
mod columnar;
mod decimal;
mod decode;
mod describe;
mod encode;
mod examples;
mod explain;
mod filling;
mod form;
mod item;
mod misfit;
mod results;
mod rows;
mod scalar;

#[cfg(test)]
mod tests;

pub use address::{Route, route};
pub use decode::{check, decode};
pub use describe::{metadata, status};
pub use encode::encode;
pub use examples::decode_question;
pub use form::Form;
pub use results::encode_answer;
