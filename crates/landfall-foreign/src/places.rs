//! Where a library may lie, in the order in which the places are looked at.

use crate::python;
use crate::report::Outcome;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

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
    fn is_file_name(&self, name: &str) -> bool {
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
    fn system_names(&self) -> Vec<PathBuf> {
        let bare = self.stem.strip_prefix("lib").unwrap_or(self.stem);
        match () {
            () if cfg!(windows) => vec![format!("{bare}.dll").into()],
            () if cfg!(target_os = "macos") => vec![format!("{}.dylib", self.stem).into()],
            () => vec![format!("{}.so", self.stem).into(), format!("{}.so.1", self.stem).into()],
        }
    }
}

/// What a search may look at of the machine and the process: plain data, so that tests make their own.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The environment's variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// This program's file.
    pub executable: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        Surroundings { variables: std::env::vars_os().collect(), executable: std::env::current_exe().ok() }
    }

    /// The same with a variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.insert(name.into(), value.as_ref().to_owned());
        self
    }

    /// A variable's value; an empty one counts as not set.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Landfall's data folder: `$XDG_DATA_HOME/landfall`, else `~/.local/share/landfall`.
    pub(crate) fn data_folder(&self) -> Option<PathBuf> {
        let base = match (self.variable("XDG_DATA_HOME"), self.variable("HOME")) {
            (Some(data), _) => PathBuf::from(data),
            (None, Some(home)) => Path::new(home).join(".local/share"),
            (None, None) => return None,
        };
        Some(base.join("landfall"))
    }
}

/// One place where a library may lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// A path given with the library's flag.
    Flag(&'static str, PathBuf),
    /// A path in an environment variable.
    Variable(&'static str),
    /// `engines/` under Landfall's data folder.
    DataFolder,
    /// Beside the program's file.
    BesideProgram,
    /// Where the system's loader looks.
    System,
    /// The active virtual environment's packages.
    VirtualEnvironment,
    /// The packages of the Python that `LANDFALL_PYTHON` names, which stands in for the virtual environment too; else of
    /// the first `python3` on PATH.
    Python,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Flag(flag, _) => f.write_str(flag),
            Place::Variable(name) => f.write_str(name),
            Place::DataFolder => f.write_str("data folder"),
            Place::BesideProgram => f.write_str("beside the program"),
            Place::System => f.write_str("system library path"),
            Place::VirtualEnvironment => f.write_str("virtual environment"),
            Place::Python => f.write_str("python3"),
        }
    }
}

/// All places for a library, in order. Whoever names one wants that one, and no other in its stead.
pub(crate) fn in_order(spec: &'static LibrarySpec, explicit: Option<&Path>) -> Vec<Place> {
    if let Some(path) = explicit {
        return vec![Place::Flag(spec.flag, path.to_owned())];
    }
    let variables = spec.variables.iter().map(|name| Place::Variable(name));
    let rest =
        [Place::DataFolder, Place::BesideProgram, Place::System, Place::VirtualEnvironment, Place::Python];
    variables.chain(rest).collect()
}

/// The files to try at a place, newest version first.
pub(crate) fn candidates(
    place: &Place,
    spec: &LibrarySpec,
    surroundings: &Surroundings,
) -> Result<Vec<PathBuf>, Outcome> {
    let named = |path: &Path| if path.is_dir() { in_folder(path, spec) } else { Ok(vec![path.to_owned()]) };
    let absent = |what: &str| Outcome::NotThere { what: what.to_owned() };
    match place {
        Place::Flag(_, path) => named(path),
        Place::Variable(name) => {
            named(Path::new(surroundings.variable(name).ok_or_else(|| absent("not set"))?))
        }
        Place::DataFolder => {
            let folder = surroundings.data_folder().ok_or_else(|| absent("no home folder is known"))?;
            in_folder(&folder.join("engines"), spec)
        }
        Place::BesideProgram => {
            let folder = surroundings.executable.as_deref().and_then(Path::parent);
            in_folder(folder.ok_or_else(|| absent("the program's own path is not known"))?, spec)
        }
        Place::System => Ok(spec.system_names()),
        Place::VirtualEnvironment if python::named(surroundings).is_some() => {
            Err(absent("another Python is named"))
        }
        Place::VirtualEnvironment => {
            let root = surroundings.variable("VIRTUAL_ENV").ok_or_else(|| absent("none is active"))?;
            let packages = python::site_packages(Path::new(root));
            let folders =
                packages.iter().map(|folder| package_folder(folder.join(spec.python_package), spec));
            first_with_library(folders, spec).ok_or_else(|| {
                absent(&format!("no package {} in {}", spec.python_package, root.to_string_lossy()))
            })
        }
        Place::Python => {
            let (named, path) = (python::named(surroundings), surroundings.variable("PATH"));
            let package =
                python::package_folders(spec.python_package, named, path).map_err(|what| absent(&what))?;
            let folders = package.into_iter().map(|folder| package_folder(folder, spec));
            first_with_library(folders, spec)
                .ok_or_else(|| absent(&format!("its package {} holds no {}", spec.python_package, spec.stem)))
        }
    }
}

