//! Fingerprints of files and folders: whether something has changed, without reading it.

use super::files::{parent, trouble};
use crate::settings::SETTINGS_FILE;
use landfall_model::{Kind, Problem};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MAX_ENTRIES: usize = 100_000;
const MAX_DEPTH: usize = 32;

/// Names, sizes, inodes and times of all files of a model, as one number; and when the last of them changed. Among the times
/// is that of the inode's last change: content that was rewritten in place under its old time is another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fingerprint {
    hash: u64,
    /// Whether there is no file at all.
    pub(crate) is_empty: bool,
    /// When the content of a file last changed.
    pub(crate) changed: SystemTime,
    /// When anything was last done to a file or folder within, names and times included: nobody can set this back, so a
    /// copy that keeps old times is seen as under way too.
    pub(crate) touched: SystemTime,
}

/// Equal when nothing of the content has changed.
impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Fingerprint {
    /// The fingerprint of a file, or of a folder with all that lies in it. To a file belong those beside it that are named
    /// after it (`model.onnx.data`).
    pub(crate) fn of(path: &Path) -> Result<Self, Problem> {
        Fingerprint::counted(path, None).0
    }

    /// The same, and how many files and folders were looked at. `beside` are the files in a file's folder, sorted, where they
    /// are known; else that folder is listed.
    pub(crate) fn counted(path: &Path, beside: Option<&[PathBuf]>) -> (Result<Self, Problem>, usize) {
        let mut walk = Walk::default();
        let walked = walk.path(path, beside);
        let seen = walk.seen;
        (walked.map(|()| walk.finish()), seen)
    }
}

/// What is known of a file without reading it. Ordered by name.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct File {
    name: String,
    length: u64,
    inode: u64,
    /// Seconds and nanoseconds of the last change of the content, as whoever wrote it says.
    changed: (i64, i64),
    /// The same of anything about the file, as the file system says.
    touched: (i64, i64),
}

#[derive(Default)]
struct Walk {
    entries: Vec<File>,
    seen: usize,
    changed: Duration,
    touched: Duration,
}

