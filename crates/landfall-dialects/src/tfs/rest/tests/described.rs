//! What is told of models: states of versions, metadata, verbs that are not here.

use super::{model, one};
use crate::Identity;
use crate::tfs::rest::{metadata, status};
use landfall_model::{
    DType, DeclaredSignature, Described, Dim, InputSpec, Problem, Version, VersionState, VersionStatus,
};

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
    let body = metadata(Identity { model: "half_plus_two", version: &version }, &signatures[1..], &[]);
    let text: String = String::from_utf8(body.clone()).unwrap().split_whitespace().collect();
    assert_eq!(
        text,
        concat!(
            r#"{"model_spec":{"name":"half_plus_two","signature_name":"","version":"123"},"metadata":{"#,
            r#""signature_def":{"signature_def":{"serving_default":{"inputs":{"ids":{"dtype":"DT_INT64","#,
            r#""tensor_shape":{"dim":[{"size":"-1","name":""},{"size":"26","name":""}],"unknown_rank":false},"#,
            r#""name":"ids:0"}},"outputs":{"y":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[],"unknown_rank":true},"#,
            r#""name":"y:0"}},"method_name":"tensorflow/serving/predict","defaults":{}}}}}}"#
        ),
        "TFS-REST-126, -127, -129"
    );
    let mut scanner = crate::json::Scanner::new(&body);
    assert!(scanner.skip_value().is_ok() && scanner.skip_space() == 0);
}

#[test]
fn signatures_that_the_file_declares_are_described_field_by_field() {
    let text = |text: &str| Described::Text(text.to_owned());
    let fields = |fields: Vec<(&str, Described)>| {
        Described::Fields(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    let message = fields(vec![
        ("inputs", fields(vec![("sp", fields(vec![("values_tensor_name", text("a \"b\":0"))]))])),
        ("sizes", Described::List(vec![text("-1"), Described::Number("3".to_owned())])),
        ("content", Described::Bytes(vec![0xff, 0])),
        ("unknown_rank", Described::Bool(true)),
        ("defaults", fields(vec![])),
    ]);
    let declared = [DeclaredSignature { name: "sparse".to_owned(), message: Vec::new(), fields: message }];
    let version = Version::numbered(1);
    let body = metadata(Identity { model: "m", version: &version }, &one(DType::F32), &declared);
    let text: String = String::from_utf8(body).unwrap().split_whitespace().collect();
    let expected = concat!(
        r#""signature_def":{"sparse":{"inputs":{"sp":{"values_tensor_name":"a\"b\":0"}},"sizes":["-1",3],"#,
        r#""content":"/wA=","unknown_rank":true,"defaults":{}}}}}}"#
    );
    assert!(text.ends_with(expected), "{text}");
}
