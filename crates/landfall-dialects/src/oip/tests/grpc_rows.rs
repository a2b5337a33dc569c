//! Rows of the protocol checklist, section 6: messages and refusals, messages and answers.

use super::{decode_grpc, refusal, signature};
use crate::Identity;
use crate::oip::{IndexEntry, ModelFacts, VersionPolicy, errors, grpc, names};
use crate::protobuf::Writer;
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{
    Bitmap, DType, Facts, Outputs, Problem, Shape, Signature, Tensor, Version, VersionChoice, VersionState,
};
use std::sync::Arc;
use std::time::Duration;

/// A message of one input X, and more.
fn request(
    datatype: &str,
    shape: &[u64],
    more: impl FnOnce(&mut Writer<'_>),
    contents: impl Fn(&mut Writer<'_>),
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    w.string_field(1, "m");
    w.message(5, |w| {
        w.string_field(1, "X");
        w.string_field(2, datatype);
        w.packed_varints(3, shape.iter().copied());
        contents(w);
    });
    more(&mut w);
    out
}

fn raw(datatype: &str, shape: &[u64], bytes: &[u8]) -> Vec<u8> {
    request(datatype, shape, |w| w.bytes_field(7, bytes), |_| {})
}

fn typed(datatype: &str, shape: &[u64], contents: impl Fn(&mut Writer<'_>)) -> Vec<u8> {
    request(datatype, shape, |_| {}, |w| w.message(5, |w| contents(w)))
}

fn parameter(w: &mut Writer<'_>, field: u32, key: &str, value: impl Fn(&mut Writer<'_>)) {
    w.message(field, |w| {
        w.string_field(1, key);
        w.message(2, |w| value(w));
    });
}

fn one(dtype: DType) -> Arc<Signature> {
    signature(&[("X", dtype, &[2])], &[("Y", DType::F32, &[3])])
}

fn tensor(signature: &Arc<Signature>, message: &[u8]) -> Tensor {
    decode_grpc(signature, message).unwrap().call.input(0).unwrap().dense().unwrap().clone()
}

#[test]
fn typed_contents_are_the_raw_contents() {
    // OIP-GRPC-5, -6
    let integers: [u64; 2] = [1, 2];
    let bytes = |values: &[&[u8]]| values.concat();
    let f32s = bytes(&[&1.0f32.to_le_bytes(), &2.0f32.to_le_bytes()]);
    let f64s = bytes(&[&1.0f64.to_le_bytes(), &2.0f64.to_le_bytes()]);
    for (dtype, field) in [
        (DType::Bool, 1),
        (DType::I8, 2),
        (DType::I16, 2),
        (DType::I32, 2),
        (DType::I64, 3),
        (DType::U8, 4),
        (DType::U16, 4),
        (DType::U32, 4),
        (DType::U64, 5),
        (DType::F32, 6),
        (DType::F64, 7),
        (DType::String, 8),
    ] {
        let name = names::datatype(dtype);
        let contents = |w: &mut Writer<'_>| match field {
            6 => w.packed_fixed(6, &f32s),
            7 => w.packed_fixed(7, &f64s),
            8 => [&b"a"[..], b"b"].iter().for_each(|value| w.bytes_field(8, value)),
            field => w.packed_varints(
                field,
                integers.iter().map(|&n| if dtype == DType::Bool { n & 1 } else { n }),
            ),
        };
        let from_typed = tensor(&one(dtype), &typed(name, &[1, 2], contents));
        let mut bytes = from_typed.bytes().unwrap_or_default().to_vec();
        if dtype == DType::String {
            bytes = b"\x01\0\0\0a\x01\0\0\0b".to_vec();
        }
        assert_eq!(tensor(&one(dtype), &raw(name, &[1, 2], &bytes)), from_typed, "{name}");
    }
    let halves = bytes(&[&half::f16::ONE.to_le_bytes(), &half::f16::ZERO.to_le_bytes()]);
    assert_eq!(tensor(&one(DType::F16), &raw("FP16", &[1, 2], &halves)).len(), 2);
}

/// Messages to a model with one float input, and what is said of them.
fn refused(table: &[(&str, Vec<u8>, &str)]) {
    let x = one(DType::F32);
    for (row, message, text) in table {
        let found = refusal(decode_grpc(&x, message));
        assert!(found.contains(text), "{row}: {found}");
    }
}

#[test]
fn data_that_does_not_fit_is_refused_in_tritons_words() {
    let eight = [0u8; 8];
    refused(&[
        (
            "OIP-GRPC-7",
            typed("FP32", &[1, 2], |w| w.packed_varints(2, [1u64, 2].into_iter())),
            "unexpected explicit tensor data for input tensor 'X' for model 'm' of type 'INT32', expected datatype 'FP32'",
        ),
        (
            "OIP-GRPC-7",
            typed("FP32", &[1, 2], |w| {
                w.packed_fixed(6, &[0; 8]);
                w.packed_varints(2, [1u64, 2].into_iter())
            }),
            "'X' for model 'm', binary data was already supplied.",
        ),
        (
            "OIP-GRPC-7",
            request(
                "FP32",
                &[1, 2],
                |w| w.bytes_field(7, &eight),
                |w| w.message(5, |w| w.packed_fixed(6, &[0; 8])),
            ),
            "contents field must not be specified when using raw_input_contents for 'X' for model 'm'",
        ),
        (
            "OIP-GRPC-7",
            request("FP32", &[1, 2], |_| {}, |_| {}),
            "unable to find data for input tensor 'X' for model 'm' in request.",
        ),
        (
            "OIP-GRPC-7",
            typed("FP32", &[1, 2], |w| w.packed_fixed(6, &[0; 4])),
            "input byte size mismatch for input 'X' for model 'm'. Expected 8, got 4",
        ),
        (
            "OIP-GRPC-7",
            raw("FLOAT", &[1, 2], &eight),
            "inference input 'X' data-type is '<invalid>', but model 'm' expects 'FP32'",
        ),
        (
            "OIP-GRPC-8",
            request(
                "FP32",
                &[1, 2],
                |w| {
                    w.bytes_field(7, &eight);
                    w.bytes_field(7, &eight);
                },
                |_| {},
            ),
            "the number of inputs (1) does not match the expected number of raw input contents (2) for model 'm'.",
        ),
        (
            "OIP-REST-37",
            raw("FP32", &[1, 2], &[0; 9]),
            "[request id: <id_unknown>] input byte size mismatch for input 'X' for model 'm'. Expected 8, got 9",
        ),
        ("OIP-GRPC-3", raw("FP32", &[u64::MAX, 2], &eight), "unexpected shape for input 'X'"),
    ]);
    let narrow = typed("INT8", &[1, 2], |w| w.packed_varints(2, [1u64, 300].into_iter()));
    assert!(
        refusal(decode_grpc(&one(DType::I8), &narrow)).contains("300 does not fit into INT8"),
        "OIP-REST-20"
    );
}

#[test]
fn parameters_that_do_not_fit_are_refused_in_tritons_words() {
    let parameters = |key: &'static str, value: fn(&mut Writer<'_>)| {
        request(
            "FP32",
            &[1, 2],
            |w| {
                parameter(w, 4, key, value);
                w.bytes_field(7, &[0; 8]);
            },
            |_| {},
        )
    };
    refused(&[
        (
            "OIP-GRPC-10",
            parameters("sequence_id", |w| w.bool_field(1, true)),
            "invalid value type for 'sequence_id' parameter, expected int64_param or string_param.",
        ),
        (
            "OIP-GRPC-10",
            parameters("priority", |w| w.signed_field(2, -1)),
            "invalid value for 'priority', expected value >= 0.",
        ),
        (
            "OIP-GRPC-10",
            parameters("timeout", |w| w.string_field(3, "1")),
            "invalid value type for 'timeout' parameter, expected int64_param.",
        ),
        (
            "OIP-GRPC-11",
            parameters("a", |_| {}),
            "invalid value type for 'a' parameter, expected int64_param, bool_param, or string_param.",
        ),
        (
            "TRITON-PARAM-2",
            parameters("triton_x", |w| w.bool_field(1, true)),
            "parameter keys starting with 'triton_' are reserved for Triton usage.",
        ),
        (
            "TRITON-SHM-9",
            request(
                "FP32",
                &[1, 2],
                |_| {},
                |w| parameter(w, 4, "shared_memory_region", |w| w.string_field(3, "r")),
            ),
            "parameter 'shared_memory_region' of tensor 'X': shared memory is not supported",
        ),
        ("TRITON-SHM-9", nameless_until_later(), "of tensor 'X': shared memory is not supported"),
    ]);
}

