//! The one error: a reason with typed fields, from which follow its kind and a sentence for people.
//!
//! A door words the reason in its own dialect and picks the code; nothing matches on text.

use crate::{DType, Shape};
use std::fmt;
use std::time::Duration;

/// Whose fault it is and what can be done: the canonical codes that gRPC, TensorFlow and HTTP mappings share.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names are the canonical codes'")]
pub enum Kind {
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Kind; 16] = [
        Kind::Cancelled,
        Kind::Unknown,
        Kind::InvalidArgument,
        Kind::DeadlineExceeded,
        Kind::NotFound,
        Kind::AlreadyExists,
        Kind::PermissionDenied,
        Kind::ResourceExhausted,
        Kind::FailedPrecondition,
        Kind::Aborted,
        Kind::OutOfRange,
        Kind::Unimplemented,
        Kind::Internal,
        Kind::Unavailable,
        Kind::DataLoss,
        Kind::Unauthenticated,
    ];

    /// The canonical number: gRPC's status code.
    pub const fn code(self) -> u32 {
        match self {
            Kind::Cancelled => 1,
            Kind::Unknown => 2,
            Kind::InvalidArgument => 3,
            Kind::DeadlineExceeded => 4,
            Kind::NotFound => 5,
            Kind::AlreadyExists => 6,
            Kind::PermissionDenied => 7,
            Kind::ResourceExhausted => 8,
            Kind::FailedPrecondition => 9,
            Kind::Aborted => 10,
            Kind::OutOfRange => 11,
            Kind::Unimplemented => 12,
            Kind::Internal => 13,
            Kind::Unavailable => 14,
            Kind::DataLoss => 15,
            Kind::Unauthenticated => 16,
        }
    }

    /// The canonical name: `INVALID_ARGUMENT`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Cancelled => "CANCELLED",
            Kind::Unknown => "UNKNOWN",
            Kind::InvalidArgument => "INVALID_ARGUMENT",
            Kind::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Kind::NotFound => "NOT_FOUND",
            Kind::AlreadyExists => "ALREADY_EXISTS",
            Kind::PermissionDenied => "PERMISSION_DENIED",
            Kind::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Kind::FailedPrecondition => "FAILED_PRECONDITION",
            Kind::Aborted => "ABORTED",
            Kind::OutOfRange => "OUT_OF_RANGE",
            Kind::Unimplemented => "UNIMPLEMENTED",
            Kind::Internal => "INTERNAL",
            Kind::Unavailable => "UNAVAILABLE",
            Kind::DataLoss => "DATA_LOSS",
            Kind::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

/// What went wrong, with what a door needs to word it.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub enum Reason {
    // Which model?
    ModelNotFound {
        model: String,
    },
    /// The model is known, but no version of it is available.
    NoVersionAvailable {
        model: String,
    },
    VersionNotFound {
        model: String,
        version: String,
    },
    VersionNotReady {
        model: String,
        version: String,
    },
    LabelNotFound {
        model: String,
        label: String,
    },
    SignatureNotFound {
        signature: String,
    },

    // Does the call fit the signature?
    /// Required inputs that the call lacks; `given` are those that it has.
    InputsMissing {
        missing: Vec<String>,
        given: Vec<String>,
    },
    InputUnknown {
        input: String,
    },
    InputRepeated {
        input: String,
    },
    OutputUnknown {
        output: String,
    },
    OutputRepeated {
        output: String,
    },
    WrongDType {
        input: String,
        expected: DType,
        found: DType,
    },
    /// `expected` as declared, `[-1,13]`.
    WrongShape {
        input: String,
        expected: String,
        found: Shape,
    },
    /// Inputs whose numbers of rows differ.
    RowsDiffer {
        input: String,
        expected: usize,
        found: usize,
    },
    /// A missing value where the input's rule is to refuse. `row` counts from 0.
    ValueMissing {
        input: String,
        row: usize,
    },
    /// A value that cannot be what the input wants. `row` counts from 0; `text` is the value as it came.
    ValueInvalid {
        input: String,
        row: usize,
        expected: String,
        text: String,
    },

    // Can it be answered now?
    QueueFull {
        waiting: usize,
        retry_after: Duration,
    },
    DeadlineExceeded,
    /// The caller has left.
    Cancelled,
    ShuttingDown,

    // Files of models
    /// Bytes that break the format: `offset` counts from the start of `file`.
    Malformed {
        file: String,
        offset: Option<u64>,
        what: String,
    },
    FileMissing {
        file: String,
    },
    /// Valid, but not implemented here; `instead` says what to do.
    Unsupported {
        what: String,
        instead: String,
    },
    /// No engine claims the files.
    NotRecognised {
        path: String,
        tried: Vec<String>,
    },

    // The rest
    /// The engine failed on this call.
    Engine {
        engine: &'static str,
        text: String,
    },
    /// What the operating system said about a file or a socket.
    Io {
        what: String,
        text: String,
    },
    /// A switch of ours that is off: the flag that would allow it.
    SwitchedOff {
        what: String,
        flag: String,
    },
    /// A load option or configuration key that nobody knows.
    OptionUnknown {
        option: String,
        known: Vec<String>,
    },
    /// A load option or another setting that the model knows, with a value that does not fit.
    SettingInvalid {
        setting: String,
        why: String,
    },
    /// Decided and worded by the dialect, format or engine itself, where the mistake was found.
    Worded {
        kind: Kind,
        text: String,
    },
}

