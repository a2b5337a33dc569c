//! A file that appears whole or not at all.

use crate::scratch::create_new;
use landfall_model::Problem;
use std::fs::{File, OpenOptions};
use std::io::{Result, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where the bytes of all files lie that are not committed yet: a process that ends on a signal drops nothing.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Written beside its place and renamed into it by [`AtomicFile::commit`]; removed when dropped before. What is no
/// plain file (a device, a pipe) is written to as it is.
pub struct AtomicFile {
    file: File,
    target: PathBuf,
    /// Where the bytes lie until they are committed; `None` when they go to the target itself.
    beside: Option<PathBuf>,
}

impl AtomicFile {
    /// Starts a file. What is at `target` stays there until the commit.
    ///
    /// # Errors
    /// When the folder is not there or cannot be written to.
    pub fn create(target: impl AsRef<Path>) -> std::result::Result<Self, Problem> {
        let asked = target.as_ref();
        let failed = |e: &std::io::Error| Problem::io(format!("create {}", asked.display()), e);
        if std::fs::metadata(asked).is_ok_and(|metadata| !metadata.is_file()) {
            let file = OpenOptions::new().write(true).open(asked).map_err(|e| failed(&e))?;
            return Ok(AtomicFile { file, target: asked.to_owned(), beside: None });
        }
        // A link stays a link: what it points to is replaced.
        let target = std::fs::canonicalize(asked).unwrap_or_else(|_| asked.to_owned());
        let stem =
            target.file_name().ok_or_else(|| Problem::invalid(format!("{} is no file", asked.display())))?;
        let folder = folder_of(&target);
        // Held while the file is made: a signal finds it in the list, or not yet made.
        let mut unfinished = unfinished();
        let (file, beside) = create_new(folder, &stem.to_string_lossy()).map_err(|e| failed(&e))?;
        unfinished.push(beside.clone());
        // Who may read what was there may read what comes after it, and nobody else.
        if let Ok(before) = std::fs::metadata(&target) {
            let _ = file.set_permissions(before.permissions());
        }
        Ok(AtomicFile { file, target, beside: Some(beside) })
    }

    /// Removes what lies beside its place of every file that is not committed, before the process ends on a signal.
    /// The files themselves must not be committed any more.
    pub fn abandon_all() {
        for beside in unfinished().drain(..) {
            // One that was committed just now is whole, and no longer there under this name.
            let _ = std::fs::remove_file(beside);
        }
    }

    /// A second handle, for a writer that wants to own one.
    ///
    /// # Errors
    /// When the system has no handle left.
    pub fn handle(&self) -> std::result::Result<File, Problem> {
        self.file.try_clone().map_err(|e| Problem::io(format!("open {} again", self.target.display()), &e))
    }

    /// The folder where it lies: the place for temporary files that go with it.
    pub fn folder(&self) -> &Path {
        folder_of(&self.target)
    }

    /// Puts the bytes on disk, then the file in its place.
    ///
    /// # Errors
    /// When the disk is full or the rename is refused; then nothing has changed at the target.
    pub fn commit(mut self) -> std::result::Result<(), Problem> {
        let Some(beside) = self.beside.take() else { return Ok(()) };
        let placed = self.file.sync_all().and_then(|()| std::fs::rename(&beside, &self.target));
        unfinished().retain(|path| *path != beside);
        if let Err(error) = placed {
            let _ = std::fs::remove_file(&beside);
            return Err(Problem::io(format!("write {}", self.target.display()), &error));
        }
        // The name is on disk when its folder is; not every system can do that, and the file is whole without it.
        if let Ok(folder) = File::open(folder_of(&self.target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            unfinished().retain(|path| path != beside);
            let _ = std::fs::remove_file(beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.csv");
        let mut dropped = AtomicFile::create(&target).unwrap();
        dropped.write_all(b"half").unwrap();
        drop(dropped);
        assert!(names(folder.path()).is_empty());
        let mut kept = AtomicFile::create(&target).unwrap();
        kept.write_all(b"whole").unwrap();
        assert!(!target.exists());
        kept.commit().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["out.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_replaced_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.csv");
        std::fs::write(&target, b"old").unwrap();
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut file = AtomicFile::create(&target).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_a_device_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut file = AtomicFile::create(&link).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
        let mut null = AtomicFile::create("/dev/null").unwrap();
        null.write_all(b"gone").unwrap();
        null.commit().unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }
}
