//! What one row is evaluated in: values by slot, computed when they are first asked for.

mod answer;
mod cast;
mod work;
mod write;

pub(crate) use answer::{Answer, Ranked, Recommendation};
pub(crate) use work::{Compiled, Cx, Work};
pub(crate) use write::Answered;
