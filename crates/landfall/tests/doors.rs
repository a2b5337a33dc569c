//! One answer through every door.

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
    let tensor = outputs.iter().find(|tensor| tensor["name"] == Value::from(name)).unwrap();
    let mut values = Vec::new();
    floats(&tensor["data"], &mut values);
    values
}

#[test]
fn the_same_rows_give_the_same_bits_through_every_door() {
    let model = examples().join("models/breast_cancer");
    let server = Server::start(&[model.to_str().unwrap()]);
    let mut client = server.client();
    let rows = rows();

    let metadata = client.get("/v2/models/breast_cancer").json();
    let name = metadata["outputs"][0]["name"].as_str().unwrap().to_owned();
    let input = metadata["inputs"][0]["name"].as_str().unwrap().to_owned();
    let flat: Vec<f32> = rows.concat();
    let body = format!(
        r#"{{"inputs":[{{"name":"{input}","shape":[{},30],"datatype":"FP32","data":{}}}],"outputs":[{{"name":"{name}"}}]}}"#,
        rows.len(),
        serde_json::to_string(&flat).unwrap()
    );
    let answer = client.post("/v2/models/breast_cancer/infer", &body);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let expected = output(&answer.json(), &name);
    assert!(expected.len() >= rows.len());

    // The binary extension, both ways.
    let head = format!(
        r#"{{"inputs":[{{"name":"{input}","shape":[{},30],"datatype":"FP32","parameters":{{"binary_data_size":{}}}}}],"outputs":[{{"name":"{name}","parameters":{{"binary_data":true}}}}]}}"#,
        rows.len(),
        flat.len() * 4
    );
    let length = head.len().to_string();
    let mut body = head.into_bytes();
    body.extend(flat.iter().flat_map(|value| value.to_le_bytes()));
    let headers = [("Inference-Header-Content-Length", length.as_str())];
    let answer = client.ask("POST", "/v2/models/breast_cancer/infer", &headers, &body);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let start: usize = answer.header("Inference-Header-Content-Length").unwrap().parse().unwrap();
    let binary: Vec<f32> =
        answer.body[start..].chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(binary, expected, "binary against JSON");

    // TensorFlow Serving's row form and column form.
    for (body, key) in [
        (format!("{{\"instances\":{}}}", json(&rows)), "predictions"),
        (format!("{{\"inputs\":{}}}", json(&rows)), "outputs"),
    ] {
        let answer = client.post("/v1/models/breast_cancer:predict", body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let answer = answer.json();
        let mut values = Vec::new();
        match (&answer[key], key) {
            (Value::Array(list), "predictions") if list[0].is_object() => {
                list.iter().for_each(|row| floats(&row[&name], &mut values));
            }
            (Value::Object(by_name), _) => floats(&by_name[&name], &mut values),
            (value, _) => floats(value, &mut values),
        }
        assert_eq!(values, expected, "{key}");
    }

    // Offline, over a file with the same rows.
    let folder = tempfile::tempdir().unwrap();
    let (input_file, output_file) = (folder.path().join("rows.jsonl"), folder.path().join("out.jsonl"));
    let lines: String =
        rows.iter().map(|row| format!("{{\"{input}\":{}}}\n", serde_json::to_string(row).unwrap())).collect();
    std::fs::write(&input_file, lines).unwrap();
    let mut predict = landfall();
    predict.arg("predict").arg(&model).args(["--engine", "embedded", "--output", &name]);
    let done = predict.arg("-i").arg(&input_file).arg("-o").arg(&output_file).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut values = Vec::new();
    for line in std::fs::read_to_string(&output_file).unwrap().lines() {
        floats(&serde_json::from_str::<Value>(line).unwrap()[&name], &mut values);
    }
    assert_eq!(values, expected, "predict");
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
