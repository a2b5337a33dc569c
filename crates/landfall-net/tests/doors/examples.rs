//! Classify, regress and multi-inference over examples, and a reload of the configuration, through real sockets.

use crate::grpc_client::{Grpc, field, fields, frame, runtime};
use crate::house::{FAILS, House, WAITS};
use crate::http_client::{Http, ask};
use flate2::Compression;
use flate2::write::GzEncoder;
use landfall_dialects::tfs::config::ModelServerConfig;
use landfall_model::Problem;
use landfall_net::Reload;
use std::io::Write;
use std::sync::{Arc, Mutex};

const REGRESS: &str = "/tensorflow.serving.PredictionService/Regress";
const CLASSIFY: &str = "/tensorflow.serving.PredictionService/Classify";
const MULTI: &str = "/tensorflow.serving.PredictionService/MultiInference";
const RELOAD: &str = "/tensorflow.serving.ModelService/HandleReloadConfigRequest";

/// A `tf.Example` with the feature `x`.
fn example(value: f32) -> Vec<u8> {
    let floats = field(2, &field(1, &value.to_le_bytes()));
    field(1, &field(1, &[field(1, b"x"), field(2, &floats)].concat()))
}

/// An `Input` with these values, as the field of a request.
fn input(values: &[f32]) -> Vec<u8> {
    let list: Vec<u8> = values.iter().flat_map(|&value| field(1, &example(value))).collect();
    field(2, &field(1, &list))
}

fn question(model: &str, values: &[f32]) -> Vec<u8> {
    [field(1, &field(1, model.as_bytes())), input(values)].concat()
}

/// `float` = 1 or 2 in a message.
fn number(field: u8, value: f32) -> Vec<u8> {
    [&[field << 3 | 5][..], &value.to_le_bytes()].concat()
}

