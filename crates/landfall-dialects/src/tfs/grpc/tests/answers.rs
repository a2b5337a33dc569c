//! What answers say.

use super::tensors::both_forms;
use super::{message, model, proto, request, tensor_of, xy};
use crate::Identity;
use crate::tfs::grpc::{decode_predict, encode_predict};
use crate::tfs::names::data_type;
use landfall_model::protobuf::Fields;
use landfall_model::{
    Bitmap, Buffer, DType, Input, InputSpec, Method, OutputSpec, Outputs, Problem, RowRule, Shape, ShapeRule,
    Signature, Tensor, Version,
};

/// Calls with a tensor as input, and gives what the answer says when the model echoes it.
pub(super) fn echo(tensor: &Tensor) -> Tensor {
    let signature = model(vec![InputSpec::new("x", tensor.dtype(), None)], &[("x", tensor.dtype())]);
    let mut outputs = Outputs::new();
    outputs.set(0, tensor.clone());
    let mut out = Vec::new();
    let identity = Identity { model: "m", version: &Version::numbered(1) };
    encode_predict(&Default::default(), identity, &signature, &outputs, &mut out).unwrap();
    // Outputs have the field number of ModelSpec in a request, so the entry is taken out by hand.
    let mut fields = Fields::new("PredictResponse", &out);
    let entry = fields.next().unwrap().unwrap().1.bytes().unwrap();
    let body = message(|request| request.bytes_field(2, entry));
    let decoded = decode_predict(&Buffer::copy_of(&body), &[signature]).unwrap();
    decoded.call.input(0).and_then(Input::dense).unwrap().clone()
}

#[test]
fn outputs_of_every_type_read_back() {
    for (dtype, content, _) in both_forms() {
        let tensor = tensor_of(dtype, &content).unwrap();
        assert_eq!(echo(&tensor), tensor, "TFS-GRPC-37 {dtype}");
        let scalar = match tensor.strings() {
            Ok(strings) => Tensor::from_strings(Shape::new(&[]), strings.slice(0..1)).unwrap(),
            Err(_) => tensor.rows(0..1).reshaped(Shape::new(&[])).unwrap(),
        };
        assert_eq!(echo(&scalar), scalar, "TFS-GRPC-38 {dtype}");
    }
    let empty = Tensor::from_slice::<f32>(&[0, 4], &[]).unwrap();
    assert_eq!(echo(&empty), empty, "TFS-GRPC-36");
}

#[test]
fn answers_say_who_answered() {
    let signatures = xy(DType::F32);
    let named = |signature: &'static str| {
        request(&[("x", &proto(1, &[1], |t| t.float_field(5, 1.0)))], move |r| {
            r.message(1, |spec| spec.string_field(3, signature));
        })
    };
    for asked in ["", "serving_default"] {
        let decoded = decode_predict(&named(asked), &signatures).unwrap();
        let mut outputs = Outputs::new();
        outputs.set(1, Tensor::from_slice(&[1], &[2.0f32]).unwrap());
        let mut out = Vec::new();
        let version = Version::numbered(7);
        let identity = Identity { model: "m", version: &version };
        encode_predict(&decoded.form, identity, &signatures[0], &outputs, &mut out).unwrap();
        let mut fields = Fields::new("PredictResponse", &out);
        let mut parts = Vec::new();
        while let Some((field, value)) = fields.next().unwrap() {
            parts.push((field, value.bytes().unwrap()));
        }
        let spec = message(|spec| {
            spec.string_field(1, "m");
            spec.message(2, |version| version.varint_field(1, 7));
            spec.string_field(3, "serving_default");
        });
        let output = message(|entry| {
            entry.string_field(1, "z");
            entry.bytes_field(2, &proto(1, &[1], |t| t.packed_fixed(5, &2.0f32.to_le_bytes())));
        });
        assert_eq!(parts, [(1, &output[..]), (2, &spec[..])], "TFS-GRPC-9, -19 {asked:?}");
    }
}

#[test]
fn missing_values_are_nan_and_failed_rows_refuse_the_call() {
    let mut count = OutputSpec::new("count", DType::I64, None);
    count.may_miss = true;
    let outputs = vec![OutputSpec::new("y", DType::F32, None), count];
    let signature =
        Signature::new("s", Method::Predict, vec![], outputs, RowRule::None, ShapeRule::AsSent).unwrap();
    let mut missing = Bitmap::filled(2, false);
    missing.set(1, true);
    let mut set = Outputs::new();
    set.set(0, Tensor::from_slice(&[2], &[1.5f32, 0.0]).unwrap().with_missing(missing.clone()));
    set.set(1, Tensor::from_slice(&[2], &[3i64, 0]).unwrap().with_missing(missing));
    let (mut out, version) = (Vec::new(), Version::named("blue"));
    let identity = Identity { model: "m", version: &version };
    encode_predict(&Default::default(), identity, &signature, &set, &mut out).unwrap();
    let (floats, doubles) = ([1.5f32, f32::NAN], [3.0f64, f64::NAN]);
    for bytes in [bytemuck::bytes_of(&floats), bytemuck::bytes_of(&doubles)] {
        assert!(out.windows(bytes.len()).any(|window| window == bytes), "missing values are NaN");
    }
    set.fail_row(4, Problem::invalid("bad"));
    set.fail_row(2, Problem::invalid("worse"));
    let before = out.clone();
    let problem = encode_predict(&Default::default(), identity, &signature, &set, &mut out).unwrap_err();
    assert_eq!(problem.to_string(), "rows 2, 4 failed; the first of them: worse");
    assert_eq!(out, before);
}

#[test]
fn tensors_may_go_out_as_their_bytes() {
    let signatures =
        vec![model(vec![InputSpec::new("x", DType::I16, None)], &[("y", DType::I16), ("z", DType::String)])];
    let input = proto(data_type(DType::I16).1, &[1], |t| t.varint_field(7, 1));
    let decoded = decode_predict(&request(&[("x", &input)], |_| {}), &signatures).unwrap();
    let form = decoded.form.with_tensor_content(true);
    let mut outputs = Outputs::new();
    outputs.set(0, Tensor::from_slice(&[2], &[1i16, -2]).unwrap());
    outputs.set(1, Tensor::from_strings(Shape::new(&[2]), ["ab", ""].iter().collect()).unwrap());
    let mut out = Vec::new();
    let version = Version::numbered(1);
    encode_predict(&form, Identity { model: "m", version: &version }, &signatures[0], &outputs, &mut out)
        .unwrap();
    for content in [&[0x22u8, 4, 1, 0, 0xfe, 0xff][..], &[0x22, 4, 2, 0, b'a', b'b']] {
        assert!(out.windows(content.len()).any(|window| window == content), "TFS-GRPC-37 {out:?}");
    }
}
