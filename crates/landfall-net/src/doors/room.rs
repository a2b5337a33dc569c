//! Room for what requests turn into: tensors that are made of a body, and answers while they are written. What is smaller
//! than a [`STEP`] counts as nothing here; queues bound it.

use crate::memory::{Full, Hold, STEP, Share};
use landfall_model::{Buffer, Call, DType, Outputs, Problem, Signature};
use std::sync::Arc;

/// What an answer takes while it is written, as a multiple of its outputs' bytes: themselves and their text …
pub(crate) const TEXT: usize = 4;
/// … or their bytes.
pub(crate) const BINARY: usize = 2;

/// What one value of a question of TensorFlow Serving's `classify` and `regress` takes, about.
const FEATURE: usize = 64;

/// Room, where it counts.
pub(crate) type Room = Option<Hold>;

/// Room for the tensors that a body of JSON becomes: as many values as it can hold, each of the widest type that an input
/// has. From byte `end` on, where it has so many, a body holds tensors as they are.
///
/// # Errors
/// [`Full`] as a problem.
pub(crate) fn for_json(
    share: &Arc<Share>,
    body: &Buffer,
    end: usize,
    signatures: &[Arc<Signature>],
) -> Result<Room, Problem> {
    let text = end.min(body.len());
    if text < STEP {
        return Ok(None);
    }
    let inputs = || signatures.iter().flat_map(|signature| signature.inputs());
    let widest = inputs().map(|input| width(input.dtype)).max().unwrap_or(0);
    let texts = if inputs().any(|input| input.dtype == DType::String) { text } else { 0 };
    held(share, most_values(&body.bytes()[..text]).saturating_mul(widest).saturating_add(texts), body.len())
}

/// Room for the examples that a body of JSON becomes.
///
/// # Errors
/// As [`for_json`].
pub(crate) fn for_examples(share: &Arc<Share>, body: &Buffer) -> Result<Room, Problem> {
    if body.len() < STEP {
        return Ok(None);
    }
    held(share, most_values(body.bytes()).saturating_mul(FEATURE).saturating_add(body.len()), body.len())
}

/// Room for tensors that take more than the message of so many bytes out of which they were made.
///
/// # Errors
/// As [`for_json`].
pub(crate) fn for_tensors(share: &Arc<Share>, message: usize, call: &Call) -> Result<Room, Problem> {
    if message < STEP {
        return Ok(None);
    }
    match call.bytes_total() {
        bytes if bytes > message => held(share, bytes, 0),
        _ => Ok(None),
    }
}

/// Room for an answer: `times` its outputs' bytes. What its question had is given back.
///
/// # Errors
/// As [`for_json`].
pub(crate) fn for_answer(
    share: &Arc<Share>,
    question: Room,
    outputs: &Outputs,
    times: usize,
) -> Result<Room, Problem> {
    drop(question);
    let bytes = super::predict::bytes_of(outputs);
    if bytes < STEP { Ok(None) } else { held(share, bytes.saturating_mul(times), 0) }
}

/// Room for so many bytes, beside those that the request holds already.
fn held(share: &Arc<Share>, bytes: usize, others: usize) -> Result<Room, Problem> {
    share.hold_beside(bytes, others).map(Some).map_err(Full::problem)
}

/// Bytes of a value, or of the place of a text.
fn width(dtype: DType) -> usize {
    dtype.size().unwrap_or(size_of::<usize>())
}

/// The most values that a text of JSON can hold: commas stand between them.
fn most_values(text: &[u8]) -> usize {
    // So many that their count fits a byte.
    let commas = |piece: &[u8]| piece.iter().map(|byte| u8::from(*byte == b',')).sum::<u8>();
    1 + text.chunks(255).map(|piece| usize::from(commas(piece))).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use landfall_model::{InputSpec, Method, OutputSpec, RowRule, ShapeRule};

    fn signature(dtypes: &[DType]) -> Arc<Signature> {
        let input = |(i, dtype): (usize, &DType)| InputSpec::new(format!("x{i}"), *dtype, None);
        let inputs = dtypes.iter().enumerate().map(input).collect();
        let output = OutputSpec::new("y", DType::F32, None);
        let (rows, shapes) = (RowRule::Independent, ShapeRule::AsSent);
        Signature::new("s", Method::Predict, inputs, vec![output], rows, shapes).unwrap().shared()
    }

    #[test]
    fn values_are_bounded_by_what_stands_between_them() {
        for (text, most) in [("", 1), ("[]", 1), ("[1,2,3]", 3), ("[[1],[2,3],[]]", 4)] {
            assert_eq!(most_values(text.as_bytes()), most, "{text}");
        }
        assert_eq!(most_values(&[b','; 100_000]), 100_001);
    }

    #[test]
    fn a_large_body_takes_the_room_of_the_tensors_it_can_become() {
        let body = Buffer::copy_of("0,".repeat(STEP).as_bytes());
        for (dtypes, bytes) in [
            (&[DType::F32][..], 4 * STEP),
            (&[DType::F32, DType::I64], 8 * STEP),
            (&[DType::String], 8 * STEP + 2 * STEP),
        ] {
            let memory = Memory::new(usize::MAX);
            let room = for_json(&memory.share(), &body, usize::MAX, &[signature(dtypes)]).unwrap();
            assert_eq!(memory.taken(), bytes, "{dtypes:?}");
            drop(room);
            assert_eq!(memory.taken(), 0);
        }
        let memory = Memory::new(9 * STEP);
        let refused = for_json(&memory.share(), &body, body.len(), &[signature(&[DType::I64])]).unwrap_err();
        assert!(refused.to_string().contains(&format!("more than {} bytes", 9 * STEP)), "{refused}");
        assert!(for_examples(&memory.share(), &body).is_err());
        let binary = for_json(&memory.share(), &body, STEP - 1, &[signature(&[DType::I64])]);
        assert!(binary.unwrap().is_none(), "commas among bytes of tensors separate nothing");
    }
}
