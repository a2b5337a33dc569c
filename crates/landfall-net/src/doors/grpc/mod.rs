//! gRPC: from path to service.

mod reflection;
pub(super) mod stream;
pub(super) mod unary;

use super::{oip, tfs};
use crate::body::RequestBody;
use crate::caller::Caller;
use crate::grpc::status;
use crate::reply::{Reply, empty, whole};
use crate::settings::GrpcHealth;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use landfall_dialects::services;
use landfall_model::{Kind, Problem};
use unary::{coding, framed, message, reply, unknown};

/// Whether a request is a gRPC call: `application/grpc`, also with `+proto` or parameters behind it. gRPC-Web is not.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    const TYPE: &[u8] = b"application/grpc";
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return false };
    let Some((named, after)) = value.as_bytes().split_at_checked(TYPE.len()) else { return false };
    named.eq_ignore_ascii_case(TYPE) && matches!(after, [] | [b'+' | b';' | b' ', ..])
}

/// The answer to a call that came to the port where no gRPC is spoken.
#[cold]
pub(crate) fn elsewhere() -> Reply {
    status::refused(&status::plain(&Problem::unsupported("gRPC on this port", "call the port of --grpc")))
}

/// Answers a call.
pub(crate) async fn answer(caller: &Caller, parts: &Parts, body: &mut RequestBody) -> Reply {
    if parts.version < Version::HTTP_2 {
        let text = "gRPC over HTTP/2 is spoken here; REST answers on the port of --http\n";
        return whole(StatusCode::BAD_REQUEST, HeaderValue::from_static("text/plain"), text);
    }
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
        oip::grpc::SERVICE => oip::grpc::answer(caller, method, parts, body).await,
        tfs::grpc::PREDICTION_SERVICE => tfs::grpc::prediction(caller, method, parts, body).await,
        tfs::grpc::MODEL_SERVICE => Box::pin(tfs::grpc::model(caller, method, parts, body)).await,
        tfs::profiler::SERVICE => Box::pin(tfs::profiler::answer(caller, method, parts, body)).await,
        services::health::SERVICE => Box::pin(health(caller, method, parts, body)).await,
        _ if services::reflection::SERVICES.contains(&service) => {
            reflection::answer(caller, service, method, parts, body)
        }
        _ => unknown(service, method),
    }
}

async fn health(caller: &Caller, method: &str, parts: &Parts, body: &mut RequestBody) -> Reply {
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
