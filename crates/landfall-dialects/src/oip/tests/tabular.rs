//! A tabular model's matrix: whole, by its columns, or sparse.

use super::{decode_rest, refusal, rows_of};
use landfall_model::{
    Column, DType, Input, InputSpec, Method, NullRule, NullRuleSource, OutputSpec, RowRule, ShapeRule,
    Signature,
};
use std::sync::Arc;

fn model(null: NullRule) -> Arc<Signature> {
    let mut features = InputSpec::new("features", DType::F32, rows_of(&[2]));
    features.columns = ["age", "job"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    features.null = null;
    let outputs = vec![OutputSpec::new("Y", DType::F32, None)];
    Signature::new("s", Method::Predict, vec![features], outputs, RowRule::Independent, ShapeRule::Checked)
        .unwrap()
        .shared()
}

fn input(name: &str, datatype: &str, shape: &str, data: &str) -> String {
    format!(r#"{{"name":"{name}","shape":{shape},"datatype":"{datatype}","data":{data}}}"#)
}

fn body(inputs: &[String]) -> String {
    format!(r#"{{"inputs":[{}]}}"#, inputs.join(","))
}

#[test]
fn columns_of_any_number_type_make_the_matrix() {
    let columns = [input("job", "FP64", "[2,1]", "[0.1,2]"), input("age", "INT64", "[2]", "[31,44]")];
    let decoded = decode_rest(&model(NullRule::Refuse), &body(&columns)).unwrap();
    let Some(Input::Columns(columns)) = decoded.call.input(0) else { panic!("columns") };
    assert_eq!(columns[0].as_ref().unwrap().values::<f32>().unwrap(), [31.0, 44.0]);
    assert_eq!(columns[1].as_ref().unwrap().values::<f32>().unwrap(), [0.1f32, 2.0]);
    assert_eq!(decoded.call.rows(), Some(2));
}

#[test]
fn the_matrix_goes_whole_too_and_not_both_ways() {
    let whole = input("features", "FP32", "[1,2]", "[1,2]");
    assert!(decode_rest(&model(NullRule::Refuse), &body(std::slice::from_ref(&whole))).is_ok());
    let both = [input("age", "FP32", "[1]", "[1]"), whole];
    assert!(
        refusal(decode_rest(&model(NullRule::Refuse), &body(&both))).contains("already exists in request")
    );
}

#[test]
fn three_arrays_make_a_sparse_matrix() {
    let parts = [
        input("features.data", "FP32", "[2]", "[1.5,2]"),
        input("features.indices", "INT32", "[2]", "[1,0]"),
        input("features.indptr", "INT64", "[4]", "[0,1,1,2]"),
    ];
    let decoded = decode_rest(&model(NullRule::Refuse), &body(&parts)).unwrap();
    let Some(Input::Csr(csr)) = decoded.call.input(0) else { panic!("sparse") };
    assert_eq!(csr.indices.values::<i64>().unwrap(), [1, 0]);
    assert_eq!(decoded.call.rows(), Some(3));
    let text = refusal(decode_rest(&model(NullRule::Refuse), &body(&parts[..2])));
    assert!(text.contains("'features.indptr'"), "{text}");
}

#[test]
fn what_is_missing_in_columns_follows_the_rule() {
    let columns = [input("age", "INT64", "[2]", "[1,null]"), input("job", "FP32", "[2]", "[1,2]")];
    assert!(refusal(decode_rest(&model(NullRule::Refuse), &body(&columns))).contains("\"age\" row 1"));
    let decoded = decode_rest(&model(NullRule::Nan), &body(&columns)).unwrap();
    let Some(Input::Columns(found)) = decoded.call.input(0) else { panic!("columns") };
    assert!(found[0].as_ref().unwrap().values::<f32>().unwrap()[1].is_nan());
    let decoded = decode_rest(&model(NullRule::Accept), &body(&columns[..1])).unwrap();
    let Some(Input::Columns(found)) = decoded.call.input(0) else { panic!("columns") };
    assert!(found[0].as_ref().unwrap().is_missing(1) && found[1].is_none());
}

#[test]
fn what_is_none_of_its_type_is_marked_where_the_input_takes_that() {
    let mut spec = InputSpec::new("x", DType::I32, rows_of(&[]));
    spec.accepts_invalid = true;
    spec.null = NullRule::Accept;
    let outputs = vec![OutputSpec::new("Y", DType::F32, None)];
    let (rows, shapes) = (RowRule::Independent, ShapeRule::Checked);
    let model = Signature::new("s", Method::Predict, vec![spec], outputs, rows, shapes).unwrap().shared();
    let data = r#"[1,"n/a",1.5,null,true,300000000000]"#;
    let decoded = decode_rest(&model, &body(&[input("x", "INT32", "[6]", data)])).unwrap();
    let tensor = decoded.call.input(0).and_then(Input::dense).unwrap();
    let texts: Vec<(usize, &[u8])> = tensor.invalid().iter().map(|one| (one.element, &*one.text)).collect();
    assert_eq!(texts, [(1, &b"n/a"[..]), (2, b"1.5"), (4, b"true"), (5, b"300000000000")]);
    assert!(tensor.is_missing(3) && !tensor.is_missing(1));
    for data in ["[{}]", "[1,2]", "[\"a]"] {
        assert!(decode_rest(&model, &body(&[input("x", "INT32", "[1]", data)])).is_err(), "{data}");
    }
}

#[test]
fn a_column_of_numbers_takes_every_number_type_and_other_inputs_their_own_alone() {
    let mut spec = InputSpec::new("x", DType::I32, rows_of(&[]));
    let of = |spec: &InputSpec| {
        let outputs = vec![OutputSpec::new("Y", DType::F32, None)];
        let (rows, shapes) = (RowRule::Independent, ShapeRule::Checked);
        let signature = Signature::new("s", Method::Predict, vec![spec.clone()], outputs, rows, shapes);
        signature.unwrap().shared()
    };
    let floats = body(&[input("x", "FP64", "[3,1]", "[1,2.5,null]")]);
    assert!(refusal(decode_rest(&of(&spec), &floats)).contains("data-type is 'FP64'"));
    (spec.null, spec.null_source) = (NullRule::Accept, NullRuleSource::Model);
    assert!(refusal(decode_rest(&of(&spec), &floats)).contains("row 1"), "2.5 is no whole number");
    spec.accepts_invalid = true;
    let decoded = decode_rest(&of(&spec), &floats).unwrap();
    let tensor = decoded.call.input(0).and_then(Input::dense).unwrap();
    assert_eq!((tensor.values::<i32>().unwrap()[0], tensor.invalid()[0].element), (1, 1));
    assert!(tensor.is_missing(2));
    let text = body(&[input("x", "BYTES", "[1]", r#"["1"]"#)]);
    assert!(refusal(decode_rest(&of(&spec), &text)).contains("data-type is 'BYTES'"));
}

#[test]
fn columns_of_unequal_length_are_refused() {
    let columns = [input("age", "INT64", "[2]", "[1,2]"), input("job", "FP32", "[1]", "[1]")];
    assert!(
        refusal(decode_rest(&model(NullRule::Refuse), &body(&columns)))
            .contains("'job' batch size does not match")
    );
}

#[test]
fn whole_numbers_are_text_where_the_input_takes_them_so() {
    let mut city = InputSpec::new("city", DType::String, rows_of(&[]));
    (city.null, city.null_source, city.integers_as_text) = (NullRule::Accept, NullRuleSource::Model, true);
    let outputs = vec![OutputSpec::new("Y", DType::F32, None)];
    let rule = RowRule::Independent;
    let model = Signature::new("s", Method::Predict, vec![city], outputs, rule, ShapeRule::Checked);
    let model = model.unwrap().shared();
    let read =
        |datatype: &str, data: &str| decode_rest(&model, &body(&[input("city", datatype, "[3]", data)]));
    for (datatype, data, expected) in [
        ("INT64", "[7,null,-3]", ["7", "", "-3"]),
        ("UINT8", "[1,2,255]", ["1", "2", "255"]),
        ("BYTES", r#"["7","x","-3"]"#, ["7", "x", "-3"]),
    ] {
        let decoded = read(datatype, data).unwrap();
        let tensor = decoded.call.input(0).and_then(Input::dense).unwrap();
        assert!(tensor.strings().unwrap().iter().eq(expected.map(str::as_bytes)), "{datatype}");
        assert_eq!(tensor.is_missing(1), expected[1].is_empty());
    }
    assert!(refusal(read("FP32", "[1,2,3]")).contains("city"));
    // As clients of data frames send columns.
    for (datatype, data) in [("BYTES", r#"["7","x"]"#), ("INT32", "[7,8]")] {
        let inputs = [input("city", datatype, "[2,1]", data)];
        assert_eq!(decode_rest(&model, &body(&inputs)).unwrap().call.rows(), Some(2));
    }
    assert!(decode_rest(&model, &body(&[input("city", "BYTES", "[1,2]", r#"["7","x"]"#)])).is_err());
}