fn package_folder(package: PathBuf, spec: &LibrarySpec) -> PathBuf {
    if spec.python_folder.is_empty() { package } else { package.join(spec.python_folder) }
}

fn first_with_library(folders: impl Iterator<Item = PathBuf>, spec: &LibrarySpec) -> Option<Vec<PathBuf>> {
    folders.map(|folder| in_folder(&folder, spec)).find_map(Result::ok)
}

/// The library's files in a folder, newest version first (`libx.so.1.10` before `libx.so.1.9`).
fn in_folder(folder: &Path, spec: &LibrarySpec) -> Result<Vec<PathBuf>, Outcome> {
    let absent = || Outcome::NotThere { what: format!("no {} in {}", spec.stem, folder.display()) };
    let entries = std::fs::read_dir(folder).map_err(|_| absent())?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| spec.is_file_name(name))
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(numbers(name)));
    if names.is_empty() { Err(absent()) } else { Ok(names.iter().map(|name| folder.join(name)).collect()) }
}

fn numbers(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    static SPEC: LibrarySpec = LibrarySpec {
        title: "x",
        stem: "libx",
        flag: "--x",
        variables: &["LANDFALL_X", "X_PATH"],
        python_package: "x",
        python_folder: "capi",
        install: "pip install x",
    };

    #[cfg(target_os = "linux")]
    #[test]
    fn versioned_files_come_newest_first_and_others_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libx.so.1.9.3", "libx.so.1.10.0", "libx.so", "libx_other.so", "libx.so.txt", "libxy.so"]
        {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = in_folder(folder.path(), &SPEC).unwrap();
        let names: Vec<_> =
            found.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["libx.so.1.10.0", "libx.so.1.9.3", "libx.so"]);
        let surroundings = Surroundings::default().with("X_PATH", folder.path());
        assert_eq!(
            candidates(&Place::Variable("X_PATH"), &SPEC, &surroundings).unwrap(),
            found,
            "a folder will do"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn each_folder_is_looked_into() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            vec![file]
        };
        let mut surroundings = Surroundings::default()
            .with("XDG_DATA_HOME", root.path().join("data"))
            .with("VIRTUAL_ENV", root.path().join("venv"));
        surroundings.executable = Some(root.path().join("bin/landfall"));
        for (place, path) in [
            (Place::DataFolder, "data/landfall/engines/libx.so.2"),
            (Place::BesideProgram, "bin/libx.so"),
            (Place::VirtualEnvironment, "venv/lib/python3.11/site-packages/x/capi/libx.so.1.2.3"),
        ] {
            assert!(candidates(&place, &SPEC, &surroundings).is_err(), "{place}: nothing is there yet");
            let file = make(path);
            assert_eq!(candidates(&place, &SPEC, &surroundings).unwrap(), file, "{place}");
        }
    }

    #[test]
    fn the_order_is_variables_folders_system_python_and_a_flag_stands_alone() {
        let names = |explicit: Option<&str>| -> String {
            let places = in_order(&SPEC, explicit.map(Path::new));
            places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(
            names(None),
            "LANDFALL_X, X_PATH, data folder, beside the program, system library path, virtual environment, python3"
        );
        assert_eq!(names(Some("/x")), "--x");
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let surroundings = Surroundings::default().with("LANDFALL_X", "");
        assert!(candidates(&Place::Variable("LANDFALL_X"), &SPEC, &surroundings).is_err());
    }
}
