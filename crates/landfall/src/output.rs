//! Where results go: standard output. Everything else goes to standard error.

use std::io::Write;

/// Prints a result. A reader that has seen enough and closed the pipe is no failure.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Says something beside the result.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