impl Walk {
    fn add(&mut self, name: &str, metadata: &Metadata) {
        let since = |(seconds, ns): (i64, i64)| {
            Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(ns).unwrap_or(0))
        };
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        let touched = (metadata.ctime(), metadata.ctime_nsec());
        if metadata.is_file() {
            self.changed = self.changed.max(since(changed));
            let (name, length, inode) = (name.to_owned(), metadata.len(), metadata.ino());
            self.entries.push(File { name, length, inode, changed, touched });
        }
        self.touched = self.touched.max(since(touched));
    }

    fn path(&mut self, path: &Path, beside: Option<&[PathBuf]>) -> Result<(), Problem> {
        let metadata = fs::metadata(path).map_err(|error| trouble("open", path, &error))?;
        if metadata.is_dir() {
            return self.folder(path, "", MAX_DEPTH);
        }
        self.seen += 1;
        self.add("", &metadata);
        self.named_after(path, beside);
        Ok(())
    }

    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), Problem> {
        let listing = fs::read_dir(folder).map_err(|error| trouble("list", folder, &error))?;
        for entry in listing {
            let entry = entry.map_err(|error| trouble("list", folder, &error))?;
            let file_name = entry.file_name();
            let Some(own) = file_name.to_str().filter(|own| !own.starts_with('.')) else { continue };
            let Ok(metadata) = fs::metadata(entry.path()) else { continue };
            // Settings are compared by what they say: not all of them matter at load.
            if prefix.is_empty() && own == SETTINGS_FILE {
                continue;
            }
            let name = format!("{prefix}{own}");
            self.add(&name, &metadata);
            self.seen += 1;
            if self.seen > MAX_ENTRIES || (metadata.is_dir() && depth == 0) {
                let text = format!("{} holds more than a model can", folder.display());
                return Err(Problem::worded(Kind::ResourceExhausted, text));
            }
            if metadata.is_dir() {
                self.folder(&entry.path(), &format!("{name}/"), depth - 1)?;
            }
        }
        Ok(())
    }

    /// Files beside a model file that begin with its name.
    fn named_after(&mut self, path: &Path, beside: Option<&[PathBuf]>) {
        let Some(own) = path.file_name().and_then(|name| name.to_str()) else { return };
        let begins = |name: &OsStr| name.as_encoded_bytes().starts_with(own.as_bytes());
        match beside {
            Some(files) => {
                // Sorted: those that begin with a name stand right behind it.
                let behind = &files[files.partition_point(|file| file.as_path() <= path)..];
                behind
                    .iter()
                    .take_while(|file| file.file_name().is_some_and(begins))
                    .for_each(|file| self.beside(file));
            }
            None => {
                let Ok(listing) = fs::read_dir(parent(path)) else { return };
                let entries = listing.flatten().take(MAX_ENTRIES);
                let named = entries.filter(|entry| entry.file_name() != own && begins(&entry.file_name()));
                named.for_each(|entry| self.beside(&entry.path()));
            }
        }
    }

    /// A file that lies beside the model's own.
    fn beside(&mut self, file: &Path) {
        if let Some(name) = file.file_name().and_then(|name| name.to_str())
            && let Ok(metadata) = fs::metadata(file)
        {
            self.seen += 1;
            self.add(name, &metadata);
        }
    }

    fn finish(mut self) -> Fingerprint {
        self.entries.sort();
        let is_empty = self.entries.is_empty();
        let mut hasher = DefaultHasher::new();
        self.entries.hash(&mut hasher);
        Fingerprint {
            hash: hasher.finish(),
            is_empty,
            changed: UNIX_EPOCH + self.changed,
            touched: UNIX_EPOCH + self.touched,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_changes_with_any_file_within_and_with_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("deep")).unwrap();
        fs::write(path.join("deep/a"), "one").unwrap();
        let first = Fingerprint::of(path).unwrap();
        assert_eq!(Fingerprint::of(path).unwrap(), first);
        fs::write(path.join(".hidden"), "x").unwrap();
        assert_eq!(Fingerprint::of(path).unwrap().hash, first.hash, "hidden files do not count");
        fs::write(path.join(SETTINGS_FILE), "x").unwrap();
        assert_eq!(Fingerprint::of(path).unwrap().hash, first.hash, "settings do not count");
        fs::write(path.join("deep/a"), "three").unwrap();
        let second = Fingerprint::of(path).unwrap();
        assert_ne!(second.hash, first.hash);
        fs::write(path.join("b"), "").unwrap();
        assert_ne!(Fingerprint::of(path).unwrap().hash, second.hash);
    }

    #[test]
    fn content_that_was_rewritten_in_place_under_its_old_time_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "one").unwrap();
        let (first, time) =
            (Fingerprint::of(folder.path()).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
        // Clocks of file systems tick some milliseconds apart.
        while Fingerprint::of(folder.path()).unwrap() == first {
            fs::write(&path, "two").unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        }
        let after = fs::metadata(&path).unwrap();
        assert_eq!((after.len(), after.modified().unwrap()), (3, time));
    }

    #[test]
    fn weights_that_are_named_after_a_file_belong_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("m.onnx");
        fs::write(&model, "m").unwrap();
        let alone = Fingerprint::of(&model).unwrap();
        fs::write(folder.path().join("other"), "x").unwrap();
        assert_eq!(Fingerprint::of(&model).unwrap(), alone);
        fs::write(folder.path().join("m.onnx.data"), "w").unwrap();
        let both = Fingerprint::of(&model).unwrap();
        assert_ne!(both, alone);
        // The same by a list of what lies there.
        let files = ["l.onnx", "m.onnx", "m.onnx.data", "other"].map(|name| folder.path().join(name));
        let (listed, seen) = Fingerprint::counted(&model, Some(&files));
        assert_eq!((listed.unwrap(), seen), (both, 2));
        assert_eq!(Fingerprint::counted(&model, Some(&files[..2])).0.unwrap(), alone);
    }

    #[test]
    fn what_is_not_there_has_no_print() {
        assert_eq!(Fingerprint::of(Path::new("/nowhere/at/all")).unwrap_err().kind(), Kind::NotFound);
    }
}
