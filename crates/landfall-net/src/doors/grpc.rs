//! gRPC: from path to service, from frame to message and back.

use super::{has_type, oip_grpc, reflection, tfs_grpc, tfs_profiler};
use crate::body::{self, BodyError};
use crate::caller::Caller;
use crate::compression::Coding;
use crate::grpc::frame::{self, PREFIX};
use crate::grpc::status::{self, CONTENT_TYPE, GRPC_ACCEPT_ENCODING, GRPC_ENCODING};
use crate::limits::UNPACKS_TO;
use crate::reply::{Reply, ReplyBody, empty};
use crate::settings::GrpcHealth;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use landfall_dialects::{GrpcError, oip, services};
use landfall_model::{Buffer, Kind, Problem};

/// The compressions taken, as gRPC wants them said.
const TAKEN: HeaderValue = HeaderValue::from_static("identity,gzip,deflate");

/// What a unary call gives: a framed message, or the error.
pub(crate) type Unary = Result<Vec<u8>, GrpcError>;

/// Whether a request is a gRPC call: `application/grpc`, also with `+proto` or parameters behind it. gRPC-Web is not.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    const TYPE: &str = "application/grpc";
    let after = headers.get(header::CONTENT_TYPE).and_then(|value| value.as_bytes().get(TYPE.len()));
    has_type(headers, TYPE) && matches!(after, None | Some(b'+' | b';' | b' '))
}

/// Answers a call.
pub(crate) async fn answer(caller: &Caller, parts: &Parts, body: Incoming) -> Reply {
    if !is_grpc(&parts.headers) {
        return empty(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    if parts.method != Method::POST {
        let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
        reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return reply;
    }
    let path = parts.uri.path().strip_prefix('/').unwrap_or_default();
    let (service, method) = path.split_once('/').unwrap_or((path, ""));
    match service {
        oip::grpc::SERVICE => oip_grpc::answer(caller, method, parts, body).await,
        tfs_grpc::PREDICTION_SERVICE => tfs_grpc::prediction(caller, method, parts, body).await,
        tfs_grpc::MODEL_SERVICE => Box::pin(tfs_grpc::model(caller, method, parts, body)).await,
        tfs_profiler::SERVICE => Box::pin(tfs_profiler::answer(caller, method, parts, body)).await,
        services::health::SERVICE => Box::pin(health(caller, method, parts, body)).await,
        _ if services::reflection::SERVICES.contains(&service) => {
            reflection::answer(caller, service, method, parts, body)
        }
        _ => unknown(service, method),
    }
}

/// A service or method that is not here.
#[cold]
pub(crate) fn unknown(service: &str, method: &str) -> Reply {
    let text = format!("unknown method {method} for service {service}");
    status::refused(&status::plain(&Problem::worded(Kind::Unimplemented, text)))
}

/// A message's coding.
///
/// # Errors
/// One that is not known.
pub(crate) fn coding(headers: &HeaderMap) -> Result<Option<Coding>, UnknownCoding> {
    let Some(value) = headers.get(GRPC_ENCODING) else { return Ok(None) };
    match value.to_str() {
        Ok("identity") => Ok(None),
        Ok(name) => Coding::named(name).map(Some).ok_or_else(|| UnknownCoding(name.to_owned())),
        Err(_) => Err(UnknownCoding(String::from_utf8_lossy(value.as_bytes()).into_owned())),
    }
}

/// A coding that is not known, by its name.
pub(crate) struct UnknownCoding(String);

impl UnknownCoding {
    /// The reply, which says what is known.
    #[cold]
    pub(crate) fn reply(self) -> Reply {
        let text = format!("grpc-encoding {:?} is not supported", self.0);
        let mut reply = status::refused(&status::plain(&Problem::worded(Kind::Unimplemented, text)));
        reply.headers_mut().insert(GRPC_ACCEPT_ENCODING, TAKEN);
        reply
    }
}

/// The one message of a unary call.
///
/// # Errors
/// What is wrong with its body, its frame or its compression.
pub(crate) async fn message(
    caller: &Caller,
    body: Incoming,
    coding: Option<Coding>,
) -> Result<Buffer, Problem> {
    let limit = caller.shared.max_message();
    let read = body::read(body, limit.saturating_add(PREFIX)).await;
    let body = read.map_err(|error| match error {
        // The limit is the message's, without its prefix.
        BodyError::TooLarge { .. } => body::too_large(limit),
        error => error.problem(),
    })?;
    unpacked(frame::only(&body, limit)?, coding, limit).await
}

/// A message that may be packed; a large one is unpacked where it holds nobody up.
///
/// # Errors
/// As [`frame::Message::unpacked`].
pub(crate) async fn unpacked(
    message: frame::Message,
    coding: Option<Coding>,
    limit: usize,
) -> Result<Buffer, Problem> {
    if coding.is_none() {
        return message.unpacked(None, limit);
    }
    let expected = message.len().saturating_mul(UNPACKS_TO);
    super::predict::away(expected, move || message.unpacked(coding, limit)).await?
}

/// The reply to a unary call.
pub(crate) fn reply(unary: Unary) -> Reply {
    match unary {
        Ok(frame) => {
            let mut reply = Response::new(ReplyBody::Message(frame.into(), status::ok()));
            reply.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
            reply
        }
        Err(error) => status::refused(&error),
    }
}

/// A bare message as a frame.
pub(crate) fn framed(message: &[u8]) -> Unary {
    frame::framed(|out| {
        out.extend_from_slice(message);
        Ok(())
    })
    .map_err(|problem: Problem| status::plain(&problem))
}

async fn health(caller: &Caller, method: &str, parts: &Parts, body: Incoming) -> Reply {
    let offered = caller.shared.grpc_health;
    if method != "Check" || offered == GrpcHealth::Off {
        return unknown(services::health::SERVICE, method);
    }
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return unknown.reply(),
    };
    let asked =
        message(caller, body, coding).await.and_then(|body| services::health::check_request(body.bytes()));
    reply(match asked {
        Ok(service) if !speaks_for(offered, &service) => {
            let text = format!("service {service:?} is not known");
            Err(status::plain(&Problem::worded(Kind::NotFound, text)))
        }
        Ok(_) => framed(&services::health::check(caller.shared.is_ready())),
        Err(problem) => Err(status::plain(&problem)),
    })
}

/// Whether health is told for a service; the empty name is the server as a whole.
fn speaks_for(offered: GrpcHealth, service: &str) -> bool {
    match offered {
        GrpcHealth::Any => true,
        GrpcHealth::Of(services) => service.is_empty() || services.contains(&service),
        GrpcHealth::Off => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_known_by_their_content_type() {
        let is_call = |value: &'static str| {
            is_grpc(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert!(
            ["application/grpc", "Application/gRPC+proto", "application/grpc; v=1"].into_iter().all(is_call)
        );
        assert!(
            !["application/grpc-web", "application/json", "application/grp", ""].into_iter().any(is_call)
        );
    }
}
