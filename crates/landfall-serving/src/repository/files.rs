//! The files of a model on a file system. Names never leave the model's folder, links included.

use super::map::map;
use landfall_model::{Buffer, FileEntry, Kind, ModelFiles, Problem, Reason};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// The most files that one model may have.
const MAX_FILES: usize = 100_000;
/// How deep folders of one model may lie in each other.
const MAX_DEPTH: usize = 32;
/// Folders in which Triton's model repositories keep a version's model where it is more than a file.
const NESTED: [&str; 2] = ["model.savedmodel", "model.onnx"];
/// Files up to this size are read, larger ones are mapped: a map of a file that is cut short kills the process, and
/// small files are those that are rewritten in place.
const MAPPED_FROM: u64 = 64 << 20;

/// The files of one model: a single file, or a folder with all that lies in it.
#[derive(Debug)]
pub struct FolderFiles {
    path: PathBuf,
    /// The folder that names are relative to, with all links resolved.
    root: PathBuf,
    /// A folder outside, with all links resolved, in which links of this one may end.
    linked: Option<PathBuf>,
    is_folder: bool,
    entries: Vec<FileEntry>,
}

impl FolderFiles {
    /// The model at `path`; of a folder that holds nothing but a folder `model.savedmodel` or `model.onnx`, as versions in
    /// Triton's repositories do, what lies in that. Hidden files (`.name`) and what is no regular file are passed over.
    ///
    /// # Errors
    /// [`Reason::FileMissing`], what the operating system said, or resource exhausted for a folder with more files
    /// than a model can have.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let nested = nested(path);
        let path = nested.as_deref().unwrap_or(path);
        let metadata = fs::metadata(path).map_err(|error| trouble("open", path, &error))?;
        let is_folder = metadata.is_dir();
        let folder = if is_folder { path } else { parent(path) };
        let root = fs::canonicalize(folder).map_err(|error| trouble("open", folder, &error))?;
        let mut entries = Vec::new();
        if is_folder {
            list(path, "", MAX_DEPTH, &mut 0, &mut entries)?;
            entries.sort_by(|a, b| a.name.cmp(&b.name));
        } else if metadata.is_file() {
            entries.push(FileEntry { name: own_name(path)?, bytes: metadata.len() });
        } else {
            return Err(Problem::invalid(format!("{} is neither a file nor a folder", path.display())));
        }
        let linked = if is_folder { blobs_of(&root) } else { folder_behind(path) };
        Ok(FolderFiles { path: path.to_owned(), root, linked, is_folder, entries })
    }

    /// Opens a file by its name within the folder.
    fn file(&self, name: &str) -> Result<(File, PathBuf, u64), Problem> {
        let leaves =
            || Problem::invalid(format!("file {name:?} leaves the model's folder {}", self.root.display()));
        let relative = Path::new(name);
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || name.contains('\0') || !plain {
            return Err(leaves());
        }
        // The file that somebody named may itself be a link to anywhere.
        let named = !self.is_folder && self.entries.first().is_some_and(|entry| entry.name == name);
        let path = if named { self.path.clone() } else { self.root.join(relative) };
        let real = fs::canonicalize(&path).map_err(|error| trouble("open", &path, &error))?;
        let is_linked = self.linked.is_some() && real.parent() == self.linked.as_deref();
        if !named && !is_linked && !real.starts_with(&self.root) {
            return Err(leaves());
        }
        let metadata = fs::metadata(&real).map_err(|error| trouble("open", &path, &error))?;
        if !metadata.is_file() {
            return Err(Problem::invalid(format!("{} is no regular file", path.display())));
        }
        let file = File::open(&real).map_err(|error| trouble("open", &path, &error))?;
        Ok((file, path, metadata.len()))
    }
}

impl ModelFiles for FolderFiles {
    fn path(&self) -> &Path {
        &self.path
    }

