//! One place where a library may lie.

use std::fmt;
use std::path::PathBuf;

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