/// An input whose name stands behind its parameters: fields come in any order.
fn nameless_until_later() -> Vec<u8> {
    let mut out = Vec::new();
    Writer::new(&mut out).message(5, |w| {
        parameter(w, 4, "shared_memory_region", |w| w.string_field(3, "r"));
        w.string_field(1, "X");
    });
    out
}

#[test]
fn classifications_that_make_no_sense_are_refused_in_tritons_words() {
    let classes = |value: fn(&mut Writer<'_>)| {
        request(
            "FP32",
            &[1, 2],
            |w| {
                w.message(6, |w| {
                    w.string_field(1, "Y");
                    parameter(w, 2, "classification", value);
                });
                w.bytes_field(7, &[0; 8]);
            },
            |_| {},
        )
    };
    refused(&[
        (
            "TRITON-CLS-4",
            classes(|w| w.varint_field(2, 0)),
            "invalid value for 'classification' parameter, expected >= 0",
        ),
        (
            "TRITON-CLS-4",
            classes(|w| w.string_field(3, "1")),
            "invalid value type for 'classification' parameter, expected int64_param",
        ),
    ]);
}

#[test]
fn hints_and_id_are_read_from_parameters_of_each_kind() {
    // OIP-GRPC-10, -11; TRITON-PARAM-2
    let message = request(
        "FP32",
        &[1, 2],
        |w| {
            w.string_field(3, "id-7");
            parameter(w, 4, "timeout", |w| w.signed_field(2, 1500));
            parameter(w, 4, "priority", |w| w.varint_field(5, 2));
            parameter(w, 4, "sequence_id", |w| w.string_field(3, "s"));
            parameter(w, 4, "d", |w| w.double_field(4, 1.5));
            parameter(w, 4, "triton_enable_empty_final_response", |w| w.bool_field(1, true));
            w.bytes_field(7, &[0; 8]);
        },
        |_| {},
    );
    let decoded = decode_grpc(&one(DType::F32), &message).unwrap();
    assert_eq!(decoded.hints.timeout, Some(Duration::from_micros(1500)));
    assert_eq!(decoded.hints.priority, Some(2));
    assert_eq!(decoded.form.id(), b"id-7");
    assert_eq!(grpc::infer_id(&message), b"id-7");
}

