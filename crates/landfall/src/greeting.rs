//! What `serve` says at its start: what is served, where, by which engine, and what to try first.

use crate::control::escaped;
use crate::exit::Failure;
use crate::loading::is_wrong_call;
use landfall_model::{DType, Dim, Kind, Problem, Signature};
use landfall_net::{Bound, Server};
use landfall_serving::{Lease, Serving, Started};
use std::fmt::Write;
use tracing::{info, warn};

/// The reason to give up at the start: models were named, and none of them serves. The call was wrong where nothing but
/// the call kept each of them from serving.
pub(crate) fn nothing_serves(started: Option<&[Started]>, serving: &Serving) -> Option<Failure> {
    let Some(started) = started else {
        warn!("models are still loading; doors open for those that are there");
        return None;
    };
    if !serving.catalog().available(None).is_empty() {
        return None;
    }
    let failures: Vec<(String, bool)> = started
        .iter()
        .filter_map(|start| {
            let problem = start.outcome.as_ref().err()?;
            // Whoever unloaded a model knows that it does not answer, and may load it again.
            if serving.catalog().model(&start.model).is_ok_and(|model| model.unloaded) {
                return None;
            }
            // A source that could not be looked at is named by its problem.
            let text = if start.model.is_empty() {
                problem.to_string()
            } else {
                format!("{}: {problem}", start.model)
            };
            Some((text, is_wrong_call(problem)))
        })
        .collect();
    // An empty repository may fill later: that is no failure.
    if failures.is_empty() {
        return None;
    }
    let (texts, wrong_calls): (Vec<String>, Vec<bool>) = failures.into_iter().unzip();
    let problem = Problem::worded(Kind::FailedPrecondition, texts.join("\n"));
    Some(if wrong_calls.iter().all(|&wrong| wrong) { Failure::Call(problem) } else { Failure::Work(problem) })
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
    if let (Some(Bound::Tcp(address)), Some(lease)) = (server.http(), available.first()) {
        let host = if address.ip().is_unspecified() {
            format!("127.0.0.1:{}", address.port())
        } else {
            address.to_string()
        };
        info!("try: {}", curl(&host, lease));
    }
}

/// A `curl` line that works as it stands: a prediction where one row can be written down, else the metadata.
fn curl(host: &str, lease: &Lease) -> String {
    let model = escaped(lease.model());
    // Within the shell's single quotes, a single quote has to be taken out of them.
    let row = lease.signatures().first().and_then(|signature| sample_row(signature));
    let row = row.map(|row| row.replace('\'', r"'\''"));
    match row {
        Some(row) => {
            format!("curl -s http://{host}/v1/models/{model}:predict -d '{{\"instances\": [{row}]}}'")
        }
        None => format!("curl -s http://{host}/v2/models/{model}"),
    }
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
        if dims.is_empty() || lengths.iter().product::<usize>() > 64 {
            return None;
        }
        let value = match input.dtype {
            DType::String => "\"a\"",
            DType::Bool => "true",
            dtype if dtype.is_integer() => "1",
            DType::F32 | DType::F64 => "1.0",
            _ => return None,
        };
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
        let image = InputSpec::new("image", DType::F32, Some(vec![free, Dim::Known(224), Dim::Known(224)]));
        assert_eq!(sample_row(&of(vec![image])), None);
    }
}
