//! Classify, Regress and MultiInference messages.

use super::message;
use crate::protobuf::Writer;
use crate::tfs::grpc::{
    decode_multi_inference, decode_question, encode_answer, encode_multi_inference, multi_inference_address,
    predict_address,
};
use crate::tfs::inference::{self, Rules, Several, Task};
use crate::{Identity, tfs::inference::Form};
use landfall_model::{
    DType, Dim, InputSpec, Joint, Kind, Method, OutputSpec, Outputs, Problem, RowRule, ShapeRule, Signature,
    Tensor, Version,
};
use std::sync::Arc;

const CLASSIFY: &str = "tensorflow/serving/classify";
const REGRESS: &str = "tensorflow/serving/regress";

/// Two signatures of a graph: `classify` gives scores, `regress` a number.
fn signatures() -> Vec<Arc<Signature>> {
    let of = |name: &str, method, output: &str| {
        let mut inputs = InputSpec::new("inputs", DType::String, Some(vec![Dim::Free(None)]));
        inputs.tensor = "examples:0".to_owned();
        let output = OutputSpec::new(output, DType::F32, Some(vec![Dim::Free(None), Dim::Known(1)]));
        let rows = RowRule::Independent;
        Signature::new(name, method, vec![inputs], vec![output], rows, ShapeRule::AsSent).unwrap().shared()
    };
    vec![of("classify", Method::Classify, "scores"), of("regress", Method::Regress, "outputs")]
}

fn spec(w: &mut Writer<'_>, model: &str, signature: &str) {
    w.message(1, |spec| {
        spec.string_field(1, model);
        spec.string_field(3, signature);
    });
}

fn examples(w: &mut Writer<'_>, examples: &[&[u8]]) {
    w.message(2, |input| input.message(1, |list| examples.iter().for_each(|e| list.bytes_field(1, e))));
}

fn multi(tasks: &[(&str, &str, &str)], rows: &[&[u8]]) -> Vec<u8> {
    message(|w| {
        for (model, signature, method) in tasks {
            w.message(1, |task| {
                spec(task, model, signature);
                task.string_field(2, method);
            });
        }
        examples(w, rows);
    })
}

fn outputs(values: &[f32]) -> Outputs {
    let mut outputs = Outputs::new();
    outputs.set(0, Tensor::from_slice(&[values.len(), 1], values).unwrap());
    outputs
}

fn identity(version: &Version) -> Identity<'_> {
    Identity { model: "half", version }
}

fn asked(task: Task, body: &[u8]) -> Result<(Form, Arc<Signature>), Problem> {
    let question = decode_question(task, body)?;
    let decoded = inference::call(question, &signatures(), Rules::default())?;
    Ok((decoded.form, decoded.call.signature().clone()))
}

#[test]
fn a_question_is_answered_with_its_model_spec() {
    let body = message(|w| {
        spec(w, "half", "regress");
        examples(w, &[b"", b""]);
    });
    assert_eq!(predict_address(&body).unwrap().model, "half");
    let (form, signature) = asked(Task::Regress, &body).unwrap();
    let mut out = Vec::new();
    encode_answer(&form, identity(&Version::numbered(123)), &signature, &outputs(&[3.0, 0.0]), &mut out)
        .unwrap();
    let expected = message(|w| {
        w.message(1, |result| {
            result.message(1, |number| number.float_field(1, 3.0));
            result.message(1, |_| {});
        });
        w.message(2, |spec| {
            spec.string_field(1, "half");
            spec.message(2, |version| version.signed_field(1, 123));
            spec.string_field(3, "regress");
        });
    });
    assert_eq!(out, expected, "TFS-GRPC-9, -19, -41");

    let body = message(|w| {
        spec(w, "half", "");
        examples(w, &[b""]);
    });
    let (form, signature) = asked(Task::Classify, &body).unwrap();
    let mut out = Vec::new();
    encode_answer(&form, identity(&Version::numbered(1)), &signature, &outputs(&[-0.0]), &mut out).unwrap();
    let result = message(|w| {
        w.message(1, |result| {
            result.message(1, |classes| classes.message(1, |class| class.float_field(2, -0.0)));
        });
    });
    assert!(out.starts_with(&result), "TFS-GRPC-40");
    let refused =
        encode_answer(&form, identity(&Version::numbered(1)), &signature, &outputs(&[1.0, 2.0]), &mut out);
    assert_eq!(refused.unwrap_err().to_string(), "Expected scores output batch size of 1. Got: 2");
}

#[test]
fn without_examples_there_is_no_question() {
    for empty in [
        message(|w| spec(w, "half", "")),
        message(|w| {
            spec(w, "half", "");
            examples(w, &[])
        }),
    ] {
        let problem = asked(Task::Classify, &empty).unwrap_err();
        assert_eq!(
            (problem.kind(), &*problem.to_string()),
            (Kind::InvalidArgument, "Input is empty."),
            "TFS-GRPC-39"
        );
    }
    assert!(decode_question(Task::Classify, &[0x12, 5, 0]).is_err());
}

