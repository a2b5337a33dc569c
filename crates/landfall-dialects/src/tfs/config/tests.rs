//! Configuration in both its forms, by the checklist's rows.

use super::*;
use crate::protobuf::Writer;

const ALL_FORMS: &str = r#"
    # Two models, one of them in all detail.
    model_config_list: {
      config: [
        { name: "half_plus_two", base_path: "/models/half" "_plus_two", model_platform: "tensorflow" },
        {
          name: 'ctr';
          base_path: "/models/ctr";
          model_platform: "onnx"
          model_version_policy < specific { versions: 1 versions: [3, 4] } >
          version_labels { key: "stable" value: 1 }
          version_labels { key: "canary", value: 3 }
          logging_config {
            log_collector_config { type: "file" filename_prefix: "/logs/ctr" }
            sampling_config {
              sampling_rate: 0.25
              per_task_sampling_configs { dc: "a" task_index: 2 sampling_rate: 1 }
            }
          }
        }
      ]
      config { name: "old" base_path: "/models/old" model_type: TENSORFLOW model_version_policy { all {} } }
      config { name: "new" base_path: "/models/new" model_version_policy: { latest: { num_versions: 2 } } }
    }
"#;

fn model(name: &str) -> ModelConfig {
    ModelConfig { name: name.into(), base_path: format!("/models/{name}"), ..ModelConfig::default() }
}

#[test]
fn a_file_with_all_forms_is_read() {
    let config = ModelServerConfig::from_text(ALL_FORMS).unwrap();
    let models = config.models().unwrap();
    let ctr = ModelConfig {
        model_platform: "onnx".into(),
        version_policy: VersionPolicy::Specific(vec![1, 3, 4]),
        version_labels: [("stable".to_owned(), 1), ("canary".to_owned(), 3)].into(),
        logging: Some(LoggingConfig {
            collector: "file".into(),
            filename_prefix: "/logs/ctr".into(),
            sampling_rate: 0.25,
            per_task: vec![PerTaskSampling { dc: "a".into(), task_index: Some(2), sampling_rate: 1.0 }],
            custom: false,
        }),
        ..model("ctr")
    };
    let half = ModelConfig { model_platform: "tensorflow".into(), ..model("half_plus_two") };
    let old =
        ModelConfig { model_type: ModelType::TensorFlow, version_policy: VersionPolicy::All, ..model("old") };
    let new = ModelConfig { version_policy: VersionPolicy::Latest(2), ..model("new") };
    assert_eq!(models, [half, ctr, old, new], "TFS-CFG-1");
    assert_eq!(models[0].version_policy, VersionPolicy::Latest(1), "TFS-CFG-12");
    check(models, &["tensorflow", "onnx"]).unwrap();
}

#[test]
fn what_is_no_configuration_is_told_with_its_place() {
    let told = ModelServerConfig::from_text("improperly formatted file").unwrap_err().to_string();
    assert!(
        told.starts_with("Error parsing text-format tensorflow.serving.ModelServerConfig: 1:1: "),
        "TFS-CFG-2: {told}"
    );
    let text = "model_config_list {\n  config { name: 'm' path: '/x' }\n}";
    let told = ModelServerConfig::from_text(text).unwrap_err().to_string();
    assert!(
        told.ends_with("2:22: Message type \"tensorflow.serving.ModelConfig\" has no field named \"path\".")
    );
}

#[test]
fn an_empty_list_is_a_list_and_an_empty_message_is_none() {
    let empty = ModelServerConfig::from_text("model_config_list {}").unwrap();
    assert_eq!(empty.models().unwrap(), [], "TFS-CFG-9");
    for text in ["", "custom_model_config { type_url: 'x' }"] {
        let told = ModelServerConfig::from_text(text).unwrap().models().unwrap_err().to_string();
        assert_eq!(
            told,
            "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently \
             supported",
            "TFS-GRPC-57"
        );
    }
}

