//! Warm-up records, by the checklist's rows.

use super::*;
use crate::protobuf::Writer;
use crate::tfs::records::written;
use landfall_model::{DType, Dim, InputSpec, Method, OutputSpec, RowRule, ShapeRule};

const PATH: &str = "/models/m/1/assets.extra/tf_serving_warmup_requests";

fn signatures() -> Vec<Arc<Signature>> {
    let x = InputSpec::new("x", DType::F32, Some(vec![Dim::Free(None)]));
    let y = OutputSpec::new("y", DType::F32, Some(vec![Dim::Free(None)]));
    let of = |name| {
        let (method, rows) = (Method::Predict, RowRule::Independent);
        Signature::new(name, method, vec![x.clone()], vec![y.clone()], rows, ShapeRule::Checked)
            .unwrap()
            .shared()
    };
    vec![of("serving_default"), of("other")]
}

fn built(build: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    build(&mut Writer::new(&mut out));
    out
}

fn spec(message: &mut Writer<'_>, signature: &str) {
    message.message(1, |spec| {
        spec.string_field(1, "another model");
        spec.string_field(3, signature);
    });
}

/// `Input` with one example, whose feature `x` is 1.
fn input(message: &mut Writer<'_>) {
    message.message(2, |input| {
        input.message(1, |list| {
            list.message(1, |example| {
                example.message(1, |features| {
                    features.message(1, |entry| {
                        entry.string_field(1, "x");
                        entry.message(2, |feature| {
                            feature.message(2, |list| list.packed_fixed(1, &1f32.to_le_bytes()));
                        });
                    });
                });
            });
        });
    });
}

fn log(kind: u32, request: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    written(&built(|log| log.message(kind, |log| log.message(1, request))))
}

fn question(kind: u32, signature: &str) -> Vec<u8> {
    log(kind, |request| {
        spec(request, signature);
        input(request);
    })
}

fn predict() -> Vec<u8> {
    predict_by("other")
}

fn predict_by(signature: &str) -> Vec<u8> {
    log(6, |request| {
        spec(request, signature);
        request.message(2, |entry| {
            entry.string_field(1, "x");
            entry.message(2, |tensor| {
                tensor.varint_field(1, 1);
                tensor.message(2, |shape| shape.message(2, |dim| dim.varint_field(1, 2)));
                tensor.packed_fixed(5, &[1f32.to_le_bytes(), 2f32.to_le_bytes()].concat());
            });
        });
    })
}

fn read(bytes: &[u8]) -> Result<Vec<Call>, Problem> {
    calls(PATH, bytes, &signatures(), None, Rules::default())
}

fn several() -> Vec<u8> {
    log(4, |request| {
        for (signature, method) in
            [("", "tensorflow/serving/classify"), ("other", "tensorflow/serving/regress")]
        {
            request.message(1, |task| {
                spec(task, signature);
                task.string_field(2, method);
            });
        }
        input(request);
    })
}

#[test]
fn tasks_that_run_together_are_run_alone_too() {
    let of = |name: &str, output: &str| {
        let mut input = InputSpec::new("inputs", DType::String, Some(vec![Dim::Free(None)]));
        input.tensor = "examples:0".to_owned();
        let output = OutputSpec::new(output, DType::F32, Some(vec![Dim::Free(None)]));
        let (method, rows) = (Method::Predict, RowRule::Independent);
        let made = Signature::new(name, method, vec![input], vec![output], rows, ShapeRule::AsSent);
        made.unwrap().shared()
    };
    let signatures = [of("serving_default", "scores"), of("other", "outputs")];
    let joint = Joint::of(&signatures).unwrap();
    let names = |joint: Option<&Joint>| -> Vec<String> {
        let calls = calls(PATH, &several(), &signatures, joint, Rules::default()).unwrap();
        calls.iter().map(|call| call.signature().name().to_owned()).collect()
    };
    assert_eq!(names(None), ["serving_default", "other"]);
    assert_eq!(names(Some(&joint)), ["serving_default", "other", "serving_default+other"]);
}

#[test]
fn every_kind_of_request_becomes_its_calls() {
    // TFS-CFG-49, TFS-CFG-53
    let bytes = [question(2, ""), question(3, "other"), predict(), several(), written(b"")].concat();
    let found = read(&bytes).unwrap();
    let names: Vec<_> = found.iter().map(|call| (call.signature().name().to_owned(), call.rows())).collect();
    let of = |name: &str, rows| (name.to_owned(), Some(rows));
    let (default, other) = ("serving_default", "other");
    assert_eq!(names, [of(default, 1), of(other, 1), of(other, 2), of(default, 1), of(other, 1)]);
    assert!(read(b"").unwrap().is_empty(), "TFS-CFG-52: an empty file is fine");
}

#[test]
fn what_cannot_be_run_is_told_in_the_originals_words() {
    for (bytes, kind, text) in [
        (
            written(&built(|w| w.message(5, |_| {}))),
            Kind::Unimplemented,
            "Unsupported log_type for warmup: 5",
        ),
        (log(7, |_| {}), Kind::Unimplemented, "Unsupported log_type for warmup: 7"),
        (
            predict().repeat(1001),
            Kind::InvalidArgument,
            "Number of warmup records exceeds the maximum (1000) at /models",
        ),
        (written(&[0x12, 9, 1]), Kind::InvalidArgument, "Failed to parse warmup record: "),
        (
            b"no record at all".to_vec(),
            Kind::DataLoss,
            "corrupted record at 0. Please verify your warmup data is in TFRecord format.",
        ),
        ([predict(), predict()[..20].to_vec()].concat(), Kind::DataLoss, "truncated record at "),
        (question(2, "nope"), Kind::InvalidArgument, "No signature was found with the name: nope"),
        (predict_by("zzz"), Kind::FailedPrecondition, "Serving signature key \"zzz\" not found."),
    ] {
        let problem = read(&bytes).unwrap_err();
        let told = problem.to_string();
        assert_eq!(problem.kind(), kind, "TFS-CFG-50, -51: {told}");
        assert!(told.contains(text) && told.contains(PATH), "{told}");
    }
    assert_eq!(read(&predict().repeat(1000)).unwrap().len(), 1000);
}

#[test]
fn what_the_records_announce_is_bounded() {
    let record = log(6, |request| {
        request.message(2, |entry| {
            entry.string_field(1, "x");
            entry.message(2, |tensor| {
                tensor.varint_field(1, 1);
                tensor.message(2, |shape| shape.message(2, |dim| dim.varint_field(1, 16 << 10)));
                tensor.packed_fixed(5, &1f32.to_le_bytes());
            });
        });
    });
    let signatures = signatures();
    let asking = Asking { signatures: &signatures, joint: None, rules: Rules::default() };
    let within = |most| calls_within(most, PATH, &record, &asking);
    assert_eq!(within(64 << 10).unwrap()[0].rows(), Some(16 << 10));
    let told = within((64 << 10) - 1).unwrap_err().to_string();
    assert!(told.contains("hold more than 65535 bytes"), "{told}");
}
