//! What `serve` says at its start: what is served, where, by which engine, and what to try first.

use crate::control::escaped;
use crate::exit::Failure;
use crate::loading::is_wrong_call;
use crate::log::Log;
use landfall_model::{DType, Dim, Kind, Problem, Scalar, Signature};
use landfall_net::{Bound, Server};
use landfall_serving::{Lease, NullRules, Serving, Started};
use std::fmt::Write;
use tracing::{info, warn};

/// Where the log has said why.
const NOTHING_SERVES: &str = "no model can be served, for the reasons above";

/// The reason to give up at the start: models were named, and none of them serves. What the log has said is not said again.
/// The call was wrong where nothing but the call kept each of them from serving.
pub(crate) fn nothing_serves(started: Option<&[Started]>, serving: &Serving, log: &Log) -> Option<Failure> {
    let Some(started) = started else {
        warn!("models are still loading; doors open for those that are there");
        return None;
    };
    if !serving.catalog().available(None).is_empty() {
        return None;
    }
    // Whoever unloaded a model knows that it does not answer, and may load it again.
    let is_unloaded =
        |start: &Started| serving.catalog().model(&start.model).is_ok_and(|model| model.unloaded);
    let failed = started.iter().filter(|start| !is_unloaded(start));
    let failures: Vec<(&str, &Problem)> =
        failed.filter_map(|start| Some((start.model.as_str(), start.outcome.as_ref().err()?))).collect();
    // An empty repository may fill later: that is no failure.
    if failures.is_empty() {
        return None;
    }
    let untold = failures.iter().filter(|(_, problem)| !log.has_told(problem));
    let lines: Vec<String> = untold
        .map(|(model, problem)| match *model {
            // A source that could not be looked at is named by its problem.
            "" => problem.to_string(),
            model => format!("{model}: {problem}"),
        })
        .collect();
    let text = if lines.is_empty() { NOTHING_SERVES.to_owned() } else { lines.join("\n") };
    let problem = Problem::worded(Kind::FailedPrecondition, text);
    let is_call_wrong = failures.iter().all(|(_, problem)| is_wrong_call(problem));
    Some(if is_call_wrong { Failure::Call(problem) } else { Failure::Work(problem) })
}

/// Holds the inputs that rules for missing values name against the models that serve.
///
/// # Errors
/// A wrong call, when no model has such an input. Where models are still to come, that is only said.
pub(crate) fn rules_in_vain(
    rules: &NullRules,
    started: Option<&[Started]>,
    serving: &Serving,
) -> Result<(), Failure> {
    let leases = serving.catalog().available(None);
    let signatures = || leases.iter().flat_map(|lease| lease.signatures());
    let known = |input: &str| signatures().any(|s| s.inputs().iter().any(|spec| spec.name == input));
    let Some(input) = rules.where_known.keys().find(|input| !known(input)) else { return Ok(()) };
    let text = format!("--on-missing {input}=…: no model has an input {input:?}");
    let all_serve = started.is_some_and(|started| started.iter().all(|start| start.outcome.is_ok()));
    if all_serve && !leases.is_empty() {
        return Err(Failure::call(&text));
    }
    warn!("{text} so far");
    Ok(())
}

/// Says where the doors are, what they serve, and what to try first.
pub(crate) fn say(server: &Server, serving: &Serving) {
    if let Some(http) = server.http() {
        info!("http listening on {http}");
    }
    if let Some(grpc) = server.grpc() {
        info!("grpc listening on {grpc}");
    }
    let control = if server.control_allowed() { "on" } else { "off (--control on switches it on)" };
    info!("control over the network is {control}");
    let available = serving.catalog().available(None);
    let models = serving.catalog().models();
    let unloaded: Vec<&str> =
        models.iter().filter(|model| model.unloaded).map(|model| model.name.as_str()).collect();
    if !unloaded.is_empty() {
        info!("unloaded by a control call, and not served: {}; `load` brings them back", unloaded.join(", "));
    } else if available.is_empty() {
        info!("no model yet; the repository is watched");
    }
    if let (Some(http), Some(lease)) = (server.http(), available.first()) {
        info!("try: {}", curl(http, lease));
    }
}

/// A `curl` line that works as it stands: a prediction where one row can be written down, else the metadata.
fn curl(http: &Bound, lease: &Lease) -> String {
    let place = place(http);
    let model = escaped(lease.model());
    let signature = lease.signatures().first().map(|signature| &**signature);
    match signature.and_then(sample_row) {
        Some(row) => {
            let rows = vec![row; signature.map_or(1, fixed_rows)].join(", ");
            let body = quoted(&format!("{{\"instances\": [{rows}]}}"));
            format!("curl -s {place}/v1/models/{model}:predict -d {body}")
        }
        None => format!("curl -s {place}/v2/models/{model}"),
    }
}

