//! `landfall tensorflow-model-server`: the flags, files, messages and exit codes of `tensorflow_model_server`.

mod batching;
mod channel_arguments;
mod files;
mod flags;
mod live;
mod logging;
mod models;
mod record_files;
mod session_config;
mod settings;
mod start;
mod waiting;

use flags::{Line, Values};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// What the original exits with where it cannot start.
const FAILED: u8 = 255;

/// Serves until a signal says to stop.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let values = match flags::parse(arguments) {
        Ok(Line::Serve(values)) => values,
        Ok(Line::Help) => {
            say(&flags::usage());
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            say(&format!("{problem}\n{}", flags::usage()));
            return ExitCode::from(FAILED);
        }
    };
    if values.flag("version") {
        say(&version());
        return ExitCode::SUCCESS;
    }
    served(&values)
}

fn served(values: &Values) -> ExitCode {
    match start::serve(values) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("Failed to start server. Error: {}: {problem}\n", problem.kind().name()));
            ExitCode::from(FAILED)
        }
    }
}

fn version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "TensorFlow ModelServer: landfall-{version}\nTensorFlow Library: found at run time (landfall engines)\n"
    )
}

/// On standard output, where the original says these things.
fn say(text: &str) {
    // It may be closed: there is nobody left to tell.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
