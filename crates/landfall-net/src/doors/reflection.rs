//! gRPC reflection: what this server offers, for tools such as `grpcurl`.

use super::stream;
use super::unary::{self, coding, framed, unknown};
use crate::caller::Caller;
use crate::grpc::frame::Message;
use crate::grpc::status;
use crate::reply::{Pending, Reply};
use bytes::Bytes;
use http::request::Parts;
use hyper::body::Incoming;
use landfall_dialects::services::reflection;

/// Answers a call of the service, in either of its versions.
pub(crate) fn answer(caller: &Caller, service: &str, method: &str, parts: &Parts, body: Incoming) -> Reply {
    if method != "ServerReflectionInfo" {
        return unknown(service, method);
    }
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return unknown.reply(),
    };
    let (limit, share) = (caller.shared.max_body, caller.share.clone());
    stream::open(caller, body, status::plain, move |message: Message| {
        let share = share.clone();
        async move {
            let question = unary::unpacked(message, coding, limit, &share).await?;
            let answer = reflection::answer(question.bytes())?;
            let answer = framed(&answer).map(Bytes::from).map_err(|error| status::failed(&error));
            Ok(Box::pin(std::future::ready(answer)) as Pending)
        }
    })
}
