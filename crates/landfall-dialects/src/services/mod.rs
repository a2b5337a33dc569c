//! Services that every gRPC port has beside the dialects': health and reflection, as pure functions from message to
//! message.

mod definitions;
pub(crate) mod descriptor;
pub mod health;
pub(crate) mod proto_text;
pub mod reflection;

pub use definitions::FILES;
