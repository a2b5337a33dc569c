//! Sockets: HTTP, gRPC frames, routes, limits, health, metrics.
//!
//! [`Server::start`] opens the doors before a catalog of models; a request walks from its socket through a dialect to
//! [`landfall_serving::submit`] and back on one thread. [`Server::drain`] closes them without losing an accepted
//! request.
//!
//! ```no_run
//! # fn start(catalog: std::sync::Arc<landfall_serving::Catalog>, control: landfall_serving::Control)
//! #     -> Result<(), landfall_model::Problem> {
//! use landfall_net::{NetSettings, Server};
//! use std::time::Duration;
//!
//! let settings = NetSettings { http: Some("127.0.0.1:0".parse()?), ..NetSettings::default() };
//! let server = Server::start(&settings, catalog, control)?;
//! println!("listening on {}", server.http().expect("it was asked for"));
//! let drained = server.drain(Duration::from_secs(30));
//! assert_eq!(drained.cut, 0);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod body;
mod caller;
mod compression;
mod connections;
mod doors;
mod endpoint;
mod grpc;
mod limits;
mod memory;
mod metrics;
mod offload;
mod phase;
mod reply;
mod route;
mod server;
mod settings;
mod thread;
mod tls;
mod trace;
mod turns;

pub use endpoint::{Bound, Endpoint};
pub use limits::MAX_BODY_DEFAULT;
pub use server::{Drained, Server};
pub use settings::{GrpcConnections, GrpcHealth, Log, NetSettings, Reload, RequestLog, TfsSettings};
pub use tls::Tls;

#[doc(hidden)]
pub mod fuzz;
