//! From a request to its reply: one module for each protocol.

pub(crate) mod accept_header;
mod call_options;
mod control;
mod grpc;
mod health;
mod metrics;
mod oip;
mod packed;
mod predict;
mod refused;
mod room;
mod tfs;

use crate::body::RequestBody;
use crate::caller::{Caller, Speaks};
use crate::grpc::status;
use crate::memory::Full;
use crate::reply::{self, Reply, ReplyBody};
use crate::route::{ControlRoute, OipRoute, Route, route};
use http::header::{CONNECTION, HeaderValue, ORIGIN, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Version};
use hyper::body::{Body, Incoming};
use landfall_dialects::oip::errors;

/// Answers a request, and sees to it that its client can come to read the answer.
pub(crate) async fn answer(caller: &Caller, parts: &Parts, body: Incoming) -> Reply {
    let mut body = RequestBody::new(body);
    let reply = answered(caller, parts, &mut body).await;
    body.forget_rest(&parts.headers, &caller.shared);
    reply
}

async fn answered(caller: &Caller, parts: &Parts, body: &mut RequestBody) -> Reply {
    let version = parts.version;
    let _under_way = caller.begin(version);
    // gRPC is HTTP/2 alone: of all other requests the headers are not looked at.
    if caller.speaks == Speaks::Http && version == Version::HTTP_2 && grpc::is_grpc(&parts.headers) {
        return grpc::elsewhere();
    }
    let is_grpc = match caller.speaks {
        Speaks::Http => false,
        Speaks::Grpc => true,
        Speaks::Both => grpc::is_grpc(&parts.headers),
    };
    let _head = match caller.room_for_head(parts) {
        Ok(room) => room,
        Err(full) => return refuse(is_grpc, full),
    };
    if caller.share.is_behind()
        && let Err(full) = Box::pin(caller.share.caught_up()).await
    {
        return refuse(is_grpc, full);
    }
    let mut reply =
        if is_grpc { grpc::answer(caller, parts, body).await } else { rest(caller, parts, body).await };
    // Of an answer over HTTP/1 the body is left out below us.
    if parts.method == Method::HEAD && version == Version::HTTP_2 {
        reply::without_body(&mut reply);
    }
    if let Err(full) = count(caller, version, &mut reply) {
        reply = refuse(is_grpc, full);
    }
    if caller.shared.is_draining() && version < Version::HTTP_2 {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    reply
}

/// Counts an answer until its peer has read it.
fn count(caller: &Caller, version: Version, reply: &mut Reply) -> Result<(), Full> {
    let (ReplyBody::Whole(bytes) | ReplyBody::Message(bytes, _)) = reply.body_mut() else { return Ok(()) };
    if version < Version::HTTP_2 {
        return caller.share.lone_answer(bytes.len());
    }
    *bytes = caller.share.answer(std::mem::take(bytes))?;
    Ok(())
}

/// The reply in place of an answer for which there is no memory.
#[cold]
fn refuse(is_grpc: bool, full: Full) -> Reply {
    let problem = full.problem();
    if is_grpc { status::refused(&errors::grpc(&problem)) } else { reply::error(errors::rest(&problem)) }
}

async fn rest(caller: &Caller, parts: &Parts, body: &mut RequestBody) -> Reply {
    if is_coded(parts, body) {
        return refused::not_decoded();
    }
    let path = parts.uri.path();
    if caller.shared.tfs.metrics_path.as_deref() == Some(path) && parts.method == Method::GET {
        return metrics::scrape_tfs(&caller.shared);
    }
    match route(path) {
        Route::Oip(OipRoute::Load(_) | OipRoute::Unload(_))
        | Route::Control(ControlRoute::Promote(_) | ControlRoute::Rollback(_))
            if parts.headers.contains_key(ORIGIN) =>
        {
            control::refuse_page()
        }
        Route::Tfs => tfs::rest::answer(caller, parts, body).await,
        Route::Oip(route) => oip::rest::answer(caller, route, parts, body).await,
        // What follows is rare: its futures must not make those above larger.
        Route::Control(route) => Box::pin(control::answer(caller, route, &parts.method, body)).await,
        Route::Live | Route::Ready | Route::Metrics
            if !matches!(parts.method, Method::GET | Method::HEAD) =>
        {
            refused::not_allowed("GET, HEAD")
        }
        Route::Live => health::live(),
        Route::Ready => health::ready(&caller.shared),
        Route::Metrics => metrics::scrape(caller, parts),
        Route::Unknown => refused::not_found(),
    }
}

/// Whether a body has another transfer coding than `chunked`, which nobody here takes off.
fn is_coded(parts: &Parts, body: &RequestBody) -> bool {
    let plain = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    body.size_hint().exact().is_none()
        && parts.version < Version::HTTP_2
        && !parts.headers.get_all(TRANSFER_ENCODING).iter().all(plain)
}
