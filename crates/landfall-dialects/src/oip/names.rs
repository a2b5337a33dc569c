//! The protocol's names for things: datatypes, platforms, states, extensions, versions.

use landfall_model::{DType, Facts, Problem, Version, VersionChoice, VersionState};

/// What server metadata lists: only what works.
pub const EXTENSIONS: [&str; 7] = [
    "classification",
    "model_repository",
    "schedule_policy",
    "model_configuration",
    "binary_tensor_data",
    "parameters",
    "statistics",
];

/// The server's name in its metadata.
pub const SERVER: &str = "landfall";

/// The datatype's name. Complex numbers have none in the protocol: metadata shows them by these names, and no request can
/// carry them.
pub const fn datatype(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "BOOL",
        DType::U8 => "UINT8",
        DType::U16 => "UINT16",
        DType::U32 => "UINT32",
        DType::U64 => "UINT64",
        DType::I8 => "INT8",
        DType::I16 => "INT16",
        DType::I32 => "INT32",
        DType::I64 => "INT64",
        DType::F16 => "FP16",
        DType::BF16 => "BF16",
        DType::F32 => "FP32",
        DType::F64 => "FP64",
        DType::Complex64 => "COMPLEX64",
        DType::Complex128 => "COMPLEX128",
        DType::String => "BYTES",
    }
}

/// The element type of this name, as a request writes it.
#[inline]
pub fn dtype(name: &[u8]) -> Option<DType> {
    Some(match name {
        b"FP32" => DType::F32,
        b"INT64" => DType::I64,
        b"BYTES" => DType::String,
        b"FP64" => DType::F64,
        b"INT32" => DType::I32,
        b"BOOL" => DType::Bool,
        b"UINT8" => DType::U8,
        b"UINT16" => DType::U16,
        b"UINT32" => DType::U32,
        b"UINT64" => DType::U64,
        b"INT8" => DType::I8,
        b"INT16" => DType::I16,
        b"FP16" => DType::F16,
        b"BF16" => DType::BF16,
        _ => return None,
    })
}

/// The datatype in a model configuration: name, and number of the enum `inference.DataType`.
pub const fn config_type(dtype: DType) -> (&'static str, u64) {
    match dtype {
        DType::Bool => ("TYPE_BOOL", 1),
        DType::U8 => ("TYPE_UINT8", 2),
        DType::U16 => ("TYPE_UINT16", 3),
        DType::U32 => ("TYPE_UINT32", 4),
        DType::U64 => ("TYPE_UINT64", 5),
        DType::I8 => ("TYPE_INT8", 6),
        DType::I16 => ("TYPE_INT16", 7),
        DType::I32 => ("TYPE_INT32", 8),
        DType::I64 => ("TYPE_INT64", 9),
        DType::F16 => ("TYPE_FP16", 10),
        DType::F32 => ("TYPE_FP32", 11),
        DType::F64 => ("TYPE_FP64", 12),
        DType::String => ("TYPE_STRING", 13),
        DType::BF16 => ("TYPE_BF16", 14),
        DType::Complex64 | DType::Complex128 => ("TYPE_INVALID", 0),
    }
}

/// What metadata calls the platform of a file format: Triton's names where it has one, else the format's.
pub fn platform<'a>(facts: &Facts) -> &'a str {
    match facts.format {
        "onnx" => "onnxruntime_onnx",
        "tensorflow" => "tensorflow_savedmodel",
        other => other,
    }
}

/// What a model configuration calls the backend.
pub fn backend<'a>(facts: &Facts) -> &'a str {
    match facts.format {
        "onnx" => "onnxruntime",
        "" => facts.engine,
        other => other,
    }
}

/// The state's name in a repository index.
pub const fn state(state: VersionState) -> &'static str {
    match state {
        VersionState::Start | VersionState::End => "UNAVAILABLE",
        VersionState::Loading => "LOADING",
        VersionState::Available => "READY",
        VersionState::Unloading => "UNLOADING",
    }
}

/// One line of a repository index, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Name of the model.
    pub model: String,
    /// Its version and that version's state; `None` for a model that was never loaded.
    pub version: Option<(Version, VersionState)>,
    /// Why it is not available.
    pub reason: String,
}

impl IndexEntry {
    /// Whether the version answers requests.
    pub fn is_ready(&self) -> bool {
        matches!(self.version, Some((_, VersionState::Available)))
    }

