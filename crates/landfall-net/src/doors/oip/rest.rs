//! The Open Inference Protocol over HTTP.

use crate::body::RequestBody;
use crate::caller::Caller;
use crate::compression::{Coding, TAKEN};
use crate::doors::accept_header::admits_json;
use crate::doors::call_options::CallOptions;
use crate::doors::oip::{self, Described, VERSION};
use crate::doors::packed;
use crate::doors::predict::{away, bytes_of, hand_in};
use crate::doors::refused::{self, Refused};
use crate::doors::room;
use crate::metrics::Door;
use crate::reply::{self, Reply, empty, whole};
use crate::route::{OipModel, OipRoute, OipVerb};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use landfall_dialects::Identity;
use landfall_dialects::oip::{errors, rest as dialect, version_choice};
use landfall_model::{Kind, Problem};
use landfall_serving::Lease;

const HEADER_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Answers a request below `/v2`.
pub(crate) async fn answer(
    caller: &Caller,
    route: OipRoute<'_>,
    parts: &Parts,
    body: &mut RequestBody,
) -> Reply {
    if let OipRoute::Missing(what) = route {
        return refuse(&Problem::unsupported(what, "").into());
    }
    let method = method(&route);
    if parts.method != method {
        return refused::not_allowed(if method == Method::GET { "GET" } else { "POST" });
    }
    if let OipRoute::Model(OipModel { name, version, verb: OipVerb::Infer }) = &route {
        return infer(caller, name, version, parts, body).await;
    }
    Box::pin(manage(caller, route, parts, body)).await.unwrap_or_else(|refused| refuse(&refused))
}

fn method(route: &OipRoute<'_>) -> Method {
    match route {
        OipRoute::Model(OipModel { verb: OipVerb::Infer, .. })
        | OipRoute::Index
        | OipRoute::Load(_)
        | OipRoute::Unload(_) => Method::POST,
        _ => Method::GET,
    }
}

#[cold]
fn refuse(refused: &Refused) -> Reply {
    reply::error(refused.worded(errors::rest))
}

/// A request body's coding. Names are matched in lower case only, as Triton does.
fn coding(headers: &HeaderMap) -> Result<Option<Coding>, UnknownCoding> {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
    match value.to_str() {
        Ok("" | "identity") => Ok(None),
        Ok(name) => Coding::named(name).map(Some).ok_or(UnknownCoding),
        Err(_) => Err(UnknownCoding),
    }
}

/// A coding that is not known.
struct UnknownCoding;

impl UnknownCoding {
    #[cold]
    fn reply(self) -> Reply {
        let mut reply = refuse(&Problem::worded(Kind::Unimplemented, "Unsupported compression type").into());
        reply.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(TAKEN));
        reply
    }
}

async fn infer(caller: &Caller, name: &str, version: &str, parts: &Parts, body: &mut RequestBody) -> Reply {
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return unknown.reply(),
    };
    let mut lease = None;
    let answered = answered(caller, name, version, &parts.headers, body, coding, &mut lease).await;
    let problem = answered.as_ref().err().map(|refused| &refused.problem);
    refused::ended(&caller.shared, Door::OipRest, name, lease.as_ref(), problem);
    answered.unwrap_or_else(|refused| refuse(&refused))
}

