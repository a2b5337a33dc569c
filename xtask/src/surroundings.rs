//! What a complete run needs beside Rust and a C compiler: Python clients, ONNX Runtime, shared cases.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Modules that the client tests import.
const CLIENTS: &[&str] = &[
    "numpy",
    "requests",
    "grpc",
    "tritonclient.http",
    "tritonclient.grpc",
    "tensorflow_serving.apis.predict_pb2",
];

/// What was found.
pub(crate) struct Surroundings {
    /// The interpreter to run client tests with.
    pub(crate) python: PathBuf,
    /// Client modules that it cannot import.
    pub(crate) clients_missing: Vec<String>,
    pub(crate) onnxruntime: Option<PathBuf>,
    pub(crate) shared: PathBuf,
    pub(crate) shared_there: bool,
}

impl Surroundings {
    /// Looks at the environment: `LANDFALL_PYTHON`, `LANDFALL_ONNXRUNTIME`, `LANDFALL_SHARED`.
    pub(crate) fn find(root: &Path) -> Surroundings {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let python = variable("LANDFALL_PYTHON").unwrap_or_else(|| PathBuf::from("python3"));
        let shared = variable("LANDFALL_SHARED").unwrap_or_else(|| root.join("../shared"));
        let clients = CLIENTS.iter().filter(|module| !imports(&python, module));
        Surroundings {
            clients_missing: clients.map(|module| (*module).to_owned()).collect(),
            python,
            onnxruntime: variable("LANDFALL_ONNXRUNTIME").filter(|path| path.is_file()),
            shared_there: shared.join("conformance/protocols/replay.py").is_file(),
            shared,
        }
    }

    /// What a complete run would miss, one line each.
    pub(crate) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if !self.clients_missing.is_empty() {
            missing.push(format!("Python clients ({})", self.clients_missing.join(", ")));
        }
        if self.onnxruntime.is_none() {
            missing.push("ONNX Runtime (LANDFALL_ONNXRUNTIME names no file)".to_owned());
        }
        if !self.shared_there {
            missing.push(format!("shared cases ({})", self.shared.display()));
        }
        missing
    }
}

fn imports(python: &Path, module: &str) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", &format!("import {module}")]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Surroundings {
        Surroundings {
            python: PathBuf::from("python3"),
            clients_missing: Vec::new(),
            onnxruntime: Some(PathBuf::from("libonnxruntime.so")),
            shared: PathBuf::from("../shared"),
            shared_there: true,
        }
    }

    #[test]
    fn a_complete_run_misses_nothing() {
        assert_eq!(complete().missing(), Vec::<String>::new());
    }

    #[test]
    fn each_thing_that_is_not_there_is_named() {
        let clients = Surroundings { clients_missing: vec!["grpc".to_owned()], ..complete() };
        assert_eq!(clients.missing(), ["Python clients (grpc)"]);
        let library = Surroundings { onnxruntime: None, ..complete() };
        assert_eq!(library.missing().len(), 1);
        let shared = Surroundings { shared_there: false, ..complete() };
        assert_eq!(shared.missing(), ["shared cases (../shared)"]);
    }

    #[test]
    fn an_interpreter_that_is_not_there_imports_nothing() {
        assert!(!imports(Path::new("no-such-python"), "sys"));
    }
}
