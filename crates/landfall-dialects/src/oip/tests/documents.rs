//! Rows of the protocol checklist, sections 5.1 and 5.7: metadata, configuration, statistics, repository.

use crate::oip::{IndexEntry, ModelFacts, VersionPolicy, errors, rest};
use landfall_model::{Facts, Kind, Problem, Signature, Timed, Version, VersionState, VersionStatistics};

fn facts<'a>(signature: &'a Signature, facts: &'a Facts, versions: &'a [Version]) -> ModelFacts<'a> {
    let policy = &VersionPolicy::Latest(1);
    ModelFacts { model: "m", versions, signature, facts, max_rows: Some(64), batches: true, policy }
}

#[test]
fn documents_about_server_and_models_have_tritons_fields() {
    let signature = super::ctr();
    let of_onnx = Facts { engine: "onnxruntime", format: "onnx", ..Facts::default() };
    let versions = [Version::numbered(1), Version::numbered(2)];
    let server: serde_json::Value = serde_json::from_slice(&rest::server_metadata("0.1.0")).unwrap();
    assert_eq!(server["name"], "landfall", "OIP-REST-6");
    assert!(server["extensions"].as_array().unwrap().iter().all(|e| e != "sequence"));
    assert_eq!(
        String::from_utf8(rest::model_metadata(facts(&signature, &of_onnx, &versions))).unwrap(),
        r#"{"name":"m","versions":["1","2"],"platform":"onnxruntime_onnx","inputs":[{"name":"dense","datatype":"FP32","shape":[-1,13]},{"name":"ids","datatype":"INT64","shape":[-1,26]}],"outputs":[{"name":"score","datatype":"FP32","shape":[-1,1]}]}"#,
        "OIP-REST-7"
    );
    let config: serde_json::Value =
        serde_json::from_slice(&rest::model_config(facts(&signature, &of_onnx, &versions))).unwrap();
    assert_eq!(config["input"][0]["data_type"], "TYPE_FP32", "OIP-REST-8");
    assert_eq!(config["input"][0]["dims"], serde_json::json!([-1, 13]));
    assert_eq!((&config["max_batch_size"], &config["backend"]), (&0.into(), &"onnxruntime".into()));
    assert_eq!(config["dynamic_batching"]["preferred_batch_size"], serde_json::json!([64]));
}

#[test]
fn a_configuration_tells_which_versions_are_kept() {
    let (signature, of_onnx) = (super::ctr(), Facts::default());
    for (policy, expected) in [
        (VersionPolicy::Latest(3), serde_json::json!({"latest": {"num_versions": 3}})),
        (VersionPolicy::All, serde_json::json!({"all": {}})),
        (VersionPolicy::Specific(vec![1, 4]), serde_json::json!({"specific": {"versions": [1, 4]}})),
    ] {
        let facts = ModelFacts { policy: &policy, ..facts(&signature, &of_onnx, &[]) };
        let config: serde_json::Value = serde_json::from_slice(&rest::model_config(facts)).unwrap();
        assert_eq!(config["version_policy"], expected, "OIP-REST-8");
    }
}

#[test]
fn a_failed_load_names_the_versions_that_failed() {
    let (one, two) = (Version::numbered(1), Version::numbered(2));
    let problem = Problem::worded(Kind::NotFound, "no file");
    let load = errors::load_failed("m", [(&two, &problem), (&one, &problem)].into_iter());
    let text = "load failed for model 'm': version 2 is at UNAVAILABLE state: no file;\n\
                version 1 is at UNAVAILABLE state: no file;\n";
    assert_eq!((errors::rest(&load).status, errors::text(&load).as_str()), (400, text), "TRITON-REPO-3");
}

#[test]
fn statistics_are_numbers_under_tritons_names() {
    // TRITON-STAT-1
    let timed = |count| Timed { count, ns: count * 10 };
    let version = VersionStatistics {
        model: "m".into(),
        version: Version::numbered(3),
        last_inference_ms: 9,
        inferences: 4,
        executions: 2,
        success: timed(1),
        fail: timed(2),
        queue: timed(3),
        compute_input: timed(4),
        compute_infer: timed(5),
        compute_output: timed(6),
        batches: vec![landfall_model::BatchStatistics {
            rows: 2,
            compute_input: timed(1),
            compute_infer: timed(1),
            compute_output: timed(1),
        }],
    };
    let json: serde_json::Value = serde_json::from_slice(&rest::statistics(&[version])).unwrap();
    let model = &json["model_stats"][0];
    assert_eq!((&model["version"], &model["inference_count"]), (&"3".into(), &4.into()));
    assert_eq!(model["inference_stats"]["compute_infer"], serde_json::json!({"count": 5, "ns": 50}));
    assert_eq!(model["inference_stats"]["cache_hit"]["count"], 0);
    assert_eq!(model["batch_stats"][0]["batch_size"], 2);
}

#[test]
fn the_index_names_states_and_reasons() {
    // TRITON-REPO-1
    let entries = [
        IndexEntry {
            model: "a".into(),
            version: Some((Version::numbered(1), VersionState::Available)),
            reason: String::new(),
        },
        IndexEntry {
            model: "b".into(),
            version: Some((Version::numbered(1), VersionState::End)),
            reason: String::new(),
        },
        IndexEntry { model: "c".into(), version: None, reason: String::new() },
    ];
    assert_eq!(
        String::from_utf8(rest::index(&entries, false)).unwrap(),
        r#"[{"name":"a","version":"1","state":"READY"},{"name":"b","version":"1","state":"UNAVAILABLE","reason":"unloaded"},{"name":"c"}]"#
    );
    assert_eq!(rest::index(&entries, true), br#"[{"name":"a","version":"1","state":"READY"}]"#);
    assert!(!rest::index_request(b"").unwrap() && !rest::index_request(b"{}").unwrap());
    assert!(rest::index_request(br#"{"ready":true}"#).unwrap());
    for body in [&br#"{"ready":"yes"}"#[..], b"hello", b"[1]", b"{}x"] {
        assert_eq!(errors::rest(&rest::index_request(body).unwrap_err()).status, 400);
    }
}

#[test]
fn loads_take_no_parameter_and_unloads_ignore_theirs() {
    // TRITON-REPO-2, -9, -10
    for body in [&b""[..], b"{}", br#"{"parameters":{}}"#, br#"{"other":1}"#] {
        assert!(rest::load_request(body).is_ok());
    }
    for (body, text) in [
        (r#"{"parameters":{"config":"{}"}}"#, "unrecognized load parameter 'config'."),
        (r#"{"parameters":[1]}"#, "attempt to get members for non-object"),
        ("hello", "failed to parse the request JSON buffer"),
    ] {
        let problem = rest::load_request(body.as_bytes()).unwrap_err();
        assert!(errors::text(&problem).contains(text));
        assert_eq!(errors::rest(&problem).status, 400);
    }
    assert!(rest::unload_request(br#"{"parameters":{"unload_dependents":"maybe"}}"#).is_ok());
    assert_eq!(rest::loaded("m"), br#"{"name":"m","load":true}"#);
    assert_eq!(rest::unloaded("m"), br#"{"name":"m","unload":true}"#);
}
