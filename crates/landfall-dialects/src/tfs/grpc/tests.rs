//! Every row of the checklist on gRPC that this crate answers for.

mod inference;

use super::{
    decode_get_model_metadata, decode_get_model_status, decode_predict, encode_get_model_metadata,
    encode_get_model_status, encode_predict, predict_address,
};
use crate::protobuf::Writer;
use crate::seeded::seeded;
use crate::tfs::errors::{self, ErrorPlace};
use crate::tfs::fuzz;
use crate::tfs::names::data_type;
use crate::{Address, Identity};
use half::{bf16, f16};
use landfall_model::protobuf::Fields;
use landfall_model::{
    Bitmap, Buffer, Column, DType, Dim, Element, Input, InputSpec, Kind, Method, OutputSpec, Outputs,
    Problem, Reason, RowRule, Shape, ShapeRule, Signature, Tensor, Version, VersionChoice, VersionState,
    VersionStatus,
};
use proptest::prelude::*;
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

/// Values of a type as content and as the typed field, one of each type.
fn both_forms() -> Vec<(DType, Vec<u8>, Vec<u8>)> {
    fn of<T: Element>(values: [T; 2], field: u32, numbers: [u64; 2]) -> (DType, Vec<u8>, Vec<u8>) {
        typed(T::DTYPE, bytemuck::bytes_of(&values), |t| t.packed_varints(field, numbers.into_iter()))
    }
    fn typed(dtype: DType, content: &[u8], field: impl FnOnce(&mut Writer<'_>)) -> (DType, Vec<u8>, Vec<u8>) {
        let number = data_type(dtype).1;
        let content = proto(number, &[2], |t| t.bytes_field(4, content));
        (dtype, content, proto(number, &[2], field))
    }
    let minus = |v: i64| v as u64;
    let (floats, doubles) = ([1.5f32, -2.0], [0.1f64, 1e300]);
    let (float_bytes, double_bytes) = (bytemuck::bytes_of(&floats), bytemuck::bytes_of(&doubles));
    let complex = [[1.0f32, 2.0], [3.0, 4.0]];
    let complex_bytes = bytemuck::bytes_of(&complex);
    let complex128 = [[1.0f64, 2.0], [3.0, 4.0]];
    let complex128_bytes = bytemuck::bytes_of(&complex128);
    let (f, b) = ([f16::from_f32(1.5), f16::from_f32(-2.0)], [bf16::from_f32(1.5), bf16::from_f32(-2.0)]);
    vec![
        typed(DType::F32, float_bytes, |t| t.packed_fixed(5, float_bytes)),
        typed(DType::F64, double_bytes, |t| t.packed_fixed(6, double_bytes)),
        typed(DType::Complex64, complex_bytes, |t| t.packed_fixed(9, complex_bytes)),
        typed(DType::Complex128, complex128_bytes, |t| t.packed_fixed(12, complex128_bytes)),
        of([-7i32, i32::MAX], 7, [minus(-7), i32::MAX as u64]),
        of([-7i16, 300], 7, [minus(-7), 300]),
        of([-7i8, 100], 7, [minus(-7), 100]),
        of([7u8, 200], 7, [7, 200]),
        of([7u16, 60_000], 7, [7, 60_000]),
        of([-7i64, i64::MAX], 10, [minus(-7), i64::MAX as u64]),
        of([7u32, u32::MAX], 16, [7, u32::MAX.into()]),
        of([7u64, u64::MAX], 17, [7, u64::MAX]),
        of(f, 13, f.map(|v| v.to_bits().into())),
        of(b, 13, b.map(|v| v.to_bits().into())),
        typed(DType::Bool, &[1, 0], |t| t.packed_varints(11, [1, 0].into_iter())),
        typed(DType::String, &[2, 1, b'a', b'b', b'c'], |t| {
            t.bytes_field(8, b"ab");
            t.bytes_field(8, b"c");
        }),
    ]
}

#[test]
fn tensors_come_as_content_or_in_the_field_of_their_type() {
    let forms = both_forms();
    assert_eq!(forms.len(), DType::ALL.len());
    for (dtype, content, typed) in forms {
        let read = tensor_of(dtype, &content).unwrap();
        assert_eq!(read.shape()[..], [2], "TFS-GRPC-31, -35 {dtype}");
        assert_eq!(tensor_of(dtype, &typed).unwrap(), read, "TFS-GRPC-32 {dtype}");
    }
}

#[test]
fn runs_may_be_unpacked_and_split() {
    let split = proto(3, &[5], |t| {
        t.varint_field(7, 1);
        t.packed_varints(7, [2, 3].into_iter());
        t.varint_field(7, 4);
        t.packed_varints(7, [5].into_iter());
    });
    assert_eq!(
        tensor_of(DType::I32, &split).unwrap().values::<i32>().unwrap(),
        [1, 2, 3, 4, 5],
        "TFS-GRPC-32"
    );
    let floats = proto(1, &[3], |t| {
        t.float_field(5, 1.0);
        t.packed_fixed(5, bytemuck::bytes_of(&[2.0f32, 3.0]));
    });
    assert_eq!(tensor_of(DType::F32, &floats).unwrap().values::<f32>().unwrap(), [1.0, 2.0, 3.0]);
}

#[test]
fn the_last_value_is_repeated_and_surplus_passed_over() {
    let of = |shape: &[i64], values: &[f32]| {
        let proto = proto(1, shape, |t| t.packed_fixed(5, bytemuck::cast_slice(values)));
        tensor_of(DType::F32, &proto).unwrap().values::<f32>().unwrap().to_vec()
    };
    assert_eq!(of(&[2, 3], &[1.0]), [1.0; 6], "TFS-GRPC-33");
    assert_eq!(of(&[2, 3], &[1.0, 2.0]), [1.0, 2.0, 2.0, 2.0, 2.0, 2.0], "TFS-GRPC-33");
    assert_eq!(of(&[2], &[]), [0.0, 0.0], "TFS-GRPC-33");
    assert_eq!(of(&[2], &[1.0, 2.0, 3.0]), [1.0, 2.0], "TFS-GRPC-33");
    assert_eq!(of(&[0, 4], &[]), [0.0f32; 0], "TFS-GRPC-36");
    let strings = |shape: &[i64], texts: &[&str]| {
        let proto = proto(7, shape, |t| texts.iter().for_each(|text| t.string_field(8, text)));
        let tensor = tensor_of(DType::String, &proto).unwrap();
        tensor.strings().unwrap().iter().map(|text| text.to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(strings(&[3], &["a", "b"]), [b"a", b"b", b"b"], "TFS-GRPC-33");
    assert_eq!(strings(&[2], &[]), [b"", b""], "TFS-GRPC-33");
    assert_eq!(strings(&[1], &["a", "b"]), [b"a"], "TFS-GRPC-33");
    let bools = tensor_of(DType::Bool, &proto(10, &[3], |t| t.bool_field(11, true))).unwrap();
    assert_eq!(bools.bools().unwrap(), [1, 1, 1], "TFS-GRPC-33");
}

#[test]
fn a_huge_shape_with_little_data_takes_no_memory() {
    for (dtype, values) in
        [(DType::F32, 1), (DType::F32, 0), (DType::String, 1), (DType::String, 0), (DType::Bool, 1)]
    {
        let shape = [1 << 20, 1 << 20];
        let proto = proto(data_type(dtype).1, &shape, |t| match (dtype, values) {
            (_, 0) => {}
            (DType::String, _) => t.string_field(8, "x"),
            (DType::Bool, _) => t.bool_field(11, true),
            _ => t.float_field(5, 1.0),
        });
        let problem = tensor_of(dtype, &proto).unwrap_err();
        assert!(problem.to_string().starts_with("tensor parsing error: x"), "{problem}");
        assert!(problem.to_string().contains("67108864 bytes"), "{problem}");
    }
    let content = proto(7, &[1 << 40], |t| t.bytes_field(4, &[1, b'a']));
    assert!(tensor_of(DType::String, &content).is_err());
    let absurd = proto(1, &[i64::MAX, i64::MAX], |t| t.float_field(5, 1.0));
    assert!(tensor_of(DType::F32, &absurd).is_err());
    let half_used = proto(1, &[9 << 20], |t| t.float_field(5, 1.0));
    assert_eq!(tensor_of(DType::F32, &half_used).unwrap().len(), 9 << 20);
}

#[test]
fn tensors_that_mean_nothing_are_refused() {
    let many = vec![1; 255];
    for (what, dtype, proto) in [
        ("DT_INVALID", DType::F32, proto(0, &[1], |t| t.float_field(5, 1.0))),
        ("DT_RESOURCE", DType::F32, proto(20, &[1], |_| {})),
        ("a negative dim", DType::F32, proto(1, &[-1], |t| t.float_field(5, 1.0))),
        ("255 dims", DType::F32, proto(1, &many, |t| t.float_field(5, 1.0))),
        (
            "unknown rank",
            DType::F32,
            message(|t| {
                t.varint_field(1, 1);
                t.message(2, |shape| shape.bool_field(3, true));
            }),
        ),
        ("300 as uint8", DType::U8, proto(4, &[1], |t| t.varint_field(7, 300))),
        ("-1 as uint16", DType::U16, proto(17, &[1], |t| t.signed_field(7, -1))),
        ("half a complex number", DType::Complex64, proto(8, &[1], |t| t.float_field(9, 1.0))),
        ("string content cut short", DType::String, proto(7, &[2], |t| t.bytes_field(4, &[1, 5, b'a']))),
        ("string content with a rest", DType::String, proto(7, &[1], |t| t.bytes_field(4, &[1, b'a', b'b']))),
        ("a text where numbers belong", DType::F32, proto(1, &[1], |t| t.varint_field(5, 1))),
    ] {
        let problem = tensor_of(dtype, &proto).unwrap_err();
        assert!(problem.to_string().starts_with("tensor parsing error: x"), "TFS-GRPC-34 {what}: {problem}");
    }
    let most = proto(1, &vec![1; 254], |t| t.float_field(5, 1.0));
    assert_eq!(tensor_of(DType::F32, &most).unwrap().shape().len(), 254, "TFS-GRPC-34");
}

#[test]
fn aligned_contents_are_shared_with_the_body() {
    let values: Vec<f32> = (0..64u8).map(f32::from).collect();
    let bytes: &[u8] = bytemuck::cast_slice(&values);
    let mut shared = [0, 0];
    for padding in 0..16 {
        for (form, field) in [4u32, 5].into_iter().enumerate() {
            let tensor = proto(1, &[64], |t| t.bytes_field(field, bytes));
            let body = request(&[("x", &tensor)], |_| {});
            // A client id in front moves the content to every alignment.
            let mut moved = message(|r| r.bytes_field(6, &vec![0; padding]));
            moved.extend_from_slice(body.bytes());
            let body = Buffer::copy_of(&moved);
            let decoded = decode_predict(&body, &xy(DType::F32)).unwrap();
            let tensor = decoded.call.input(0).and_then(Input::dense).unwrap();
            assert_eq!(tensor.values::<f32>().unwrap(), values);
            let range = body.bytes().as_ptr_range();
            shared[form] += usize::from(range.contains(&tensor.bytes().unwrap().as_ptr()));
        }
    }
    assert_eq!(shared, [4, 4], "one place of four is aligned");
}

#[test]
fn columns_of_a_table_are_given_by_name() {
    let mut features = InputSpec::new("features", DType::F32, Some(vec![Dim::Free(None), Dim::Known(2)]));
    features.columns = ["age", "job"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    let table = vec![model(vec![features], &[("y", DType::F32)])];
    let age = proto(9, &[2], |t| t.packed_varints(10, [31, 40].into_iter()));
    let job = proto(2, &[2, 1], |t| t.packed_fixed(6, bytemuck::bytes_of(&[0.5f64, 1.5])));
    let decoded = decode_predict(&request(&[("job", &job), ("age", &age)], |_| {}), &table).unwrap();
    let expected = Tensor::from_slice(&[2, 2], &[31.0f32, 0.5, 40.0, 1.5]).unwrap();
    assert_eq!(decoded.call.input(0).and_then(Input::dense), Some(&expected));
    let missing = decode_predict(&request(&[("age", &age)], |_| {}), &table).unwrap_err();
    assert!(matches!(missing.reason(), Reason::InputsMissing { missing, .. } if missing == &["job"]));
}

/// Calls with a tensor as input, and gives what the answer says when the model echoes it.
fn echo(tensor: &Tensor) -> Tensor {
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
    assert_eq!(problem.to_string(), "rows failed: 2, 4; the first of them: bad");
    assert_eq!(out, before);
}

#[test]
fn metadata_is_asked_for_by_field() {
    let body = |fields: &[&str]| {
        message(|request| {
            request.message(1, |spec| spec.string_field(1, "m"));
            fields.iter().for_each(|field| request.string_field(2, field));
        })
    };
    assert_eq!(decode_get_model_metadata(&body(&["signature_def"])).unwrap().model, "m", "TFS-GRPC-47");
    for (fields, text) in [
        (&[][..], "GetModelMetadataRequest must specify at least one metadata_field"),
        (&["foo"], "Metadata field foo is not supported"),
    ] {
        let problem = decode_get_model_metadata(&body(fields)).unwrap_err();
        assert_eq!(refusal(&problem), (3, text.to_owned()), "TFS-GRPC-49");
    }
}

#[test]
fn metadata_carries_the_signatures_in_an_any() {
    let version = Version::numbered(3);
    let signature = model(
        vec![InputSpec::new("x", DType::F32, Some(vec![Dim::Free(None), Dim::Known(4)]))],
        &[("y", DType::I64)],
    );
    let body = encode_get_model_metadata(Identity { model: "m", version: &version }, &[signature]);
    let shape = |write: &dyn Fn(&mut Writer<'_>)| message(|shape| write(shape));
    let info = |name: &str, dtype: u64, shape: &[u8]| {
        message(|entry| {
            entry.string_field(1, name);
            entry.message(2, |info| {
                info.string_field(1, &format!("{name}:0"));
                info.varint_field(2, dtype);
                info.bytes_field(3, shape);
            });
        })
    };
    let dims = shape(&|shape| {
        shape.message(2, |dim| dim.signed_field(1, -1));
        shape.message(2, |dim| dim.signed_field(1, 4));
    });
    let expected = message(|response| {
        response.message(1, |spec| {
            spec.string_field(1, "m");
            spec.message(2, |version| version.varint_field(1, 3));
        });
        response.message(2, |entry| {
            entry.string_field(1, "signature_def");
            entry.message(2, |any| {
                any.string_field(1, "type.googleapis.com/tensorflow.serving.SignatureDefMap");
                any.message(2, |map| {
                    map.message(1, |entry| {
                        entry.string_field(1, "serving_default");
                        entry.message(2, |definition| {
                            definition.bytes_field(1, &info("x", 1, &dims));
                            definition
                                .bytes_field(2, &info("y", 9, &shape(&|shape| shape.bool_field(3, true))));
                            definition.string_field(3, "tensorflow/serving/predict");
                        });
                    });
                });
            });
        });
    });
    assert_eq!(body, expected, "TFS-GRPC-47, -48, -50");
}

#[test]
fn states_of_versions_carry_their_errors() {
    let broken = Problem::new(Reason::FileMissing { file: "a.onnx".into() });
    let status =
        |number, state, problem| VersionStatus { version: Version::numbered(number), state, problem };
    let body = encode_get_model_status(&[
        status(124, VersionState::Available, None),
        status(3, VersionState::End, Some(broken)),
    ]);
    let expected = message(|response| {
        response.message(1, |version| {
            version.varint_field(1, 124);
            version.varint_field(2, 30);
            version.message(3, |_| {});
        });
        response.message(1, |version| {
            version.varint_field(1, 3);
            version.varint_field(2, 50);
            version.message(3, |status| {
                status.varint_field(1, 5);
                status.string_field(2, "a.onnx is missing");
            });
        });
    });
    assert_eq!(body, expected, "TFS-GRPC-51, -53");
}

/// A body under construction: fields of random numbers and wire types.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        (1u32..19, any::<u64>()).prop_map(|(field, value)| message(|w| w.varint_field(field, value))),
        (1u32..19, 0u64..24).prop_map(|(field, value)| message(|w| w.varint_field(field, value))),
        (1u32..19, any::<f32>()).prop_map(|(field, value)| message(|w| w.float_field(field, value))),
        (1u32..19, "[xis]|features|a|b|other")
            .prop_map(|(field, text)| message(|w| w.string_field(field, &text))),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        (1u32..5, proptest::collection::vec(inner, 0..6))
            .prop_map(|(field, parts)| message(|w| w.bytes_field(field, &parts.concat())))
    })
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

proptest! {
    #![proptest_config(seeded(500))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        fuzz::grpc_messages(&bytes);
        fuzz::warm_up(&bytes);
    }

    #[test]
    fn no_message_makes_it_panic(parts in proptest::collection::vec(fields(), 0..6)) {
        fuzz::grpc_messages(&parts.concat());
    }

    #[test]
    fn no_tensor_makes_it_panic(dtype in 0u64..24, shape in proptest::collection::vec(-1i64..5, 0..4), parts in proptest::collection::vec(fields(), 0..4)) {
        let tensor = proto(dtype, &shape, |t| t.out().extend_from_slice(&parts.concat()));
        for dtype in [DType::F32, DType::String, DType::I8] {
            let _ = tensor_of(dtype, &tensor);
        }
    }

    #[test]
    fn what_is_written_reads_back(values in proptest::collection::vec(any::<i64>(), 1..20)) {
        let whole = Tensor::from_slice(&[values.len()], &values).unwrap();
        prop_assert_eq!(echo(&whole), whole);
        let floats: Vec<f32> = values.iter().map(|&v| f32::from_bits(v as u32)).collect();
        let floats = Tensor::from_slice(&[1, values.len()], &floats).unwrap();
        prop_assert_eq!(echo(&floats), floats);
    }
}
