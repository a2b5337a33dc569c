//! Services that every gRPC port has beside the dialects': health and reflection, as pure functions from message to
//! message.

mod definitions;
mod descriptor;
pub mod health;
mod proto_text;
pub mod reflection;

pub use definitions::FILES;
