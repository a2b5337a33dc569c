//! JSON Lines.

use crate::house::*;
use landfall_model::*;
use landfall_tables::Format;

#[test]
fn lines_fill_inputs_and_unknown_keys_are_named() {
    let signature = signature(
        vec![
            input("image", DType::U8, &[2, 2]),
            with_null(input("age", DType::F64, &[1]), NullRule::Nan),
            input("raw", DType::String, &[]),
        ],
        RowRule::Independent,
    );
    let lines = br#"{"image":[[1,2],[3,4]],"age":NaN,"raw":"\u00e9","why":{"a":[1,{}]}}

{"raw":{"b64":"/wA="},"age":null,"image":[5,6,7,8]}
{"raw":"x","age":[-Infinity],"image":[[0,0],[0,255]],"else":1}"#;
    let one = read(Format::JsonLines, lines, &signature, 1).unwrap();
    let all = read(Format::JsonLines, lines, &signature, 1000).unwrap();
    // NaN is compared by its bits.
    assert_eq!(one, all);
    assert!(one.bad.is_empty(), "{:?}", one.bad);
    assert_eq!(one.tensors[0].as_ref().unwrap().shape().to_vec(), [3, 2, 2]);
    assert_eq!(one.tensors[0].as_ref().unwrap().values::<u8>().unwrap()[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
    let ages = one.tensors[1].as_ref().unwrap().values::<f64>().unwrap().to_vec();
    assert!(ages[0].is_nan() && ages[1].is_nan() && ages[2] == f64::NEG_INFINITY);
    let raw = one.tensors[2].as_ref().unwrap();
    assert_eq!(raw.strings().unwrap().iter().collect::<Vec<_>>(), ["é".as_bytes(), b"\xff\0", b"x"]);
    assert_eq!(one.ignored, ["else", "why"]);
}

#[test]
fn an_array_of_rows_is_refused_by_name() {
    let signature = signature(vec![input("s", DType::String, &[-1])], RowRule::Independent);
    for text in ["[{\"s\": \"a\"}]", "[\n{\"s\": \"a\"}\n]\n"] {
        let problem = read(Format::JsonLines, text.as_bytes(), &signature, 10).unwrap_err().to_string();
        assert!(problem.contains("a JSON array of rows"), "{problem}");
    }
    let pretty = read(Format::JsonLines, b"{\n  \"s\": \"a\"\n}\n", &signature, 10).unwrap_err().to_string();
    assert!(pretty.contains("a JSON object over several lines"), "{pretty}");
    let bytes = read(Format::JsonLines, b"[{\"b64\": \"/wA=\"}]", &signature, 10).unwrap();
    assert_eq!(bytes.tensors[0].as_ref().unwrap().strings().unwrap().get(0), b"\xff\0");
}

#[test]
fn one_object_for_a_whole_table_is_told_from_a_row() {
    let mut matrix = input("features", DType::F32, &[2]);
    matrix.columns = ["age", "income"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    let signature = signature(vec![matrix], RowRule::Independent);
    let said = |text: &str| match read(Format::JsonLines, text.as_bytes(), &signature, 10) {
        Ok(gathered) => gathered.bad[0].1.clone(),
        Err(problem) => problem.to_string(),
    };
    for (text, what) in [
        (r#"{"instances":[{"age":1,"income":2}]}"#, "the body of a request"),
        (r#"{"inputs":{"age":[1]}}"#, "the body of a request"),
        (r#"{"columns":["age"],"index":[0],"data":[[1]]}"#, "one object for the whole table"),
        (r#"{"schema":{},"data":[]}"#, "one object for the whole table"),
        (r#"{"age":{"0":1},"income":{"0":2}}"#, r#"column "age": an object is no value"#),
    ] {
        let said = said(text);
        assert!(said.contains(what) && said.contains("orient=\"records\""), "{said}");
    }
    let other = said(r#"{"Age":1,"Income":2}"#);
    assert!(other.contains("required inputs are missing: age, income; given: Age, Income"), "{other}");
}

#[test]
fn rows_of_unlike_shape_go_in_calls_of_their_own() {
    let signature = signature(vec![input("x", DType::I64, &[-1])], RowRule::Independent);
    let lines = b"{\"x\":[1,2]}\n{\"x\":[3,4]}\n{\"x\":[5]}\n[6]\n{\"x\":[7,8]}\n";
    let stream = std::io::Cursor::new(lines.to_vec());
    let input = landfall_tables::TableInput::stream("t", None, stream);
    let options = landfall_tables::ReadOptions::default();
    let reader = landfall_tables::TableReader::open(
        vec![input],
        signature.clone(),
        signature.default_outputs().clone(),
        &options,
    )
    .unwrap();
    let mut shapes = Vec::new();
    while let Some(raw) = reader.next().unwrap() {
        for piece in reader.decode(&raw).unwrap().pieces {
            let tensor = piece.call.input(0).and_then(Input::dense).unwrap().clone();
            shapes.push((piece.rows, tensor.shape().to_vec(), tensor.values::<i64>().unwrap().to_vec()));
        }
    }
    let expected = [
        (vec![1, 2], vec![2, 2], vec![1, 2, 3, 4]),
        (vec![3, 4], vec![2, 1], vec![5, 6]),
        (vec![5], vec![1, 2], vec![7, 8]),
    ];
    assert_eq!(shapes, expected);
}

#[test]
fn named_columns_and_optional_inputs_come_and_go() {
    let mut features = input("features", DType::F32, &[2]);
    features.columns = ["a", "b"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    features.null = NullRule::Nan;
    let mut margin = input("margin", DType::F32, &[]);
    margin.optional = true;
    let signature = signature(vec![features, margin], RowRule::Independent);
    let lines = b"{\"b\":2,\"a\":1}\n{\"a\":3,\"margin\":9}\n{\"features\":[5,6],\"margin\":8}\n";
    let read = read(Format::JsonLines, lines, &signature, 1000).unwrap();
    let values = read.tensors[0].as_ref().unwrap().values::<f32>().unwrap().to_vec();
    assert!(values[..3] == [1.0, 2.0, 3.0] && values[3].is_nan() && values[4..] == [5.0, 6.0]);
    assert_eq!(read.tensors[1].as_ref().unwrap().values::<f32>().unwrap(), [9.0, 8.0]);
}

#[test]
fn a_file_for_another_model_is_refused_at_once() {
    let signature =
        signature(vec![input("x", DType::F32, &[]), input("y", DType::F32, &[])], RowRule::Independent);
    let problem = read(Format::JsonLines, b"{\"a\":1}\n", &signature, 10).unwrap_err();
    let expected = Reason::InputsMissing { missing: vec!["x".into(), "y".into()], given: vec!["a".into()] };
    assert_eq!(*problem.reason(), expected);
    assert!(read(Format::JsonLines, b"[1,2]\n", &signature, 10).is_err());
}

#[test]
fn a_line_with_nothing_of_the_model_s_is_a_row_that_misses_everything() {
    let mut spec = with_null(input("x", DType::F64, &[]), NullRule::Accept);
    spec.optional = true;
    let signature = signature(vec![spec], RowRule::Independent);
    let read = read(Format::JsonLines, b"{\"x\":1}\n{\"z\":2}\n{}\n", &signature, 10).unwrap();
    let x = read.tensors[0].as_ref().unwrap();
    assert_eq!((x.len(), x.is_missing(0), x.is_missing(1), x.is_missing(2)), (3, false, true, true));
    assert_eq!(read.ignored, ["z"]);
}

#[test]
fn no_line_is_no_row() {
    let signature = signature(vec![input("x", DType::F32, &[])], RowRule::Independent);
    for nothing in [&b""[..], b"\n \n"] {
        assert_eq!(read(Format::JsonLines, nothing, &signature, 10).unwrap().rows, [0u64; 0]);
    }
}

#[test]
fn a_value_of_another_type_stays_with_its_text_where_the_model_takes_invalid_values() {
    let lines = br#"{"n":1}
{"n":"abc"}
{"n":2.5}
{"n":true}
{"n":null}
{"n":[1]}
"#;
    let mut spec = with_null(input("n", DType::I64, &[]), NullRule::Accept);
    let strict =
        read(Format::JsonLines, lines, &signature(vec![spec.clone()], RowRule::Independent), 10).unwrap();
    assert_eq!(strict.bad.iter().map(|(row, ..)| *row).collect::<Vec<_>>(), [2, 3]);
    spec.accepts_invalid = true;
    let taken = read(Format::JsonLines, lines, &signature(vec![spec], RowRule::Independent), 10).unwrap();
    assert!(taken.bad.is_empty(), "{:?}", taken.bad);
    let tensor = taken.tensors[0].as_ref().unwrap();
    assert_eq!(tensor.values::<i64>().unwrap(), [1, 0, 0, 1, 0, 1]);
    let invalid: Vec<_> = tensor.invalid().iter().map(|one| (one.element, &*one.text)).collect();
    assert_eq!(invalid, [(1, &b"abc"[..]), (2, b"2.5")]);
    assert!(tensor.is_missing(4) && !tensor.is_missing(1));
}
