//! The TensorFlow Serving API over gRPC.

use super::log::Logging;
use super::noticed::Noticed;
use super::{inference, reload};
use super::{place, predictable, statuses};
use crate::body::RequestBody;
use crate::caller::{Caller, Shared};
use crate::compression::Coding;
use crate::doors::call_options::CallOptions;
use crate::doors::grpc::unary::{self, Unary, coding, message, unknown};
use crate::doors::predict::{away, bytes_of, hand_in};
use crate::doors::refused;
use crate::doors::room;
use crate::grpc::frame::framed;
use crate::metrics::{Door, EntryPoint};
use crate::reply::Reply;
use http::HeaderMap;
use http::request::Parts;
use landfall_dialects::tfs::inference::Task;
use landfall_dialects::tfs::{ErrorPlace, errors, grpc as dialect, logs};
use landfall_dialects::{Address, GrpcError, Identity};
use landfall_model::{Problem, VersionChoice};
use landfall_serving::Lease;

/// The service that answers predictions.
pub(crate) const PREDICTION_SERVICE: &str = "tensorflow.serving.PredictionService";
/// The service that tells the states of versions.
pub(crate) const MODEL_SERVICE: &str = "tensorflow.serving.ModelService";

/// Answers a call of the prediction service.
pub(crate) async fn prediction(
    caller: &Caller,
    method: &str,
    parts: &Parts,
    body: &mut RequestBody,
) -> Reply {
    match method {
        "Predict" => match coding(&parts.headers) {
            Ok(coding) => predict(caller, &parts.headers, body, coding).await,
            Err(unknown) => unknown.reply(),
        },
        "GetModelMetadata" => Box::pin(told(caller, parts, body, metadata)).await,
        "Classify" => Box::pin(infer(caller, parts, body, Asks::One(Task::Classify))).await,
        "Regress" => Box::pin(infer(caller, parts, body, Asks::One(Task::Regress))).await,
        "MultiInference" => Box::pin(infer(caller, parts, body, Asks::Several)).await,
        _ => unknown(PREDICTION_SERVICE, method),
    }
}

/// Answers a call of the model service.
pub(crate) async fn model(caller: &Caller, method: &str, parts: &Parts, body: &mut RequestBody) -> Reply {
    match method {
        "GetModelStatus" => told(caller, parts, body, model_status).await,
        "HandleReloadConfigRequest" => reload::answer(caller, parts, body).await,
        _ => unknown(MODEL_SERVICE, method),
    }
}

/// What is asked of examples.
#[derive(Clone, Copy)]
enum Asks {
    One(Task),
    Several,
}

async fn infer(caller: &Caller, parts: &Parts, body: &mut RequestBody, asks: Asks) -> Reply {
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return unknown.reply(),
    };
    let (mut lease, mut address) = (None, None);
    let noticed = match asks {
        Asks::One(Task::Classify) => Noticed::begin(&caller.shared, "Classify", EntryPoint::Grpc),
        Asks::One(Task::Regress) => Noticed::begin(&caller.shared, "Regress", EntryPoint::Grpc),
        // The original counts requests for all but this one.
        Asks::Several => None,
    };
    let headers = &parts.headers;
    let answered = match asks {
        Asks::One(task) => {
            inference::grpc(caller, task, headers, body, coding, &mut address, &mut lease).await
        }
        Asks::Several => inference::multi(caller, headers, body, coding, &mut address, &mut lease).await,
    };
    ended(caller, answered, address.as_ref(), lease.as_ref(), noticed)
}

/// An error of a call that names nobody yet.
#[cold]
fn nowhere(problem: &Problem) -> GrpcError {
    errors::grpc(problem, &ErrorPlace::call("", &VersionChoice::Default))
}

/// A question about a model, and its answer.
async fn told(
    caller: &Caller,
    parts: &Parts,
    body: &mut RequestBody,
    tell: fn(&Shared, &[u8]) -> Result<Vec<u8>, GrpcError>,
) -> Reply {
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return unknown.reply(),
    };
    unary::reply(match message(caller, body, coding).await {
        Ok(body) => tell(&caller.shared, body.bytes()).and_then(|message| unary::framed(&message)),
        Err(problem) => Err(nowhere(&problem)),
    })
}

