//! Paths below `/v1/`: what is asked, and of which model.

use crate::Address;
use landfall_model::{Kind, Problem, Version, VersionChoice};

/// What a request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Route {
    /// `POST …:predict`
    Predict(Address),
    /// `POST …:classify`
    Classify(Address),
    /// `POST …:regress`
    Regress(Address),
    /// `GET …`: the states of all versions; of one, where the address names one.
    Status(Address),
    /// `GET …/metadata`
    Metadata(Address),
}

/// What a request asks for; `None` where the path is not this API's. `path` is percent-encoded as it came, without
/// query string. Fixed parts match in any case, verbs as they are written.
///
/// # Errors
/// Invalid argument, for all below `/v1/` that is no route.
pub fn route(method: &str, path: &str) -> Option<Result<Route, Problem>> {
    let rest = strip(path, "/v1/")?;
    let malformed = || Problem::invalid(format!("Malformed request: {method} {path}"));
    Some(match method {
        "POST" => predict_route(rest).unwrap_or_else(|| Err(malformed())),
        "GET" => status_route(rest).unwrap_or_else(|| Err(malformed())),
        _ => Err(malformed()),
    })
}

fn predict_route(rest: &str) -> Option<Result<Route, Problem>> {
    let rest = strip(rest, "models/")?;
    let (address, verb) = rest.split_once(':')?;
    let route = match verb {
        "predict" => Route::Predict,
        "classify" => Route::Classify,
        "regress" => Route::Regress,
        _ => return None,
    };
    let mut parts = address.split('/');
    let model = parts.next().filter(|model| !model.is_empty())?;
    let version = version_of(&mut parts)?;
    if parts.next().is_some() {
        return None;
    }
    Some(address_of(model, version).map(route))
}

fn status_route(rest: &str) -> Option<Result<Route, Problem>> {
    let rest = strip(rest, "models")?;
    if rest.contains(':') {
        return None;
    }
    let mut parts = match rest {
        "" => return Some(Err(nameless())),
        rest => rest.strip_prefix('/')?.split('/'),
    };
    let model = parts.next().filter(|model| !model.is_empty())?;
    let Some((version, metadata)) = version_and_metadata(parts) else {
        // Without a name `/models/versions/1` is well-formed too.
        return version_and_metadata(rest[1..].split('/')).and(Some(Err(nameless())));
    };
    Some(address_of(model, version).map(if metadata { Route::Metadata } else { Route::Status }))
}

fn nameless() -> Problem {
    Problem::invalid("Missing model name in request.")
}

enum VersionText<'a> {
    Latest,
    Number(&'a str),
    Label(&'a str),
}

/// `versions/N` or `labels/L`, if one comes next; `None` where it is malformed.
fn version_of<'a>(parts: &mut (impl Iterator<Item = &'a str> + Clone)) -> Option<VersionText<'a>> {
    let Some(word) = parts.clone().next() else { return Some(VersionText::Latest) };
    let (versions, labels) = (word.eq_ignore_ascii_case("versions"), word.eq_ignore_ascii_case("labels"));
    if !versions && !labels {
        return Some(VersionText::Latest);
    }
    parts.next();
    let text = parts.next().filter(|text| !text.is_empty())?;
    if labels {
        return Some(VersionText::Label(text));
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(VersionText::Number(text))
}

fn version_and_metadata<'a>(
    mut parts: impl Iterator<Item = &'a str> + Clone,
) -> Option<(VersionText<'a>, bool)> {
    let version = version_of(&mut parts)?;
    match (parts.next(), parts.next()) {
        (None, _) => Some((version, false)),
        (Some("metadata"), None) => Some((version, true)),
        _ => None,
    }
}

fn address_of(model: &str, version: VersionText<'_>) -> Result<Address, Problem> {
    let model = decoded(model, "name")?;
    let version = match version {
        VersionText::Latest => VersionChoice::Default,
        VersionText::Number(text) => {
            let number = text
                .parse()
                .map_err(|_| Problem::invalid(format!("Failed to convert version: {text} to numeric.")))?;
            VersionChoice::Exact(Version::numbered(number))
        }
        VersionText::Label(text) => VersionChoice::Label(decoded(text, "version label")?),
    };
    Ok(Address { model, version })
}

/// Percent-decoding; what is no `%` with two hex digits stays as it is.
fn decoded(text: &str, what: &str) -> Result<String, Problem> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let bytes = text.as_bytes();
    let hex = |at: usize| bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out)
        .map_err(|_| Problem::worded(Kind::InvalidArgument, format!("Failed to decode model {what}:{text}")))
}

