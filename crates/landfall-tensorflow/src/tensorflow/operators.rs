//! Operators that are not TensorFlow's own: from libraries that are named, and from those of Python packages that lie
//! beside TensorFlow's.
//!
//! A library registers its operators with TensorFlow when it is opened, for the life of the process and for all models.

use super::api::{Failure, Runtime};
use super::options::{self, OP_LIBRARIES};
use landfall_foreign::Surroundings;
use landfall_model::{Options, Problem};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The variable that names libraries for all models, separated as `PATH` is.
pub(super) const VARIABLE: &str = "LANDFALL_TENSORFLOW_OP_LIBRARIES";

/// Packages whose libraries are opened for a model that needs them: as Python and as people call them, and the folders
/// in which their libraries lie.
const PACKAGES: [Package; 2] = [
    Package {
        module: "tensorflow_text",
        name: "tensorflow-text",
        folders: &["python/ops", "python/metrics"],
    },
    Package {
        module: "tensorflow_decision_forests",
        name: "tensorflow-decision-forests",
        folders: &["tensorflow/ops/inference"],
    },
];

struct Package {
    module: &'static str,
    name: &'static str,
    folders: &'static [&'static str],
}

/// The libraries that are named for a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named(Vec<PathBuf>);

impl Named {
    /// Those of the environment, then those of the load option.
    ///
    /// # Errors
    /// Invalid argument, naming the option, for an empty name.
    pub(super) fn read(surroundings: &Surroundings, given: &Options) -> Result<Self, Problem> {
        let everywhere = surroundings.variable(VARIABLE).map(std::env::split_paths).into_iter().flatten();
        let here = options::list(given, OP_LIBRARIES)?.unwrap_or_default();
        let named = everywhere.filter(|path| !path.as_os_str().is_empty());
        Ok(Named(named.chain(here.into_iter().map(PathBuf::from)).collect()))
    }

    /// Opens what is named, then whatever `open` opens; where that fails for want of an operator, with the libraries of
    /// packages beside TensorFlow that have it. `notes` gets a line for each library of a package.
    ///
    /// # Errors
    /// As TensorFlow words them: a library that cannot be opened, by its path; what `open` fails with; and for an
    /// operator that nobody has, where its library may come from.
    pub(super) fn with<T>(
        &self,
        runtime: &'static Runtime,
        notes: &mut Vec<String>,
        mut open: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        for path in &self.0 {
            load(runtime, path, OP_LIBRARIES)?;
        }
        let mut opened = BTreeSet::new();
        loop {
            let failure = match open() {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            let Some(operator) = unknown_operator(&failure.text).map(str::to_owned) else {
                return Err(failure.problem());
            };
            let Some((package, path)) =
                runtime.packages().and_then(|packages| library_with(packages, &operator, &opened))
            else {
                return Err(nobody_has(&operator, failure));
            };
            load(runtime, &path, package.name)?;
            notes.push(format!("operator {operator} comes from {}: {}", package.name, path.display()));
            opened.insert(path);
        }
    }
}

fn load(runtime: &'static Runtime, path: &Path, from: &str) -> Result<(), Problem> {
    runtime.load_library(path).map_err(|failure| {
        let Failure { code, text } = failure;
        let text = format!(
            "operators of {}: {text} ({from}; a library of operators fits the version of TensorFlow that it was made \
             for, and this is {})",
            path.display(),
            runtime.version()
        );
        Failure { code, text }.problem()
    })
}

/// The operator that a graph names and nobody has registered.
fn unknown_operator(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("Op type not registered '")?;
    rest.split_once('\'').map(|(operator, _)| operator)
}

fn nobody_has(operator: &str, failure: Failure) -> Problem {
    let packages = PACKAGES.map(|package| package.name).join(" and ");
    let text = format!(
        "{} Operator {operator} is not TensorFlow's own: name its library with the load option \
         {OP_LIBRARIES}=FILE.so or in {VARIABLE}; those of {packages} are found where they are installed beside TensorFlow",
        failure.text
    );
    Failure { text, ..failure }.problem()
}

/// The first library, of those not opened yet, in which an operator's name stands as a string of C's.
fn library_with(
    packages: &Path,
    operator: &str,
    opened: &BTreeSet<PathBuf>,
) -> Option<(&'static Package, PathBuf)> {
    PACKAGES.iter().find_map(|package| {
        let of = |folder: &&str| std::fs::read_dir(packages.join(package.module).join(folder)).ok();
        let entries = package.folders.iter().filter_map(of).flatten();
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "so") && !opened.contains(path))
            .collect();
        files.sort();
        let found = files.into_iter().find(|path| names(path, operator.as_bytes()))?;
        Some((package, found))
    })
}

/// Whether a file holds a name, ended by a zero. A linker may let it share the end of a longer one.
fn names(path: &Path, operator: &[u8]) -> bool {
    let Ok(bytes) = std::fs::read(path) else { return false };
    let mut pieces = bytes.split(|&byte| byte == 0);
    pieces.any(|piece| piece.ends_with(operator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_operator_is_found_in_the_librarys_words() {
        let text = "Op type not registered 'TFText>Ngrams' in binary running on host. Make sure";
        assert_eq!(unknown_operator(text), Some("TFText>Ngrams"));
        assert_eq!(unknown_operator("Op type not registered 'cut"), None);
        assert_eq!(unknown_operator("No such file"), None);
    }

    #[test]
    fn the_library_that_names_the_operator_is_found_once() {
        let folder = tempfile::tempdir().unwrap();
        let ops = folder.path().join("tensorflow_text/python/ops");
        std::fs::create_dir_all(&ops).unwrap();
        std::fs::write(ops.join("_a.so"), b"x\0TokenizeV2\0").unwrap();
        std::fs::write(ops.join("_b.so"), b"x\0Tokenize\0").unwrap();
        std::fs::write(ops.join("_c.txt"), b"x\0Tokenize\0").unwrap();
        let none = BTreeSet::new();
        let (package, path) = library_with(folder.path(), "Tokenize", &none).unwrap();
        assert_eq!((package.name, &path), ("tensorflow-text", &ops.join("_b.so")));
        assert!(library_with(folder.path(), "Tokenize", &BTreeSet::from([path])).is_none());
        assert!(library_with(folder.path(), "Other", &none).is_none());
    }

    #[test]
    fn libraries_of_the_environment_come_before_those_of_the_option() {
        let surroundings = Surroundings::default().with(VARIABLE, "/a.so:/b.so");
        let mut options = Options::new();
        options.set(OP_LIBRARIES, "/c.so");
        let named = Named::read(&surroundings, &options).unwrap();
        assert_eq!(named.0, ["/a.so", "/b.so", "/c.so"].map(PathBuf::from));
        assert_eq!(Named::read(&Surroundings::default(), &Options::new()).unwrap(), Named::default());
    }

    #[test]
    fn what_nobody_has_is_refused_with_the_ways_out() {
        let failure = Failure { code: 5, text: "Op type not registered 'Abacus' in binary.".to_owned() };
        let problem = nobody_has("Abacus", failure).to_string();
        for part in ["Op type not registered 'Abacus'", "op_libraries=", VARIABLE, "tensorflow-text"] {
            assert!(problem.contains(part), "{problem}");
        }
    }
}
