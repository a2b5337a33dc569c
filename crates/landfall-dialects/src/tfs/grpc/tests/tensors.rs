//! Tensors as messages have them, and what is none.

use super::{message, model, proto, request, tensor_of, xy};
use crate::protobuf::Writer;
use crate::tfs::grpc::decode_predict;
use crate::tfs::names::data_type;
use half::{bf16, f16};
use landfall_model::{
    Buffer, Column, DType, Dim, Element, Input, InputSpec, NullRule, NullRuleSource, Reason, Tensor,
};

/// Values of a type as content and as the typed field, one of each type.
pub(super) fn both_forms() -> Vec<(DType, Vec<u8>, Vec<u8>)> {
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
        ("300 as uint8", DType::U8, proto(4, &[1], |t| t.varint_field(7, 300))),
        ("-129 as uint8", DType::U8, proto(4, &[1], |t| t.signed_field(7, -129))),
        ("-32769 as uint16", DType::U16, proto(17, &[1], |t| t.signed_field(7, -32769))),
        ("200 as int8", DType::I8, proto(6, &[1], |t| t.varint_field(7, 200))),
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
fn what_tensorflow_lets_pass_is_read_as_it_reads_it() {
    let read = |dtype, proto: &[u8]| tensor_of(dtype, proto).unwrap();
    // 200 and 65535 as Java's clients have them.
    let bytes = proto(4, &[3], |t| [-56, 200, -128].iter().for_each(|&value| t.signed_field(7, value)));
    assert_eq!(read(DType::U8, &bytes).values::<u8>().unwrap(), [200, 200, 128]);
    assert_eq!(
        read(DType::U16, &proto(17, &[], |t| t.signed_field(7, -1))).values::<u16>().unwrap(),
        [65535]
    );
    let one_and_a_half = proto(8, &[2], |t| t.packed_fixed(9, bytemuck::bytes_of(&[1.0f32, 2.0, 3.0])));
    let twice: &[u8] = bytemuck::bytes_of(&[1.0f32, 2.0, 1.0, 2.0]);
    assert_eq!(read(DType::Complex64, &one_and_a_half).bytes().unwrap(), twice);
    for (dtype, number) in [(DType::I64, 9), (DType::String, 7)] {
        let none = read(dtype, &proto(number, &[0, 3], |t| t.bytes_field(4, &[9; 8])));
        assert_eq!((&none.shape()[..], none.len()), (&[0, 3][..], 0));
    }
}

#[test]
fn a_shape_of_unknown_rank_is_none() {
    let ranked = |unknown: bool| {
        message(|t| {
            t.varint_field(1, 1);
            t.message(2, |shape| {
                shape.message(2, |dim| dim.varint_field(1, 1));
                shape.bool_field(3, unknown);
            });
            t.float_field(5, 1.5);
        })
    };
    let problem = tensor_of(DType::F32, &ranked(true)).unwrap_err();
    assert!(problem.to_string().contains("unknown_rank"), "TFS-GRPC-34 {problem}");
    assert_eq!(tensor_of(DType::F32, &ranked(false)).unwrap(), Tensor::from_slice(&[1], &[1.5f32]).unwrap());
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
    let Some(Input::Columns(columns)) = decoded.call.input(0) else { panic!("{:?}", decoded.call) };
    let expected = [[31.0f32, 40.0], [0.5, 1.5]].map(|values| Tensor::from_slice(&[2], &values).ok());
    assert_eq!(*columns, expected);
    let missing = decode_predict(&request(&[("age", &age)], |_| {}), &table).unwrap_err();
    assert!(matches!(missing.reason(), Reason::InputsMissing { missing, .. } if missing == &["job"]));
}

#[test]
fn a_column_of_numbers_takes_every_number_type() {
    let mut spec = InputSpec::new("age", DType::I64, Some(vec![Dim::Free(None)]));
    let age = proto(2, &[2], |t| t.packed_fixed(6, bytemuck::bytes_of(&[31.0f64, 1.5])));
    let decode = |spec: &InputSpec| {
        decode_predict(&request(&[("age", &age)], |_| {}), &[model(vec![spec.clone()], &[("y", DType::F32)])])
    };
    assert!(decode(&spec).is_err(), "no other model's input is cast");
    (spec.null, spec.null_source) = (NullRule::Accept, NullRuleSource::Model);
    let refused = decode(&spec).unwrap_err();
    assert!(matches!(refused.reason(), Reason::ValueInvalid { row: 1, .. }), "{refused}");
    spec.accepts_invalid = true;
    let decoded = decode(&spec).unwrap();
    let tensor = decoded.call.input(0).and_then(Input::dense).unwrap();
    assert_eq!((tensor.values::<i64>().unwrap()[0], &*tensor.invalid()[0].text), (31, &b"1.5"[..]));
}
