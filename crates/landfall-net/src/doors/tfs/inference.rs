//! Classify, regress and multi-inference of the TensorFlow Serving API, over both its doors.

use super::log::{self, Logging};
use crate::body::RequestBody;
use crate::caller::{Caller, Shared};
use crate::compression::Coding;
use crate::doors::call_options::CallOptions;
use crate::doors::grpc::unary::message;
use crate::doors::packed;
use crate::doors::predict::{away, bytes_of, hand_in};
use crate::doors::refused::Refused;
use crate::doors::room;
use crate::grpc::frame::framed;
use http::HeaderMap;
use landfall_dialects::tfs::inference::{self, Form, Question, Rules, Several, Task};
use landfall_dialects::tfs::logs::LoggedMethod;
use landfall_dialects::tfs::{grpc, rest};
use landfall_dialects::{Address, Decoded, Identity};
use landfall_model::Problem;
use landfall_serving::Lease;

fn rules(shared: &Shared) -> Rules {
    Rules { check_method: shared.tfs.check_method_names }
}

fn logged_method(task: Task) -> LoggedMethod {
    match task {
        Task::Classify => LoggedMethod::Classify,
        Task::Regress => LoggedMethod::Regress,
    }
}

/// Makes a question the call of the model that it is for.
async fn call(
    shared: &Shared,
    lease: &Lease,
    question: Question,
    bytes: usize,
) -> Result<Decoded<Form>, Problem> {
    let (holder, rules) = (lease.clone(), rules(shared));
    away(bytes, move || inference::call(question, holder.signatures(), rules)).await?
}

/// For the metrics: an answered request had so many examples.
fn notice(shared: &Shared, model: &str, examples: usize) {
    if shared.tfs.metrics_path.is_some() {
        shared.latencies.examples(model, examples);
    }
}

/// The answer to `:classify` and `:regress`.
pub(crate) async fn rest(
    caller: &Caller,
    task: Task,
    address: &Address,
    headers: &HeaderMap,
    body: &mut RequestBody,
    found: &mut Option<Lease>,
) -> Result<Vec<u8>, Refused> {
    let shared = &caller.shared;
    let options = CallOptions::of(headers)?.within(shared.tfs.rest_timeout);
    let body = packed::read_leniently(caller, body, headers).await?;
    let bytes = body.len();
    let room = room::for_examples(&caller.share, &body)?;
    // The original reads the body before it looks for the model.
    let decode = move || rest::decode_question(task, body.bytes()).map(|question| (question, room));
    let (question, room) = away(bytes, decode).await??;
    let lease = shared.catalog.find(&address.model, &address.version)?;
    *found = Some(lease.clone());
    let logging = Logging::begin(shared, lease.model(), logged_method(task), || {
        let identity = Identity { model: lease.model(), version: lease.version() };
        Some(log::message(grpc::encode_question(identity, &question)))
    });
    let decoded = call(shared, &lease, question, bytes).await?;
    let holder = logging.is_some().then(|| lease.clone());
    let (waiting, signature, form) = hand_in(lease, options, decoded);
    let outputs = waiting.answer().await?.outputs;
    let room = room::for_answer(&caller.share, room, &outputs, room::TEXT)?;
    notice(shared, &address.model, form.examples());
    let nan = shared.json_nan;
    Ok(away(bytes_of(&outputs), move || {
        let _room = room;
        if let (Some(logging), Some(lease)) = (logging, holder) {
            let identity = Identity { model: lease.model(), version: lease.version() };
            let mut message = Vec::new();
            if grpc::encode_answer(&form, identity, &signature, &outputs, &mut message).is_ok() {
                logging.end(&lease, signature.name(), &message);
            }
        }
        let mut body = Vec::new();
        rest::encode_answer(&form, &signature, &outputs, nan, &mut body).map(|()| body)
    })
    .await??)
}

/// The framed answer to `Classify` and `Regress`.
pub(crate) async fn grpc(
    caller: &Caller,
    task: Task,
    headers: &HeaderMap,
    body: &mut RequestBody,
    coding: Option<Coding>,
    meant: &mut Option<Address>,
    found: &mut Option<Lease>,
) -> Result<Vec<u8>, Problem> {
    let options = CallOptions::of(headers)?;
    let body = message(caller, body, coding).await?;
    let address = meant.insert(grpc::predict_address(body.bytes())?);
    let lease = caller.shared.catalog.find(&address.model, &address.version)?;
    *found = Some(lease.clone());
    let bytes = body.len();
    let logging = Logging::begin(&caller.shared, lease.model(), logged_method(task), || Some(body.clone()));
    let question = away(bytes, move || grpc::decode_question(task, body.bytes())).await??;
    let decoded = call(&caller.shared, &lease, question, bytes).await?;
    let room = room::for_tensors(&caller.share, bytes, &decoded.call)?;
    let (waiting, signature, form) = hand_in(lease.clone(), options, decoded);
    let outputs = waiting.answer().await?.outputs;
    let room = room::for_answer(&caller.share, room, &outputs, room::BINARY)?;
    notice(&caller.shared, lease.model(), form.examples());
    away(bytes_of(&outputs), move || {
        let _room = room;
        let identity = Identity { model: lease.model(), version: lease.version() };
        let answer = framed(|out| grpc::encode_answer(&form, identity, &signature, &outputs, out))?;
        if let Some(logging) = logging {
            logging.end_framed(&lease, signature.name(), &answer);
        }
        Ok(answer)
    })
    .await?
}

/// The framed answer to `MultiInference`: all its runs are handed in before the first is waited for.
pub(crate) async fn multi(
    caller: &Caller,
    headers: &HeaderMap,
    body: &mut RequestBody,
    coding: Option<Coding>,
    meant: &mut Option<Address>,
    found: &mut Option<Lease>,
) -> Result<Vec<u8>, Problem> {
    let options = CallOptions::of(headers)?;
    let body = message(caller, body, coding).await?;
    let address = meant.insert(grpc::multi_inference_address(body.bytes())?);
    let lease = caller.shared.catalog.find(&address.model, &address.version)?;
    *found = Some(lease.clone());
    let (bytes, holder, rules) = (body.len(), lease.clone(), rules(&caller.shared));
    let method = LoggedMethod::MultiInference;
    let logging = Logging::begin(&caller.shared, lease.model(), method, || Some(body.clone()));
    let decode =
        move || grpc::decode_multi_inference(body.bytes(), holder.signatures(), holder.joint(), rules);
    let Several { runs, tasks } = away(bytes, decode).await??;
    let rooms = runs.iter().map(|run| room::for_tensors(&caller.share, bytes, &run.call));
    let _rooms = rooms.collect::<Result<Vec<_>, _>>()?;
    let waiting: Vec<_> = runs.into_iter().map(|run| hand_in(lease.clone(), options, run).0).collect();
    let mut outputs = Vec::with_capacity(waiting.len());
    for waiting in waiting {
        outputs.push(waiting.answer().await?.outputs);
    }
    notice(&caller.shared, lease.model(), tasks.examples());
    away(outputs.iter().map(bytes_of).sum(), move || {
        let identity = Identity { model: lease.model(), version: lease.version() };
        let answer = framed(|out| grpc::encode_multi_inference(&tasks, identity, &outputs, out))?;
        if let Some(logging) = logging {
            logging.end_framed(&lease, tasks.first_signature(), &answer);
        }
        Ok(answer)
    })
    .await?
}
