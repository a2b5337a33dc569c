//! The TensorFlow Serving API over HTTP.

use super::asked::Asked;
use super::packed;
use super::predict::{away, bytes_of, hand_in};
use super::refused::Refused;
use crate::caller::{Caller, Shared};
use crate::compression::Coding;
use crate::metrics::Door;
use crate::reply::{self, Reply, empty};
use http::header::{CONTENT_ENCODING, HeaderMap, ORIGIN};
use http::request::Parts;
use http::{Method, StatusCode};
use hyper::body::Incoming;
use landfall_dialects::tfs::rest::{self as dialect, Route};
use landfall_dialects::tfs::{ErrorPlace, errors};
use landfall_dialects::{Address, Identity};
use landfall_model::{Problem, Reason, Version, VersionChoice, VersionStatus};
use landfall_serving::Lease;

/// Answers a request below `/v1/`.
pub(crate) async fn answer(caller: &Caller, parts: &Parts, body: Incoming) -> Reply {
    if parts.method == Method::OPTIONS {
        return preflight(&parts.headers);
    }
    let path = parts.uri.path();
    match dialect::route(parts.method.as_str(), path) {
        Some(Ok(Route::Predict(address))) => predict(caller, address, &parts.headers, body).await,
        Some(Ok(Route::Classify(address))) => refuse(dialect::unimplemented("classify"), &place(&address)),
        Some(Ok(Route::Regress(address))) => refuse(dialect::unimplemented("regress"), &place(&address)),
        Some(Ok(Route::Status(address))) => {
            let place = ErrorPlace::status(&address.model, &address.version);
            told(statuses(&caller.shared, &address).map(|statuses| dialect::status(&statuses)), &place)
        }
        Some(Ok(Route::Metadata(address))) => told(metadata(&caller.shared, &address), &place(&address)),
        Some(Err(problem)) => refuse(problem, &ErrorPlace::call("", &VersionChoice::Default)),
        None => super::oip_rest::not_found(),
    }
}

/// Where a call that failed went to.
pub(crate) fn place(address: &Address) -> ErrorPlace<'_> {
    ErrorPlace::call(&address.model, &address.version)
}

#[cold]
fn refuse(refused: impl Into<Refused>, place: &ErrorPlace<'_>) -> Reply {
    reply::error(refused.into().worded(|problem| errors::rest(problem, place)))
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

/// A body's coding: as the original, whatever contains `gzip` is gzip, and what is not known is no coding.
fn coding(headers: &HeaderMap) -> Option<Coding> {
    let text = headers.get(CONTENT_ENCODING)?.to_str().ok()?;
    if text.contains("gzip") { Some(Coding::Gzip) } else { Coding::named(text) }
}

async fn predict(caller: &Caller, address: Address, headers: &HeaderMap, body: Incoming) -> Reply {
    let mut lease = None;
    let answered = answered(caller, &address, headers, body, &mut lease).await;
    let outcome = answered.as_ref().err().map(|refused| refused.problem.kind());
    caller.shared.metrics.count(lease.as_ref(), Door::TfsRest, outcome);
    answered.map_or_else(|refused| refuse(refused, &place(&address)), reply::json)
}

async fn answered(
    caller: &Caller,
    address: &Address,
    headers: &HeaderMap,
    body: Incoming,
    found: &mut Option<Lease>,
) -> Result<Vec<u8>, Refused> {
    let asked = Asked::of(headers)?;
    let body = packed::read_leniently(body, coding(headers), caller.shared.max_body).await?;
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
    let decode = move || dialect::decode(&body, holder.signatures());
    // The lease goes with the call: nothing of the answer needs the version.
    let (waiting, signature, form) = hand_in(lease, asked, away(bytes, decode).await??);
    let outputs = waiting.answer().await?.outputs;
    let nan = caller.shared.json_nan;
    Ok(away(bytes_of(&outputs), move || {
        let mut body = Vec::with_capacity(256);
        dialect::encode(&form, &signature, &outputs, nan, &mut body).map(|()| body)
    })
    .await??)
}

/// The states of a model's versions, newest first; of one, where the address names one.
///
/// # Errors
/// [`Reason::ModelNotFound`], [`Reason::VersionNotFound`], [`Reason::LabelNotFound`].
pub(crate) fn statuses(shared: &Shared, address: &Address) -> Result<Vec<VersionStatus>, Problem> {
    let mut statuses = shared.catalog.statuses(&address.model)?;
    let model = address.model.clone();
    let (version, missing) = match &address.version {
        VersionChoice::Default if statuses.is_empty() => {
            return Err(Problem::new(Reason::NoVersionAvailable { model }));
        }
        VersionChoice::Default => return Ok(statuses),
        VersionChoice::Exact(version) => {
            (Some(version.clone()), Reason::VersionNotFound { model, version: version.to_string() })
        }
        VersionChoice::Label(label) => {
            // Versions whose names are no numbers are reachable as labels.
            let free_form = || Some(Version::named(label)).filter(|version| version.number().is_none());
            let version = shared.catalog.labelled(&model, label).or_else(free_form);
            (version, Reason::LabelNotFound { model, label: label.clone() })
        }
    };
    statuses.retain(|status| Some(&status.version) == version.as_ref());
    if statuses.is_empty() { Err(Problem::new(missing)) } else { Ok(statuses) }
}

fn metadata(shared: &Shared, address: &Address) -> Result<Vec<u8>, Problem> {
    let lease = shared.catalog.find(&address.model, &address.version)?;
    let identity = Identity { model: lease.model(), version: lease.version() };
    Ok(dialect::metadata(identity, lease.signatures()))
}
