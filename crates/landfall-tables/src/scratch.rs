//! Temporary files, gone with their handle.

use landfall_model::Problem;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A new file beside others in `folder`: made so that no other file can be hit. `stem` is for people who find it.
pub(crate) fn create_new(folder: &Path, stem: &str) -> Result<(File, PathBuf)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".{stem}.{}-{number}.partial", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// A file to write to and read again. Where the system allows it, it loses its name at once, so that not even a killed
/// process leaves it behind.
pub(crate) struct ScratchFile {
    file: File,
    /// The name, where it still has one.
    path: Option<PathBuf>,
}

impl ScratchFile {
    pub(crate) fn create(folder: &Path) -> std::result::Result<Self, Problem> {
        let (file, path) = create_new(folder, "landfall")
            .map_err(|e| Problem::io(format!("create a temporary file in {}", folder.display()), &e))?;
        let removed = cfg!(unix) && std::fs::remove_file(&path).is_ok();
        Ok(ScratchFile { file, path: (!removed).then_some(path) })
    }

    /// All that a stream gives, as a file to be read from its beginning.
    pub(crate) fn keep(
        stream: &mut dyn Read,
        label: &str,
        folder: &Path,
    ) -> std::result::Result<File, Problem> {
        let mut kept = ScratchFile::create(folder)?;
        std::io::copy(stream, &mut kept)
            .and_then(|_| kept.rewind())
            .and_then(|()| kept.file.try_clone())
            .map_err(|e| Problem::io(format!("keep {label} in a temporary file"), &e))
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Nothing is lost but space when it stays.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Write for ScratchFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }
}

impl Read for ScratchFile {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        self.file.read(out)
    }
}

impl Seek for ScratchFile {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.file.seek(to)
    }
}