#[test]
fn several_tasks_are_answered_in_their_order() {
    // TFS-GRPC-43
    let body = multi(&[("half", "regress", REGRESS), ("half", "classify", CLASSIFY)], &[b""]);
    assert_eq!(multi_inference_address(&body).unwrap().model, "half");
    let signatures = signatures();
    let joint = Joint::of(&signatures).unwrap();
    let alone = decode_multi_inference(&body, &signatures, None, Rules::default()).unwrap();
    let together = decode_multi_inference(&body, &signatures, Some(&joint), Rules::default()).unwrap();
    let names = |several: &Several| -> Vec<String> {
        several.runs.iter().map(|run| run.call.signature().name().to_owned()).collect()
    };
    assert_eq!(
        (names(&alone), names(&together)),
        (vec!["regress".into(), "classify".into()], vec!["classify+regress".into()])
    );
    let call = &together.runs[0].call;
    assert_eq!((call.rows(), call.wanted().iter().collect::<Vec<_>>()), (Some(1), vec![0, 1]));
    let version = Version::numbered(7);
    let mut both = Outputs::new();
    // The members' outputs stand in the order of the signatures, not of the tasks.
    [4.0f32, 3.0].iter().enumerate().for_each(|(place, value)| {
        both.set(place, Tensor::from_slice(&[1, 1], &[*value]).unwrap());
    });
    let written = |several: &Several, given: &[Outputs]| {
        let mut out = Vec::new();
        encode_multi_inference(&several.tasks, identity(&version), given, &mut out).unwrap();
        out
    };
    let answers = [written(&alone, &[outputs(&[3.0]), outputs(&[4.0])]), written(&together, &[both])];
    let spec_of = |w: &mut Writer<'_>, signature: &str| {
        w.message(1, |spec| {
            spec.string_field(1, "half");
            spec.message(2, |version| version.signed_field(1, 7));
            spec.string_field(3, signature);
        });
    };
    let expected = message(|w| {
        w.message(1, |result| {
            spec_of(result, "regress");
            result.message(3, |result| result.message(1, |number| number.float_field(1, 3.0)));
        });
        w.message(1, |result| {
            spec_of(result, "classify");
            result.message(2, |result| {
                result.message(1, |classes| classes.message(1, |class| class.float_field(2, 4.0)));
            });
        });
    });
    assert!(answers.iter().all(|answer| *answer == expected));
    assert_eq!((together.tasks.examples(), together.tasks.first_signature()), (1, "regress"));
}

#[test]
fn one_task_shares_batches_with_the_calls_of_its_signature() {
    let body = multi(&[("half", "regress", REGRESS)], &[b""]);
    let signatures = signatures();
    let joint = Joint::of(&signatures);
    let several = decode_multi_inference(&body, &signatures, joint.as_ref(), Rules::default()).unwrap();
    assert!(Arc::ptr_eq(several.runs[0].call.signature(), &signatures[1]));
}

#[test]
fn the_first_task_that_is_wrong_is_told() {
    let tasks = [("half", "regress", CLASSIFY), ("half", "nope", REGRESS)];
    let problem =
        decode_multi_inference(&multi(&tasks, &[]), &signatures(), None, Rules::default()).unwrap_err();
    assert!(problem.to_string().starts_with("Expected classification signature outputs"), "{problem}");
}

#[test]
fn tasks_that_do_not_go_together_are_told_in_the_originals_words() {
    let regress = ("half", "regress", REGRESS);
    for (row, tasks, rows, kind, expected) in [
        (
            "TFS-GRPC-44",
            &[regress, ("", "classify", CLASSIFY)][..],
            &[&b""[..]][..],
            Kind::InvalidArgument,
            "Found ModelSpec with an empty model name.",
        ),
        (
            "TFS-GRPC-44",
            &[regress, ("other", "classify", CLASSIFY)],
            &[b""],
            Kind::InvalidArgument,
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        ),
        (
            "TFS-GRPC-44",
            &[regress, regress],
            &[b""],
            Kind::InvalidArgument,
            "Duplicate evaluation of signature: regress",
        ),
        (
            "TFS-GRPC-44",
            &[("half", "nope", REGRESS)],
            &[b""],
            Kind::InvalidArgument,
            "Requested signature not found in model graph: nope",
        ),
        ("TFS-GRPC-44", &[regress], &[], Kind::InvalidArgument, "Input is empty."),
        (
            "TFS-GRPC-45",
            &[("half", "regress", "tensorflow/serving/predict")],
            &[b""],
            Kind::Unimplemented,
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (
            "TFS-REST-117",
            &[("half", "regress", CLASSIFY)],
            &[b""],
            Kind::InvalidArgument,
            "Expected classification signature outputs to contain at least one of",
        ),
    ] {
        let problem =
            decode_multi_inference(&multi(tasks, rows), &signatures(), None, Rules::default()).unwrap_err();
        assert_eq!(problem.kind(), kind, "{row}");
        assert!(problem.to_string().starts_with(expected), "{row} {problem}");
    }
    let nobody = multi_inference_address(&multi(&[], &[])).unwrap_err();
    assert_eq!(nobody.to_string(), "ModelSpec has no name specified.");
    let nameless = multi_inference_address(&multi(&[("", "regress", REGRESS)], &[])).unwrap_err();
    assert_eq!(nameless.to_string(), "Found ModelSpec with an empty model name.", "TFS-GRPC-44");
}
