//! Classify and regress bodies, and their answers.

use crate::JsonNan;
use crate::tfs::inference::{self, Question, Rules, Task};
use crate::tfs::rest::{decode_question, encode_answer};
use landfall_model::{
    DType, Dim, Input, InputSpec, Method, OutputSpec, Outputs, Problem, RowRule, ShapeRule, Signature, Tensor,
};
use std::sync::Arc;

fn read(body: &str) -> Result<Question, Problem> {
    decode_question(Task::Classify, body.as_bytes())
}

fn told(body: &str) -> String {
    read(body).unwrap_err().to_string()
}

/// A model over features `i` (int64 [n,2]), `f` (float [n]) and `s` (string [n]) with one output.
fn model(output: OutputSpec) -> Arc<Signature> {
    let free = || Dim::Free(None);
    let mut optional = InputSpec::new("s", DType::String, Some(vec![free()]));
    optional.optional = true;
    let inputs = vec![
        InputSpec::new("i", DType::I64, Some(vec![free(), Dim::Known(2)])),
        InputSpec::new("f", DType::F32, Some(vec![free()])),
        optional,
    ];
    let (method, rows) = (Method::Predict, RowRule::Independent);
    Signature::new("serving_default", method, inputs, vec![output], rows, ShapeRule::Checked)
        .unwrap()
        .shared()
}

fn tensors(body: &str) -> Vec<Option<Tensor>> {
    let signature = model(OutputSpec::new("y", DType::F32, Some(vec![Dim::Free(None)])));
    let decoded = inference::call(read(body).unwrap(), &[signature], Rules::default()).unwrap();
    decoded.call.inputs().iter().map(|input| input.as_ref().and_then(Input::dense).cloned()).collect()
}

#[test]
fn values_say_themselves_what_they_are() {
    // TFS-REST-104, TFS-REST-107
    let body = r#"{"examples": [
        {"i": [1, true], "f": 1.5, "s": "a", "more": [NaN, Infinity]},
        {"f": [2e0], "s": {"b64": "Yg=="}, "i": [false, -3], "none": []}
    ]} garbage"#;
    let found = tensors(body);
    assert_eq!(found[0].as_ref().unwrap(), &Tensor::from_slice(&[2, 2], &[1i64, 1, 0, -3]).unwrap());
    assert_eq!(found[1].as_ref().unwrap(), &Tensor::from_slice(&[2], &[1.5f32, 2.0]).unwrap());
    assert_eq!(found[2].as_ref().unwrap().strings().unwrap().iter().collect::<Vec<_>>(), [b"a", b"b"]);
    // TFS-REST-116; of a repeated key the first counts, of a repeated feature the last.
    let body = r#"{"context": {"f": 1.0, "i": [1, 2]}, "examples": [{"f": 2.0, "f": 3.0}, {}], "examples": 1, "x": {}}"#;
    let found = tensors(body);
    assert_eq!(found[1].as_ref().unwrap().values::<f32>().unwrap(), [3.0, 1.0]);
    assert_eq!(found[2], None);
}