#[test]
fn examples_are_regressed_and_classified_over_http() {
    let house = House::open();
    let mut client = Http::to(house.http);
    for _ in 0..2 {
        let body = r#"{"examples": [{"x": 1.0}, {"x": [3], "unused": "a"}]}"#;
        let answer = client.ask("POST", "/v1/models/half:regress", "", body);
        assert_eq!((answer.status, answer.dense().as_str()), (200, r#"{"results":[2.5,3.5]}"#));
        let answer = client.ask("POST", "/v1/models/half/versions/1:classify", "", body);
        assert_eq!((answer.status, answer.dense().as_str()), (200, r#"{"results":[[["",2.5]],[["",3.5]]]}"#));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(br#"{"context": {"x": 1.0}, "examples": [{}]}"#).unwrap();
    let body = gzip.finish().unwrap();
    for coding in ["gzip", "x-gzip", "GZIP"] {
        let header = format!("Content-Encoding: {coding}\r\n");
        let answer = client.ask("POST", "/v1/models/half/labels/first:regress", &header, &body);
        assert_eq!((answer.status, answer.dense().as_str()), (200, r#"{"results":[2.5]}"#), "{coding}");
    }
}

#[test]
fn questions_that_cannot_be_answered_are_told_in_the_originals_words() {
    let house = House::open();
    let failing = format!(r#"{{"examples": [{{"x": {FAILS:?}}}]}}"#);
    for (path, body, status, text) in [
        ("/v1/models/nope:classify", "{}", 400, "When method is classify, key 'examples' is expected"),
        (
            "/v1/models/nope:classify",
            r#"{"examples":[{}]}"#,
            404,
            "Servable not found for request: Latest(nope)",
        ),
        ("/v1/models/half:regress", "[", 400, "JSON Parse error: "),
        ("/v1/models/half:regress", r#"{"examples":[]}"#, 400, "'examples' value is an empty array"),
        ("/v1/models/half:regress", r#"{"examples":[{}]}"#, 400, "the value is missing"),
        ("/v1/models/half:regress", r#"{"examples":[{"x":"a"}]}"#, 400, "expected float, found bytes"),
        (
            "/v1/models/half:regress",
            r#"{"signature_name":"nope","examples":[{"x":1}]}"#,
            400,
            "No signature was found with the name: nope",
        ),
        ("/v1/models/half:regress", &failing, 500, "minus one"),
        ("/v1/models/half/versions/9:regress", r#"{"examples":[{}]}"#, 404, "Specific(half, 9)"),
    ] {
        let answer = ask(house.http, "POST", path, "", body);
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
        assert!(answer.text().contains(text), "{path} {body}: {}", answer.text());
    }
}

#[test]
fn examples_are_regressed_and_classified_over_grpc() {
    let house = House::open();
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        let ended = client.unary(REGRESS, &question("half", &[1.0, 3.0])).await;
        let result = fields(ended.only(), 1).remove(0);
        assert_eq!(fields(&result, 1), [number(1, 2.5), number(1, 3.5)]);
        let spec = fields(ended.only(), 2).remove(0);
        assert_eq!(
            (fields(&spec, 1), fields(&spec, 3)),
            (vec![b"half".to_vec()], vec![b"serving_default".to_vec()])
        );

        let ended = client.unary(CLASSIFY, &question("half", &[1.0])).await;
        let result = fields(ended.only(), 1).remove(0);
        let classes = fields(&result, 1).remove(0);
        assert_eq!(fields(&classes, 1), [number(2, 2.5)]);

        let task = |signature: &str, method: &str| {
            let spec = [field(1, b"half"), field(3, signature.as_bytes())].concat();
            field(1, &[field(1, &spec), field(2, method.as_bytes())].concat())
        };
        let regress = task("serving_default", "tensorflow/serving/regress");
        let ended = client.unary(MULTI, &[regress.clone(), input(&[1.0])].concat()).await;
        let result = fields(ended.only(), 1).remove(0);
        assert_eq!(fields(&fields(&result, 3)[0], 1), [number(1, 2.5)]);

        for (path, message, status, text) in [
            (REGRESS, vec![], 3, "Missing ModelSpec"),
            (REGRESS, question("nope", &[1.0]), 5, "Servable not found for request: Latest(nope)"),
            (CLASSIFY, field(1, &field(1, b"half")), 3, "Input is empty."),
            (CLASSIFY, question("half", &[FAILS]), 13, "minus one"),
            (MULTI, vec![], 3, "ModelSpec has no name specified."),
            (
                MULTI,
                [regress.clone(), regress, input(&[1.0])].concat(),
                3,
                "Duplicate evaluation of signature",
            ),
            (MULTI, [task("", "x"), input(&[1.0])].concat(), 12, "Unsupported signature method_name: x"),
        ] {
            let ended = client.unary(path, &message).await;
            assert_eq!(ended.status(), status, "{path}: {ended:?}");
            assert!(ended.message().contains(text), "{path}: {ended:?}");
        }
        let late = client.call(REGRESS, &[("grpc-timeout", "50m")], frame(&question("slow", &[WAITS]))).await;
        assert_eq!(late.status(), 4, "{late:?}");
    });
    house.gate.open();
}

#[test]
fn tensors_go_out_as_their_bytes_where_that_is_set() {
    let house = House::with(|settings| settings.tfs.tensor_content = true);
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        let tensor = [vec![8, 1], field(2, &field(2, &[8, 1])), field(4, &1f32.to_le_bytes())].concat();
        let input = field(2, &[field(1, b"x"), field(2, &tensor)].concat());
        let message = [field(1, &field(1, b"half")), input].concat();
        let ended = client.unary("/tensorflow.serving.PredictionService/Predict", &message).await;
        let output = fields(ended.only(), 1).remove(0);
        let tensor = fields(&output, 2).remove(0);
        assert_eq!(fields(&tensor, 4), [2.5f32.to_le_bytes().to_vec()]);
    });
}

#[test]
fn a_reload_hands_over_the_whole_configuration() {
    let told: Arc<Mutex<Vec<ModelServerConfig>>> = Arc::default();
    let hears = told.clone();
    let house = House::with(|settings| {
        settings.tfs.reload = Some(Reload::new(move |config| {
            hears.lock().unwrap().push(config.clone());
            let broken = config.models()?.iter().any(|model| model.name == "broken");
            if broken { Err(Problem::invalid("no such model")) } else { Ok(()) }
        }));
    });
    let request = |name: &str| {
        let model = [field(1, name.as_bytes()), field(2, b"/models/m")].concat();
        field(1, &field(1, &field(1, &model)))
    };
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        let ended = client.unary(RELOAD, &request("m")).await;
        assert_eq!(fields(ended.only(), 1), [b""], "an empty status");
        for (message, text) in
            [(request("broken"), "no such model"), (vec![], "ServerModelConfig type not supported")]
        {
            let ended = client.unary(RELOAD, &message).await;
            assert_eq!(ended.status(), 3, "TFS-GRPC-56, -57 {ended:?}");
            assert!(ended.message().contains(text), "{ended:?}");
        }
    });
    let names: Vec<_> = told
        .lock()
        .unwrap()
        .iter()
        .flat_map(|config| config.models().unwrap().iter().map(|model| model.name.clone()))
        .collect();
    assert_eq!(names, ["m", "broken"]);
}
