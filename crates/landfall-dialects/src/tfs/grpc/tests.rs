//! Every row of the checklist on gRPC that this crate answers for.

mod answers;
mod inference;
mod properties;
mod tensors;
mod told;

use crate::Address;
use crate::protobuf::Writer;
use crate::tfs::errors::{self, ErrorPlace};
use crate::tfs::grpc::{decode_get_model_metadata, decode_get_model_status, decode_predict, predict_address};
use landfall_model::{
    Buffer, DType, Input, InputSpec, Kind, Method, OutputSpec, Problem, RowRule, ShapeRule, Signature,
    Tensor, Version, VersionChoice,
};
use std::sync::Arc;

fn message(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out));
    out
}

fn model(inputs: Vec<InputSpec>, outputs: &[(&str, DType)]) -> Arc<Signature> {
    let outputs = outputs.iter().map(|(name, dtype)| OutputSpec::new(*name, *dtype, None)).collect();
    Signature::new("serving_default", Method::Predict, inputs, outputs, RowRule::None, ShapeRule::AsSent)
        .unwrap()
        .shared()
}

fn xy(dtype: DType) -> Vec<Arc<Signature>> {
    vec![model(vec![InputSpec::new("x", dtype, None)], &[("y", dtype), ("z", dtype)])]
}