    /// The reason shown: a version that ended without one was unloaded.
    pub fn shown_reason(&self) -> &str {
        match self.version {
            Some((_, VersionState::End)) if self.reason.is_empty() => "unloaded",
            _ => &self.reason,
        }
    }
}

/// What metadata and configuration tell of a model, as plain data.
#[derive(Clone, Copy, Debug)]
pub struct ModelFacts<'a> {
    /// Name of the model.
    pub model: &'a str,
    /// Versions that are ready, ascending; with a version asked for, that one alone.
    pub versions: &'a [Version],
    /// Its default signature.
    pub signature: &'a landfall_model::Signature,
    /// What its engine knows of it.
    pub facts: &'a Facts,
    /// Most rows of a batch, where batching across callers is on and bounded.
    pub max_rows: Option<usize>,
    /// Whether rows of several callers are batched.
    pub batches: bool,
    /// Which versions are kept loaded.
    pub policy: &'a VersionPolicy,
}

/// Which versions of a model are kept loaded, as a configuration's `version_policy` says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionPolicy {
    /// The newest ones, this many.
    Latest(u64),
    /// All.
    All,
    /// These.
    Specific(Vec<i64>),
}

/// Which version the text of a path or a message means: none is the default one, digits are a number, all else is a
/// label (which stands for free-form version names too).
///
/// Triton reads the text with C's `stol`; white space around digits passes here as there.
pub fn version_choice(text: &str) -> VersionChoice {
    let digits = text.trim_matches([' ', '\t', '\n']);
    match Version::named(digits) {
        _ if text.is_empty() => VersionChoice::Default,
        version if version.number().is_some() => VersionChoice::Exact(version),
        _ => VersionChoice::Label(text.to_owned()),
    }
}

/// The version that text like `1.0` means, where nothing is called so: Triton's `stol` stops at the point. Other text
/// after the digits is refused, which `stol` passes over: whoever asks for `2-beta` does not mean version 2.
pub fn whole_version(text: &str) -> Option<Version> {
    let (whole, fraction) = text.trim_matches([' ', '\t', '\n']).split_once('.')?;
    let version = Version::named(whole);
    (version.number().is_some() && fraction.bytes().all(|digit| digit == b'0')).then_some(version)
}

/// Holds the name of a model that is to be loaded or unloaded against what a folder may be called.
///
/// # Errors
/// Invalid argument, for an empty name and for one that leads elsewhere.
pub fn load_target(model: &str) -> Result<(), Problem> {
    if model.is_empty() {
        return Err(Problem::invalid("Model name cannot be empty. Please enter a valid name to deploy."));
    }
    if model.contains("..") || model.contains('/') || model.contains('\\') {
        return Err(Problem::invalid(format!(
            "invalid model name '{model}', model name must not contain path traversal characters"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_datatype_of_the_protocol_reads_back() {
        for d in DType::ALL {
            let complex = matches!(d, DType::Complex64 | DType::Complex128);
            assert_eq!(dtype(datatype(d).as_bytes()), (!complex).then_some(d), "{d}");
        }
        assert_eq!(dtype(b"fp32"), None);
        assert_eq!(dtype(b"FLOAT"), None);
        assert_eq!(dtype(b""), None);
    }

    #[test]
    fn versions_are_numbers_or_labels() {
        let exact = |n| VersionChoice::Exact(Version::numbered(n));
        assert_eq!(version_choice(""), VersionChoice::Default);
        assert_eq!(version_choice("1"), exact(1));
        assert_eq!(version_choice("01"), exact(1));
        assert_eq!(version_choice("1 "), exact(1));
        for text in ["abc", "-1", "stable", "1.0", "99999999999999999999"] {
            assert_eq!(version_choice(text), VersionChoice::Label(text.into()));
        }
    }

    #[test]
    fn a_version_may_have_an_empty_fraction_and_nothing_else_behind_it() {
        for text in ["1.0", "01.", "1.000", " 1.0 "] {
            assert_eq!(whole_version(text), Some(Version::numbered(1)), "{text}");
        }
        for text in
            ["1", "1.5", "1.0.0", "1.0-rc", "2-beta", "-1.0", ".0", "v1.0", "99999999999999999999.0", ""]
        {
            assert_eq!(whole_version(text), None, "{text}");
        }
    }

    #[test]
    fn names_that_lead_out_of_the_repository_are_refused() {
        assert!(load_target("ctr").is_ok());
        for name in ["", "..", "../x", "a/b", "a\\b"] {
            assert!(load_target(name).is_err(), "{name:?}");
        }
    }
}
