//! What is told of models: states of versions, metadata, verbs that are not here.

use super::{model, one};
use crate::Identity;
use crate::tfs::rest::{metadata, status};
use landfall_model::{DType, Dim, InputSpec, Problem, Tensor, Version, VersionState, VersionStatus};

#[test]
fn states_are_written_as_protobufs_printer_writes_them() {
    let broken = Problem::new(landfall_model::Reason::FileMissing { file: "a.onnx".into() });
    let of = |version, state, problem| VersionStatus { version, state, problem };
    let body = status(&[
        of(Version::numbered(124), VersionState::Available, None),
        of(Version::named("blue"), VersionState::End, Some(broken)),
    ]);
    assert_eq!(
        String::from_utf8(body).unwrap(),
        "{\n \"model_version_status\": [\n  {\n   \"version\": \"124\",\n   \"state\": \"AVAILABLE\",\n   \"status\": \
         {\n    \"error_code\": \"OK\",\n    \"error_message\": \"\"\n   }\n  },\n  {\n   \"state\": \"END\",\n   \
         \"status\": {\n    \"error_code\": \"NOT_FOUND\",\n    \"error_message\": \"a.onnx is missing\"\n   }\n  }\n \
         ]\n}\n",
        "TFS-REST-120, -121, -122"
    );
}

#[test]
fn metadata_describes_every_signature() {
    let version = Version::numbered(123);
    let mut signatures = one(DType::F32);
    let input = InputSpec::new("ids", DType::I64, Some(vec![Dim::Free(None), Dim::Known(26)]));
    signatures.extend(model(vec![input]));
    let opening = [("__saved_model_init_op".to_owned(), "NoOp".to_owned())];
    let body = metadata(Identity { model: "half_plus_two", version: &version }, &signatures[1..], &opening);
    let text: String = String::from_utf8(body.clone()).unwrap().split_whitespace().collect();
    assert_eq!(
        text,
        concat!(
            r#"{"model_spec":{"name":"half_plus_two","signature_name":"","version":"123"},"metadata":{"#,
            r#""signature_def":{"signature_def":{"serving_default":{"inputs":{"ids":{"dtype":"DT_INT64","#,
            r#""tensor_shape":{"dim":[{"size":"-1","name":""},{"size":"26","name":""}],"unknown_rank":false},"#,
            r#""name":"ids:0"}},"outputs":{"y":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[],"unknown_rank":true},"#,
            r#""name":"y:0"}},"method_name":"tensorflow/serving/predict","defaults":{}},"#,
            r#""__saved_model_init_op":{"inputs":{},"outputs":{"__saved_model_init_op":{"dtype":"DT_INVALID","#,
            r#""tensor_shape":{"dim":[],"unknown_rank":true},"name":"NoOp"}},"method_name":"","defaults":{}}}}}}"#
        ),
        "TFS-REST-126, -127, -129"
    );
    let mut scanner = crate::json::Scanner::new(&body);
    assert!(scanner.skip_value().is_ok() && scanner.skip_space() == 0);
}

#[test]
fn defaults_of_inputs_are_described_as_tensors() {
    let tensors = [
        (Tensor::from_slice(&[2], &[0.5f32, f32::NAN]).unwrap(), "float_val", r#"[0.5,"NaN"]"#),
        (Tensor::from_slice(&[1], &[-7i64]).unwrap(), "int64_val", r#"["-7"]"#),
        (Tensor::from_slice(&[1], &[9u8]).unwrap(), "int_val", "[9]"),
    ];
    for (default, list, values) in tensors {
        let mut input = InputSpec::new("k", default.dtype(), None);
        (input.optional, input.default) = (true, Some(default));
        let version = Version::numbered(1);
        let body = metadata(Identity { model: "m", version: &version }, &model(vec![input]), &[]);
        let text: String = String::from_utf8(body).unwrap().split_whitespace().collect();
        assert!(text.contains(r#""defaults":{"k":{"dtype":"DT_"#), "{text}");
        assert!(text.contains(&format!(r#""{list}":{values}"#)), "{text}");
        assert_eq!(text.matches("_val\":[]").count(), 10, "all other lists are empty: {text}");
    }
}
