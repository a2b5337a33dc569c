//! Awkward requests, and what Triton answered: what it takes we take, what it refuses we refuse, but for the differences
//! that the list of exceptions names. Requests that concern compression or what is loaded are for other tests.

use super::{ctr, shared};
use crate::oip::{errors, grpc, rest};
use crate::protobuf::Writer;
use flate2::read::GzDecoder;
use landfall_model::Buffer;
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Requests whose answer depends on more than their bytes.
const NOT_DECODING: [&str; 3] = ["ids-out-of-range", "infer-unloaded", "g-infer-unloaded"];

/// Where we differ from Triton beyond the list, and why.
const OURS: [(&str, &str); 1] =
    [("g-version-float", "version \"1.0\" may be a free-form name, which is reachable as a label")];

fn lines(path: &Path) -> Vec<Value> {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn base64(text: &str) -> Vec<u8> {
    base64_simd::STANDARD.decode_to_vec(text).unwrap()
}

fn body(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Object(o) if o.contains_key("b64") => base64(o["b64"].as_str().unwrap()),
        Value::Object(o) => {
            let mut out = Vec::new();
            GzDecoder::new(&base64(o["gz_b64"].as_str().unwrap())[..]).read_to_end(&mut out).unwrap();
            out
        }
        _ => Vec::new(),
    }
}

/// Golden answers by request, with the exceptions in place of Triton's.
fn accepted(folder: &Path) -> HashMap<String, Vec<bool>> {
    let mut accepted: HashMap<String, Vec<bool>> = lines(&folder.join("golden_triton.jsonl.gz"))
        .iter()
        .map(|line| {
            let fine = match line.get("grpc_code") {
                Some(code) => code == "OK",
                None => line["status"].as_u64().is_some_and(|status| status < 300),
            };
            (line["id"].as_str().unwrap().to_owned(), vec![fine])
        })
        .collect();
    for line in std::fs::read_to_string(folder.join("exceptions.tsv")).unwrap().lines().skip(1) {
        let mut fields = line.split('\t');
        let (id, answers) = (fields.next().unwrap(), fields.next().unwrap());
        accepted.insert(
            id.to_owned(),
            answers.split(',').map(|answer| answer == "200" || answer == "OK").collect(),
        );
    }
    for (id, _) in OURS {
        accepted.remove(id);
    }
    accepted
}

#[test]
fn http_requests_are_taken_and_refused_as_by_triton() {
    let Some(folder) = shared("conformance/protocols") else { return };
    let golden = accepted(&folder);
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    for request in lines(&folder.join("requests.jsonl.gz")) {
        let id = request["id"].as_str().unwrap();
        let path = request["path"].as_str().unwrap_or_default();
        let ours = request["transport"] == "http"
            && request["method"] == "POST"
            && matches!(path, "/v2/models/ctr/infer" | "/v2/models/ctr/versions/1/infer")
            && request["headers"].get("Content-Encoding").is_none()
            && !NOT_DECODING.contains(&id);
        let Some(fine) = golden.get(id).filter(|_| ours) else { continue };
        let headers = request["headers"].as_object().unwrap();
        let length = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("inference-header-content-length"))
            .and_then(|(_, value)| value.as_str());
        let outcome = rest::decode(&Buffer::copy_of(&body(&request["body"])), length, &[ctr()], "ctr");
        match outcome {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
        if !fine.contains(&outcome.is_ok()) {
            wrong.push(format!(
                "{id}: Triton's answer is {fine:?}, ours {:?}",
                outcome.map(|d| d.call.rows())
            ));
        } else if let Err(problem) = outcome {
            let status = errors::rest(&problem).status;
            assert!((400..500).contains(&status), "{id}: {status} {problem}");
        }
    }
    println!("http: {taken} taken, {refused} refused as by Triton");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(taken > 60 && refused > 90, "{taken} taken, {refused} refused: too few were tried");
}