/// The one error of the house. A word wide; made in cold code.
#[derive(Clone, PartialEq)]
pub struct Problem(Box<Inner>);

#[derive(Clone, PartialEq)]
struct Inner {
    reason: Reason,
    /// Outermost first: `model "ctr"`, `signature "serving_default"`.
    places: Vec<String>,
}

impl Problem {
    /// With a reason.
    #[cold]
    pub fn new(reason: Reason) -> Self {
        Problem(Box::new(Inner { reason, places: Vec::new() }))
    }

    /// With a kind and a sentence, where no [`Reason`] with fields serves better.
    #[cold]
    pub fn worded(kind: Kind, text: impl Into<String>) -> Self {
        Problem::new(Reason::Worded { kind, text: text.into() })
    }

    /// The caller's mistake, in a sentence.
    #[cold]
    pub fn invalid(text: impl Into<String>) -> Self {
        Problem::worded(Kind::InvalidArgument, text)
    }

    /// A load option whose value does not fit.
    #[cold]
    pub fn option(key: &str, why: impl Into<String>) -> Self {
        Problem::new(Reason::SettingInvalid { setting: format!("option {key}"), why: why.into() })
    }

    /// Something that must not happen, in a sentence.
    #[cold]
    pub fn internal(text: impl Into<String>) -> Self {
        Problem::worded(Kind::Internal, text)
    }

    /// Valid, but not implemented here.
    #[cold]
    pub fn unsupported(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Problem::new(Reason::Unsupported { what: what.into(), instead: instead.into() })
    }

    /// Bytes of a file that break its format.
    #[cold]
    pub fn malformed(file: impl Into<String>, offset: Option<u64>, what: impl Into<String>) -> Self {
        Problem::new(Reason::Malformed { file: file.into(), offset, what: what.into() })
    }

    /// What the operating system said; `what` is what was tried, for instance `open /models/a.onnx`.
    #[cold]
    pub fn io(what: impl Into<String>, error: &std::io::Error) -> Self {
        Problem::new(Reason::Io { what: what.into(), text: error.to_string() })
    }

    /// Adds where it happened, in front of the places already known.
    #[must_use]
    #[cold]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.0.places.insert(0, place.into());
        self
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// The kind that follows from the reason.
    pub fn kind(&self) -> Kind {
        use Reason::*;
        match &self.0.reason {
            ModelNotFound { .. }
            | NoVersionAvailable { .. }
            | VersionNotFound { .. }
            | FileMissing { .. } => Kind::NotFound,
            VersionNotReady { .. } | ShuttingDown | QueueFull { .. } => Kind::Unavailable,
            LabelNotFound { .. }
            | SignatureNotFound { .. }
            | InputsMissing { .. }
            | InputUnknown { .. }
            | InputRepeated { .. }
            | OutputUnknown { .. }
            | OutputRepeated { .. }
            | WrongDType { .. }
            | WrongShape { .. }
            | RowsDiffer { .. }
            | ValueMissing { .. }
            | ValueInvalid { .. }
            | NotRecognised { .. }
            | OptionUnknown { .. }
            | SettingInvalid { .. }
            | Malformed { .. } => Kind::InvalidArgument,
            Reason::DeadlineExceeded => Kind::DeadlineExceeded,
            Reason::Cancelled => Kind::Cancelled,
            Unsupported { .. } => Kind::Unimplemented,
            Engine { .. } | Io { .. } => Kind::Internal,
            SwitchedOff { .. } => Kind::PermissionDenied,
            Worded { kind, .. } => *kind,
        }
    }

