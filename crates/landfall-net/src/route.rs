//! Paths: which door a request is for. A match on segments; query strings are not looked at.

use std::borrow::Cow;

/// What a path asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Route<'a> {
    /// `/livez`, `/healthz`: the process runs.
    Live,
    /// `/readyz`: everything that was asked for answers.
    Ready,
    /// `/metrics`.
    Metrics,
    /// `/control/…`.
    Control(ControlRoute<'a>),
    /// `/v1/…`: the TensorFlow Serving dialect reads the rest itself, since a path that it does not know has its own
    /// error.
    Tfs,
    /// `/v2…`.
    Oip(OipRoute<'a>),
    /// None of ours.
    Unknown,
}

/// What a path below `/control/` asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ControlRoute<'a> {
    Models,
    History,
    Promote(Cow<'a, str>),
    Rollback(Cow<'a, str>),
}

/// What a path of the Open Inference Protocol asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum OipRoute<'a> {
    /// `/v2`.
    Server,
    Live,
    Ready,
    /// `/v2/models/stats`.
    Statistics,
    Model(OipModel<'a>),
    Index,
    Load(Cow<'a, str>),
    Unload(Cow<'a, str>),
    /// Paths of extensions that are not here: what they would be.
    Missing(&'static str),
}

/// `/v2/models/M[/versions/N]` and what follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OipModel<'a> {
    pub(crate) name: Cow<'a, str>,
    /// As it stands in the path; empty for none.
    pub(crate) version: Cow<'a, str>,
    pub(crate) verb: OipVerb,
}

/// What is asked of a model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OipVerb {
    Metadata,
    Ready,
    Infer,
    Config,
    Statistics,
}

/// More segments than any path of ours has.
const SEGMENTS: usize = 8;

/// What a path asks for.
pub(crate) fn route(path: &str) -> Route<'_> {
    let Some(rest) = path.strip_prefix('/') else { return Route::Unknown };
    if rest.split_at_checked(2).is_some_and(|(first, rest)| is_tfs(first) && rest.starts_with('/')) {
        return Route::Tfs;
    }
    let mut segments = [""; SEGMENTS];
    let mut count = 0;
    for segment in rest.split('/') {
        let Some(place) = segments.get_mut(count) else { return Route::Unknown };
        *place = segment;
        count += 1;
    }
    match &segments[..count] {
        ["v2", rest @ ..] => oip(rest).map_or(Route::Unknown, Route::Oip),
        ["livez" | "healthz"] => Route::Live,
        ["readyz"] => Route::Ready,
        ["metrics"] | ["metrics", ""] => Route::Metrics,
        ["control", rest @ ..] => control(rest).map_or(Route::Unknown, Route::Control),
        _ => Route::Unknown,
    }
}

fn is_tfs(segment: &str) -> bool {
    segment.eq_ignore_ascii_case("v1")
}

fn control<'a>(segments: &[&'a str]) -> Option<ControlRoute<'a>> {
    Some(match segments {
        ["models"] => ControlRoute::Models,
        ["history"] => ControlRoute::History,
        ["models", model, "promote"] => ControlRoute::Promote(name(model)?),
        ["models", model, "rollback"] => ControlRoute::Rollback(name(model)?),
        _ => return None,
    })
}

fn oip<'a>(segments: &[&'a str]) -> Option<OipRoute<'a>> {
    Some(match segments {
        [] | [""] => OipRoute::Server,
        ["health", "live"] => OipRoute::Live,
        ["health", "ready"] => OipRoute::Ready,
        ["models", "stats"] => OipRoute::Statistics,
        ["models", model, "versions", version, rest @ ..] => of_model(model, Some(version), rest)?,
        ["models", model, rest @ ..] => of_model(model, None, rest)?,
        ["repository", "index"] => OipRoute::Index,
        ["repository", "models", model, "load"] => OipRoute::Load(decoded(model)),
        ["repository", "models", model, "unload"] => OipRoute::Unload(decoded(model)),
        ["repository", repository, ..] if !repository.is_empty() && *repository != "models" => {
            OipRoute::Missing("'repository_name' specification")
        }
        ["logging"] => OipRoute::Missing("the logging extension"),
        ["trace", "setting"] => OipRoute::Missing("the trace extension"),
        ["systemsharedmemory" | "cudasharedmemory", ..] => OipRoute::Missing("the shared memory extension"),
        _ => return None,
    })
}

fn of_model<'a>(model: &'a str, version: Option<&'a str>, rest: &[&str]) -> Option<OipRoute<'a>> {
    let verb = match rest {
        [] => OipVerb::Metadata,
        ["ready"] => OipVerb::Ready,
        ["infer"] => OipVerb::Infer,
        ["config"] => OipVerb::Config,
        ["stats"] => OipVerb::Statistics,
        ["generate" | "generate_stream"] => return Some(OipRoute::Missing("the generate extension")),
        ["infer_stream"] => return Some(OipRoute::Missing("streaming over HTTP")),
        ["trace", "setting"] => return Some(OipRoute::Missing("the trace extension")),
        _ => return None,
    };
    let version = match version {
        None => Cow::Borrowed(""),
        Some(version) => name(version)?,
    };
    Some(OipRoute::Model(OipModel { name: name(model)?, version, verb }))
}

