//! Bodies for fuzzing: whatever bytes come, nothing panics, and what is read is whole.

use super::inference::{self, Rules, Task};
use super::{config, grpc, profiler, rest, warmup};
use crate::json::Scanner;
use crate::protobuf::text::to_wire;
use crate::{Identity, JsonNan};
use landfall_model::{
    Buffer, Call, Column, DType, Dim, Input, InputSpec, Joint, Method, NullRule, OutputSpec, Outputs,
    RowRule, ShapeRule, Signature, Version,
};
use std::sync::Arc;

/// Signatures of all kinds: one input, several of several types, a matrix with named columns; of a graph and of other
/// models.
fn models() -> [Vec<Arc<Signature>>; 5] {
    let free = || Some(vec![Dim::Free(None), Dim::Free(None)]);
    let ruled = |inputs: Vec<InputSpec>, rows, shapes| {
        let outputs =
            inputs.iter().map(|input| OutputSpec::new(format!("{}_out", input.name), input.dtype, None));
        let outputs = outputs.collect();
        Signature::new("serving_default", Method::Predict, inputs, outputs, rows, shapes)
            .expect("names differ")
            .shared()
    };
    let of = |inputs| ruled(inputs, RowRule::None, ShapeRule::AsSent);
    let by_name = |inputs| ruled(inputs, RowRule::Independent, ShapeRule::Checked);
    let mut matrix = InputSpec::new("features", DType::F32, free());
    matrix.columns = ["a", "b"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    matrix.null = NullRule::Accept;
    let mut optional = InputSpec::new("s", DType::String, None);
    optional.optional = true;
    let several =
        vec![InputSpec::new("x", DType::F32, None), InputSpec::new("i", DType::I8, free()), optional];
    let other =
        Signature::new("other", Method::Predict, several.clone(), vec![], RowRule::None, ShapeRule::AsSent);
    [
        vec![of(vec![InputSpec::new("x", DType::F64, None)])],
        vec![of(several), other.expect("names differ").shared()],
        vec![of(vec![matrix.clone()])],
        vec![by_name(vec![matrix])],
        vec![by_name(vec![InputSpec::new("inputs", DType::String, None)])],
    ]
}

/// What a model would answer that gives back its inputs.
fn echoed(call: &Call) -> Outputs {
    let mut outputs = Outputs::new();
    for (place, input) in call.inputs().iter().enumerate() {
        if let Some(tensor) = input.as_ref().and_then(Input::dense) {
            outputs.set(place, tensor.clone());
        }
    }
    outputs
}

/// A REST predict body.
pub fn rest_predict(bytes: &[u8]) {
    let syntax = rest::check(bytes);
    for signatures in models() {
        match rest::decode(&Buffer::copy_of(bytes), &signatures) {
            Err(problem) => assert!(!problem.to_string().is_empty()),
            Ok(decoded) => {
                assert!(syntax.is_ok(), "what is read is well-formed");
                let signature = decoded.call.signature().clone();
                if signature.name() == "serving_default" {
                    let mut out = Vec::new();
                    let outputs = echoed(&decoded.call);
                    if rest::encode(&decoded.form, &signature, &outputs, JsonNan::Null, &mut out).is_ok() {
                        let mut scanner = Scanner::new(&out);
                        assert!(scanner.skip_value().is_ok() && scanner.at() == out.len());
                    }
                }
            }
        }
    }
}

/// A JSON document.
pub fn json(bytes: &[u8]) {
    let mut scanner = Scanner::new(bytes);
    if scanner.root().is_ok() {
        let quoted = crate::json::quoted(&scanner);
        assert!(quoted.len() <= 3 * 256);
        if scanner.skip_value().is_ok() {
            assert!(scanner.at() <= bytes.len());
        }
    }
}

/// A REST classify or regress body.
pub fn rest_question(bytes: &[u8]) {
    for task in [Task::Classify, Task::Regress] {
        match rest::decode_question(task, bytes) {
            Err(problem) => assert!(!problem.to_string().is_empty()),
            Ok(question) => {
                assert!(!question.examples.is_empty(), "no examples are refused");
                answer(question);
            }
        }
    }
}

/// Asks every model.
fn answer(question: inference::Question) {
    for signatures in models() {
        if let Ok(decoded) = inference::call(question.clone(), &signatures, Rules::default()) {
            let examples = question.examples.len();
            assert!(decoded.call.inputs().iter().flatten().all(|input| input.rows() == Some(examples)));
            let (signature, outputs) = (decoded.call.signature(), echoed(&decoded.call));
            let mut out = Vec::new();
            let _ = rest::encode_answer(&decoded.form, signature, &outputs, JsonNan::Null, &mut out);
        }
    }
}

/// A configuration file of any kind; what is read is written the same way on the wire.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = config::BatchingParameters::from_text(&text);
    let _ = config::MonitoringConfig::from_text(&text);
    let _ = config::SslConfig::from_text(&text);
    match config::ModelServerConfig::from_text(&text) {
        Err(problem) => assert!(!problem.to_string().is_empty()),
        Ok(read) => {
            let wire = to_wire(&text, "tensorflow.serving.ModelServerConfig").expect("it was read before");
            assert!(config::ModelServerConfig::from_message(&wire).is_ok_and(|again| again == read));
            if let Ok(models) = read.models() {
                let _ = config::check(models, &["tensorflow"]);
            }
        }
    }
}

/// A file of warm-up records.
pub fn warm_up(bytes: &[u8]) {
    for signatures in models() {
        let _ =
            warmup::calls("warm-up", bytes, &signatures, Joint::of(&signatures).as_ref(), Rules::default());
    }
}

/// A gRPC message of any of the methods.
pub fn grpc_messages(bytes: &[u8]) {
    let _ = grpc::predict_address(bytes);
    let _ = grpc::decode_get_model_metadata(bytes);
    let _ = grpc::decode_get_model_status(bytes);
    let _ = config::decode_reload_config(bytes);
    let _ = grpc::multi_inference_address(bytes);
    let _ = profiler::decode_terminate(bytes);
    if let Ok(asked) = profiler::decode_profile(bytes)
        && let Ok(file) = asked.file()
    {
        let climbs = file.components().rev().take(2).any(|part| part == std::path::Component::ParentDir);
        assert!(!climbs, "a trace lies in a folder of its own");
    }
    for task in [Task::Classify, Task::Regress] {
        if let Ok(question) = grpc::decode_question(task, bytes) {
            answer(question);
        }
    }
    let version = Version::numbered(1);
    for signatures in models() {
        let joint = Joint::of(&signatures);
        let _ = grpc::decode_multi_inference(bytes, &signatures, joint.as_ref(), Rules::default());
        if let Ok(decoded) = grpc::decode_predict(&Buffer::copy_of(bytes), &signatures) {
            let signature = decoded.call.signature().clone();
            if signature.name() == "serving_default" {
                let identity = Identity { model: "m", version: &version };
                let mut out = Vec::new();
                let outputs = echoed(&decoded.call);
                let written = grpc::encode_predict(&decoded.form, identity, &signature, &outputs, &mut out);
                assert!(written.is_ok());
            }
        }
    }
}
