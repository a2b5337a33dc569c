//! Single values: what each type takes.

use super::{i32s, inputs, model, one, only, read, refusal, strings};
use landfall_model::{DType, InputSpec, NullRule, Scalar, Signature};
use std::sync::Arc;

#[test]
fn types_without_a_json_form_are_not_implemented() {
    for (dtype, word) in [
        (DType::F16, "half"),
        (DType::BF16, "bfloat16"),
        (DType::U16, "uint16"),
        (DType::Complex64, "complex64"),
    ] {
        let text = format!("Conversion of JSON Value: 1 to type: {word}");
        assert_eq!(refusal(r#"{"inputs":[1]}"#, &one(dtype)), (501, text.clone()), "TFS-REST-70");
        let row = format!("Failed to process element: 0 of 'instances' list. Error: UNIMPLEMENTED: {text}");
        assert_eq!(refusal(r#"{"instances":[1]}"#, &one(dtype)), (400, row), "TFS-REST-70");
    }
}

#[test]
fn values_are_taken_as_their_type_takes_them() {
    use DType::*;
    let f = |body: &str| only(&format!(r#"{{"inputs":[{body}]}}"#), F32).values::<f32>().unwrap().to_vec();
    assert_eq!(f("1, 2.0, 3, 5.003"), [1.0, 2.0, 3.0, 5.003], "TFS-REST-73");
    assert_eq!(f("1435774380, 1435774380.0"), [1_435_774_336.0; 2], "TFS-REST-74");
    assert_eq!(f("1.7976931348623157e308"), [f32::INFINITY], "TFS-REST-75");
    assert_eq!(f("-2.2250738585072014e-308")[0].to_bits(), (-0.0f32).to_bits(), "TFS-REST-75");
    assert_eq!(f("1e-400"), [0.0], "TFS-REST-76");
    assert_eq!(
        f("Inf, Infinity, -Inf, -Infinity"),
        [f32::INFINITY, f32::INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY]
    );
    assert!(f("NaN, -NaN").iter().all(|v| v.is_nan()), "TFS-REST-77");

    let fits = |dtype, body: &str| read(&format!(r#"{{"inputs":[{body}]}}"#), &one(dtype)).is_ok();
    for (row, dtype, body, expected) in [
        ("TFS-REST-78", I32, "NaN", false),
        ("TFS-REST-79", I32, "2147483647, -2147483648", true),
        ("TFS-REST-79", I32, "2147483648", false),
        ("TFS-REST-79", I32, "1.0", false),
        ("TFS-REST-79", I32, "1e2", false),
        ("TFS-REST-80", I8, "127, -128", true),
        ("TFS-REST-80", I8, "300", false),
        ("TFS-REST-80", U8, "255", true),
        ("TFS-REST-80", U8, "-1", false),
        ("TFS-REST-80", I16, "40000", false),
        ("TFS-REST-81", I64, "9223372036854775807, -9223372036854775808, -0", true),
        ("TFS-REST-81", I64, "9223372036854775808", false),
        ("TFS-REST-81", I64, "-9223372036854775809", false),
        ("TFS-REST-81", U32, "4294967295", true),
        ("TFS-REST-81", U32, "4294967296", false),
        ("TFS-REST-81", U64, "18446744073709551615", true),
        ("TFS-REST-81", U64, "18446744073709551616", false),
        ("TFS-REST-81", U64, "-1", false),
        ("TFS-REST-82", Bool, "true, false", true),
        ("TFS-REST-82", Bool, "1", false),
        ("TFS-REST-82", Bool, r#""true""#, false),
        ("TFS-REST-83", String, r#""a", {"b64":"AA=="}"#, true),
        ("TFS-REST-83", String, "1", false),
    ] {
        assert_eq!(fits(dtype, body), expected, "{row} {dtype} {body}");
    }
    assert_eq!(only(r#"{"inputs":[-0, 7]}"#, I64).values::<i64>().unwrap(), [0, 7], "TFS-REST-81");
    assert_eq!(only(r#"{"inputs":[true,false]}"#, Bool).bools().unwrap(), [1, 0], "TFS-REST-82");
    let bytes = model(vec![InputSpec::new("image_bytes", String, None)]);
    assert_eq!(
        inputs(r#"{"instances":["a\u0000b"]}"#, &bytes)[0],
        Some(strings(&[1], &["a\0b"])),
        "TFS-REST-41, -89"
    );
    assert_eq!(
        only(r#"{"instances":[[{"b64":"aGVsbG8="},"x"]]}"#, String),
        strings(&[1, 2], &["hello", "x"]),
        "TFS-REST-84"
    );
}

#[test]
fn values_of_the_wrong_type_are_named() {
    let value = |body: &str| format!(r#"{{"inputs":[{body}]}}"#);
    for (row, dtype, body, text) in [
        (
            "TFS-REST-72",
            DType::F32,
            r#""x""#,
            "JSON Value: \"x\" Type: String is not of expected type: float",
        ),
        ("TFS-REST-78", DType::I32, "NaN", "JSON Value: NaN Type: Number is not of expected type: int32"),
        ("TFS-REST-80", DType::U8, "300", "JSON Value: 300 Type: Number is not of expected type: uint8"),
        ("TFS-REST-83", DType::String, "1", "JSON Value: 1 Type: Number is not of expected type: string"),
        ("TFS-REST-85", DType::String, r#"{"b64":"!!!"}"#, "Unable to base64 decode"),
        (
            "TFS-REST-86",
            DType::String,
            r#""a",{"x":1}"#,
            "JSON Value: {\n    \"x\": 1\n} not formatted correctly for base64 data",
        ),
        (
            "TFS-REST-87",
            DType::F32,
            r#"{"b64":"AA=="}"#,
            "JSON Value: {\n    \"b64\": \"AA==\"\n} Type: Object is not of expected type: float",
        ),
        ("TFS-REST-88", DType::F64, "null", "JSON Value: null Type: Null is not of expected type: double"),
        ("TFS-REST-82", DType::Bool, "1", "JSON Value: 1 Type: Number is not of expected type: bool"),
    ] {
        assert_eq!(refusal(&value(body), &one(dtype)), (400, text.to_owned()), "{row}");
    }
}

#[test]
fn null_follows_the_inputs_rule() {
    let with = |dtype, rule| {
        let mut input = InputSpec::new("x", dtype, None);
        input.null = rule;
        model(vec![input])
    };
    let body = r#"{"instances":[[1,null],[null,4]]}"#;
    let of = |signatures: &[Arc<Signature>]| inputs(body, signatures).remove(0).unwrap();
    assert_eq!(of(&with(DType::I32, NullRule::Zero)), i32s(&[2, 2], &[1, 0, 0, 4]));
    assert_eq!(of(&with(DType::I32, NullRule::Default(Scalar::Int(9)))), i32s(&[2, 2], &[1, 9, 9, 4]));
    let nan = of(&with(DType::F32, NullRule::Nan));
    assert!(nan.values::<f32>().unwrap()[1].is_nan() && nan.values::<f32>().unwrap()[2].is_nan());
    let kept = of(&with(DType::F64, NullRule::Accept));
    assert_eq!(kept.missing().unwrap().ones().collect::<Vec<_>>(), [1, 2]);
    assert!(refusal(body, &one(DType::F32)).1.contains("Type: Null is not of expected type: float"));
}