    fn is_folder(&self) -> bool {
        self.is_folder
    }

    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    fn head(&self, name: &str, bytes: usize) -> Result<Vec<u8>, Problem> {
        let (file, path, _) = self.file(name)?;
        let mut head = Vec::new();
        file.take(bytes as u64).read_to_end(&mut head).map_err(|error| trouble("read", &path, &error))?;
        Ok(head)
    }

    fn bytes(&self, name: &str) -> Result<Buffer, Problem> {
        let (file, path, length) = self.file(name)?;
        if length >= MAPPED_FROM
            && let Ok(mapped) = map(&file)
        {
            return Ok(mapped);
        }
        read(file, length).map_err(|error| trouble("read", &path, &error))
    }

    fn reader(&self, name: &str) -> Result<Box<dyn Read + '_>, Problem> {
        let (file, _, length) = self.file(name)?;
        Ok(Box::new(file.take(length)))
    }
}

/// The folder with a name of [`NESTED`] in a folder that holds nothing else.
fn nested(path: &Path) -> Option<PathBuf> {
    let is_hidden = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
    let mut entries = fs::read_dir(path).ok()?.flatten().filter(|entry| !is_hidden(entry));
    let only = entries.next().filter(|_| entries.next().is_none())?;
    let is_meant = NESTED.iter().any(|name| only.file_name() == *name);
    Some(only.path()).filter(|path| is_meant && path.is_dir())
}

/// Download caches keep a model's files as links into one folder of contents. Where the file that somebody named is such
/// a link, the files beside it may be links into the folder in which its own content lies, and into no other.
fn folder_behind(path: &Path) -> Option<PathBuf> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let real = fs::canonicalize(path).ok().filter(|_| is_link)?;
    real.parent().map(Path::to_owned)
}

/// Where a folder was named, its links may lead out only in the layout that such caches have: from
/// `REPOSITORY/snapshots/REVISION/…` into `REPOSITORY/blobs`.
fn blobs_of(root: &Path) -> Option<PathBuf> {
    let snapshots = root.ancestors().skip(1).find(|folder| folder.ends_with("snapshots"))?;
    let blobs = snapshots.parent()?.join("blobs");
    // The folder itself, not what a link of its name leads to.
    fs::symlink_metadata(&blobs).is_ok_and(|metadata| metadata.is_dir()).then_some(blobs)
}

/// Reads a file whose length was asked for just now; one that has grown or shrunk since is read as it is.
fn read(file: File, length: u64) -> std::io::Result<Buffer> {
    let room = usize::try_from(length).map_err(|_| std::io::ErrorKind::FileTooLarge)?;
    // Memory that is not written before the file is: zeros would take as long as the file's bytes.
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(room).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(Buffer::from_owner(bytes))
}

fn list(
    folder: &Path,
    prefix: &str,
    depth: usize,
    seen: &mut usize,
    into: &mut Vec<FileEntry>,
) -> Result<(), Problem> {
    let listing = fs::read_dir(folder).map_err(|error| trouble("list", folder, &error))?;
    for entry in listing {
        let entry = entry.map_err(|error| trouble("list", folder, &error))?;
        let file_name = entry.file_name();
        let Some(own) = file_name.to_str().filter(|own| !own.starts_with('.')) else { continue };
        // A link that leads nowhere, or a file that has just gone, is no file of the model.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        // Folders count too: links that lead in circles need no file to go on for ever.
        *seen += 1;
        if *seen > MAX_FILES {
            return Err(too_much(folder, "too many files for one model"));
        }
        let name = format!("{prefix}{own}");
        if metadata.is_dir() {
            if depth == 0 {
                return Err(too_much(folder, "folders lie too deep in each other"));
            }
            list(&entry.path(), &format!("{name}/"), depth - 1, seen, into)?;
        } else if metadata.is_file() {
            into.push(FileEntry { name, bytes: metadata.len() });
        }
    }
    Ok(())
}

