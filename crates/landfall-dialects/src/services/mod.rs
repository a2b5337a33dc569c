//! Services that every gRPC port has beside the dialects': health and reflection, as pure functions from message to
//! message.

pub mod health;
pub mod reflection;