/// The rest of `text` after a prefix in any case.
fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(model: &str, version: VersionChoice) -> Address {
        Address { model: model.into(), version }
    }

    #[test]
    fn paths_lead_to_models_and_versions() {
        let latest = VersionChoice::Default;
        let exact = |n| VersionChoice::Exact(Version::numbered(n));
        let label = |l: &str| VersionChoice::Label(l.into());
        for (row, method, path, expected) in [
            (
                "TFS-REST-1",
                "POST",
                "/v1/models/half_plus_two:predict",
                Route::Predict(at("half_plus_two", latest.clone())),
            ),
            (
                "TFS-REST-1",
                "POST",
                "/V1/MODELS/m/VERSIONS/00000123:regress",
                Route::Regress(at("m", exact(123))),
            ),
            (
                "TFS-REST-1",
                "POST",
                "/v1/models/m/labels/stable:classify",
                Route::Classify(at("m", label("stable"))),
            ),
            (
                "TFS-REST-2",
                "POST",
                "/v1/models/a%2Fb%3Ac:predict",
                Route::Predict(at("a/b:c", latest.clone())),
            ),
            (
                "TFS-REST-2",
                "POST",
                "/v1/models/m/labels/%C3%A4%zz:predict",
                Route::Predict(at("m", label("ä%zz"))),
            ),
            ("TFS-REST-5", "GET", "/v1/models/m", Route::Status(at("m", latest.clone()))),
            ("TFS-REST-5", "GET", "/v1/models/m/versions/7", Route::Status(at("m", exact(7)))),
            ("TFS-REST-5", "GET", "/v1/models/m/labels/x/metadata", Route::Metadata(at("m", label("x")))),
            ("TFS-REST-5", "GET", "/v1/models/m/metadata", Route::Metadata(at("m", latest.clone()))),
            ("TFS-REST-5", "GET", "/v1/models/metadata", Route::Status(at("metadata", latest))),
        ] {
            assert_eq!(route(method, path), Some(Ok(expected)), "{row} {path}");
        }
    }

    #[test]
    fn all_else_below_v1_is_malformed() {
        let malformed = |method: &str, path: &str| format!("Malformed request: {method} {path}");
        let too_big = "Failed to convert version: 18446744073709551615 to numeric.";
        for (row, method, path, text) in [
            ("TFS-REST-1", "POST", "/v1/models/m:Predict", None),
            ("TFS-REST-1", "POST", "/v1/models/m:predictX", None),
            ("TFS-REST-3", "POST", "/v1/models/m/versions/18446744073709551615:predict", Some(too_big)),
            ("TFS-REST-3", "POST", "/v1/models/m/versions/HELLO:predict", None),
            ("TFS-REST-3", "POST", "/v1/models/m/versions/:predict", None),
            ("TFS-REST-4", "POST", "/v1/models/m/versions/50/labels/x:regress", None),
            ("TFS-REST-5", "POST", "/v1/models/m/metadata", None),
            ("TFS-REST-6", "GET", "/v1/models", Some("Missing model name in request.")),
            ("TFS-REST-6", "GET", "/v1/models/versions/1", Some("Missing model name in request.")),
            ("TFS-REST-7", "GET", "/v1/foo", None),
            ("TFS-REST-7", "GET", "/v1/models/", None),
            ("TFS-REST-7", "GET", "/v1/models/foo:predict", None),
            ("TFS-REST-7", "POST", "/v1/models", None),
            ("TFS-REST-7", "POST", "/v1/models/:predict", None),
            ("TFS-REST-7", "POST", "/v1/models/foo/version/50:predict", None),
            ("TFS-REST-9", "DELETE", "/v1/models/m", None),
        ] {
            let problem = route(method, path).expect(path).expect_err(path);
            assert_eq!(problem.kind(), Kind::InvalidArgument, "{row} {path}");
            assert_eq!(
                problem.to_string(),
                text.map_or_else(|| malformed(method, path), Into::into),
                "{row}"
            );
        }
    }

    #[test]
    fn other_paths_are_not_ours() {
        for path in ["/", "/healthz", "/v2/models/m", "/v1", "v1/models/m"] {
            assert_eq!(route("GET", path), None, "TFS-REST-8 {path}");
        }
    }

    proptest! {
        #![proptest_config(crate::seeded::seeded(256))]

        #[test]
        fn no_path_makes_it_panic(path in "/v1/(models)?[/:a%0-9ä]{0,20}(metadata|:predict)?") {
            let _ = route("GET", &path);
            let _ = route("POST", &path);
        }
    }
}