fn too_much(folder: &Path, what: &str) -> Problem {
    Problem::worded(Kind::ResourceExhausted, format!("{}: {what}", folder.display()))
}

/// The folder that a file lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn own_name(path: &Path) -> Result<String, Problem> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| Problem::invalid(format!("the name of {} is no valid text", path.display())))
}

/// What the operating system said about a path.
pub(crate) fn trouble(what: &str, path: &Path, error: &std::io::Error) -> Problem {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            Problem::new(Reason::FileMissing { file: path.display().to_string() })
        }
        _ => Problem::io(format!("{what} {}", path.display()), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_lists_all_its_files_by_name_and_no_hidden_ones() {
        let folder = folder(&[("b/weights", "123"), ("a.onnx", "1"), (".cache", "x"), (".git/head", "x")]);
        let files = FolderFiles::open(folder.path()).unwrap();
        let names: Vec<_> = files.entries().iter().map(|entry| (entry.name.as_str(), entry.bytes)).collect();
        assert_eq!(names, [("a.onnx", 1), ("b/weights", 3)]);
        assert_eq!(files.bytes("b/weights").unwrap().bytes(), b"123");
        assert_eq!(files.head("b/weights", 2).unwrap(), b"12");
    }

    #[test]
    fn a_single_file_lists_itself_and_reads_what_lies_beside_it() {
        let folder = folder(&[("a.onnx", "model"), ("a.data", "weights")]);
        let files = FolderFiles::open(&folder.path().join("a.onnx")).unwrap();
        assert_eq!(files.entries().len(), 1);
        assert_eq!(files.bytes("a.data").unwrap().bytes(), b"weights");
        let mut read = Vec::new();
        files.reader("a.data").unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, b"weights");
        assert!(files.reader("../a.data").err().unwrap().to_string().contains("leaves the model's folder"));
    }

    #[test]
    fn a_model_may_lie_in_a_folder_of_its_own_as_in_tritons_repositories() {
        let folder = folder(&[
            ("1/model.savedmodel/saved_model.pb", "model"),
            ("1/.hidden", ""),
            ("2/model.onnx/model.onnx", "graph"),
            ("2/model.onnx/weights", "1"),
            ("3/model.onnx/a.onnx", ""),
            ("3/a.onnx", ""),
            ("4/model/a.onnx", ""),
        ]);
        let names = |version: &str| {
            let files = FolderFiles::open(&folder.path().join(version)).unwrap();
            files.entries().iter().map(|entry| entry.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names("1"), ["saved_model.pb"]);
        assert_eq!(names("2"), ["model.onnx", "weights"]);
        assert_eq!(
            names("3"),
            ["a.onnx", "model.onnx/a.onnx"],
            "a folder beside others is none of a model's own"
        );
        assert_eq!(names("4"), ["model/a.onnx"]);
        let files = FolderFiles::open(&folder.path().join("2")).unwrap();
        assert_eq!(files.bytes("weights").unwrap().bytes(), b"1");
        assert!(files.bytes("../../4/model/a.onnx").is_err());
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let folder = folder(&[("m/a.onnx", "model"), ("secret", "s")]);
        let files = FolderFiles::open(&folder.path().join("m")).unwrap();
        for name in ["../secret", "/etc/passwd", "", "./a.onnx", "x/../../secret", "a\0b"] {
            let problem = files.bytes(name).unwrap_err();
            assert_eq!(problem.kind(), Kind::InvalidArgument, "{name:?}");
            assert!(problem.to_string().contains("leaves the model's folder"), "{problem}");
        }
        assert_eq!(files.bytes("b.onnx").unwrap_err().kind(), Kind::NotFound);
    }

    #[test]
    fn links_that_leave_the_folder_are_refused_and_links_within_are_followed() {
        let folder = folder(&[("m/real/a.onnx", "model"), ("secret", "s")]);
        let model = folder.path().join("m");
        symlink("../secret", model.join("out")).unwrap();
        symlink("real/a.onnx", model.join("in")).unwrap();
        let files = FolderFiles::open(&model).unwrap();
        assert!(files.bytes("out").unwrap_err().to_string().contains("leaves the model's folder"));
        assert_eq!(files.bytes("in").unwrap().bytes(), b"model");
        symlink("m/real/a.onnx", folder.path().join("named.onnx")).unwrap();
        let named = FolderFiles::open(&folder.path().join("named.onnx")).unwrap();
        assert_eq!(named.bytes("named.onnx").unwrap().bytes(), b"model", "a link that was named is meant");
    }

    #[test]
    fn links_of_a_download_cache_lead_into_its_folder_of_contents_and_nowhere_else() {
        let cache = folder(&[
            ("m/blobs/1a", "model"),
            ("m/blobs/2b", "data"),
            ("m/blobs/sub/3c", "deep"),
            ("s", "secret"),
        ]);
        let snapshot = cache.path().join("m/snapshots/abc");
        fs::create_dir_all(&snapshot).unwrap();
        for (name, target) in [
            ("model.onnx", "../../blobs/1a"),
            ("model.onnx_data", "../../blobs/2b"),
            ("deep", "../../blobs/sub/3c"),
            ("out", "../../../s"),
        ] {
            symlink(target, snapshot.join(name)).unwrap();
        }
        for path in [snapshot.join("model.onnx"), snapshot.clone()] {
            let files = FolderFiles::open(&path).unwrap();
            assert_eq!(files.bytes("model.onnx").unwrap().bytes(), b"model");
            assert_eq!(files.bytes("model.onnx_data").unwrap().bytes(), b"data");
            for outside in ["deep", "out"] {
                let text = files.bytes(outside).unwrap_err().to_string();
                assert!(text.contains("leaves the model's folder"), "{text}");
            }
        }
        // A model that is no link opens no other folder, whatever links lie beside it.
        fs::write(snapshot.join("own.onnx"), "own").unwrap();
        let own = FolderFiles::open(&snapshot.join("own.onnx")).unwrap();
        assert!(own.bytes("model.onnx_data").is_err());
        // A folder of links outside such a layout stays closed, and so does one whose `blobs` is itself a link.
        let plain = cache.path().join("plain");
        fs::create_dir_all(&plain).unwrap();
        symlink("../m/blobs/1a", plain.join("model.onnx")).unwrap();
        assert!(FolderFiles::open(&plain).unwrap().bytes("model.onnx").is_err());
        let other = cache.path().join("o/snapshots/abc");
        fs::create_dir_all(&other).unwrap();
        symlink("../m/blobs", cache.path().join("o/blobs")).unwrap();
        symlink("../../../m/blobs/1a", other.join("model.onnx")).unwrap();
        assert!(FolderFiles::open(&other).unwrap().bytes("model.onnx").is_err());
    }

    #[test]
    fn a_folder_that_contains_itself_is_refused_and_not_walked_for_ever() {
        let folder = folder(&[("m/a.onnx", "model")]);
        symlink(".", folder.path().join("m/again")).unwrap();
        assert_eq!(FolderFiles::open(&folder.path().join("m")).unwrap_err().kind(), Kind::ResourceExhausted);
    }

    #[test]
    fn a_large_file_is_mapped_and_reads_the_same() {
        let folder = folder(&[("a", "")]);
        let file = File::options().write(true).open(folder.path().join("a")).unwrap();
        file.set_len(MAPPED_FROM).unwrap();
        drop(file);
        let files = FolderFiles::open(folder.path()).unwrap();
        let bytes = files.bytes("a").unwrap();
        assert_eq!(bytes.len() as u64, MAPPED_FROM);
        assert!(bytes.bytes().iter().step_by(4096).all(|&byte| byte == 0));
    }
}
