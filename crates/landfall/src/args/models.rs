//! Flags that say how a model is loaded: all of them for `serve`, `predict`, `check` and `inspect`, for other commands those
//! that mean something there.

use clap::{Args, ValueEnum};
use landfall_model::{DType, NullRule};
use std::path::PathBuf;

/// All that says how a model is loaded.
#[derive(Args, Default, Clone)]
pub(crate) struct ModelFlags {
    #[command(flatten)]
    pub(crate) engines: EngineFlags,
    /// TensorFlow models run on ONNX where that is exact enough: converted once, compared, else left as they are
    #[arg(long, value_name = "onnx")]
    pub(crate) prefer: Option<Prefer>,
    #[command(flatten)]
    pub(crate) load: LoadFlags,
}

/// Which engines there are, and where they come from.
#[derive(Args, Default, Clone)]
pub(crate) struct EngineFlags {
    /// Which engine evaluates ONNX models [default: auto]
    #[arg(long, value_name = "auto|onnxruntime|embedded", env = "LANDFALL_ENGINE")]
    pub(crate) engine: Option<EngineChoice>,
    /// ONNX Runtime's shared library [env: LANDFALL_ONNXRUNTIME]
    #[arg(long, value_name = "PATH")]
    pub(crate) onnxruntime: Option<PathBuf>,
    /// TensorFlow's shared library (libtensorflow_cc.so.2), or the folder that it lies in [env: LANDFALL_TENSORFLOW]
    #[arg(long, value_name = "PATH")]
    pub(crate) tensorflow: Option<PathBuf>,
    /// LiteRT's shared library, for TensorFlow Lite files [env: LANDFALL_LITERT]
    #[arg(long, value_name = "PATH")]
    pub(crate) litert: Option<PathBuf>,
    /// The Python whose packages are used: libraries are found in it, models are converted by it [env: LANDFALL_PYTHON]
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
}

/// What an engine is told when it loads a model.
#[derive(Args, Default, Clone)]
pub(crate) struct LoadFlags {
    /// A load option, named as the model's library names it
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// What a missing value becomes: refuse, zero, nan, accept, default=VALUE; NAME=RULE for one input
    #[arg(long, value_name = "[NAME=]RULE", value_parser = null_rule)]
    pub(crate) on_missing: Vec<String>,
}

impl ModelFlags {
    /// These flags, and where they are silent, those of a lower layer; of what may be given several times, all: what
    /// comes later counts.
    pub(crate) fn over(self, lower: ModelFlags) -> ModelFlags {
        let (own, below) = (self.engines, lower.engines);
        ModelFlags {
            engines: EngineFlags {
                engine: own.engine.or(below.engine),
                onnxruntime: own.onnxruntime.or(below.onnxruntime),
                tensorflow: own.tensorflow.or(below.tensorflow),
                litert: own.litert.or(below.litert),
                python: own.python.or(below.python),
            },
            prefer: self.prefer.or(lower.prefer),
            load: LoadFlags {
                set: [lower.load.set, self.load.set].concat(),
                on_missing: [lower.load.on_missing, self.load.on_missing].concat(),
            },
        }
    }
}

/// Which engine evaluates ONNX models.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Default)]
pub(crate) enum EngineChoice {
    #[default]
    Auto,
    Onnxruntime,
    Embedded,
}

/// What a model is converted to before it is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Prefer {
    Onnx,
}

/// Splits `KEY=VALUE`.
pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".into()),
    }
}

/// A rule for missing values that fits some type, for all inputs or for one.
pub(super) fn null_rule(text: &str) -> Result<String, String> {
    let rule = match text.split_once('=') {
        Some((name, rule)) if name != "default" => rule,
        _ => text,
    };
    let fits = |dtype: &DType| NullRule::parse(rule, *dtype).is_ok();
    match NullRule::parse(rule, DType::F64) {
        Err(problem) if !DType::ALL.iter().any(fits) => Err(problem.to_string()),
        _ => Ok(text.to_owned()),
    }
}
