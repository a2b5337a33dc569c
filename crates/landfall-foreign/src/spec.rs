//! What a library is called.

use std::path::PathBuf;

/// A library that may be found at run time.
#[derive(Debug)]
pub struct LibrarySpec {
    /// What people call it: `ONNX Runtime`.
    pub title: &'static str,
    /// Its file's name without version and ending: `libonnxruntime`.
    pub stem: &'static str,
    /// The flag that names it: `--onnxruntime`.
    pub flag: &'static str,
    /// Environment variables that may name it, strongest first.
    pub variables: &'static [&'static str],
    /// The Python package that carries it: `onnxruntime`.
    pub python_package: &'static str,
    /// The folder within that package in which it lies: `capi`; empty for the package's own.
    pub python_folder: &'static str,
    /// What a user does to get it: `pip install onnxruntime`.
    pub install: &'static str,
}

impl LibrarySpec {
    /// Whether a file of this name is the library: `libx.so`, `libx.so.1.2`; `libx.dylib`, `libx.1.2.dylib`; `x.dll`.
    pub(crate) fn is_file_name(&self, name: &str) -> bool {
        let versioned = |rest: &str| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if cfg!(windows) {
            let bare = self.stem.strip_prefix("lib").unwrap_or(self.stem);
            return name.strip_suffix(".dll").is_some_and(|stem| stem == bare || stem == self.stem);
        }
        let Some(rest) = name.strip_prefix(self.stem) else { return false };
        if cfg!(target_os = "macos") {
            rest.strip_suffix(".dylib").is_some_and(versioned)
        } else {
            rest.strip_prefix(".so")
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') && versioned(rest))
        }
    }

    /// The bare names under which the system's loader may know it.
    pub(crate) fn system_names(&self) -> Vec<PathBuf> {
        let bare = self.stem.strip_prefix("lib").unwrap_or(self.stem);
        match () {
            () if cfg!(windows) => vec![format!("{bare}.dll").into()],
            () if cfg!(target_os = "macos") => vec![format!("{}.dylib", self.stem).into()],
            () => vec![format!("{}.so", self.stem).into(), format!("{}.so.1", self.stem).into()],
        }
    }
}
