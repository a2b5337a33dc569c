//! `landfall control`: calls to a running server, the same that its HTTP door offers.

mod client;
mod listing;

pub(crate) use client::escaped;

use crate::args::{Control, ControlVerb};
use crate::exit::Failure;
use crate::output::print;
use client::ask;
use hyper::{Method, StatusCode};
use landfall_model::Problem;
use listing::for_people;
use serde_json::{Value, json};

/// Does what was asked and prints the answer.
///
/// # Errors
/// A wrong call for a URL that is none; failed work when the server cannot be reached or refuses.
pub(crate) fn run(control: &Control) -> Result<(), Failure> {
    let (method, path, body) = request(&control.verb);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Problem::io("start the client", &e))?;
    let (status, answer) = runtime.block_on(ask(&control.server, method, &path, body))?;
    if !status.is_success() {
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
        _ => for_people(&answer),
    };
    Ok(print(&format!("{}\n", text.trim_end()))?)
}

fn request(verb: &ControlVerb) -> (Method, String, Option<Value>) {
    let model_path = |model: &str, call: &str| format!("/control/models/{}/{call}", escaped(model));
    let repository = |model: &str, call: &str| format!("/v2/repository/models/{}/{call}", escaped(model));
    match verb {
        ControlVerb::List => (Method::GET, "/control/models".into(), None),
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