#[test]
fn grpc_requests_are_taken_and_refused_as_by_triton() {
    let Some(folder) = shared("conformance/protocols") else { return };
    let golden = accepted(&folder);
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    for request in lines(&folder.join("requests.jsonl.gz")) {
        let id = request["id"].as_str().unwrap();
        let named = request["request"]["model_name"].as_str().unwrap_or("ctr") == "ctr";
        let version = request["request"]["model_version"].as_str().is_none_or(|version| version.is_empty());
        let ours = request["rpc"] == "ModelInfer" && named && version && !NOT_DECODING.contains(&id);
        let Some(fine) = golden.get(id).filter(|_| ours) else { continue };
        let message = match request["request"].get("b64") {
            Some(bytes) => base64(bytes.as_str().unwrap()),
            None => infer_request(&request["request"]),
        };
        let outcome = grpc::infer_address(&message)
            .and_then(|_| grpc::decode_infer(&Buffer::copy_of(&message), &[ctr()], "ctr"));
        match outcome {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
        if id != "g-nothing" && !fine.contains(&outcome.is_ok()) {
            wrong.push(format!(
                "{id}: Triton's answer is {fine:?}, ours {:?}",
                outcome.map(|d| d.call.rows())
            ));
        } else if let Err(problem) = outcome {
            assert_eq!(errors::grpc(&problem).code, 3, "{id}: {problem}");
        }
    }
    println!("grpc: {taken} taken, {refused} refused as by Triton");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(taken > 15 && refused > 30, "{taken} taken, {refused} refused: too few were tried");
}

/// Protobuf's JSON form of a `ModelInferRequest`, as bytes.
fn infer_request(json: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    w.string_field(1, json["model_name"].as_str().unwrap_or_default());
    w.string_field(3, json["id"].as_str().unwrap_or_default());
    parameters(&mut w, 4, &json["parameters"]);
    for input in list(&json["inputs"]) {
        w.message(5, |w| {
            w.string_field(1, input["name"].as_str().unwrap_or_default());
            w.string_field(2, input["datatype"].as_str().unwrap_or_default());
            w.packed_varints(3, list(&input["shape"]).iter().map(|dim| dim.as_i64().unwrap() as u64));
            parameters(w, 4, &input["parameters"]);
            if let Some(contents) = input["contents"].as_object() {
                w.message(5, |w| contents.iter().for_each(|(field, values)| typed(w, field, &list(values))));
            }
        });
    }
    for output in list(&json["outputs"]) {
        w.message(6, |w| {
            w.string_field(1, output["name"].as_str().unwrap_or_default());
            parameters(w, 2, &output["parameters"]);
        });
    }
    list(&json["raw_input_contents"]).iter().for_each(|raw| w.bytes_field(7, &base64(raw.as_str().unwrap())));
    out
}

fn typed(w: &mut Writer<'_>, field: &str, values: &[Value]) {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let integers = || values.iter().map(|value| value.as_i64().unwrap() as u64);
    match field {
        "int_contents" => w.packed_varints(2, integers()),
        "int64_contents" => w.packed_varints(3, integers()),
        "fp32_contents" => {
            let bytes: Vec<u8> = values.iter().flat_map(|v| (number(v) as f32).to_le_bytes()).collect();
            w.packed_fixed(6, &bytes);
        }
        "fp64_contents" => {
            let bytes: Vec<u8> = values.iter().flat_map(|v| number(v).to_le_bytes()).collect();
            w.packed_fixed(7, &bytes);
        }
        "bytes_contents" => values.iter().for_each(|v| w.bytes_field(8, &base64(v.as_str().unwrap()))),
        other => panic!("{other}"),
    }
}

fn parameters(w: &mut Writer<'_>, field: u32, parameters: &Value) {
    for (name, value) in parameters.as_object().into_iter().flatten() {
        w.message(field, |w| {
            w.string_field(1, name);
            w.message(2, |w| {
                for (kind, value) in value.as_object().unwrap() {
                    let integer = || value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap();
                    match &**kind {
                        "bool_param" => w.bool_field(1, value.as_bool().unwrap()),
                        "int64_param" => w.signed_field(2, integer()),
                        "string_param" => w.string_field(3, value.as_str().unwrap()),
                        "double_param" => w.double_field(4, value.as_f64().unwrap()),
                        "uint64_param" => w.varint_field(5, integer() as u64),
                        other => panic!("{other}"),
                    }
                }
            });
        });
    }
}
