//! Names that are no paths of this machine: addresses, and patterns that no shell has expanded.

use crate::exit::Failure;
use std::path::Path;

/// Refuses an address (`s3://…`, `https://…`, `file://…`) and a pattern, unless a file or folder has that very name.
///
/// # Errors
/// A wrong call, with what to give instead.
pub(crate) fn refused(path: &Path) -> Result<(), Failure> {
    let Some(text) = path.to_str().filter(|_| !path.exists()) else { return Ok(()) };
    if let Some((scheme, rest)) = text.split_once("://")
        && !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
    {
        return Err(Failure::call(match scheme {
            "file" => format!("{text}: give the path itself, {}", rest.trim_start_matches("localhost")),
            _ => format!(
                "{text}: nothing is read from or written to {scheme}: addresses; copy the file to or from this machine"
            ),
        }));
    }
    if text.contains(['*', '?']) {
        return Err(Failure::call(format!(
            "{text}: no file has this name, and patterns are not expanded; files of one table lie in a folder, which is given"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str) -> Option<String> {
        match refused(Path::new(path)) {
            Err(Failure::Call(problem)) => Some(problem.to_string()),
            _ => None,
        }
    }

    #[test]
    fn addresses_and_patterns_are_told_from_paths() {
        assert!(told("s3://bucket/rows.csv").unwrap().contains("to s3: addresses"));
        assert_eq!(
            told("file:///data/a.csv").unwrap(),
            "file:///data/a.csv: give the path itself, /data/a.csv"
        );
        assert!(told("rows/*.csv").unwrap().contains("patterns are not expanded"));
        assert!(
            ["rows.csv", "/a/b", "-", "a:b", "C:/x", "://x"].into_iter().all(|path| told(path).is_none())
        );
        let folder = tempfile::tempdir().unwrap();
        let starred = folder.path().join("a*.csv");
        std::fs::write(&starred, "").unwrap();
        assert!(refused(&starred).is_ok());
    }
}
