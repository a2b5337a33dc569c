//! The Open Inference Protocol over gRPC.

use super::stream;
use crate::body::RequestBody;
use crate::caller::Caller;
use crate::compression::Coding;
use crate::doors::call_options::CallOptions;
use crate::doors::grpc::unary::{self, Unary, coding, message, unknown};
use crate::doors::oip::{self, Described, VERSION};
use crate::doors::predict::{away, bytes_of, hand_in};
use crate::doors::room;
use crate::grpc::frame::framed;
use crate::grpc::status;
use crate::reply::Reply;
use http::HeaderMap;
use http::request::Parts;
use landfall_dialects::Identity;
use landfall_dialects::oip::grpc::{self as dialect, ModelRequest};
use landfall_dialects::oip::{ModelFacts, errors};
use landfall_model::{Buffer, Problem, Reason};
use landfall_serving::Lease;

/// The service that answers all of it.
pub(crate) const SERVICE: &str = dialect::SERVICE;

/// Answers a call of the service.
pub(crate) async fn answer(caller: &Caller, method: &str, parts: &Parts, body: &mut RequestBody) -> Reply {
    if method == "ModelStreamInfer" {
        return stream::answer(caller, parts, body);
    }
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return unknown.reply(),
    };
    if method == "ModelInfer" {
        return infer(caller, &parts.headers, body, coding).await;
    }
    if dialect::UNIMPLEMENTED.contains(&method) {
        return status::refused(&errors::grpc(&Problem::unsupported(format!("the method {method}"), "")));
    }
    Box::pin(manage(caller, method, body, coding)).await
}

async fn infer(
    caller: &Caller,
    headers: &HeaderMap,
    body: &mut RequestBody,
    coding: Option<Coding>,
) -> Reply {
    let mut lease = None;
    let answered = answered(caller, headers, body, coding, &mut lease).await;
    oip::ended(&caller.shared, lease.as_ref(), answered.as_ref().err());
    unary::reply(answered.map_err(|problem| errors::grpc(&problem)))
}

async fn answered(
    caller: &Caller,
    headers: &HeaderMap,
    body: &mut RequestBody,
    coding: Option<Coding>,
    found: &mut Option<Lease>,
) -> Result<Vec<u8>, Problem> {
    let options = CallOptions::of(headers)?;
    let body = message(caller, body, coding).await?;
    let (bytes, address) = (body.len(), dialect::infer_address(body.bytes())?);
    let lease = oip::find(&caller.shared, &address.model, &address.version)?;
    *found = Some(lease.clone());
    let holder = lease.clone();
    let decode = move || dialect::decode_infer(&body, holder.signatures(), holder.model());
    let decoded = away(bytes, decode).await??;
    let room = room::for_tensors(&caller.share, bytes, &decoded.call)?;
    let (waiting, signature, form) = hand_in(lease.clone(), options, decoded);
    let outputs = waiting.answer().await?.outputs;
    let room = room::for_answer(&caller.share, room, &outputs, room::BINARY)?;
    away(bytes_of(&outputs), move || {
        let _room = room;
        let identity = Identity { model: lease.model(), version: lease.version() };
        framed(|out| dialect::encode_infer(&form, identity, &signature, &outputs, out))
    })
    .await?
}

/// All but inference.
async fn manage(caller: &Caller, method: &str, body: &mut RequestBody, coding: Option<Coding>) -> Reply {
    let body = match message(caller, body, coding).await {
        Ok(body) => body,
        Err(problem) => return status::refused(&errors::grpc(&problem)),
    };
    match managed(caller, method, &body).await {
        None => unknown(dialect::SERVICE, method),
        Some(answered) => unary::reply(worded(answered)),
    }
}

fn worded(answered: Result<Vec<u8>, Problem>) -> Unary {
    answered.map_err(|problem| errors::grpc(&problem)).and_then(|message| unary::framed(&message))
}

async fn managed(caller: &Caller, method: &str, body: &Buffer) -> Option<Result<Vec<u8>, Problem>> {
    let (shared, body) = (&caller.shared, body.bytes());
    let described = |tell: fn(ModelFacts<'_>) -> Vec<u8>| {
        let ModelRequest { model, version } = dialect::model_request(body)?;
        Described::find(shared, &model, &version)?.facts().map(tell)
    };
    Some(match method {
        "ServerLive" => Ok(dialect::server_live()),
        "ServerReady" => Ok(dialect::server_ready(shared.is_ready())),
        "ServerMetadata" => Ok(dialect::server_metadata(VERSION)),
        "ModelReady" => dialect::model_request(body).and_then(|ModelRequest { model, version }| {
            match oip::find(shared, &model, &version) {
                Ok(_) => Ok(dialect::model_ready(true)),
                // Text that can be no version is a mistake; a version that is not there is not ready.
                Err(problem) if matches!(problem.reason(), Reason::LabelNotFound { .. }) => Err(problem),
                Err(_) => Ok(dialect::model_ready(false)),
            }
        }),
        "ModelMetadata" => described(dialect::model_metadata),
        "ModelConfig" => described(dialect::model_config),
        "ModelStatistics" => dialect::model_request(body).and_then(|ModelRequest { model, version }| {
            oip::statistics(shared, &model, &version).map(|versions| dialect::statistics(&versions))
        }),
        "RepositoryIndex" => dialect::index_request(body)
            .map(|request| dialect::index(&oip::index(shared), request.only_ready)),
        "RepositoryModelLoad" => match dialect::load_request(body) {
            Ok(request) => oip::load(caller, &request.model).await.map(|()| dialect::empty()),
            Err(problem) => Err(problem),
        },
        "RepositoryModelUnload" => match dialect::unload_request(body) {
            Ok(request) => oip::unload(caller, &request.model).await.map(|()| dialect::empty()),
            Err(problem) => Err(problem),
        },
        _ => return None,
    })
}