/// Where a door is, as `curl` takes it.
fn place(http: &Bound) -> String {
    match http {
        Bound::Tcp(address) if address.ip().is_unspecified() => {
            format!("http://127.0.0.1:{}", address.port())
        }
        Bound::Tcp(address) => format!("http://{address}"),
        Bound::Unix(path) => {
            format!("--unix-socket {} http://localhost", quoted(&path.display().to_string()))
        }
    }
}

/// A text within the shell's single quotes: a single quote has to be taken out of them.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A declared value, as a request says it.
fn in_json(value: &Scalar) -> Option<String> {
    Some(match value {
        Scalar::Bytes(text) => serde_json::Value::from(std::str::from_utf8(text).ok()?).to_string(),
        number => number.to_string(),
    })
}

/// How many rows a call has to have: one, unless the model fixes their number.
fn fixed_rows(signature: &Signature) -> usize {
    let fixed = signature.inputs().iter().find_map(|input| match input.dims.as_ref()?.first()? {
        Dim::Known(rows) => Some(*rows),
        Dim::Free(_) => None,
    });
    fixed.unwrap_or(1)
}

/// One row of small valid values; `None` for types that JSON does not carry or shapes too large to print.
fn sample_row(signature: &Signature) -> Option<String> {
    let mut cells = Vec::new();
    for input in signature.inputs().iter().filter(|input| !input.optional) {
        let dims = input.dims.as_ref()?;
        let lengths: Vec<usize> = dims
            .iter()
            .skip(1)
            .map(|dim| match dim {
                Dim::Known(length) => *length,
                Dim::Free(_) => 1,
            })
            .collect();
        let elements = lengths.iter().fold(fixed_rows(signature), |all, &length| all.saturating_mul(length));
        if dims.is_empty() || elements > 64 {
            return None;
        }
        let declared = input.categories.as_ref().and_then(|categories| in_json(categories.first()?));
        let value = declared.as_deref().unwrap_or(match input.dtype {
            // TensorFlow Serving's JSON does not carry it.
            DType::U16 => return None,
            DType::String => "\"a\"",
            DType::Bool => "true",
            dtype if dtype.is_integer() => "1",
            DType::F32 | DType::F64 => "1.0",
            _ => return None,
        });
        let nested = lengths
            .iter()
            .rev()
            .fold(value.to_owned(), |inner, &length| format!("[{}]", vec![inner; length].join(", ")));
        cells.push((input.name.as_str(), nested));
    }
    match cells.as_slice() {
        [] => None,
        [(_, only)] => Some(only.clone()),
        several => {
            let mut row = String::from("{");
            for (i, (name, value)) in several.iter().enumerate() {
                let comma = if i == 0 { "" } else { ", " };
                let _ = write!(row, "{comma}{}: {value}", serde_json::Value::from(*name));
            }
            row.push('}');
            Some(row)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{InputSpec, Method, RowRule, ShapeRule};

    #[test]
    fn doors_are_written_as_curl_takes_them() {
        let tcp = |address: &str| place(&Bound::Tcp(address.parse().unwrap()));
        assert_eq!(tcp("0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(tcp("[::1]:8000"), "http://[::1]:8000");
        let socket = Bound::Unix("/run/it's.sock".into());
        assert_eq!(place(&socket), r"--unix-socket '/run/it'\''s.sock' http://localhost");
    }

    #[test]
    fn a_sample_row_has_the_shape_and_the_types_of_the_inputs() {
        let free = Dim::Free(None);
        let inputs = vec![
            InputSpec::new("dense", DType::F32, Some(vec![free.clone(), Dim::Known(2)])),
            InputSpec::new("job", DType::String, Some(vec![free.clone()])),
        ];
        let of = |inputs| {
            Signature::new("s", Method::Predict, inputs, vec![], RowRule::None, ShapeRule::Checked).unwrap()
        };
        assert_eq!(sample_row(&of(inputs)).unwrap(), r#"{"dense": [1.0, 1.0], "job": "a"}"#);
        let odd = ["a\"b", "c"].map(|name| InputSpec::new(name, DType::I64, Some(vec![Dim::Free(None)])));
        assert_eq!(sample_row(&of(odd.to_vec())).unwrap(), r#"{"a\"b": 1, "c": 1}"#);
        let four = of(vec![InputSpec::new("x", DType::F32, Some(vec![Dim::Known(4), Dim::Known(2)]))]);
        assert_eq!((sample_row(&four).unwrap().as_str(), fixed_rows(&four)), ("[1.0, 1.0]", 4));
        let mut job = InputSpec::new("job", DType::String, Some(vec![free.clone()]));
        job.categories = Some(vec![Scalar::Bytes(b"nurse".to_vec())]);
        assert_eq!(sample_row(&of(vec![job])).unwrap(), r#""nurse""#);
        let short = InputSpec::new("x", DType::U16, Some(vec![free.clone()]));
        assert_eq!(sample_row(&of(vec![short])), None);
        let image = InputSpec::new("image", DType::F32, Some(vec![free, Dim::Known(224), Dim::Known(224)]));
        assert_eq!(sample_row(&of(vec![image])), None);
    }
}
