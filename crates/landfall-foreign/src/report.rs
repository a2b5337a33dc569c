//! What a search tried, and why each was refused: for messages, and for the command that lists engines.

use crate::place::Place;
use crate::spec::LibrarySpec;
use std::fmt;
use std::path::{Path, PathBuf};

/// What became of one place or one file there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// This file was taken.
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// This file will not do.
    Refused {
        /// The file.
        path: PathBuf,
        /// Why, in the loader's or the engine's words.
        why: String,
    },
    /// There was no file to try.
    NotThere {
        /// Why, in a few words: `not set`.
        what: String,
    },
}

impl Outcome {
    /// The file tried.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Outcome::Taken { path } | Outcome::Refused { path, .. } => Some(path),
            Outcome::NotThere { .. } => None,
        }
    }
}

/// One place or file that was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Where.
    pub place: Place,
    /// With what result.
    pub outcome: Outcome,
}

/// All that one search tried, in order; the last attempt is the taken one, where one was.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was searched for.
    pub spec: &'static LibrarySpec,
    /// What was tried.
    pub attempts: Vec<Attempt>,
}

impl Report {
    pub(crate) fn new(spec: &'static LibrarySpec) -> Self {
        Report { spec, attempts: Vec::new() }
    }

    /// The file that was taken, and where it was found.
    pub fn taken(&self) -> Option<(&Place, &Path)> {
        self.attempts.iter().find_map(|attempt| match &attempt.outcome {
            Outcome::Taken { path } => Some((&attempt.place, path.as_path())),
            _ => None,
        })
    }

    /// The files that were found but refused; what the start log should mention though another one was taken. Names
    /// that the system's loader does not know are no finding.
    pub fn refused(&self) -> impl Iterator<Item = (&Place, &Path, &str)> {
        self.attempts.iter().filter_map(|attempt| match &attempt.outcome {
            Outcome::Refused { path, why } if attempt.place != Place::System || is_more_than_absent(why) => {
                Some((&attempt.place, path.as_path(), why.as_str()))
            }
            _ => None,
        })
    }

    /// One line for each attempt: the long form.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.attempts.iter().map(|Attempt { place, outcome }| match outcome {
            Outcome::Taken { path } => format!("{place}: {}: taken", path.display()),
            Outcome::Refused { path, why } => format!("{place}: {}: {why}", path.display()),
            Outcome::NotThere { what } => format!("{place}: {what}"),
        })
    }
}

/// Loaders say the same of a name that they do not know and of a file that needs another one; only the second is worth
/// a word.
fn is_more_than_absent(why: &str) -> bool {
    !why.contains("No such file") && !why.contains("not found") && !why.contains("no such file")
}

/// The short form, one sentence: what was taken from where; or what was tried and how to install it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((place, path)) = self.taken() {
            write!(f, "{} ({place})", path.display())?;
            return self.refused().try_for_each(|(place, path, why)| {
                write!(f, "; {place}: {} was refused: {why}", path.display())
            });
        }
        write!(f, "no {} was found: tried ", self.spec.stem)?;
        let mut last: Option<&Place> = None;
        for Attempt { place, outcome } in &self.attempts {
            if matches!((place, outcome), (Place::Variable(_), Outcome::NotThere { .. }))
                || last == Some(place)
            {
                continue;
            }
            f.write_str(if last.is_some() { ", " } else { "" })?;
            last = Some(place);
            write!(f, "{place}")?;
            match (place, outcome) {
                (Place::System, Outcome::Refused { why, .. }) if !is_more_than_absent(why) => {}
                (_, Outcome::Refused { path, why }) => write!(f, " ({}: {why})", path.display())?,
                (_, Outcome::NotThere { what }) => write!(f, " ({what})")?,
                (_, Outcome::Taken { .. }) => {}
            }
        }
        write!(f, "; to install it: {}", self.spec.install)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SPEC: LibrarySpec = LibrarySpec {
        title: "X",
        stem: "libx",
        flag: "--x",
        variables: &["X_PATH"],
        python_package: "x",
        python_folder: "",
        install: "pip install x",
    };

    fn report(attempts: Vec<(Place, Outcome)>) -> Report {
        let attempts = attempts.into_iter().map(|(place, outcome)| Attempt { place, outcome }).collect();
        Report { spec: &SPEC, attempts }
    }

    #[test]
    fn a_search_without_result_says_what_was_tried_and_what_to_do() {
        let text = report(vec![
            (Place::Variable("X_PATH"), Outcome::NotThere { what: "not set".into() }),
            (
                Place::System,
                Outcome::Refused {
                    path: "libx.so".into(),
                    why: "libx.so: cannot open shared object file: No such file or directory".into(),
                },
            ),
            (Place::Python, Outcome::NotThere { what: "/usr/bin/python3 has no package x".into() }),
        ])
        .to_string();
        assert_eq!(
            text,
            "no libx was found: tried system library path, python3 (/usr/bin/python3 has no package x); to install it: pip install x"
        );
    }

    #[test]
    fn what_was_refused_on_the_way_is_said_though_another_one_was_taken() {
        let report = report(vec![
            (
                Place::Variable("X_PATH"),
                Outcome::Refused { path: "/old/libx.so".into(), why: "version 1.2 is too old".into() },
            ),
            (Place::DataFolder, Outcome::Taken { path: "/data/libx.so.3".into() }),
        ]);
        assert_eq!(
            report.to_string(),
            "/data/libx.so.3 (data folder); X_PATH: /old/libx.so was refused: version 1.2 is too old"
        );
        assert_eq!(report.taken(), Some((&Place::DataFolder, Path::new("/data/libx.so.3"))));
        assert_eq!(report.lines().count(), 2);
    }
}
