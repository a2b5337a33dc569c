//! What holds for all inputs: what is written reads back, refusals say why, no panic on any bytes.

use super::{answer, one, only, read};
use crate::seeded::seeded;
use crate::tfs::fuzz;
use crate::tfs::rest::Form;
use landfall_model::{DType, Tensor};
use proptest::prelude::*;

proptest! {
    #![proptest_config(seeded(500))]

    #[test]
    fn what_is_written_reads_back(shape in proptest::collection::vec(1usize..4, 1..4), seed: u64) {
        let count = shape.iter().product();
        let mut state = seed;
        let mut next = || { state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); state };
        let floats: Vec<f32> =
            (0..count).map(|_| f32::from_bits((next() >> 32) as u32)).map(|v| if v.is_finite() { v } else { 0.5 }).collect();
        let tensor = Tensor::from_slice(&shape, &floats).unwrap();
        for (form, from, to) in [(Form::Rows, "predictions", "instances"), (Form::Columns, "outputs", "inputs")] {
            let text = answer(form, vec![("x", tensor.clone())]).unwrap().replace(from, to);
            prop_assert_eq!(only(&text, DType::F32), tensor.clone());
        }
        let whole: Vec<i64> = (0..count).map(|_| next() as i64).collect();
        let tensor = Tensor::from_slice(&shape, &whole).unwrap();
        let text = answer(Form::Rows, vec![("x", tensor.clone())]).unwrap().replace("predictions", "instances");
        prop_assert_eq!(only(&text, DType::I64), tensor);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        fuzz::rest_predict(&bytes);
        fuzz::rest_question(&bytes);
        fuzz::json(&bytes);
    }

    #[test]
    fn no_body_of_likely_pieces_makes_it_panic(pieces in proptest::collection::vec(piece(), 0..25)) {
        for start in ["", r#"{"instances":["#, r#"{"inputs":{"#] {
            let body = format!("{start}{}", pieces.concat());
            fuzz::rest_predict(body.as_bytes());
            fuzz::rest_question(body.as_bytes());
            fuzz::json(body.as_bytes());
        }
    }

    #[test]
    fn every_refusal_says_what_does_not_fit(pieces in proptest::collection::vec(value(), 1..6)) {
        let list = pieces.join(",");
        for body in [format!(r#"{{"instances":[{list}]}}"#), format!(r#"{{"inputs":[{list}]}}"#)] {
            for dtype in [DType::F32, DType::I8, DType::String, DType::Bool, DType::F16] {
                if let Err(problem) = read(&body, &one(dtype)) {
                    prop_assert!(!problem.to_string().contains("does not fit the model's signature"), "{body}");
                }
            }
        }
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(","),
        Just(":"),
        Just(" "),
        Just("null"),
        Just("true"),
        Just("1"),
        Just("-2.5e3"),
        Just("300"),
        Just("NaN"),
        Just("\"x\""),
        Just("\"i\""),
        Just("\"s\""),
        Just("\"a\""),
        Just("\"b\""),
        Just("\"b64\""),
        Just("\"AA==\""),
        Just("{\"x\":1,\"i\":[2]}"),
        Just("\"signature_name\""),
        Just("\"other\""),
        Just("\"inputs\""),
        Just("\"features\""),
    ]
    .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1"),
        Just("-300"),
        Just("2.5"),
        Just("null"),
        Just("true"),
        Just("\"t\""),
        Just("{\"b64\":\"AA==\"}"),
        Just("{\"b64\":\"!\"}"),
        Just("{\"x\":1}"),
        Just("{}"),
        Just("NaN"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 4, |inner| {
        proptest::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(",")))
    })
}
