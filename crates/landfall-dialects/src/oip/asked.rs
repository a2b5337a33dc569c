//! What a request asks for beside its tensors, in either form of the protocol.

use crate::Hints;
use landfall_model::{Problem, Signature, Wanted};
use smallvec::SmallVec;
use std::time::Duration;

/// How the answer is to be written.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// The request's id, echoed as it came; empty for none.
    pub(super) id: Vec<u8>,
    /// The outputs, in the order of the answer.
    pub(super) outputs: SmallVec<[AskedOutput; 4]>,
    /// Whether the request named a signature.
    pub(super) names_signature: bool,
}

impl Form {
    /// The request's id; empty for none.
    pub fn id(&self) -> &[u8] {
        &self.id
    }
}

/// One output of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedOutput {
    /// Place in the signature.
    pub(super) place: usize,
    /// The highest so many classes as strings, instead of the values; 0 for the values.
    pub(super) classes: usize,
    /// Whether it goes as binary data; `None`: as the request's default says.
    pub(super) binary: Option<bool>,
}

/// What has been read of it so far.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) id: Vec<u8>,
    pub(super) timeout_us: u64,
    pub(super) priority: u64,
    /// `parameters.signature_name`.
    pub(super) signature: Option<String>,
    /// `parameters.binary_data_output`.
    pub(super) binary: bool,
    pub(super) outputs: SmallVec<[AskedOutput; 4]>,
}

impl Asked {
    /// Asks for an output. Asked for twice it is given once, as the first time.
    pub(super) fn output(&mut self, output: AskedOutput) {
        if self.outputs.iter().all(|asked| asked.place != output.place) {
            self.outputs.push(output);
        }
    }

    /// The outputs wanted, how to schedule, and how to answer: all outputs given by default when none was named.
    pub(super) fn finish(mut self, signature: &Signature) -> (Wanted, Hints, Form) {
        let wanted = if self.outputs.is_empty() {
            let plain = |place| AskedOutput { place, classes: 0, binary: None };
            self.outputs.extend(signature.default_outputs().iter().map(plain));
            signature.default_outputs().clone()
        } else {
            self.outputs.iter().map(|output| output.place).collect()
        };
        for output in &mut self.outputs {
            output.binary = output.binary.or(Some(self.binary));
        }
        let hints = Hints {
            timeout: (self.timeout_us > 0).then(|| Duration::from_micros(self.timeout_us)),
            priority: (self.priority > 0).then_some(self.priority),
        };
        (
            wanted,
            hints,
            Form { id: self.id, outputs: self.outputs, names_signature: self.signature.is_some() },
        )
    }
}

/// A parameter that asks for shared memory, which is refused by name.
#[cold]
pub(super) fn shared_memory(parameter: &str, tensor: &str) -> Problem {
    Problem::unsupported(
        format!("parameter '{parameter}' of tensor '{tensor}': shared memory"),
        "send the data with the request",
    )
}

/// Whether a parameter's name asks for shared memory.
pub(super) fn is_shared_memory(parameter: &[u8]) -> bool {
    parameter.starts_with(b"shared_memory_")
}
