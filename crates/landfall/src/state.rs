//! Where things are kept between runs.

use std::path::{Path, PathBuf};

/// `$XDG_STATE_HOME/landfall`, by default `~/.local/state/landfall` (XDG Base Directory Specification).
pub(crate) fn folder() -> Option<PathBuf> {
    let set = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    set.or_else(home).map(|folder| folder.join("landfall"))
}

/// Where converted models lie below a state folder.
pub(crate) fn imports(state: &Path) -> PathBuf {
    state.join("imports")
}
