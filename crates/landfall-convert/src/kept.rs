//! Where conversions are kept: one folder for each key, made whole beside its place and renamed.

use crate::Key;
use landfall_model::{ModelFiles, Problem};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A conversion that is there.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The folder that `make` has filled.
    pub folder: PathBuf,
    /// Whether it was made just now.
    pub is_new: bool,
}

/// Digits of a key.
const KEY_DIGITS: usize = 32;

/// The folder of a key within `into`: the one that is there, else a new one, which `make` fills. Folders of other keys are
/// removed then: they belong to files that are no more.
///
/// # Errors
/// What `make` says, or the operating system.
pub fn kept(
    into: &Path,
    key: &str,
    make: impl FnOnce(&Path) -> Result<(), Problem>,
) -> Result<Kept, Problem> {
    let folder = into.join(key);
    if folder.is_dir() {
        return Ok(Kept { folder, is_new: false });
    }
    let staging = staging(into, key)?;
    make(staging.path())?;
    match fs::rename(staging.path(), &folder) {
        Ok(()) => {
            forget_others(into, key);
            Ok(Kept { folder, is_new: true })
        }
        // Somebody else was quicker.
        Err(_) if folder.is_dir() => Ok(Kept { folder, is_new: false }),
        Err(error) => Err(Problem::io(format!("rename {} to {key}", staging.path().display()), &error)),
    }
}

/// Where conversions of a model may be kept, in order: a hidden folder beside it (within a model that is a folder), and one
/// under the state folder, for models on media that cannot be written.
pub fn places(tool: &str, files: &dyn ModelFiles, state: Option<&Path>) -> Vec<PathBuf> {
    let path = files.path();
    let beside = match path.parent() {
        _ if files.is_folder() => path,
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy());
    let first = beside.join(format!(".landfall-{tool}-{name}"));
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let second = state.map(|folder| {
        folder.join(format!("{tool}-{}", Key::new().with(absolute.to_string_lossy().as_bytes())))
    });
    std::iter::once(first).chain(second).collect()
}

/// A folder of no other conversion's name.
fn staging(into: &Path, key: &str) -> Result<Staging, Problem> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    fs::create_dir_all(into).map_err(|error| Problem::io(format!("create {}", into.display()), &error))?;
    Staging::new(into.join(format!("{key}.{}-{number}", std::process::id())))
}

/// All folders under construction: a process that ends on a signal drops nothing.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder under construction; removed with all that is in it when dropped, unless it was renamed.
pub struct Staging(PathBuf);

impl Staging {
    /// Makes the folder.
    ///
    /// # Errors
    /// Where it is there already, or cannot be made.
    pub fn new(folder: PathBuf) -> Result<Self, Problem> {
        // Held while the folder is made: a signal finds it in the list, or not yet made.
        let mut unfinished = unfinished();
        let made = fs::create_dir(&folder);
        made.map_err(|error| Problem::io(format!("create {}", folder.display()), &error))?;
        unfinished.push(folder.clone());
        Ok(Staging(folder))
    }

    /// Removes all folders under construction with what is in them, before the process ends on a signal.
    pub fn abandon_all() {
        for folder in unfinished().drain(..) {
            let _ = fs::remove_dir_all(folder);
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        unfinished().retain(|folder| *folder != self.0);
    }
}

/// Removes finished folders of other keys; unfinished ones may be somebody's work.
fn forget_others(into: &Path, key: &str) {
    let Ok(entries) = fs::read_dir(into) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_other = name.to_str().is_some_and(|name| {
            name.len() == KEY_DIGITS && name != key && name.bytes().all(|b| b.is_ascii_hexdigit())
        });
        if is_other {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        Key::new().with(text).to_string()
    }

    #[test]
    fn what_is_there_is_not_made_again_and_what_failed_leaves_nothing() {
        let into = tempfile::tempdir().unwrap();
        let fails = kept(into.path(), &key("a"), |folder| {
            fs::write(folder.join("half"), "").unwrap();
            Err(Problem::invalid("no"))
        });
        assert!(fails.is_err());
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 0, "nothing is left of it");
        let make = |folder: &Path| {
            fs::write(folder.join("model"), "1").unwrap();
            Ok(())
        };
        let first = kept(into.path(), &key("a"), make).unwrap();
        assert!(first.is_new && first.folder.join("model").is_file());
        let second = kept(into.path(), &key("a"), |_| unreachable!("it is there")).unwrap();
        assert!(!second.is_new && second.folder == first.folder);
    }

    #[test]
    fn a_new_conversion_takes_the_place_of_the_old_one() {
        let into = tempfile::tempdir().unwrap();
        fs::create_dir(into.path().join("notes")).unwrap();
        let old = kept(into.path(), &key("old"), |_| Ok(())).unwrap();
        let new = kept(into.path(), &key("new"), |_| Ok(())).unwrap();
        assert!(!old.folder.exists() && new.folder.exists());
        assert!(into.path().join("notes").exists(), "what is no conversion stays");
    }
}
