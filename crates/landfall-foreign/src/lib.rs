//! Finding and opening shared libraries, saying what was tried, holding what lies in their memory, and going on where the processor
//! traps a division of theirs.
//!
//! A [`LibrarySpec`] says what a library is called and where it may lie; [`search`] walks the places in their order,
//! opens what it finds and asks the caller whether it will do. What was tried, and why each was refused, is in the
//! [`Report`], taken or not. Nothing else in Landfall opens a shared library.
//!
//! ```
//! use landfall_foreign::{LibrarySpec, Surroundings, search};
//!
//! static SPEC: LibrarySpec = LibrarySpec {
//!     title: "an example",
//!     stem: "libexample",
//!     flag: "--example",
//!     variables: &["LANDFALL_EXAMPLE"],
//!     python_package: "example",
//!     python_folder: "lib",
//!     install: "pip install example",
//! };
//! let nowhere = Surroundings::default();
//! let found = search(&SPEC, None, &nowhere, |library| Ok(library.keep()));
//! assert!(found.taken.is_none());
//! assert!(found.report.to_string().contains("pip install example"));
//! ```

pub mod divisions;
mod held;
mod library;
mod place;
mod places;
mod python;
mod report;
mod spec;
mod surroundings;

pub use held::Held;
pub use library::Library;
pub use place::Place;
pub use python::interpreter;
pub use report::{Attempt, Outcome, Report};
pub use spec::LibrarySpec;
pub use surroundings::Surroundings;

/// What a search came to.
#[derive(Debug)]
pub struct Search<T> {
    /// What the caller made of the library that was taken; `None` when none would do.
    pub taken: Option<T>,
    /// What was tried, in order.
    pub report: Report,
}

/// Walks the places in their order, opens each library there, and takes the first that `accept` takes. A place is
/// looked at only when all before it gave nothing; in particular Python is started last.
///
/// `explicit` is the path that the operator gave with the library's flag: then no other place is looked at. `accept`
/// refuses with a few words (`version 1.17 is too old: 1.24 or newer is needed`), which go into the report.
pub fn search<T>(
    spec: &'static LibrarySpec,
    explicit: Option<&std::path::Path>,
    surroundings: &Surroundings,
    mut accept: impl FnMut(Library) -> Result<T, String>,
) -> Search<T> {
    let mut report = Report::new(spec);
    for place in places::in_order(spec, explicit) {
        let candidates = match places::candidates(&place, spec, surroundings) {
            Ok(candidates) => candidates,
            Err(nothing) => {
                report.attempts.push(Attempt { place, outcome: nothing });
                continue;
            }
        };
        for path in candidates {
            let outcome = match Library::open(&path).and_then(&mut accept) {
                Ok(taken) => {
                    report.attempts.push(Attempt { place, outcome: Outcome::Taken { path } });
                    return Search { taken: Some(taken), report };
                }
                Err(why) => Outcome::Refused { path, why },
            };
            report.attempts.push(Attempt { place: place.clone(), outcome });
        }
    }
    Search { taken: None, report }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    static SPEC: LibrarySpec = LibrarySpec {
        title: "the C library's mathematics",
        stem: "libm",
        flag: "--math",
        variables: &["LANDFALL_MATH", "MATH_PATH"],
        python_package: "no_such_package_here",
        python_folder: "lib",
        install: "install a C library",
    };

    fn broken(folder: &Path, name: &str) -> std::path::PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, b"no library").unwrap();
        path
    }

    #[test]
    fn a_refused_library_is_reported_and_the_next_place_tried() {
        let folder = tempfile::tempdir().unwrap();
        let first = broken(folder.path(), "first.so");
        let second = broken(folder.path(), "second.so");
        let surroundings = Surroundings::default().with("MATH_PATH", &second);
        let surroundings = surroundings.with("LANDFALL_MATH", &first);
        let found = search(&SPEC, None, &surroundings, |_| Ok(()));
        let paths: Vec<_> = found.report.attempts.iter().filter_map(|a| a.outcome.path()).collect();
        assert_eq!(paths[..2], [first.as_path(), second.as_path()], "in the order of the variables");
        let refused: Vec<_> = found.report.refused().map(|(_, path, why)| (path, why)).collect();
        for (path, name) in [(&first, "first.so"), (&second, "second.so")] {
            let why = refused.iter().find(|(refused, _)| refused == path).expect("both were tried").1;
            assert!(why.contains(name), "the operating system's own words are kept: {why}");
        }
    }

    #[test]
    fn a_library_that_was_named_and_will_not_do_has_no_other_in_its_stead() {
        let folder = tempfile::tempdir().unwrap();
        let named = broken(folder.path(), "named.so");
        let found = search(&SPEC, Some(&named), &Surroundings::of_process(), |_| Ok(()));
        assert!(found.taken.is_none());
        assert_eq!(found.report.attempts.len(), 1);
        let text = found.report.to_string();
        assert!(text.contains("--math") && text.contains("named.so"), "{text}");
    }

    #[test]
    fn what_the_caller_refuses_is_reported_in_its_words() {
        let mut asked = 0;
        let found = search(&SPEC, None, &Surroundings::default(), |_library| {
            asked += 1;
            Err::<(), _>("version 0.1 is too old".to_owned())
        });
        assert!(found.taken.is_none());
        if asked > 0 {
            assert!(found.report.to_string().contains("version 0.1 is too old"), "{}", found.report);
        }
    }

    #[test]
    fn the_first_that_will_do_ends_the_search() {
        let found = search(&SPEC, None, &Surroundings::default(), |library| Ok(library.path().to_owned()));
        // A machine whose linker knows libm.so.6 alone has nothing to take here; then nothing was opened either.
        match found.taken {
            Some(path) => {
                assert!(matches!(found.report.attempts.last().unwrap().outcome, Outcome::Taken { .. }));
                assert!(path.to_string_lossy().contains("libm"));
            }
            None => assert!(
                found
                    .report
                    .attempts
                    .iter()
                    .all(|a| a.outcome.path().is_none_or(|p| p.exists() || p.components().count() == 1))
            ),
        }
    }
}
