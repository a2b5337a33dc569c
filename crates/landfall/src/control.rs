//! `landfall control`: calls to a running server, the same that its HTTP door offers.

mod client;
mod listing;

pub(crate) use client::escaped;

use crate::args::{Control, ControlVerb};
use crate::exit::Failure;
use crate::output::print;
use client::ask;
use hyper::{Method, StatusCode};
use landfall_model::{Problem, Reason};
use listing::{for_people, rolled_back};
use serde_json::{Value, json};

/// Lists the server's models.
const MODELS: &str = "/control/models";

/// Does what was asked and prints the answer.
///
/// # Errors
/// A wrong call for a URL that is none; failed work when the server cannot be reached or refuses.
pub(crate) fn run(control: &Control) -> Result<(), Failure> {
    let (method, path, body) = request(&control.verb);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Problem::io("start the client", &e))?;
    if let ControlVerb::Unload { model } = &control.verb {
        let (status, list) = runtime.block_on(ask(&control.server, Method::GET, MODELS, None))?;
        // What does not list its models may know the one that is named.
        if status.is_success() {
            is_there(&control.verb, model, &list).map_err(|problem| problem.at(control.server.clone()))?;
        }
    }
    let (status, answer) = runtime.block_on(ask(&control.server, method, &path, body))?;
    if !status.is_success() {
        if let Some(model) = control.verb.model().filter(|_| status != StatusCode::FORBIDDEN) {
            let (status, list) = runtime.block_on(ask(&control.server, Method::GET, MODELS, None))?;
            let known = if status.is_success() { is_there(&control.verb, model, &list) } else { Ok(()) };
            known.map_err(|problem| problem.at(control.server.clone()))?;
        }
        return Err(Failure::Work(Problem::invalid(format!(
            "{}: {}",
            control.server,
            refusal(status, &answer)
        ))));
    }
    let text = match &control.verb {
        _ if control.json => String::from_utf8_lossy(&answer).into_owned(),
        ControlVerb::Load { model } => format!("loaded {model}"),
        ControlVerb::Unload { model } => format!("unloaded {model}"),
        ControlVerb::Rollback { model } => rolled_back(model, &answer),
        _ => for_people(&answer),
    };
    Ok(print(&format!("{}\n", text.trim_end()))?)
}

/// Refuses a name that is none of the listed models', in one wording for all calls: to unload what is not there does
/// nothing, as in Triton, and other calls say it as their protocols do.
fn is_there(verb: &ControlVerb, model: &str, list: &[u8]) -> Result<(), Problem> {
    let Ok(list) = serde_json::from_slice::<Value>(list) else { return Ok(()) };
    let models = list["models"].as_array().into_iter().flatten();
    let names: Vec<&str> = models.filter_map(|model| model["name"].as_str()).collect();
    if names.contains(&model) {
        return Ok(());
    }
    Err(Problem::new(Reason::ModelNotFound { model: model.to_owned() }).at(format!(
        "{} (there are {})",
        verb.name(),
        names.join(", ")
    )))
}

fn request(verb: &ControlVerb) -> (Method, String, Option<Value>) {
    let model_path = |model: &str, call: &str| format!("/control/models/{}/{call}", escaped(model));
    let repository = |model: &str, call: &str| format!("/v2/repository/models/{}/{call}", escaped(model));
    match verb {
        ControlVerb::List => (Method::GET, MODELS.into(), None),
        ControlVerb::History => (Method::GET, "/control/history".into(), None),
        ControlVerb::Load { model } => (Method::POST, repository(model, "load"), Some(json!({}))),
        ControlVerb::Unload { model } => (Method::POST, repository(model, "unload"), Some(json!({}))),
        ControlVerb::Rollback { model } => (Method::POST, model_path(model, "rollback"), Some(json!({}))),
        ControlVerb::Promote { model, version, label } => {
            let mut body = json!({ "version": version });
            if let Some(label) = label {
                body["label"] = json!(label);
            }
            (Method::POST, model_path(model, "promote"), Some(body))
        }
    }
}

fn refusal(status: StatusCode, answer: &[u8]) -> String {
    let error = serde_json::from_slice::<Value>(answer).ok();
    let text = error.as_ref().and_then(|e| e.get("error")).and_then(Value::as_str).map(str::to_owned);
    text.unwrap_or_else(|| format!("{status} {}", String::from_utf8_lossy(answer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_in_paths() {
        let (_, path, _) = request(&ControlVerb::Load { model: "a/b c".into() });
        assert_eq!(path, "/v2/repository/models/a%2Fb%20c/load");
    }
}
