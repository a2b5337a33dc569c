//! `HandleReloadConfigRequest`: the whole configuration of models, replaced by a client.

use crate::body::RequestBody;
use crate::caller::Caller;
use crate::doors::grpc::unary::{self, Unary, coding, message};
use crate::doors::refused;
use crate::phase::Phase;
use crate::reply::Reply;
use http::request::Parts;
use landfall_dialects::tfs::config::{ReloadConfigRequest, decode_reload_config, encode_reload_config};
use landfall_dialects::tfs::{ErrorPlace, errors};
use landfall_model::{Kind, Problem, Reason, VersionChoice};

/// The metrics whose increase a caller may ask for.
const REQUEST_COUNTS: [&str; 2] = ["/tensorflow/serving/request_count", ":tensorflow:serving:request_count"];

/// Answers the call once every model that it names anew answers, or cannot.
pub(crate) async fn answer(caller: &Caller, parts: &Parts, body: &mut RequestBody) -> Reply {
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return unknown.reply(),
    };
    let reloaded = match message(caller, body, coding).await {
        Ok(body) => reloaded(caller, body.bytes()).await,
        Err(problem) => Err(problem),
    };
    let unary: Unary = match reloaded {
        Ok(answer) => unary::framed(&answer),
        Err(problem) => {
            refused::say("control", "", &problem);
            Err(errors::grpc(&problem, &ErrorPlace::call("", &VersionChoice::Default)))
        }
    };
    unary::reply(unary)
}

async fn reloaded(caller: &Caller, body: &[u8]) -> Result<Vec<u8>, Problem> {
    let ReloadConfigRequest { config, metric_names } = decode_reload_config(body)?;
    let shared = &caller.shared;
    let Some(reload) = shared.tfs.reload.clone() else {
        let text = "HandleReloadConfigRequest needs a server that was started with landfall \
                    tensorflow-model-server; this one was started with landfall serve";
        return Err(Problem::worded(Kind::Unimplemented, text));
    };
    if !shared.control_allowed {
        let text = "control over the network is off: --control on switches it on";
        return Err(Problem::worded(Kind::PermissionDenied, text));
    }
    config.models()?;
    let before = shared.latencies.requests();
    let mut end = shared.phase.clone();
    let work = tokio::task::spawn_blocking(move || reload.reload(&config));
    tokio::select! {
        done = work => done.map_err(|_| Problem::internal("the reload panicked; the log has the message"))??,
        // Loads may take long; the end of the server does not wait for them.
        _ = end.wait_for(|phase| *phase != Phase::Serve) => {
            return Err(Problem::new(Reason::ShuttingDown));
        }
    }
    let increase = i64::try_from(shared.latencies.requests().saturating_sub(before)).unwrap_or(i64::MAX);
    let known = |name: &String| REQUEST_COUNTS.contains(&name.as_str());
    let metrics: Vec<(String, i64)> =
        metric_names.into_iter().filter(known).map(|name| (name, increase)).collect();
    Ok(encode_reload_config(&metrics))
}
