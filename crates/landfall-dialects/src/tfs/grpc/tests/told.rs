//! Metadata and states of models.

use super::{message, model, refusal};
use crate::Identity;
use crate::protobuf::Writer;
use crate::tfs::grpc::{decode_get_model_metadata, encode_get_model_metadata, encode_get_model_status};
use landfall_model::{
    DType, DeclaredSignature, Described, Dim, InputSpec, Problem, Reason, Version, VersionState,
    VersionStatus,
};

#[test]
fn metadata_is_asked_for_by_field() {
    let body = |fields: &[&str]| {
        message(|request| {
            request.message(1, |spec| spec.string_field(1, "m"));
            fields.iter().for_each(|field| request.string_field(2, field));
        })
    };
    assert_eq!(decode_get_model_metadata(&body(&["signature_def"])).unwrap().model, "m", "TFS-GRPC-47");
    for (fields, text) in [
        (&[][..], "GetModelMetadataRequest must specify at least one metadata_field"),
        (&["foo"], "Metadata field foo is not supported"),
    ] {
        let problem = decode_get_model_metadata(&body(fields)).unwrap_err();
        assert_eq!(refusal(&problem), (3, text.to_owned()), "TFS-GRPC-49");
    }
}

#[test]
fn metadata_carries_the_signatures_in_an_any() {
    let version = Version::numbered(3);
    let signature = model(
        vec![InputSpec::new("x", DType::F32, Some(vec![Dim::Free(None), Dim::Known(4)]))],
        &[("y", DType::I64)],
    );
    let body = encode_get_model_metadata(Identity { model: "m", version: &version }, &[signature], &[]);
    let shape = |write: &dyn Fn(&mut Writer<'_>)| message(|shape| write(shape));
    let info = |name: &str, dtype: u64, shape: &[u8]| {
        message(|entry| {
            entry.string_field(1, name);
            entry.message(2, |info| {
                info.string_field(1, &format!("{name}:0"));
                info.varint_field(2, dtype);
                info.bytes_field(3, shape);
            });
        })
    };
    let dims = shape(&|shape| {
        shape.message(2, |dim| dim.signed_field(1, -1));
        shape.message(2, |dim| dim.signed_field(1, 4));
    });
    let expected = message(|response| {
        response.message(1, |spec| {
            spec.string_field(1, "m");
            spec.message(2, |version| version.varint_field(1, 3));
        });
        response.message(2, |entry| {
            entry.string_field(1, "signature_def");
            entry.message(2, |any| {
                any.string_field(1, "type.googleapis.com/tensorflow.serving.SignatureDefMap");
                any.message(2, |map| {
                    map.message(1, |entry| {
                        entry.string_field(1, "serving_default");
                        entry.message(2, |definition| {
                            definition.bytes_field(1, &info("x", 1, &dims));
                            definition
                                .bytes_field(2, &info("y", 9, &shape(&|shape| shape.bool_field(3, true))));
                            definition.string_field(3, "tensorflow/serving/predict");
                        });
                    });
                });
            });
        });
    });
    assert_eq!(body, expected, "TFS-GRPC-47, -48, -50");
}

#[test]
fn signatures_that_the_file_declares_are_passed_on_as_they_are() {
    let (version, fields) = (Version::numbered(1), Described::Fields(Vec::new()));
    // A signature of a sparse tensor, and a field that nobody knows yet.
    let message = message(|definition| {
        definition.message(1, |entry| {
            entry.string_field(1, "sp");
            entry.message(2, |info| {
                info.message(4, |sparse| sparse.string_field(1, "sp/values:0"));
            });
        });
        definition.varint_field(99, 1);
    });
    let declared = [DeclaredSignature { name: "sparse".to_owned(), message, fields }];
    let callable = model(vec![InputSpec::new("x", DType::F32, None)], &[("y", DType::I64)]);
    let identity = Identity { model: "m", version: &version };
    let body = encode_get_model_metadata(identity, &[callable], &declared);
    let holds = |part: &[u8]| body.windows(part.len()).any(|window| window == part);
    assert!(holds(b"\x06sparse") && holds(&declared[0].message), "{body:?}");
    assert!(!holds(b"serving_default"), "what is declared stands for all");
}

#[test]
fn states_of_versions_carry_their_errors() {
    let broken = Problem::new(Reason::FileMissing { file: "a.onnx".into() });
    let status =
        |number, state, problem| VersionStatus { version: Version::numbered(number), state, problem };
    let body = encode_get_model_status(&[
        status(124, VersionState::Available, None),
        status(3, VersionState::End, Some(broken)),
    ]);
    let expected = message(|response| {
        response.message(1, |version| {
            version.varint_field(1, 124);
            version.varint_field(2, 30);
            version.message(3, |_| {});
        });
        response.message(1, |version| {
            version.varint_field(1, 3);
            version.varint_field(2, 50);
            version.message(3, |status| {
                status.varint_field(1, 5);
                status.string_field(2, "a.onnx is missing");
            });
        });
    });
    assert_eq!(body, expected, "TFS-GRPC-51, -53");
}