async fn answered(
    caller: &Caller,
    name: &str,
    version: &str,
    headers: &HeaderMap,
    body: &mut RequestBody,
    coding: Option<Coding>,
    found: &mut Option<Lease>,
) -> Result<Reply, Refused> {
    let options = CallOptions::of(headers)?;
    let header_length = headers.get(HEADER_LENGTH).cloned();
    let boundary = header_length.as_ref().and_then(|value| value.to_str().ok()?.parse().ok());
    let body = packed::read_around(caller, body, coding, boundary.unwrap_or(0)).await?;
    let lease = oip::find(&caller.shared, name, &version_choice(version))?;
    *found = Some(lease.clone());
    let room = room::for_json(&caller.share, &body, boundary.unwrap_or(usize::MAX), lease.signatures())?;
    let (bytes, holder) = (body.len(), lease.clone());
    let decode = move || {
        // Text that is no ASCII is no number either.
        let header_length = header_length.as_ref().map(|value| value.to_str().unwrap_or("?"));
        dialect::decode(&body, header_length, holder.signatures(), holder.model()).map(|call| (call, room))
    };
    let (decoded, room) = away(bytes, decode).await??;
    let (waiting, signature, form) = hand_in(lease.clone(), options, decoded);
    let outputs = waiting.answer().await?.outputs;
    let room = room::for_answer(&caller.share, room, &outputs, room::TEXT)?;
    let nan = caller.shared.json_nan;
    let (encoded, body) = away(bytes_of(&outputs), move || {
        let _room = room;
        let mut body = Vec::with_capacity(256);
        let identity = Identity { model: lease.model(), version: lease.version() };
        dialect::encode(&form, identity, &signature, &outputs, nan, &mut body).map(|encoded| (encoded, body))
    })
    .await??;
    let reply = match encoded.header_length {
        None => reply::json(body),
        Some(length) => {
            let mut reply = whole(StatusCode::OK, BINARY, body);
            reply.headers_mut().insert(HEADER_LENGTH, HeaderValue::from(length));
            reply
        }
    };
    packed::packed(reply, headers).await
}

/// All but inference.
async fn manage(
    caller: &Caller,
    route: OipRoute<'_>,
    parts: &Parts,
    body: &mut RequestBody,
) -> Result<Reply, Refused> {
    let shared = &caller.shared;
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return Ok(unknown.reply()),
    };
    Ok(match route {
        OipRoute::Server => reply::json(dialect::server_metadata(VERSION)),
        OipRoute::Live => acknowledged(parts, StatusCode::OK, dialect::live()),
        OipRoute::Ready => {
            let ready = shared.is_ready();
            let status = if ready { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            acknowledged(parts, status, dialect::ready(ready))
        }
        OipRoute::Statistics => reply::json(dialect::statistics(&shared.catalog.statistics(None))),
        OipRoute::Model(model) => of_model(caller, &model, parts)?,
        OipRoute::Index => {
            let body = packed::read_or_empty(caller, body, coding).await?;
            let only_ready = dialect::index_request(body.bytes())?;
            reply::json(dialect::index(&oip::index(shared), only_ready))
        }
        OipRoute::Load(model) => {
            let body = packed::read_or_empty(caller, body, coding).await?;
            dialect::load_request(body.bytes())?;
            oip::load(caller, &model).await?;
            acknowledged(parts, StatusCode::OK, dialect::loaded(&model))
        }
        OipRoute::Unload(model) => {
            let body = packed::read_or_empty(caller, body, coding).await?;
            dialect::unload_request(body.bytes())?;
            oip::unload(caller, &model).await?;
            acknowledged(parts, StatusCode::OK, dialect::unloaded(&model))
        }
        OipRoute::Missing(what) => return Err(Problem::unsupported(what, "").into()),
    })
}

/// An answer whose status says it all: KServe's JSON for callers who take that, else Triton's empty body.
fn acknowledged(parts: &Parts, status: StatusCode, json: Vec<u8>) -> Reply {
    if admits_json(&parts.headers) { whole(status, reply::JSON, json) } else { empty(status) }
}

fn of_model(caller: &Caller, model: &OipModel<'_>, parts: &Parts) -> Result<Reply, Problem> {
    let (shared, choice) = (&caller.shared, version_choice(&model.version));
    Ok(reply::json(match model.verb {
        OipVerb::Metadata => dialect::model_metadata(Described::find(shared, &model.name, &choice)?.facts()?),
        OipVerb::Config => dialect::model_config(Described::find(shared, &model.name, &choice)?.facts()?),
        OipVerb::Statistics => dialect::statistics(&oip::statistics(shared, &model.name, &choice)?),
        OipVerb::Ready => {
            return match oip::find(shared, &model.name, &choice) {
                Ok(_) => Ok(acknowledged(parts, StatusCode::OK, dialect::model_ready(&model.name))),
                Err(_) => Err(Problem::invalid("Model version not ready")),
            };
        }
        OipVerb::Infer => return Err(Problem::internal("an inference came the wrong way")),
    }))
}
