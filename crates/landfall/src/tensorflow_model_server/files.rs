//! The configuration files that flags name, each one message in protobuf's text format.

use landfall_model::{Problem, Reason};
use std::io::ErrorKind;

/// Reads a file as a message. The reason why it is none is logged with line and column; the error names the file.
///
/// # Errors
/// Not found for a file that is not there, internal for one that cannot be read; invalid argument for one that is no such message.
pub(super) fn read<T>(path: &str, from_text: impl FnOnce(&str) -> Result<T, Problem>) -> Result<T, Problem> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Problem::new(Reason::FileMissing { file: path.to_owned() }),
        _ => Problem::io(format!("open {path}"), &error),
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Problem::invalid(format!("Invalid protobuf file: '{path}': it is no UTF-8 text")))?;
    from_text(&text).map_err(|problem| {
        tracing::error!("{path}: {problem}");
        Problem::invalid(format!("Invalid protobuf file: '{path}': {problem}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_message_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.txt").display().to_string();
        let read = || read(&path, |_| Err::<(), _>(Problem::invalid("1:3: what")));
        assert!(read().unwrap_err().to_string().contains(&path), "it is not there");
        std::fs::write(&path, "improperly formatted file").unwrap();
        let problem = read().unwrap_err().to_string();
        assert!(problem.starts_with(&format!("Invalid protobuf file: '{path}'")), "{problem}");
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(read().unwrap_err().to_string().contains("no UTF-8"));
    }
}
