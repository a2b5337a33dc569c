//! Opening a shared library and finding functions in it: the only `dlopen`.
#![expect(unsafe_code, reason = "foreign code is what this file is about")]

use crate::divisions;
use std::path::{Path, PathBuf};

/// An open shared library; closed when dropped.
#[derive(Debug)]
pub struct Library {
    inner: libloading::Library,
    path: PathBuf,
}

impl Library {
    /// Opens a library. A bare file name (`libexample.so`) means the system's library path, all else a file. Opening
    /// runs the library's own initialisers: the path must come from whoever runs this process, never from a caller
    /// over the network.
    ///
    /// # Errors
    /// What the operating system's loader said.
    pub fn open(path: &Path) -> Result<Self, String> {
        divisions::go_on();
        // SAFETY: initialisers of the library run here. That they behave is what its operator vouches for by naming or
        // installing it; the program relies on nothing about the library beyond that.
        let opened = unsafe { libloading::Library::new(path) };
        opened.map(|inner| Library { inner, path: path.to_owned() }).map_err(|error| in_full(&error))
    }

    /// Where it was opened from, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A function's address as a function pointer of type `F`, valid while the library is open.
    ///
    /// # Safety
    /// `F` must be the function pointer type of the exported function (calling convention, arguments, result), and the
    /// pointer must not be called after the library was dropped.
    ///
    /// # Errors
    /// When the library exports no such symbol.
    pub unsafe fn function<F: Copy>(&self, name: &str) -> Result<F, String> {
        // SAFETY: the caller vouches for the type.
        match unsafe { self.inner.get::<F>(name.as_bytes()) } {
            Ok(symbol) => Ok(*symbol),
            Err(_) => Err(format!("it exports no {name}")),
        }
    }

    /// Keeps the library open until the process ends, for libraries that start threads or register handlers of their
    /// own.
    pub fn keep(self) -> &'static Library {
        Box::leak(Box::new(self))
    }
}

/// An error with its causes: the loader's own text is a cause of libloading's error on some platforms.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_own_words_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Library::open(&folder.path().join("libnone.so")).unwrap_err();
        assert!(missing.contains("libnone.so"), "{missing}");
        let path = folder.path().join("text.so");
        std::fs::write(&path, "words, and no library").unwrap();
        let text = Library::open(&path).unwrap_err();
        assert!(text.contains("text.so") && text != missing, "{text}");
    }
}
