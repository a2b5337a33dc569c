//! One answer through every door.

use crate::http::Client;
use crate::server::{Server, examples, landfall};
use serde_json::Value;

/// Some rows of `breast_cancer`: 30 columns each.
fn rows() -> Vec<Vec<f32>> {
    let text = std::fs::read_to_string(examples().join("rows/breast_cancer.csv")).unwrap();
    let parse = |line: &str| line.split(',').map(|cell| cell.parse().unwrap()).collect();
    text.lines().skip(1).take(8).map(parse).collect()
}

fn json(rows: &[Vec<f32>]) -> String {
    serde_json::to_string(rows).unwrap()
}

/// Floats of an answer, whatever its nesting.
fn floats(value: &Value, into: &mut Vec<f32>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| floats(item, into)),
        Value::Number(number) => into.push(number.as_f64().unwrap() as f32),
        other => panic!("{other} among numbers"),
    }
}

fn output(answer: &Value, name: &str) -> Vec<f32> {
    let outputs = answer["outputs"].as_array().unwrap();
    let tensor = outputs.iter().find(|tensor| tensor["name"] == name).unwrap();
    let mut values = Vec::new();
    floats(&tensor["data"], &mut values);
    values
}

const MODEL: &str = "breast_cancer";

/// A server with the one model, and the names of its first input and output.
fn serve() -> (Server, String, String) {
    let server = Server::start(&[examples().join("models").join(MODEL).to_str().unwrap()]);
    let metadata = server.client().get(&format!("/v2/models/{MODEL}")).json();
    let name = |list: &str| metadata[list][0]["name"].as_str().unwrap().to_owned();
    let (input, output) = (name("inputs"), name("outputs"));
    (server, input, output)
}

fn oip_json(client: &mut Client, rows: &[Vec<f32>], input: &str, output_name: &str) -> Vec<f32> {
    let data = serde_json::to_string(&rows.concat()).unwrap();
    let count = rows.len();
    let body = format!(
        r#"{{"inputs":[{{"name":"{input}","shape":[{count},30],"datatype":"FP32","data":{data}}}],"outputs":[{{"name":"{output_name}"}}]}}"#
    );
    let answer = client.post(&format!("/v2/models/{MODEL}/infer"), &body);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    output(&answer.json(), output_name)
}

/// The binary extension, both ways.
fn oip_binary(client: &mut Client, rows: &[Vec<f32>], input: &str, output_name: &str) -> Vec<f32> {
    let flat = rows.concat();
    let head = format!(
        r#"{{"inputs":[{{"name":"{input}","shape":[{},30],"datatype":"FP32","parameters":{{"binary_data_size":{}}}}}],"outputs":[{{"name":"{output_name}","parameters":{{"binary_data":true}}}}]}}"#,
        rows.len(),
        flat.len() * 4
    );
    let length = head.len().to_string();
    let mut body = head.into_bytes();
    body.extend(flat.iter().flat_map(|value| value.to_le_bytes()));
    let headers = [("Inference-Header-Content-Length", length.as_str())];
    let answer = client.ask("POST", &format!("/v2/models/{MODEL}/infer"), &headers, &body);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let start: usize = answer.header("Inference-Header-Content-Length").unwrap().parse().unwrap();
    answer.body[start..].chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

/// TensorFlow Serving's row form (`instances`, `predictions`) or column form (`inputs`, `outputs`).
fn tfs(client: &mut Client, rows: &[Vec<f32>], output_name: &str, asked: &str, answered: &str) -> Vec<f32> {
    let answer =
        client.post(&format!("/v1/models/{MODEL}:predict"), format!("{{\"{asked}\":{}}}", json(rows)));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let mut values = Vec::new();
    match &answer.json()[answered] {
        Value::Array(list) if list[0].is_object() => {
            list.iter().for_each(|row| floats(&row[output_name], &mut values));
        }
        Value::Object(by_name) => floats(&by_name[output_name], &mut values),
        value => floats(value, &mut values),
    }
    values
}

fn predict(rows: &[Vec<f32>], input: &str, output_name: &str) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let (input_file, output_file) = (folder.path().join("rows.jsonl"), folder.path().join("out.jsonl"));
    let line = |row: &Vec<f32>| format!("{{\"{input}\":{}}}\n", serde_json::to_string(row).unwrap());
    std::fs::write(&input_file, rows.iter().map(line).collect::<String>()).unwrap();
    let mut predict = landfall();
    predict.arg("predict").arg(examples().join("models").join(MODEL));
    predict.args(["--engine", "embedded", "--output", output_name]);
    let done = predict.arg("-i").arg(&input_file).arg("-o").arg(&output_file).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut values = Vec::new();
    for line in std::fs::read_to_string(&output_file).unwrap().lines() {
        floats(&serde_json::from_str::<Value>(line).unwrap()[output_name], &mut values);
    }
    values
}

