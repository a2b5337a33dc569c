//! The control door of our own: `/control/…`, and the calls that other doors share with it.

use super::refused::{self, Refused};
use crate::body::{self, RequestBody};
use crate::caller::{Caller, Shared};
use crate::reply::{self, Reply};
use crate::route::ControlRoute;
use bytes::Bytes;
use http::header::{ALLOW, HeaderValue};
use http::{Method, StatusCode};
use landfall_dialects::HttpError;
use landfall_model::{Kind, Problem, Reason, Version, VersionState, VersionStatus};
use landfall_serving::{Control, Entry, ModelInfo, What};
use serde::{Deserialize, Serialize};
use std::time::{Duration, UNIX_EPOCH};

/// How long a control call may take: loading a large model takes minutes.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Answers a call to the control door.
pub(crate) async fn answer(
    caller: &Caller,
    route: ControlRoute<'_>,
    method: &Method,
    body: &mut RequestBody,
) -> Reply {
    let expected = match route {
        ControlRoute::Models | ControlRoute::History => Method::GET,
        ControlRoute::Promote(_) | ControlRoute::Rollback(_) => Method::POST,
    };
    if *method != expected {
        let problem = Problem::invalid(format!("Method Not Allowed: expected {expected}"));
        let error = worded(&problem);
        let mut reply = reply::error(HttpError { status: StatusCode::METHOD_NOT_ALLOWED.as_u16(), ..error });
        let allowed = if expected == Method::GET { "GET" } else { "POST" };
        reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        return reply;
    }
    let answered = match route {
        ControlRoute::Models => Ok(models(&caller.shared)),
        ControlRoute::History => history(caller).await,
        ControlRoute::Promote(model) => promote(caller, model.into_owned(), body).await,
        ControlRoute::Rollback(model) => rollback(caller, model.into_owned(), body).await,
    };
    answered.unwrap_or_else(|refused| reply::error(refused.worded(worded)))
}

/// What a web page gets that asks for a change. Browsers alone name an origin, and they let any page of the world send
/// such a call to a door that listens on this machine alone.
#[cold]
pub(crate) fn refuse_page() -> Reply {
    let text = "control calls out of a web page are refused (the request has an Origin header)";
    reply::error(worded(&Problem::worded(Kind::PermissionDenied, text)))
}

/// A problem in our own words.
#[cold]
fn worded(problem: &Problem) -> HttpError {
    let status = match problem.reason() {
        Reason::LabelNotFound { .. } | Reason::VersionNotFound { .. } => 404,
        _ => landfall_dialects::oip::errors::status(problem.kind()),
    };
    HttpError {
        status,
        body: to_json(&serde_json::json!({ "error": problem.to_string() })).into(),
        retry_after: None,
    }
}

fn to_json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_default()
}

/// Carries out a control call on a thread that may wait. Whoever asks is kept.
///
/// # Errors
/// Permission denied where control is switched off; the call's own.
pub(crate) async fn change<C, T>(caller: &Caller, model: &str, what: &str, call: C) -> Result<T, Problem>
where
    C: FnOnce(&Control, &str, Duration) -> Result<T, Problem> + Send + 'static,
    T: Send + 'static,
{
    let done = if caller.shared.control_allowed {
        let (control, who) = (caller.shared.control.clone(), caller.peer.to_string());
        let done = tokio::task::spawn_blocking(move || call(&control, &who, PATIENCE)).await;
        done.unwrap_or_else(|_| Err(Problem::internal("a control call panicked; the log has the message")))
    } else {
        let what = format!("{what} over the network");
        Err(Problem::new(Reason::SwitchedOff { what, flag: "--control on".to_owned() }))
    };
    done.inspect_err(|problem| refused::say("control", model, problem))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Promotion {
    version: VersionName,
    label: Option<String>,
}

/// Versions are names; numbers may come bare.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a version: a number, or a name as a text")]
enum VersionName {
    Number(i64),
    Name(String),
}

async fn promote(caller: &Caller, model: String, body: &mut RequestBody) -> Result<Reply, Refused> {
    let body = body::read(body, caller.shared.max_body, &caller.share).await?;
    let wrong =
        |error| Problem::invalid(format!("expected {{\"version\": V, \"label\": L}}, L optional: {error}"));
    let Promotion { version, label } = serde_json::from_slice(body.bytes()).map_err(wrong)?;
    if label.as_deref() == Some("") {
        return Err(Problem::invalid("label: expected a name, found an empty text").into());
    }
    let version = match version {
        VersionName::Number(number) => Version::numbered(number),
        VersionName::Name(name) => Version::named(&name),
    };
    let name = model.clone();
    change(caller, &model, "promotion", move |control, who, patience| {
        control.promote(&name, &version, label.as_deref(), who, patience)
    })
    .await?;
    Ok(model_reply(&caller.shared, &model)?)
}

/// What a rollback may say: it is known what it undoes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn rollback(caller: &Caller, model: String, body: &mut RequestBody) -> Result<Reply, Refused> {
    let body = body::read(body, caller.shared.max_body, &caller.share).await?;
    if !body.bytes().trim_ascii().is_empty() {
        let wrong = |error| Problem::invalid(format!("expected no body, or {{}}: {error}"));
        let Nothing {} = serde_json::from_slice(body.bytes()).map_err(wrong)?;
    }
    let name = model.clone();
    let rollback = move |control: &Control, who: &str, patience| control.rollback(&name, who, patience);
    let moved = change(caller, &model, "rollback", rollback).await?;
    let listed = caller.shared.catalog.model(&model)?;
    Ok(reply::json(to_json(&RolledBack { moved: Moved::of(&moved), model: Listed::of(&listed) })))
}

