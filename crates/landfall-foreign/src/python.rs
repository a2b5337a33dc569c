//! Where Python keeps its packages: asked of the folders of a virtual environment, or of an interpreter.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long an interpreter may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read at most.
const ANSWER_BYTES: u64 = 64 * 1024;

/// Finds a package's folders without importing it, and not in the current folder, which is no installation.
const QUESTION: &str = "import sys, importlib.util as u
sys.path[:] = [p for p in sys.path if p]
s = u.find_spec(sys.argv[1])
print('\\n'.join(s.submodule_search_locations or []) if s else '')";

/// The folders of packages within a virtual environment.
pub(crate) fn site_packages(root: &Path) -> Vec<PathBuf> {
    if cfg!(windows) {
        return vec![root.join("Lib").join("site-packages")];
    }
    let mut found = Vec::new();
    for lib in ["lib", "lib64"] {
        let Ok(entries) = std::fs::read_dir(root.join(lib)) else { continue };
        let mut versions: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        versions.sort();
        found.extend(versions.into_iter().rev().map(|version| version.join("site-packages")));
    }
    found
}

/// The folders of a package, as the first `python3` of a search path knows it.
pub(crate) fn package_folders(package: &str, path: Option<&OsStr>) -> Result<Vec<PathBuf>, String> {
    let python = first_on_path(path).ok_or("there is none on PATH")?;
    let answer = ask(&python, package, PATIENCE).map_err(|why| format!("{}: {why}", python.display()))?;
    let folders: Vec<PathBuf> =
        answer.lines().filter(|line| !line.trim().is_empty()).map(PathBuf::from).collect();
    if folders.is_empty() {
        Err(format!("{} has no package {package}", python.display()))
    } else {
        Ok(folders)
    }
}

fn first_on_path(path: Option<&OsStr>) -> Option<PathBuf> {
    let name = if cfg!(windows) { "python3.exe" } else { "python3" };
    // A relative folder on PATH means the current one, which says nothing about what is installed.
    std::env::split_paths(path?).filter(|f| f.is_absolute()).map(|f| f.join(name)).find(|file| file.is_file())
}

fn ask(python: &Path, package: &str, patience: Duration) -> Result<String, String> {
    let mut child = Command::new(python)
        .args(["-c", QUESTION, package])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let (sender, answers) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut text = String::new();
            let read = stdout.take(ANSWER_BYTES).read_to_string(&mut text);
            // Nobody listens any more once patience is at its end.
            let _ = sender.send(read.map(|_| text));
        });
    }
    let answer = answers.recv_timeout(patience);
    // It has answered, or has had its time: either way it is of no more use. One that has ended cannot be killed.
    let _ = child.kill();
    let _ = child.wait();
    match answer {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", patience.as_secs())),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn interpreter(folder: &Path, script: &str) -> PathBuf {
        let file = folder.join("python3");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn the_first_interpreter_on_the_path_is_asked() {
        let [empty, with] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        interpreter(with.path(), "echo /packages/$3");
        let path = std::env::join_paths([empty.path(), with.path()]).unwrap();
        assert_eq!(package_folders("thing", Some(&path)).unwrap(), [PathBuf::from("/packages/thing")]);
    }

    #[test]
    fn one_that_says_nothing_or_hangs_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let python = interpreter(folder.path(), "exec sleep 60");
        let why = ask(&python, "thing", Duration::from_millis(50)).unwrap_err();
        assert!(why.contains("no answer"), "{why}");
        interpreter(folder.path(), "exit 1");
        let why = package_folders("thing", Some(folder.path().as_os_str())).unwrap_err();
        assert!(why.contains("no package thing"), "{why}");
        assert!(package_folders("thing", None).is_err());
    }
}