/// A `PredictRequest`: a spec for model `m`, inputs, and whatever else.
fn request(inputs: &[(&str, &[u8])], more: impl FnOnce(&mut Writer<'_>)) -> Buffer {
    let bytes = message(|request| {
        request.message(1, |spec| spec.string_field(1, "m"));
        for (name, tensor) in inputs {
            request.message(2, |entry| {
                entry.string_field(1, name);
                entry.bytes_field(2, tensor);
            });
        }
        more(request);
    });
    Buffer::copy_of(&bytes)
}

/// A `TensorProto`: type, shape, and its values as the test has them.
fn proto(dtype: u64, shape: &[i64], values: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    message(|tensor| {
        tensor.varint_field(1, dtype);
        tensor.message(2, |dims| {
            shape.iter().for_each(|&size| dims.message(2, |dim| dim.signed_field(1, size)))
        });
        values(tensor);
    })
}

fn tensor_of(dtype: DType, proto: &[u8]) -> Result<Tensor, Problem> {
    let decoded = decode_predict(&request(&[("x", proto)], |_| {}), &xy(dtype))?;
    Ok(decoded.call.input(0).and_then(Input::dense).unwrap().clone())
}

fn refusal(problem: &Problem) -> (u32, String) {
    let error = errors::grpc(problem, &ErrorPlace::call("m", &VersionChoice::Default));
    (error.code, error.message)
}

#[test]
fn specs_name_model_and_version() {
    let spec = |write: &dyn Fn(&mut Writer<'_>)| message(|request| request.message(1, |spec| write(spec)));
    let named = |version: &dyn Fn(&mut Writer<'_>)| {
        spec(&|spec| {
            spec.string_field(1, "m");
            version(spec);
        })
    };
    let exact = |n| VersionChoice::Exact(Version::numbered(n));
    for (row, body, version) in [
        ("TFS-GRPC-9", named(&|_| {}), VersionChoice::Default),
        ("TFS-GRPC-16", named(&|spec| spec.message(2, |_| {})), exact(0)),
        ("TFS-GRPC-9", named(&|spec| spec.message(2, |v| v.varint_field(1, 7))), exact(7)),
        ("TFS-GRPC-9", named(&|spec| spec.string_field(4, "stable")), VersionChoice::Label("stable".into())),
        (
            "TFS-GRPC-9",
            named(&|spec| spec.string_field(99, "unknown fields are skipped")),
            VersionChoice::Default,
        ),
    ] {
        let expected = Address { model: "m".into(), version };
        assert_eq!(predict_address(&body), Ok(expected.clone()), "{row}");
        assert_eq!(decode_get_model_status(&body), Ok(expected), "{row}");
    }
    type Read = fn(&[u8]) -> Result<Address, Problem>;
    for read in [predict_address as Read, decode_get_model_metadata, decode_get_model_status] {
        assert_eq!(refusal(&read(&[]).unwrap_err()), (3, "Missing ModelSpec".into()), "TFS-GRPC-13");
        let nameless = spec(&|spec| spec.string_field(3, "serving_default"));
        let text = "ModelSpec has no name specified.";
        assert_eq!(refusal(&read(&nameless).unwrap_err()), (3, text.into()), "TFS-GRPC-14");
        assert_eq!(read(&[0x0a, 0x05, 1]).unwrap_err().kind(), Kind::InvalidArgument, "cut short");
    }
}

#[test]
fn inputs_that_do_not_fit_the_signature_are_refused_in_the_originals_words() {
    let one = proto(1, &[1], |t| t.float_field(5, 1.0));
    let ab = vec![model(
        vec![InputSpec::new("a", DType::F32, None), InputSpec::new("b", DType::F32, None)],
        &[("y", DType::F32)],
    )];
    let x = xy(DType::F32);
    let none = |_: &mut Writer<'_>| {};
    for (row, body, signatures, code, text) in [
        (
            "TFS-GRPC-20",
            request(&[("x", &one)], |r| r.message(1, |spec| spec.string_field(3, "nope"))),
            &x,
            9,
            "Serving signature key \"nope\" not found.",
        ),
        (
            "TFS-GRPC-21",
            request(&[("a", &one)], none),
            &ab,
            3,
            "input size does not match signature: 1!=2 len({a}) != len({a,b}). Sent extra: {}. Missing but required: \
             {b}.",
        ),
        (
            "TFS-GRPC-21",
            request(&[], none),
            &x,
            3,
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
        ),
        (
            "TFS-GRPC-22",
            request(&[("y", &one)], none),
            &x,
            3,
            "Signature input alias: x(feed name: x:0) not found in request and no default value provided. Inputs \
             expected to be in the request {y}, or default input alias set: ",
        ),
        (
            "TFS-GRPC-24",
            request(&[("x", &proto(1, &[1], |t| t.bytes_field(4, &[0; 3])))], none),
            &x,
            3,
            "tensor parsing error: x (float32 of shape [1] takes 4 bytes, 3 came)",
        ),
        (
            "TFS-GRPC-25",
            request(&[("x", &proto(7, &[1], |t| t.string_field(8, "a")))], none),
            &x,
            3,
            "Expects arg x to be float but string is provided",
        ),
        (
            "TFS-GRPC-26",
            request(&[("x", &proto(3, &[2], |t| t.packed_varints(7, [1, 2].into_iter())))], none),
            &x,
            3,
            "Expects arg x to be float but int32 is provided",
        ),
    ] {
        let problem = decode_predict(&body, signatures).unwrap_err();
        assert_eq!(refusal(&problem), (code, text.to_owned()), "{row}");
    }
}

#[test]
fn a_signature_with_defaults_says_what_is_missing_and_what_nobody_knows() {
    let one = proto(1, &[1], |t| t.float_field(5, 1.0));
    let mut inputs: Vec<InputSpec> = ["x", "k"].map(|name| InputSpec::new(name, DType::F32, None)).to_vec();
    inputs[1].optional = true;
    let signatures = vec![model(inputs, &[("y", DType::F32)])];
    let none_given = "Signature input alias: x(feed name: x:0) not found in request and no default value provided. \
                      Inputs expected to be in the request {";
    for (given, expected) in [
        (&["k"][..], &*format!("{none_given}k}}, or default input alias set: k")),
        (&[], &format!("{none_given}}}, or default input alias set: k")),
        (&["x", "z"], "Inputs contains invalid name. Used request inputs: x, request input: x,z"),
        (
            &["x", "k", "z"],
            "input size does not match signature: 3!=2 len({k,x,z}) != len({k,x}). Sent extra: {z}. Missing but \
             required: {}.",
        ),
    ] {
        let inputs: Vec<(&str, &[u8])> = given.iter().map(|name| (*name, &one[..])).collect();
        let told = decode_predict(&request(&inputs, |_| {}), &signatures).unwrap_err().to_string();
        assert_eq!(told, expected, "{given:?}");
    }
    assert!(decode_predict(&request(&[("x", &one)], |_| {}), &signatures).is_ok());
}

#[test]
fn outputs_are_chosen_by_the_filter_and_by_nothing_else() {
    let (x, one) = (xy(DType::F32), proto(1, &[1], |t| t.float_field(5, 1.0)));
    let none = |_: &mut Writer<'_>| {};
    let filter = |names: &'static [&str]| {
        move |request: &mut Writer<'_>| names.iter().for_each(|name| request.string_field(3, name))
    };
    for (row, body, text) in [
        (
            "TFS-GRPC-28",
            request(&[("x", &one)], filter(&["q"])),
            "output tensor alias not found in signature: q Outputs expected to be in the set {y,z}.",
        ),
        ("TFS-GRPC-28", request(&[("x", &one)], filter(&["y", "y"])), "duplicate output tensor alias: y"),
    ] {
        let problem = decode_predict(&body, &x).unwrap_err();
        assert_eq!(refusal(&problem), (3, text.to_owned()), "{row}");
    }
    let wanted = |body: &Buffer| decode_predict(body, &x).unwrap().call.wanted().iter().collect::<Vec<_>>();
    assert_eq!(wanted(&request(&[("x", &one)], filter(&["z"]))), [1], "TFS-GRPC-27");
    assert_eq!(wanted(&request(&[("x", &one)], none)), [0, 1], "TFS-GRPC-27");
    let streamed = request(&[("x", &one)], |r| {
        r.message(5, |options| options.varint_field(1, 1));
        r.bytes_field(6, b"client");
    });
    assert_eq!(wanted(&streamed), [0, 1], "TFS-GRPC-4");
}