    /// The sentence without the places: what a door quotes that names the place itself.
    pub fn sentence(&self) -> String {
        self.0.reason.to_string()
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.places.iter().try_for_each(|place| write!(f, "{place}: "))?;
        self.0.reason.fmt(f)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self, self.0.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Reason::*;
        match self {
            ModelNotFound { model } => write!(f, "there is no model {model:?}"),
            NoVersionAvailable { model } => write!(f, "model {model:?} has no available version"),
            VersionNotFound { model, version } => write!(f, "model {model:?} has no version {version}"),
            VersionNotReady { model, version } => {
                write!(f, "version {version} of model {model:?} is not ready")
            }
            LabelNotFound { model, label } => write!(f, "model {model:?} has no label {label:?}"),
            SignatureNotFound { signature } => write!(f, "there is no signature {signature:?}"),
            InputsMissing { missing, given } => {
                write!(f, "required inputs are missing: {}; given: {}", names(missing), names(given))
            }
            InputUnknown { input } => write!(f, "the model has no input {input:?}"),
            InputRepeated { input } => write!(f, "input {input:?} is given twice"),
            OutputUnknown { output } => write!(f, "the model has no output {output:?}"),
            OutputRepeated { output } => write!(f, "output {output:?} is asked for twice"),
            WrongDType { input, expected, found } => {
                write!(f, "input {input:?}: expected {expected}, found {found}")
            }
            WrongShape { input, expected, found } => {
                write!(f, "input {input:?}: expected shape {expected}, found {found}")
            }
            RowsDiffer { input, expected, found } => {
                write!(f, "input {input:?} has {found} rows, other inputs have {expected}")
            }
            ValueMissing { input, row } => write!(
                f,
                "input {input:?} row {row}: the value is missing (a rule for missing values can be set with --on-missing)"
            ),
            ValueInvalid { input, row, expected, text } => {
                write!(f, "input {input:?} row {row}: expected {expected}, found {text:?}")
            }
            QueueFull { waiting, .. } => write!(f, "{waiting} requests are waiting already: try again later"),
            Reason::DeadlineExceeded => write!(f, "the deadline passed before the answer was there"),
            Reason::Cancelled => write!(f, "the caller has left"),
            ShuttingDown => write!(f, "the server is shutting down"),
            Malformed { file, offset: Some(offset), what } => write!(f, "{file}, byte {offset}: {what}"),
            Malformed { file, offset: None, what } => write!(f, "{file}: {what}"),
            FileMissing { file } => write!(f, "{file} is missing"),
            Unsupported { what, instead } if instead.is_empty() => write!(f, "{what} is not supported"),
            Unsupported { what, instead } => write!(f, "{what} is not supported: {instead}"),
            NotRecognised { path, tried } => {
                write!(f, "{path} is no model that an engine here reads ({})", tried.join("; "))
            }
            Engine { engine, text } => write!(f, "{engine}: {text}"),
            Io { what, text } => write!(f, "cannot {what}: {text}"),
            SwitchedOff { what, flag } => write!(f, "{what} is switched off; {flag} switches it on"),
            OptionUnknown { option, known } => {
                write!(f, "unknown option {option:?}; known: {}", names(known))
            }
            SettingInvalid { setting, why } => write!(f, "{setting}: {why}"),
            Worded { text, .. } => f.write_str(text),
        }
    }
}

fn names(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_place_expectation_and_finding() {
        let problem = Problem::new(Reason::ValueInvalid {
            input: "ids".into(),
            row: 3,
            expected: "int64".into(),
            text: "abc".into(),
        })
        .at("model \"ctr\"");
        assert_eq!(problem.to_string(), r#"model "ctr": input "ids" row 3: expected int64, found "abc""#);
        assert_eq!(problem.kind(), Kind::InvalidArgument);
    }

    #[test]
    fn a_problem_is_a_word_wide() {
        assert_eq!(size_of::<Problem>(), size_of::<usize>());
    }
}
