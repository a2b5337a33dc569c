//! The TensorFlow Serving API over HTTP.

use super::inference;
use super::log::{self, Logging};
use super::noticed::Noticed;
use super::{place, predictable, statuses};
use crate::body::RequestBody;
use crate::caller::{Caller, Shared};
use crate::doors::call_options::CallOptions;
use crate::doors::packed;
use crate::doors::predict::{away, bytes_of, hand_in};
use crate::doors::refused::{self, Refused};
use crate::doors::room;
use crate::metrics::{Door, EntryPoint};
use crate::reply::{self, Reply, empty};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderMap,
    HeaderValue, ORIGIN,
};
use http::request::Parts;
use http::{Method, StatusCode};
use landfall_dialects::tfs::inference::Task;
use landfall_dialects::tfs::rest::{self as dialect, Route};
use landfall_dialects::tfs::{ErrorPlace, errors, grpc, logs};
use landfall_dialects::{Address, Identity};
use landfall_model::{Kind, Outputs, Problem, Signature, VersionChoice};
use landfall_serving::Lease;

/// Answers a request below `/v1/`.
pub(crate) async fn answer(caller: &Caller, parts: &Parts, body: &mut RequestBody) -> Reply {
    let mut reply = match parts.method {
        Method::OPTIONS => preflight(&parts.headers),
        _ => noticed(caller, parts, body).await,
    };
    if caller.shared.tfs.cors {
        let fixed = HeaderValue::from_static;
        reply.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, fixed("*"));
        reply.headers_mut().insert(ACCESS_CONTROL_ALLOW_METHODS, fixed("POST, GET"));
        reply.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, fixed("Content-Type"));
    }
    reply
}

/// Answers all but a browser's question whether it may call, and counts it.
async fn noticed(caller: &Caller, parts: &Parts, body: &mut RequestBody) -> Reply {
    let route = dialect::route(parts.method.as_str(), parts.uri.path());
    let noticed = Noticed::begin(&caller.shared, api(&route), EntryPoint::Rest);
    let model = noticed.as_ref().map(|_| model_of(&route));
    let reply = routed(caller, route, parts, body).await;
    if let (Some(noticed), Some(model)) = (noticed, model) {
        noticed.end(&caller.shared, &model, reply.extensions().get::<Kind>().copied());
    }
    reply
}

type Routed = Option<Result<Route, Problem>>;

/// What the metrics call a path.
fn api(route: &Routed) -> &'static str {
    match route {
        Some(Ok(Route::Predict(_))) => "predict",
        Some(Ok(Route::Classify(_))) => "classify",
        Some(Ok(Route::Regress(_))) => "regress",
        Some(Ok(Route::Status(_))) => "status",
        Some(Ok(Route::Metadata(_))) => "metadata",
        Some(Err(_)) | None => "",
    }
}

/// The model that a path names; empty for none.
fn model_of(route: &Routed) -> String {
    let Some(Ok(route)) = route else { return String::new() };
    let (Route::Predict(address)
    | Route::Classify(address)
    | Route::Regress(address)
    | Route::Status(address)
    | Route::Metadata(address)) = route;
    address.model.clone()
}

async fn routed(caller: &Caller, route: Routed, parts: &Parts, body: &mut RequestBody) -> Reply {
    match route {
        Some(Ok(Route::Predict(address))) => predict(caller, address, &parts.headers, body).await,
        // What follows is rarer: its futures must not make that above larger.
        Some(Ok(Route::Classify(address))) => {
            Box::pin(infer(caller, Task::Classify, address, &parts.headers, body)).await
        }
        Some(Ok(Route::Regress(address))) => {
            Box::pin(infer(caller, Task::Regress, address, &parts.headers, body)).await
        }
        Some(Ok(Route::Status(address))) => {
            let place = ErrorPlace::status(&address.model, &address.version);
            told(statuses(&caller.shared, &address).map(|statuses| dialect::status(&statuses)), &place)
        }
        Some(Ok(Route::Metadata(address))) => told(metadata(&caller.shared, &address), &place(&address)),
        Some(Err(problem)) => refuse(problem, &ErrorPlace::call("", &VersionChoice::Default)),
        None => refused::not_found(),
    }
}

#[cold]
fn refuse(refused: impl Into<Refused>, place: &ErrorPlace<'_>) -> Reply {
    let refused = refused.into();
    let mut reply = reply::error(refused.worded(|problem| errors::rest(problem, place)));
    // For the metrics: several kinds share a status.
    reply.extensions_mut().insert(refused.problem.kind());
    reply
}