#[test]
fn an_address_is_model_and_version() {
    let mut message = Vec::new();
    let mut w = Writer::new(&mut message);
    w.string_field(1, "m");
    w.string_field(2, "stable");
    let address = grpc::infer_address(&message).unwrap();
    assert_eq!((&*address.model, address.version), ("m", VersionChoice::Label("stable".into())));
    assert_eq!(grpc::model_request(&message).unwrap().model, "m");
    assert!(grpc::infer_address(b"\x0a\x03c\xfft").is_err(), "a name that is no UTF-8");
    assert!(grpc::infer_address(b"\xff\xff\xff\xff\x67").is_err());
}

/// Fields of an answer: number and bytes.
fn fields(message: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut fields = Fields::new("answer", message);
    let mut all = Vec::new();
    while let Some((field, value)) = fields.next().unwrap() {
        all.push((
            field,
            match value {
                Value::Varint(number) => vec![number as u8],
                other => other.bytes().unwrap().to_vec(),
            },
        ));
    }
    all
}

#[test]
fn answers_are_raw_contents_parallel_to_outputs() {
    // OIP-GRPC-9, -14, -16
    let signature =
        signature(&[("X", DType::F32, &[2])], &[("A", DType::F32, &[1]), ("B", DType::String, &[1])]);
    let message = request(
        "FP32",
        &[1, 2],
        |w| {
            w.string_field(3, "7");
            w.message(6, |w| w.string_field(1, "B"));
            w.message(6, |w| w.string_field(1, "A"));
            w.bytes_field(7, &[0; 8]);
        },
        |_| {},
    );
    let form = decode_grpc(&signature, &message).unwrap().form;
    let mut missing = Bitmap::filled(1, false);
    missing.set(0, true);
    let mut outputs = Outputs::new();
    outputs.set(0, Tensor::from_slice(&[1, 1], &[0.0f32]).unwrap().with_missing(missing));
    outputs.set(1, Tensor::from_strings(Shape::new(&[1, 1]), ["é"].iter().collect()).unwrap());
    let version = Version::numbered(12);
    let identity = Identity { model: "m", version: &version };
    let mut out = Vec::new();
    grpc::encode_infer(&form, identity, &signature, &outputs, &mut out).unwrap();
    let answer = fields(&out);
    let text = |place: usize| String::from_utf8(answer[place].1.clone()).unwrap();
    assert_eq!((text(0), text(1), text(2)), ("m".into(), "12".into(), "7".into()));
    assert_eq!(fields(&answer[3].1), [(1, b"B".to_vec()), (2, b"BYTES".to_vec()), (3, vec![1, 1])]);
    assert_eq!(answer[5], (6, "\u{2}\0\0\0é".as_bytes().to_vec()));
    assert!(f32::from_le_bytes(answer[6].1[..].try_into().unwrap()).is_nan(), "a missing value is NaN");

    let mut stream = Vec::new();
    grpc::encode_stream(&form, identity, &signature, &outputs, &mut stream).unwrap();
    let wrapped = fields(&stream);
    assert_eq!(wrapped[0].0, 2);
    let marked = fields(&wrapped[0].1);
    assert!(
        marked
            .iter()
            .any(|(field, bytes)| *field == 4 && bytes.windows(21).any(|w| w == b"triton_final_response"))
    );
    let mut failed = Vec::new();
    grpc::encode_stream_error("no such model", b"7", false, &mut failed);
    assert_eq!(fields(&failed), [(1, b"no such model".to_vec()), (2, b"\x1a\x017".to_vec())]);

    outputs.fail_row(0, Problem::invalid("no"));
    assert!(grpc::encode_infer(&form, identity, &signature, &outputs, &mut Vec::new()).is_err());
}