#[test]
fn the_signature_is_named_or_the_default_one() {
    assert_eq!(read(r#"{"signature_name": "s", "examples": [{}]}"#).unwrap().signature, "s");
    assert_eq!(read(r#"{"signature_name": "", "examples": [{}]}"#).unwrap().signature, "");
    let text = told(r#"{"signature_name": 5, "examples": [{}]}"#);
    assert!(
        text.ends_with("not formatted correctly. 'signature_name' key must be a string value."),
        "{text}"
    );
}

#[test]
fn bodies_that_are_no_examples_are_told_in_the_originals_words() {
    for (row, body, expected) in [
        (
            "TFS-REST-108",
            r#"{"examples": [{"names": [10, 10.0]}]}"#,
            "Unexpected element type in feature: names expecting type: int64",
        ),
        (
            "TFS-REST-108",
            r#"{"examples": [{"names": [10.0, 10]}]}"#,
            "Unexpected element type in feature: names expecting type: float",
        ),
        (
            "TFS-REST-108",
            r#"{"examples": [{"names": ["x", true]}]}"#,
            "Unexpected element type in feature: names expecting type: bytes",
        ),
        (
            "TFS-REST-108",
            r#"{"examples": [{"names": [1.5, {"b64": "eA=="}]}]}"#,
            "Unexpected element type in feature: names expecting type: float",
        ),
        (
            "TFS-REST-109",
            r#"{"examples": [{"names": null}]}"#,
            "Feature: names has element with unexpected JSON type: Null",
        ),
        (
            "TFS-REST-109",
            r#"{"examples": [{"names": [[1]]}]}"#,
            "Feature: names has element with unexpected JSON type: Array",
        ),
        (
            "TFS-REST-109",
            r#"{"examples": [{"names": [{"x": 1}]}]}"#,
            "Feature: names has element with unexpected JSON type: Object",
        ),
        (
            "TFS-REST-110",
            r#"{"examples": [{"names": [18446744073709551615]}]}"#,
            "Feature: names has uint64_t element. Only int64_t is supported.",
        ),
        ("TFS-REST-112", r#"{"examples": [["x"]]}"#, "Example must be JSON object but got JSON Array"),
        ("TFS-REST-112", r#"{"examples": [{}, 5]}"#, "Example must be JSON object but got JSON Number"),
        (
            "TFS-REST-112",
            r#"{"context": [], "examples": [{}]}"#,
            "Example must be JSON object but got JSON Array",
        ),
        ("TFS-REST-85", r#"{"examples": [{"names": {"b64": "!!!"}}]}"#, "Unable to base64 decode"),
        ("TFS-REST-25", "", "JSON Parse error: The document is empty"),
    ] {
        assert_eq!(told(body), expected, "{row}");
    }
    for (row, body, end) in [
        ("TFS-REST-113", "{}", " When method is classify, key 'examples' is expected and was not found"),
        ("TFS-REST-114", r#"{"examples": {}}"#, " Expecting 'examples' value to be an list/array"),
        ("TFS-REST-115", r#"{"examples": []}"#, " 'examples' value is an empty array"),
        ("TFS-REST-30", "[1]", " Is not object"),
    ] {
        let text = told(body);
        assert!(text.starts_with("JSON Value: ") && text.ends_with(end), "{row} {text}");
    }
    let text = decode_question(Task::Regress, b"{}").unwrap_err().to_string();
    assert!(text.ends_with("When method is regress, key 'examples' is expected and was not found"));
    assert!(told(r#"{"examples": [{"a": 1,}]}"#).starts_with("JSON Parse error: "), "TFS-REST-26");
}

fn answer(output: OutputSpec, tensor: Tensor) -> Result<String, String> {
    let signature = model(output);
    let task = if tensor.shape().len() == 1 { Task::Regress } else { Task::Classify };
    let body = r#"{"examples": [{"i": [1, 2], "f": 1.0}, {"i": [1, 2], "f": 2.0}]}"#;
    let question = decode_question(task, body.as_bytes()).unwrap();
    let decoded = inference::call(question, std::slice::from_ref(&signature), Rules::default()).unwrap();
    let mut outputs = Outputs::new();
    outputs.set(0, tensor);
    let mut out = Vec::new();
    let written = encode_answer(&decoded.form, &signature, &outputs, JsonNan::Bare, &mut out);
    written.map(|()| String::from_utf8(out).unwrap()).map_err(|problem| problem.to_string())
}

#[test]
fn answers_are_laid_out_as_the_originals_are() {
    let rows = || vec![Dim::Free(None)];
    let number = OutputSpec::new("y", DType::F32, Some(rows()));
    assert_eq!(
        answer(number.clone(), Tensor::from_slice(&[2], &[3.0f32, f32::NAN]).unwrap()).unwrap(),
        "{\n    \"results\": [3.0, NaN\n    ]\n}",
        "TFS-REST-105"
    );
    let mut scores = OutputSpec::new("p", DType::F32, Some(vec![Dim::Free(None), Dim::Known(2)]));
    scores.class_names = Some(vec!["no".into(), "y\"es".into()]);
    let values = Tensor::from_slice(&[2, 2], &[0.1f32, 0.9, 1.0, 0.0]).unwrap();
    let found = answer(scores, values).unwrap();
    let expected = r#"{"results":[[["no",0.1],["y\"es",0.9]],[["no",1.0],["y\"es",0.0]]]}"#;
    assert_eq!(found.split_whitespace().collect::<String>(), expected, "TFS-REST-106");
    let classes = OutputSpec::new("classes", DType::String, Some(vec![Dim::Free(None), Dim::Known(1)]));
    let bytes = Tensor::from_strings(landfall_model::Shape::new(&[2, 1]), [b"a", b"\xff"].iter().collect());
    let told = answer(classes, bytes.unwrap()).unwrap_err();
    assert_eq!(told, "the label of class 0 of example 1 is no UTF-8");
    let short = answer(number, Tensor::from_slice(&[1], &[3.0f32]).unwrap()).unwrap_err();
    assert_eq!(short, "Input batch size did not match output batch size: 2 vs. 1");
}

proptest::proptest! {
    #![proptest_config(crate::seeded::seeded(256))]

    #[test]
    fn no_examples_make_it_panic(
        features in r#"("(x|i|f|s|inputs|features|a|b)": (1|-2|0.5|true|null|"t"|\[\]|\[1, 2\]|\[0.5, 1.5\]|\{"b64": "YQ=="\})(, )?){0,4}"#,
        copies in 1usize..4,
    ) {
        let example = format!("{{{}}}", features.trim_end_matches(", "));
        let body = format!(r#"{{"examples": [{}]}}"#, vec![example; copies].join(", "));
        crate::tfs::fuzz::rest_question(body.as_bytes());
    }
}
