//! Requests through real sockets against a real catalog, with an engine of a few lines.
#![expect(clippy::unwrap_used, reason = "the clients and the house are tests too")]

mod control;
mod drain;
mod examples;
mod framing;
mod fuzz;
mod grpc;
mod grpc_client;
mod house;
mod http_client;
mod memory;
mod metrics;
mod predictions;
mod said;
mod stream;
