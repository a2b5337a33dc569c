//! Warm-up requests that a model brings along: a file of records, each a `tensorflow.serving.PredictionLog`.
//!
//! `PredictionLog`: classify_log = 2, regress_log = 3, multi_inference_log = 4, session_run_log = 5, predict_log = 6,
//! predict_streamed_log = 7; each log: request = 1.

#[cfg(test)]
mod tests;

use super::inference::{self, Rules, Task};
use super::records::Records;
use super::{errors, grpc};
use landfall_model::protobuf::Fields;
use landfall_model::{Buffer, Call, Joint, Kind, Problem, Reason, Signature};
use std::sync::Arc;

/// Where the file lies within a version's folder.
pub const FILE: &str = "assets.extra/tf_serving_warmup_requests";

/// More records than this are refused.
pub const MOST_RECORDS: usize = 1000;

/// Bytes that the inputs of all records may have: a record of few bytes may announce repeated values.
const MOST_BYTES: usize = 1 << 30;

/// Reads the file's bytes into the calls that are to be run before the first caller's, in order. `path` is for problems.
/// A record is for this model, whatever name it carries. One of several tasks is run for all of them together where
/// `joint` holds their signatures, and for each of them alone too: callers may ask either way.
///
/// # Errors
/// In the original's words: data loss for what are no records, invalid argument for too many and for records that are
/// no logs, unimplemented for kinds of logs that no server runs, and what decoding a request refuses.
pub fn calls(
    path: &str,
    bytes: &[u8],
    signatures: &[Arc<Signature>],
    joint: Option<&Joint>,
    rules: Rules,
) -> Result<Vec<Call>, Problem> {
    calls_within(MOST_BYTES, path, bytes, &Asking { signatures, joint, rules })
}

/// Whom records ask.
struct Asking<'a> {
    signatures: &'a [Arc<Signature>],
    joint: Option<&'a Joint>,
    rules: Rules,
}

fn calls_within(
    most_bytes: usize,
    path: &str,
    bytes: &[u8],
    asking: &Asking<'_>,
) -> Result<Vec<Call>, Problem> {
    let mut calls = Vec::new();
    let mut left = most_bytes;
    for (number, record) in Records::new(bytes).enumerate() {
        if number == MOST_RECORDS {
            return Err(Problem::invalid(format!(
                "Number of warmup records exceeds the maximum ({MOST_RECORDS}) at {path}"
            )));
        }
        let record = record.map_err(|what| {
            let text = format!("{what}. Please verify your warmup data is in TFRecord format.");
            Problem::worded(Kind::DataLoss, text).at(path)
        })?;
        let log = Log::read(record).map_err(|problem| {
            let what = problem.sentence();
            Problem::invalid(format!("Failed to parse warmup record: {what}, record {number} from {path}"))
        })?;
        let decoded = log.calls(asking);
        let decoded = decoded.map_err(|problem| worded(problem).at(format!("{path}, record {number}")))?;
        for call in decoded {
            left = left.checked_sub(call.bytes_total()).ok_or_else(|| {
                Problem::invalid(format!("the records at {path} hold more than {most_bytes} bytes"))
            })?;
            calls.push(call);
        }
    }
    Ok(calls)
}

/// A refused request as the original says it, in the terms of a load.
fn worded(problem: Problem) -> Problem {
    match problem.reason() {
        Reason::SignatureNotFound { signature } => errors::signature_not_found(signature),
        _ => problem,
    }
}

/// Which kind of log a record is, and its request.
struct Log<'a> {
    /// Number of the field; 0 for none.
    kind: u32,
    request: &'a [u8],
}

impl<'a> Log<'a> {
    fn read(record: &'a [u8]) -> Result<Self, Problem> {
        let mut log = Log { kind: 0, request: &[] };
        let mut fields = Fields::new("PredictionLog", record);
        while let Some((field, value)) = fields.next()? {
            if !(2..=7).contains(&field) {
                continue;
            }
            log = Log { kind: field, request: &[] };
            let mut parts = value.message()?;
            while let Some((field, value)) = parts.next()? {
                if field == 1 {
                    log.request = value.bytes()?;
                }
            }
        }
        Ok(log)
    }

    fn calls(&self, asking: &Asking<'_>) -> Result<Vec<Call>, Problem> {
        let Asking { signatures, joint, rules } = *asking;
        let ask = |task| {
            let question = grpc::decode_question(task, self.request)?;
            inference::call(question, signatures, rules).map(|decoded| vec![decoded.call])
        };
        match self.kind {
            2 => ask(Task::Classify),
            3 => ask(Task::Regress),
            4 => {
                let runs = |joint| grpc::decode_multi_inference(self.request, signatures, joint, rules);
                let alone = runs(None)?.runs;
                let together = joint.map(|joint| runs(Some(joint))).transpose()?.map(|several| several.runs);
                let together = together.filter(|together| together.len() < alone.len());
                Ok(alone.into_iter().chain(together.into_iter().flatten()).map(|run| run.call).collect())
            }
            6 => {
                let decoded = grpc::decode_predict(&Buffer::copy_of(self.request), signatures)?;
                Ok(vec![decoded.call])
            }
            0 => Ok(Vec::new()),
            other => {
                Err(Problem::worded(Kind::Unimplemented, format!("Unsupported log_type for warmup: {other}")))
            }
        }
    }
}
