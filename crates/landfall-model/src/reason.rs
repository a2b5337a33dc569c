//! What can go wrong: a case for each thing that a door words in its own way.

use crate::{DType, Kind, Problem, Shape};
use std::fmt;
use std::time::Duration;

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
    /// The folder that is to hold a model's versions cannot be looked at.
    ModelFolder {
        model: String,
        folder: String,
        why: Problem,
    },
    /// None of the folders where a model's versions are to lie is one.
    VersionFoldersMissing {
        model: String,
        folder: String,
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
    /// A missing value that the model itself refuses, where no rule of its input can help. `row` counts from 0.
    ValueRequired {
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
    /// A call of more rows than one may have here.
    CallTooLarge {
        rows: usize,
        most: usize,
    },
    QueueFull {
        waiting: usize,
        retry_after: Duration,
    },
    /// Other requests hold the memory that bodies and answers may take up.
    MemoryFull {
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

impl Reason {
    /// The kind that follows from it.
    pub(crate) fn kind(&self) -> Kind {
        use Reason::*;
        match self {
            ModelNotFound { .. }
            | NoVersionAvailable { .. }
            | VersionNotFound { .. }
            | VersionFoldersMissing { .. }
            | FileMissing { .. } => Kind::NotFound,
            VersionNotReady { .. } | ShuttingDown | QueueFull { .. } | MemoryFull { .. } => Kind::Unavailable,
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
            | ValueRequired { .. }
            | ValueInvalid { .. }
            | CallTooLarge { .. }
            | NotRecognised { .. }
            | OptionUnknown { .. }
            | SettingInvalid { .. }
            | Malformed { .. } => Kind::InvalidArgument,
            Reason::DeadlineExceeded => Kind::DeadlineExceeded,
            Reason::Cancelled => Kind::Cancelled,
            Unsupported { .. } => Kind::Unimplemented,
            Engine { .. } | Io { .. } => Kind::Internal,
            SwitchedOff { .. } => Kind::PermissionDenied,
            ModelFolder { why, .. } => why.kind(),
            Worded { kind, .. } => *kind,
        }
    }
}

const VALUE_MISSING: &str = "the value is missing (a rule for missing values can be set with --on-missing)";
const VALUE_REQUIRED: &str = "the value is missing, and the model takes no missing value here";
const MEMORY_FULL: &str =
    "bodies and answers of other requests take up the memory that is set aside for them: try again later";

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
            ModelFolder { model, folder, why } => write!(f, "the folder of model {model:?}, {folder}: {why}"),
            VersionFoldersMissing { model, folder } => {
                write!(
                    f,
                    "model {model:?} has no version yet: no folder in {folder} has a number for its name"
                )
            }
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
            ValueMissing { input, row } => write!(f, "input {input:?} row {row}: {VALUE_MISSING}"),
            ValueRequired { input, row } => write!(f, "input {input:?} row {row}: {VALUE_REQUIRED}"),
            ValueInvalid { input, row, expected, text } => {
                write!(f, "input {input:?} row {row}: expected {expected}, found {text:?}")
            }
            CallTooLarge { rows, most } => {
                write!(f, "a call of {rows} rows is larger than the largest that is taken, of {most} rows")
            }
            QueueFull { waiting, .. } => write!(f, "{waiting} requests are waiting already: try again later"),
            MemoryFull { .. } => f.write_str(MEMORY_FULL),
            Reason::DeadlineExceeded => write!(f, "the deadline passed before the answer was there"),
            Reason::Cancelled => write!(f, "the caller has left"),
            ShuttingDown => write!(f, "the server is shutting down"),
            Malformed { file, offset: Some(offset), what } => write!(f, "{file}, byte {offset}: {what}"),
            Malformed { file, offset: None, what } => write!(f, "{file}: {what}"),
            FileMissing { file } if file.is_empty() => write!(f, "no file is named: its name is empty"),
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