#[test]
fn lists_that_break_a_rule_are_refused_in_the_originals_words() {
    let half = || ModelConfig { model_platform: "tensorflow".into(), ..model("m") };
    let told = |models: &[ModelConfig]| check(models, &["tensorflow"]).unwrap_err().to_string();
    assert_eq!(told(&[half(), half()]), "Illegal to list model m multiple times in config list", "TFS-CFG-3");
    for path in ["models/m", "", "./m", "c:m", "://m"] {
        let relative = ModelConfig { base_path: path.into(), ..half() };
        let expected = format!("Expected model m to have an absolute path or URI; got base_path()={path}");
        assert_eq!(told(&[relative]), expected, "TFS-CFG-4");
    }
    check(&[ModelConfig { base_path: "s3://bucket/m".into(), ..half() }, model("other")], &["tensorflow"])
        .unwrap();
    let both = ModelConfig { model_type: ModelType::TensorFlow, ..half() };
    assert!(told(&[both]).starts_with("Illegal setting both ModelServerConfig::model_type"), "TFS-CFG-5");
    let other = ModelConfig { model_type: ModelType::Other(2), ..model("m") };
    assert_eq!(told(&[other]), "ModelServerConfig::model_type choice 2 not supported.");
    let unknown = ModelConfig { model_platform: "caffe".into(), ..model("m") };
    assert_eq!(told(&[unknown]), "Model m requests unsupported platform caffe", "TFS-CFG-6");
    let onnx = ModelConfig { model_platform: "onnx".into(), ..model("m") };
    assert_eq!(
        check_change(&[half()], &[onnx]).unwrap_err().to_string(),
        "Illegal to change a model's platform. For model m platform was tensorflow and new platform requested is onnx",
        "TFS-CFG-7"
    );
    let typed = ModelConfig { model_type: ModelType::TensorFlow, ..model("m") };
    check_change(&[half()], &[typed, model("n")]).unwrap();
}

#[test]
fn a_reload_request_carries_the_same_configuration() {
    let wire = crate::protobuf::text::to_wire(ALL_FORMS, "tensorflow.serving.ModelServerConfig").unwrap();
    let mut body = Vec::new();
    let mut writer = Writer::new(&mut body);
    writer.bytes_field(1, &wire);
    writer.string_field(2, "/tensorflow/serving/request_count");
    let request = decode_reload_config(&body).unwrap();
    assert_eq!(request.config, ModelServerConfig::from_text(ALL_FORMS).unwrap());
    assert_eq!(request.metric_names, ["/tensorflow/serving/request_count"]);
    assert_eq!(decode_reload_config(b"").unwrap(), ReloadConfigRequest::default());
    assert!(decode_reload_config(&[0x0a, 5, 1]).is_err());
    assert_eq!(encode_reload_config(&[("m".into(), 3)]), [0x0a, 0, 0x12, 5, 0x0a, 1, b'm', 0x10, 3]);
}

#[test]
fn batching_monitoring_and_tls_files_are_read() {
    let text =
        "max_batch_size { value: 128 } batch_timeout_micros { value: 0 } thread_pool_name { value: 'p' }
        num_batch_threads { value: 4 } max_enqueued_batches { value: 8 } allowed_batch_sizes: [2, 128]
        enable_large_batch_splitting { value: true } max_execution_batch_size { value: 64 }";
    let expected = BatchingParameters {
        max_batch_size: Some(128),
        batch_timeout_micros: Some(0),
        max_enqueued_batches: Some(8),
        num_batch_threads: Some(4),
        thread_pool_name: Some("p".into()),
        enable_large_batch_splitting: Some(true),
        max_execution_batch_size: Some(64),
        allowed_batch_sizes: vec![2, 128],
        pad_variable_length_inputs: false,
    };
    assert_eq!(BatchingParameters::from_text(text).unwrap(), expected, "TFS-CFG-38");

    let monitoring = MonitoringConfig::from_text("prometheus_config: { enable: true, path: '' }").unwrap();
    let prometheus = monitoring.prometheus.unwrap();
    assert!(prometheus.enable && prometheus.path() == "/monitoring/prometheus/metrics", "TFS-CFG-48");
    let other = MonitoringConfig::from_text("prometheus_config { path: '/m' }").unwrap().prometheus.unwrap();
    assert!(!other.enable && other.path() == "/m");
    assert_eq!(MonitoringConfig::from_text("").unwrap().prometheus, None);

    let ssl = SslConfig::from_text(
        r"server_key: '-----BEGIN\nKEY' server_cert: 'C' custom_ca: 'A' client_verify: true",
    )
    .unwrap();
    assert_eq!((&*ssl.server_key, &*ssl.server_cert, &*ssl.custom_ca), ("-----BEGIN\nKEY", "C", "A"));
    assert!(ssl.client_verify && !format!("{ssl:?}").contains("KEY"), "TFS-CFG-56");
    let told = SslConfig::from_text("server_key: 'SECRET' nope: 1").unwrap_err().to_string();
    assert!(!told.contains("SECRET"));
}

proptest::proptest! {
    #![proptest_config(crate::seeded::seeded(256))]

    #[test]
    fn no_file_makes_it_panic(text in r#"((model_config_list|config|name|base_path|model_version_policy|latest|all|version_labels|key|value|prometheus_config|max_batch_size|[a-z]{1,3})|[{}<>:;,\[\]"'#]|[0-9.-]{1,4}| |\n){0,30}"#) {
        crate::tfs::fuzz::config(text.as_bytes());
    }
}

#[test]
fn all_forms_together_are_read_the_same_on_the_wire() {
    crate::tfs::fuzz::config(ALL_FORMS.as_bytes());
}