/// A segment that names something, percent-decoded.
fn name(segment: &str) -> Option<Cow<'_, str>> {
    (!segment.is_empty()).then(|| decoded(segment))
}

/// A percent-decoded segment; one whose escapes make no sense, or no UTF-8, stays as it is.
fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let hex = |digit: u8| (digit as char).to_digit(16).map(|digit| digit as u8);
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let Some((&[high, low], tail)) = tail.split_first_chunk() else { return Cow::Borrowed(segment) };
        let (Some(high), Some(low)) = (hex(high), hex(low)) else { return Cow::Borrowed(segment) };
        bytes.push(high << 4 | low);
        rest = tail;
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(segment), Cow::Owned)
}

/// Fuzz body: no path panics, and names are never empty.
pub(crate) fn fuzz(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for path in
        [text.to_string(), format!("/v2/models/{text}"), format!("/v2/{text}"), format!("/control/{text}")]
    {
        match route(&path) {
            Route::Oip(OipRoute::Model(OipModel { name, .. }))
            | Route::Control(ControlRoute::Promote(name) | ControlRoute::Rollback(name)) => {
                assert!(!name.is_empty())
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, version: &str, verb: OipVerb) -> Route<'static> {
        let owned = |text: &str| Cow::Owned(text.to_owned());
        Route::Oip(OipRoute::Model(OipModel { name: owned(name), version: owned(version), verb }))
    }

    #[test]
    fn each_path_leads_to_its_door() {
        for (path, expected) in [
            ("/livez", Route::Live),
            ("/healthz", Route::Live),
            ("/readyz", Route::Ready),
            ("/metrics", Route::Metrics),
            ("/metrics/", Route::Metrics),
            ("/v1/models/m:predict", Route::Tfs),
            ("/V1/x", Route::Tfs),
            ("/v1/a/b/c/d/e/f/g/h/i/j", Route::Tfs),
            ("/v2", Route::Oip(OipRoute::Server)),
            ("/v2/", Route::Oip(OipRoute::Server)),
            ("/v2/health/live", Route::Oip(OipRoute::Live)),
            ("/v2/models/stats", Route::Oip(OipRoute::Statistics)),
            ("/v2/models/m", model("m", "", OipVerb::Metadata)),
            ("/v2/models/m/infer", model("m", "", OipVerb::Infer)),
            ("/v2/models/a%2Fb%20c/versions/1/infer", model("a/b c", "1", OipVerb::Infer)),
            ("/v2/models/m/versions/stable", model("m", "stable", OipVerb::Metadata)),
            ("/v2/models/m/versions/2/stats", model("m", "2", OipVerb::Statistics)),
            ("/v2/models/m%zz/ready", model("m%zz", "", OipVerb::Ready)),
            ("/v2/models/m%ff/ready", model("m%ff", "", OipVerb::Ready)),
            ("/v2/models/m%4/ready", model("m%4", "", OipVerb::Ready)),
            ("/v2/repository/index", Route::Oip(OipRoute::Index)),
            ("/v2/repository/models/m/load", Route::Oip(OipRoute::Load("m".into()))),
            ("/v2/repository/r/index", Route::Oip(OipRoute::Missing("'repository_name' specification"))),
            ("/v2/logging", Route::Oip(OipRoute::Missing("the logging extension"))),
            ("/v2/models/m/generate", Route::Oip(OipRoute::Missing("the generate extension"))),
            ("/v2/systemsharedmemory/status", Route::Oip(OipRoute::Missing("the shared memory extension"))),
            ("/control/models", Route::Control(ControlRoute::Models)),
            ("/control/models/m%20n/promote", Route::Control(ControlRoute::Promote("m n".into()))),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }

    #[test]
    fn paths_that_are_nearly_ours_are_not_found() {
        for path in [
            "",
            "/",
            "v2",
            "/v3",
            "/v2/nothing",
            "/v2//models/m/infer",
            "/v2/models",
            "/v2/models/",
            "/v2/models//infer",
            "/v2/models/m/infer/",
            "/v2/models%2Fm/infer",
            "/v2/models/m/versions/",
            "/v2/models/m/versions//infer",
            "/v2/models/../models/m/infer",
            "/v2/models/m/versions/1/infer/x/y/z",
            "/control/models/m",
            "/metrics/x",
            "/v1",
            "/livez/",
        ] {
            assert_eq!(route(path), Route::Unknown, "{path}");
        }
    }

    #[test]
    fn bounded_fuzzing_of_paths() {
        for text in ["%", "%2", "%2F/infer", "m/versions/%/infer", "a/b/c/d/e/f/g/h", "\u{0}\u{ff}"] {
            fuzz(text.as_bytes());
        }
    }
}
