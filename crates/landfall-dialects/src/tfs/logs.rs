//! Logs of answered requests: records of a file, each a `tensorflow.serving.PredictionLog`, as [`super::warmup`] reads
//! them.
//!
//! `PredictionLog`: log_metadata = 1, then one log under its kind's number: request = 1, response = 2. `LogMetadata`:
//! model_spec = 1, sampling_config = 2 (sampling_rate = 1), timestamp_secs = 4.

use super::grpc::write_spec;
use super::records::written;
use crate::Identity;
use crate::protobuf::Writer;

/// The method that was called, by its number in `PredictionLog`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoggedMethod {
    /// `Classify`.
    Classify = 2,
    /// `Regress`.
    Regress = 3,
    /// `MultiInference`.
    MultiInference = 4,
    /// `Predict`.
    Predict = 6,
}

/// An answered request.
#[derive(Clone, Copy, Debug)]
pub struct Logged<'a> {
    /// The method that was called.
    pub method: LoggedMethod,
    /// Who answered.
    pub identity: Identity<'a>,
    /// With which signature.
    pub signature: &'a str,
    /// Which part of the requests is logged.
    pub rate: f64,
    /// Seconds since the epoch.
    pub seconds: u64,
    /// The message that asked.
    pub request: &'a [u8],
    /// The message that answered.
    pub response: &'a [u8],
}

/// The request as a record of a file.
pub fn record(logged: &Logged<'_>) -> Vec<u8> {
    let mut log = Vec::with_capacity(logged.request.len() + logged.response.len() + 128);
    let mut message = Writer::new(&mut log);
    message.message(1, |metadata| {
        metadata.message(1, |spec| write_spec(spec, logged.identity, logged.signature));
        metadata.message(2, |sampling| sampling.double_field(1, logged.rate));
        metadata.varint_field(4, logged.seconds);
    });
    message.message(logged.method as u32, |both| {
        both.bytes_field(1, logged.request);
        both.bytes_field(2, logged.response);
    });
    written(&log)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tfs::inference::{Examples, Question, Rules, Task};
    use crate::tfs::{grpc, warmup};
    use landfall_model::{
        Call, DType, Dim, Input, InputSpec, Method, OutputSpec, RowRule, ShapeRule, Signature, Tensor,
        Version,
    };
    use std::sync::Arc;

    fn signature() -> Arc<Signature> {
        let x = InputSpec::new("x", DType::F32, Some(vec![Dim::Free(None)]));
        let outputs = ["y", "z"].map(|name| OutputSpec::new(name, DType::F32, Some(vec![Dim::Free(None)])));
        let (method, rows) = (Method::Predict, RowRule::Independent);
        Signature::new("serving_default", method, vec![x], outputs.to_vec(), rows, ShapeRule::Checked)
            .unwrap()
            .shared()
    }

    fn logged(method: LoggedMethod, request: &[u8]) -> Vec<u8> {
        let identity = Identity { model: "m", version: &Version::numbered(3) };
        let (rate, seconds, response) = (0.5, 1, &b""[..]);
        record(&Logged { method, identity, signature: "s", rate, seconds, request, response })
    }

    #[test]
    fn what_was_logged_runs_as_warm_up() {
        let signature = signature();
        let version = Version::numbered(3);
        let identity = Identity { model: "m", version: &version };
        let x = Tensor::from_slice(&[2], &[1f32, f32::NAN]).unwrap();
        let wanted = [1].into_iter().collect();
        let call = Call::checked(signature.clone(), [Some(Input::Dense(x))], wanted).unwrap();
        let predict = grpc::encode_predict_request(identity, &call).unwrap();

        // Features: x = [5.0].
        let mut example = Vec::new();
        let mut feature = crate::tfs::examples::FeatureWriter::Open;
        assert!(feature.push_float(5.0));
        Writer::new(&mut example).message(1, |features| feature.write(b"x", features));
        let mut examples = Examples::default();
        examples.push(b"");
        examples.add_context(&example);
        let question = Question { task: Task::Regress, signature: String::new(), examples };
        let regress = grpc::encode_question(identity, &question);

        let file =
            [logged(LoggedMethod::Predict, &predict), logged(LoggedMethod::Regress, &regress)].concat();
        let strictly = Rules::default();
        let calls = warmup::calls("f", &file, std::slice::from_ref(&signature), None, strictly);
        // Two outputs are no regression: the second record is read, and refused for that alone.
        let problem = calls.unwrap_err().to_string();
        assert!(problem.contains("record 1"), "{problem}");
        let calls =
            warmup::calls("f", &logged(LoggedMethod::Predict, &predict), &[signature], None, strictly)
                .unwrap();
        let [again] = calls.as_slice() else { panic!("one call") };
        let values =
            |call: &Call| call.input(0).and_then(Input::dense).unwrap().values::<f32>().unwrap().to_vec();
        assert_eq!(values(again)[0], 1.0);
        assert!(values(again)[1].is_nan());
        assert_eq!(again.wanted(), call.wanted());
    }
}
