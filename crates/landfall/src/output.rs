//! Where results go: standard output. Everything else goes to standard error.

use landfall_model::Problem;
use std::io::{ErrorKind, Write};

/// Prints a result. A reader that has seen enough and closed the pipe is no failure.
///
/// # Errors
/// What the operating system said, such as that the disk is full.
pub(crate) fn print(text: &str) -> Result<(), Problem> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Problem::io("write the output", &error)),
        _ => Ok(()),
    }
}

/// Says something beside the result.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
