//! The configuration files that flags name, each one message in protobuf's text format.

use landfall_model::{Problem, Reason};
use std::io::ErrorKind;
use std::path::Path;

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

/// Where a version's own batching parameters lie.
pub(super) fn batching_parameters_of(version: &Path) -> std::path::PathBuf {
    version.join("batching_params.pbtxt")
}

/// The numbers of threads of a `ConfigProto`: within an operation, and of operations at the same time. All else that it
/// says is left to TensorFlow's own defaults.
pub(super) fn session_threads(text: &str) -> Result<(i64, i64), Problem> {
    let mut threads = (0, 0);
    let (mut depth, mut words) = (0i64, Words(text).peekable());
    while let Some(word) = words.next() {
        match word {
            "{" | "<" => depth += 1,
            "}" | ">" => depth -= 1,
            "intra_op_parallelism_threads" | "inter_op_parallelism_threads" if depth == 0 => {
                words.next_if_eq(&":");
                let number = words.next().and_then(|text| text.parse::<i64>().ok());
                let number = number.ok_or_else(|| {
                    Problem::invalid(format!("ConfigProto: {word}: expected a whole number"))
                })?;
                let place = if word.starts_with("intra") { &mut threads.0 } else { &mut threads.1 };
                *place = number;
            }
            _ => {}
        }
        if depth < 0 {
            return Err(Problem::invalid("ConfigProto: a brace closes that none has opened"));
        }
    }
    match depth {
        0 => Ok(threads),
        _ => Err(Problem::invalid("ConfigProto: a brace is not closed")),
    }
}

/// Words, signs and quoted strings of a text; comments left out.
struct Words<'a>(&'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            self.0 = self.0.trim_start();
            match self.0.strip_prefix('#') {
                Some(comment) => self.0 = comment.split_once('\n').map_or("", |(_, rest)| rest),
                None => break,
            }
        }
        let first = self.0.chars().next()?;
        let length = match first {
            '"' | '\'' => quoted(self.0, first),
            c if c.is_alphanumeric() || "_-+.".contains(c) => {
                self.0.find(|c: char| !(c.is_alphanumeric() || "_-+.".contains(c))).unwrap_or(self.0.len())
            }
            c => c.len_utf8(),
        };
        let (word, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(word)
    }
}

/// The length of a quoted string with its quotes; of all that is left, where it is not closed.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (place, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return place + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_threads_are_found_and_nested_ones_are_not() {
        let text = "# intra_op_parallelism_threads: 9\nallow_soft_placement: true\n\
                    intra_op_parallelism_threads: 3 gpu_options { visible_device_list: \"}{\" }\n\
                    session_inter_op_thread_pool < num_threads: 7 >, inter_op_parallelism_threads: 2";
        assert_eq!(session_threads(text).unwrap(), (3, 2));
        assert_eq!(session_threads("").unwrap(), (0, 0));
        for wrong in ["intra_op_parallelism_threads: many", "a {", "}", "inter_op_parallelism_threads"] {
            assert!(session_threads(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_text_panics() {
        for text in ["\"", "'\\", "#", "é{\u{0}}", "\"\\\"", "{{{{", "<>>", "intra_op_parallelism_threads:"]
        {
            let _ = session_threads(text);
        }
    }

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
