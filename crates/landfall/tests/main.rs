//! The real binary, through real sockets and real files. One test binary, so that there is one link.
//!
//! All of it runs on the embedded engine, so that no shared library is needed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there and then")]

mod commands;
mod control;
mod doors;
mod drain;
mod failing_rows;
mod http;
mod interrupted;
mod kept;
mod memory;
mod mistakes;
mod pages;
mod predict;
mod said;
mod server;
mod slips;
mod versions;
