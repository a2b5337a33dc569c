//! The log of answered requests of the TensorFlow Serving API.

use crate::caller::{CLOCK, Shared};
use crate::grpc::frame::PREFIX;
use crate::settings::RequestLog;
use landfall_dialects::Identity;
use landfall_dialects::tfs::logs::{Logged, LoggedMethod, record};
use landfall_model::Buffer;
use landfall_serving::{Clock, Lease};
use std::time::UNIX_EPOCH;

/// A request that is logged once it is answered.
pub(crate) struct Logging {
    log: RequestLog,
    rate: f64,
    method: LoggedMethod,
    request: Buffer,
}

impl Logging {
    /// `None` for all requests but those that are to be logged; only for these its message is asked for.
    #[inline]
    pub(crate) fn begin(
        shared: &Shared,
        model: &str,
        method: LoggedMethod,
        request: impl FnOnce() -> Option<Buffer>,
    ) -> Option<Box<Logging>> {
        let log = shared.tfs.log.as_ref()?;
        let rate = log.0.sample(model)?;
        Some(Box::new(Logging { log: log.clone(), rate, method, request: request()? }))
    }

    /// It was answered with this message.
    pub(crate) fn end(self, lease: &Lease, signature: &str, response: &[u8]) {
        let identity = Identity { model: lease.model(), version: lease.version() };
        let seconds = CLOCK.wall().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let Logging { log, rate, method, request } = self;
        let logged =
            Logged { method, identity, signature, rate, seconds, request: request.bytes(), response };
        log.0.take(lease.model(), record(&logged));
    }

    /// It was answered with this message in a frame.
    pub(crate) fn end_framed(self, lease: &Lease, signature: &str, response: &[u8]) {
        self.end(lease, signature, response.get(PREFIX..).unwrap_or_default());
    }
}

/// The message of a request that came as none.
pub(crate) fn message(bytes: Vec<u8>) -> Buffer {
    Buffer::from_owner(bytes)
}