/// A model after a rollback, and what that moved.
#[derive(Serialize)]
struct RolledBack<'a> {
    #[serde(flatten)]
    model: Listed<'a>,
    #[serde(rename = "rolled_back")]
    moved: Option<Moved<'a>>,
}

/// A label, or without one the default, that was moved. `to` is null where no version was set: the newest one, or what
/// the configuration says.
#[derive(Serialize)]
struct Moved<'a> {
    label: Option<&'a str>,
    from: Option<String>,
    to: Option<String>,
}

impl<'a> Moved<'a> {
    fn of(what: &'a What) -> Option<Self> {
        let What::Rollback { from, version, label, .. } = what else { return None };
        let [from, to] = [from, version].map(|version| version.as_ref().map(Version::to_string));
        Some(Moved { label: label.as_deref(), from, to })
    }
}

fn model_reply(shared: &Shared, model: &str) -> Result<Reply, Problem> {
    Ok(reply::json(to_json(&Listed::of(&shared.catalog.model(model)?))))
}

fn models(shared: &Shared) -> Reply {
    let models = shared.catalog.models();
    reply::json(to_json(&Models { models: models.iter().map(Listed::of).collect() }))
}

#[derive(Serialize)]
struct Models<'a> {
    models: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    path: String,
    /// What a call without a version gets.
    default: Option<String>,
    /// The version that was promoted, if one was.
    promoted: Option<String>,
    unloaded: bool,
    labels: std::collections::BTreeMap<&'a str, String>,
    versions: Vec<ListedVersion>,
}

#[derive(Serialize)]
struct ListedVersion {
    version: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'a> Listed<'a> {
    fn of(info: &'a ModelInfo) -> Self {
        Listed {
            name: &info.name,
            path: info.path.display().to_string(),
            default: info.default.as_ref().map(Version::to_string),
            promoted: info.pinned.as_ref().map(Version::to_string),
            unloaded: info.unloaded,
            labels: info
                .labels
                .iter()
                .map(|(label, version)| (label.as_str(), version.to_string()))
                .collect(),
            versions: info.versions.iter().map(ListedVersion::of).collect(),
        }
    }
}

impl ListedVersion {
    fn of(status: &VersionStatus) -> Self {
        let state = match status.state {
            VersionState::Start => "START",
            VersionState::Loading => "LOADING",
            VersionState::Available => "AVAILABLE",
            VersionState::Unloading => "UNLOADING",
            VersionState::End => "END",
        };
        let error = status.problem.as_ref().map(Problem::to_string);
        ListedVersion { version: status.version.to_string(), state, error }
    }
}

async fn history(caller: &Caller) -> Result<Reply, Refused> {
    let control = caller.shared.control.clone();
    let asked = tokio::task::spawn_blocking(move || control.history()).await;
    let entries =
        asked.unwrap_or_else(|_| Err(Problem::worded(Kind::Internal, "the history could not be read")))?;
    Ok(reply::json(to_json(&History { history: entries.iter().map(Change::of).collect() })))
}

#[derive(Serialize)]
struct History<'a> {
    history: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    /// Milliseconds since 1970.
    at_ms: u64,
    who: &'a str,
    model: &'a str,
    what: &'static str,
    /// Where a rollback moved it from.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
}

impl<'a> Change<'a> {
    fn of(entry: &'a Entry) -> Self {
        let (what, from, version, label) = match &entry.what {
            What::Load => ("load", None, None, None),
            What::Unload => ("unload", None, None, None),
            What::Promote { version, label } => ("promote", None, Some(version), label.as_deref()),
            What::Rollback { from, version, label, .. } => {
                ("rollback", from.as_ref(), version.as_ref(), label.as_deref())
            }
        };
        let at = entry.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = at.as_millis().try_into().unwrap_or(u64::MAX);
        Change {
            at_ms,
            who: &entry.who,
            model: &entry.model,
            what,
            from: from.map(Version::to_string),
            version: version.map(Version::to_string),
            label,
        }
    }
}