#[test]
fn a_signature_may_be_named() {
    let message = request(
        "FP32",
        &[1, 2],
        |w| {
            parameter(w, 4, "signature_name", |w| w.string_field(3, "nope"));
            w.bytes_field(7, &[0; 8]);
        },
        |_| {},
    );
    assert!(refusal(decode_grpc(&one(DType::F32), &message)).contains("there is no signature \"nope\""));
}

#[test]
fn small_messages_have_tritons_fields() {
    let signature = super::ctr();
    let of_onnx = Facts { engine: "onnxruntime", format: "onnx", ..Facts::default() };
    let versions = [Version::numbered(1)];
    let facts = ModelFacts {
        model: "ctr",
        versions: &versions,
        signature: &signature,
        facts: &of_onnx,
        max_rows: None,
        batches: true,
        policy: &VersionPolicy::Specific(vec![1, 4]),
    };
    let metadata = fields(&grpc::model_metadata(facts));
    assert_eq!(metadata[0], (1, b"ctr".to_vec()));
    assert_eq!(metadata[2], (3, b"onnxruntime_onnx".to_vec()));
    let dense = fields(&metadata[3].1);
    assert_eq!(dense[1], (2, b"FP32".to_vec()));
    let config = fields(&fields(&grpc::model_config(facts))[0].1);
    assert!(config.contains(&(17, b"onnxruntime".to_vec())));
    // version_policy { specific { versions: [1, 4] } }
    assert!(config.contains(&(3, vec![26, 4, 10, 2, 1, 4])), "OIP-REST-8");
    assert_eq!((grpc::server_live(), grpc::server_ready(false)), (vec![8, 1], vec![]));
    assert_eq!(grpc::model_ready(true), [8, 1]);
    let entries = [IndexEntry {
        model: "a".into(),
        version: Some((Version::numbered(1), VersionState::Available)),
        reason: String::new(),
    }];
    assert_eq!(fields(&fields(&grpc::index(&entries, true))[0].1)[2], (3, b"READY".to_vec()));
}

#[test]
fn repository_requests_are_checked() {
    // TRITON-REPO-10
    assert!(grpc::index_request(b"\x10\x01").unwrap().only_ready);
    assert_eq!(errors::grpc(&grpc::index_request(b"\x0a\x01x").unwrap_err()).code, 12);
    let mut load = Vec::new();
    let mut w = Writer::new(&mut load);
    w.string_field(2, "m");
    assert_eq!(grpc::load_request(&load).unwrap().model, "m");
    parameter(&mut Writer::new(&mut load), 3, "config", |w| w.string_field(3, "{}"));
    let problem = grpc::load_request(&load).unwrap_err();
    assert_eq!(errors::grpc(&problem).code, 3);
    assert!(errors::text(&problem).contains("unrecognized load parameter 'config'."));
    assert_eq!(grpc::unload_request(&load).unwrap().model, "m");
}