#[test]
fn the_same_rows_give_the_same_bits_through_every_door() {
    let (server, input, output) = serve();
    let (mut client, rows) = (server.client(), rows());
    let expected = oip_json(&mut client, &rows, &input, &output);
    assert!(expected.len() >= rows.len());
    assert_eq!(oip_binary(&mut client, &rows, &input, &output), expected, "binary extension");
    assert_eq!(tfs(&mut client, &rows, &output, "instances", "predictions"), expected, "row form");
    assert_eq!(tfs(&mut client, &rows, &output, "inputs", "outputs"), expected, "column form");
    assert_eq!(predict(&rows, &input, &output), expected, "predict");
}

#[test]
fn one_row_and_many_agree_and_everyone_gets_his_own_answer() {
    let server = Server::start(&[examples().join("models/breast_cancer").to_str().unwrap()]);
    let rows = rows();
    let ask = |rows: &[Vec<f32>]| {
        let answer = server
            .client()
            .post("/v1/models/breast_cancer:predict", format!("{{\"instances\":{}}}", json(rows)));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["predictions"].as_array().unwrap().clone()
    };
    let together = ask(&rows);
    std::thread::scope(|scope| {
        for caller in 0..16 {
            let (ask, rows, together) = (&ask, &rows, &together);
            scope.spawn(move || {
                for round in 0..20 {
                    let which = (caller + round) % rows.len();
                    let alone = ask(&rows[which..which + 1]);
                    let (mut found, mut expected) = (Vec::new(), Vec::new());
                    let values = |row: &Value, into: &mut Vec<f32>| match row {
                        Value::Object(outputs) => outputs.values().for_each(|output| match output {
                            Value::Array(_) | Value::Number(_) => floats(output, into),
                            _ => {}
                        }),
                        other => floats(other, into),
                    };
                    values(&alone[0], &mut found);
                    values(&together[which], &mut expected);
                    for (a, b) in found.iter().zip(&expected) {
                        assert!(
                            (a - b).abs() <= 1e-6 + 1e-5 * b.abs(),
                            "row {which}: {found:?} against {expected:?}"
                        );
                    }
                }
            });
        }
    });
}

#[test]
fn a_rule_for_an_input_is_for_those_models_that_have_it() {
    let models = examples().join("models");
    let rule = ["--on-missing", "sepal_length=default=5.1"];
    let server = Server::start(&[&[models.to_str().unwrap()], &rule[..]].concat());
    let ask = |length: &str| {
        let row = format!(
            r#"{{"sepal_length": {length}, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}}"#
        );
        let answer = server.client().post("/v1/models/iris:predict", format!(r#"{{"instances": [{row}]}}"#));
        (answer.status, answer.json())
    };
    let (status, with_rule) = ask("null");
    assert_eq!((status, &with_rule), (200, &ask("5.1").1), "{with_rule}");
    for other in ["digits", "breast_cancer"] {
        assert_eq!(server.client().get(&format!("/v2/models/{other}/ready")).status, 200, "{other}");
    }
}

#[test]
fn a_value_that_a_model_itself_refuses_as_missing_is_told_without_a_rule_that_could_not_help() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line.pmml");
    let document = r#"<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>
        <DataDictionary><DataField name="x" optype="continuous" dataType="double"/>
        <DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
        <RegressionModel functionName="regression"><MiningSchema>
        <MiningField name="x" missingValueTreatment="returnInvalid"/>
        <MiningField name="y" usageType="target"/></MiningSchema>
        <RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable>
        </RegressionModel></PMML>"#;
    std::fs::write(&path, document).unwrap();
    let server = Server::start(&[path.to_str().unwrap()]);
    let body = r#"{"instances": [{"x": 1}, {"x": null}]}"#;
    let answer = server.client().post("/v1/models/line:predict", body);
    let error = answer.json()["predictions"][1]["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("takes no missing value") && !error.contains("--on-missing"), "{error}");
}
