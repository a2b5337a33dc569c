//! Where a library may lie, in the order in which the places are looked at.

use crate::place::Place;
use crate::python;
use crate::report::Outcome;
use crate::spec::LibrarySpec;
use crate::surroundings::Surroundings;
use std::path::{Path, PathBuf};

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
