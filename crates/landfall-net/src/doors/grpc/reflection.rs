//! gRPC reflection: what this server offers, for tools such as `grpcurl`.

use super::stream;
use super::unary::{self, coding, framed, unknown};
use crate::body::RequestBody;
use crate::caller::{Caller, Shared};
use crate::doors::tfs::profiler;
use crate::grpc::frame::Message;
use crate::grpc::status;
use crate::reply::{Pending, Reply};
use crate::settings::GrpcHealth;
use bytes::Bytes;
use http::request::Parts;
use landfall_dialects::services::{health, reflection};

/// Whether a service that this crate knows is there with these settings.
fn offers(shared: &Shared, service: &str) -> bool {
    match service {
        profiler::SERVICE => shared.tfs.profiler,
        health::SERVICE => shared.grpc_health != GrpcHealth::Off,
        _ => true,
    }
}

/// Answers a call of the service, in either of its versions.
pub(crate) fn answer(
    caller: &Caller,
    service: &str,
    method: &str,
    parts: &Parts,
    body: &mut RequestBody,
) -> Reply {
    if method != "ServerReflectionInfo" {
        return unknown(service, method);
    }
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return unknown.reply(),
    };
    let (shared, share) = (caller.shared.clone(), caller.share.clone());
    stream::open(caller, body.take(), status::plain, move |message: Message| {
        let (shared, share) = (shared.clone(), share.clone());
        async move {
            let question = unary::unpacked(message, coding, shared.max_message(), &share).await?;
            let answer = reflection::answer(question.bytes(), |service| offers(&shared, service))?;
            let answer = framed(&answer).map(Bytes::from).map_err(|error| status::failed(&error));
            Ok(Box::pin(std::future::ready(answer)) as Pending)
        }
    })
}