fn metadata(shared: &Shared, body: &[u8]) -> Result<Vec<u8>, GrpcError> {
    let address = dialect::decode_get_model_metadata(body).map_err(|problem| nowhere(&problem))?;
    let found = shared.catalog.find(&address.model, &address.version);
    let lease = found.map_err(|problem| errors::grpc(&problem, &place(&address)))?;
    let identity = Identity { model: lease.model(), version: lease.version() };
    Ok(dialect::encode_get_model_metadata(identity, lease.signatures(), &lease.facts().declared))
}

fn model_status(shared: &Shared, body: &[u8]) -> Result<Vec<u8>, GrpcError> {
    let address = dialect::decode_get_model_status(body).map_err(|problem| nowhere(&problem))?;
    let place = ErrorPlace::status(&address.model, &address.version);
    let statuses = statuses(shared, &address).map_err(|problem| errors::grpc(&problem, &place))?;
    Ok(dialect::encode_get_model_status(&statuses))
}

async fn predict(
    caller: &Caller,
    headers: &HeaderMap,
    body: &mut RequestBody,
    coding: Option<Coding>,
) -> Reply {
    let (mut lease, mut address) = (None, None);
    let noticed = Noticed::begin(&caller.shared, "Predict", EntryPoint::Grpc);
    let answered = answered(caller, headers, body, coding, &mut address, &mut lease).await;
    ended(caller, answered, address.as_ref(), lease.as_ref(), noticed)
}

/// The reply to a call that has ended, which is counted.
fn ended(
    caller: &Caller,
    answered: Result<Vec<u8>, Problem>,
    address: Option<&Address>,
    lease: Option<&Lease>,
    noticed: Option<Noticed>,
) -> Reply {
    let problem = answered.as_ref().err();
    let model = address.map_or("", |address| &address.model);
    if let Some(noticed) = noticed {
        noticed.end(&caller.shared, model, problem.map(Problem::kind));
    }
    refused::ended(&caller.shared, Door::TfsGrpc, model, lease, problem);
    let unary: Unary = answered.map_err(|problem| match address {
        Some(address) => errors::grpc(&problem, &place(address)),
        None => nowhere(&problem),
    });
    unary::reply(unary)
}

async fn answered(
    caller: &Caller,
    headers: &HeaderMap,
    body: &mut RequestBody,
    coding: Option<Coding>,
    meant: &mut Option<Address>,
    found: &mut Option<Lease>,
) -> Result<Vec<u8>, Problem> {
    let options = CallOptions::of(headers)?;
    let body = message(caller, body, coding).await?;
    let address = meant.insert(dialect::predict_address(body.bytes())?);
    let lease = caller.shared.catalog.find(&address.model, &address.version)?;
    *found = Some(lease.clone());
    let (bytes, holder) = (body.len(), lease.clone());
    let logging =
        Logging::begin(&caller.shared, lease.model(), logs::LoggedMethod::Predict, || Some(body.clone()));
    let strict = caller.shared.tfs.check_method_names;
    let decode = move || predictable(dialect::decode_predict(&body, holder.signatures())?, strict);
    let decoded = away(bytes, decode).await??;
    let room = room::for_tensors(&caller.share, bytes, &decoded.call)?;
    let (waiting, signature, form) = hand_in(lease.clone(), options, decoded);
    let form = form.with_tensor_content(caller.shared.tfs.tensor_content);
    let outputs = waiting.answer().await?.outputs;
    let room = room::for_answer(&caller.share, room, &outputs, room::BINARY)?;
    away(bytes_of(&outputs), move || {
        let _room = room;
        let identity = Identity { model: lease.model(), version: lease.version() };
        let answer = framed(|out| dialect::encode_predict(&form, identity, &signature, &outputs, out))?;
        if let Some(logging) = logging {
            logging.end_framed(&lease, signature.name(), &answer);
        }
        Ok(answer)
    })
    .await?
}