fn told(told: Result<Vec<u8>, Problem>, place: &ErrorPlace<'_>) -> Reply {
    told.map_or_else(|problem| refuse(problem, place), reply::json)
}

/// A browser asks whether it may call.
fn preflight(headers: &HeaderMap) -> Reply {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let fits = origin.starts_with("http://") || origin.starts_with("https://");
    empty(if fits { StatusCode::OK } else { StatusCode::BAD_REQUEST })
}

async fn predict(caller: &Caller, address: Address, headers: &HeaderMap, body: &mut RequestBody) -> Reply {
    let mut lease = None;
    let answered = answered(caller, &address, headers, body, &mut lease).await;
    ended(caller, answered, &address, lease.as_ref())
}

/// The reply to a call that has ended, which is counted.
fn ended<B>(caller: &Caller, answered: Result<B, Refused>, address: &Address, lease: Option<&Lease>) -> Reply
where
    B: Into<Bytes>,
{
    let problem = answered.as_ref().err().map(|refused| &refused.problem);
    refused::ended(&caller.shared, Door::TfsRest, &address.model, lease, problem);
    answered.map_or_else(|refused| refuse(refused, &place(address)), reply::json)
}

async fn infer(
    caller: &Caller,
    task: Task,
    address: Address,
    headers: &HeaderMap,
    body: &mut RequestBody,
) -> Reply {
    let mut lease = None;
    let answered = inference::rest(caller, task, &address, headers, body, &mut lease).await;
    ended(caller, answered, &address, lease.as_ref())
}

async fn answered(
    caller: &Caller,
    address: &Address,
    headers: &HeaderMap,
    body: &mut RequestBody,
    found: &mut Option<Lease>,
) -> Result<Vec<u8>, Refused> {
    let options = CallOptions::of(headers)?.within(caller.shared.tfs.rest_timeout);
    let body = packed::read_leniently(caller, body, headers).await?;
    let lease = match caller.shared.catalog.find(&address.model, &address.version) {
        Ok(lease) => lease,
        Err(problem) => {
            // The original reads the body before it looks for the model.
            away(body.len(), move || dialect::check(body.bytes())).await??;
            return Err(problem.into());
        }
    };
    *found = Some(lease.clone());
    let (bytes, holder) = (body.len(), lease.clone());
    let strict = caller.shared.tfs.check_method_names;
    let room = room::for_json(&caller.share, &body, usize::MAX, lease.signatures())?;
    let decode =
        move || predictable(dialect::decode(&body, holder.signatures())?, strict).map(|call| (call, room));
    let (decoded, room) = away(bytes, decode).await??;
    let logging = Logging::begin(&caller.shared, lease.model(), logs::LoggedMethod::Predict, || {
        let identity = Identity { model: lease.model(), version: lease.version() };
        grpc::encode_predict_request(identity, &decoded.call).ok().map(log::message)
    });
    let logging = logging.map(|logging| (logging, lease.clone()));
    // The lease goes with the call: nothing of the answer needs the version.
    let (waiting, signature, form) = hand_in(lease, options, decoded);
    let outputs = waiting.answer().await?.outputs;
    let room = room::for_answer(&caller.share, room, &outputs, room::TEXT)?;
    let nan = caller.shared.json_nan;
    Ok(away(bytes_of(&outputs), move || {
        let _room = room;
        if let Some((logging, lease)) = logging {
            log_prediction(*logging, &lease, &signature, &outputs);
        }
        let mut body = Vec::with_capacity(256);
        dialect::encode(&form, &signature, &outputs, nan, &mut body).map(|()| body)
    })
    .await??)
}

/// Logs a prediction as what gRPC would have been answered.
#[cold]
fn log_prediction(logging: Logging, lease: &Lease, signature: &Signature, outputs: &Outputs) {
    let identity = Identity { model: lease.model(), version: lease.version() };
    let (form, mut message) = (grpc::Form::named(signature.name()), Vec::new());
    if grpc::encode_predict(&form, identity, signature, outputs, &mut message).is_ok() {
        logging.end(lease, signature.name(), &message);
    }
}

fn metadata(shared: &Shared, address: &Address) -> Result<Vec<u8>, Problem> {
    let lease = shared.catalog.find(&address.model, &address.version)?;
    let identity = Identity { model: lease.model(), version: lease.version() };
    Ok(dialect::metadata(identity, lease.signatures(), &lease.facts().declared))
}
