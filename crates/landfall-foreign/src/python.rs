//! Where Python keeps its packages: asked of the folders of a virtual environment, or of an interpreter.

use crate::surroundings::Surroundings;
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

/// The environment variable that names the interpreter.
const NAMED: &str = "LANDFALL_PYTHON";

/// The interpreter that the operator named.
pub(crate) fn named(surroundings: &Surroundings) -> Option<PathBuf> {
    let named = PathBuf::from(surroundings.variable(NAMED)?);
    let bare = named.components().count() == 1 && !named.has_root();
    let on_path = || on_path(named.as_os_str(), surroundings.variable("PATH"));
    if bare { Some(on_path().unwrap_or_else(|| named.clone())) } else { Some(named) }
}

/// The interpreter to run scripts with: the one that `LANDFALL_PYTHON` names, else the active virtual environment's,
/// else the first `python3` on PATH. Whether it is there is not asked.
///
/// # Errors
/// In a few words: where one was looked for.
pub fn interpreter(surroundings: &Surroundings) -> Result<PathBuf, String> {
    let of_environment = || {
        let root = Path::new(surroundings.variable("VIRTUAL_ENV")?);
        let file =
            if cfg!(windows) { root.join("Scripts").join("python.exe") } else { root.join("bin/python3") };
        file.is_file().then_some(file)
    };
    named(surroundings)
        .or_else(of_environment)
        .or_else(|| first_on_path(surroundings.variable("PATH")))
        .ok_or_else(|| {
            format!("{NAMED} is not set, no virtual environment is active, and no python3 is on PATH")
        })
}

/// The folders of a package, as an interpreter knows it: the named one, else the first `python3` of a search path.
pub(crate) fn package_folders(
    package: &str,
    named: Option<PathBuf>,
    path: Option<&OsStr>,
) -> Result<Vec<PathBuf>, String> {
    let python = named.or_else(|| first_on_path(path)).ok_or("there is none on PATH")?;
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
    on_path(OsStr::new(if cfg!(windows) { "python3.exe" } else { "python3" }), path)
}

fn on_path(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
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

    fn interpreter_file(folder: &Path, script: &str) -> PathBuf {
        let file = folder.join("python3");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn the_first_interpreter_on_the_path_is_asked() {
        let [empty, with] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        interpreter_file(with.path(), "echo /packages/$3");
        let path = std::env::join_paths([empty.path(), with.path()]).unwrap();
        assert_eq!(package_folders("thing", None, Some(&path)).unwrap(), [PathBuf::from("/packages/thing")]);
    }

    #[test]
    fn the_named_interpreter_comes_before_all_others() {
        let [named, environment, path] = [0; 3].map(|_| tempfile::tempdir().unwrap());
        std::fs::create_dir(environment.path().join("bin")).unwrap();
        let of_environment = interpreter_file(&environment.path().join("bin"), "exit 0");
        let on_path = interpreter_file(path.path(), "exit 0");
        let named = interpreter_file(named.path(), "echo /named/$3");
        let mut surroundings = Surroundings::default().with("PATH", path.path());
        assert_eq!(interpreter(&surroundings).unwrap(), on_path);
        surroundings = surroundings.with("VIRTUAL_ENV", environment.path());
        assert_eq!(interpreter(&surroundings).unwrap(), of_environment);
        surroundings = surroundings.with(NAMED, &named);
        assert_eq!(interpreter(&surroundings).unwrap(), named);
        let folders = package_folders("thing", super::named(&surroundings), None).unwrap();
        assert_eq!(folders, [PathBuf::from("/named/thing")]);
        surroundings = surroundings.with(NAMED, "python3");
        assert_eq!(interpreter(&surroundings).unwrap(), on_path, "a bare name is looked up");
        assert!(interpreter(&Surroundings::default()).unwrap_err().contains("PATH"));
    }

    #[test]
    fn one_that_says_nothing_or_hangs_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let python = interpreter_file(folder.path(), "exec sleep 60");
        let why = ask(&python, "thing", Duration::from_millis(50)).unwrap_err();
        assert!(why.contains("no answer"), "{why}");
        interpreter_file(folder.path(), "exit 1");
        let why = package_folders("thing", None, Some(folder.path().as_os_str())).unwrap_err();
        assert!(why.contains("no package thing"), "{why}");
        assert!(package_folders("thing", None, None).is_err());
    }
}
