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

/// The fields of a `ConfigProto`.
const CONFIG_PROTO: [&str; 18] = [
    "device_count",
    INTRA,
    INTER,
    "use_per_session_threads",
    "session_inter_op_thread_pool",
    "placement_period",
    "device_filters",
    "gpu_options",
    "pluggable_device_options",
    "allow_soft_placement",
    "log_device_placement",
    "graph_options",
    "operation_timeout_in_ms",
    "rpc_options",
    "cluster_def",
    "isolate_session_state",
    "share_cluster_devices_in_session",
    "experimental",
];
const INTRA: &str = "intra_op_parallelism_threads";
const INTER: &str = "inter_op_parallelism_threads";

/// The numbers of threads of a `ConfigProto`: within an operation, and of operations at the same time. All else that it
/// says is left to TensorFlow's own defaults.
///
/// # Errors
/// Invalid argument, for a field that the message does not have, one without a value, and numbers that are none.
pub(super) fn session_threads(text: &str) -> Result<(i64, i64), Problem> {
    let mut threads = (0, 0);
    let mut words = Words(text).peekable();
    while let Some(field) = words.next() {
        if matches!(field, "," | ";") {
            continue;
        }
        if !CONFIG_PROTO.contains(&field) {
            return Err(Problem::invalid(format!(
                "Error parsing text-format tensorflow.ConfigProto: it has no field named {field:?}"
            )));
        }
        words.next_if_eq(&":");
        let value = value(field, &mut words)?;
        let place = match field {
            INTRA => &mut threads.0,
            INTER => &mut threads.1,
            _ => {
                tracing::info!("--tensorflow_session_config_file: {field} has no effect");
                continue;
            }
        };
        *place = value.parse().map_err(|_| {
            Problem::invalid(format!("ConfigProto: {field}: expected a whole number, found {value:?}"))
        })?;
    }
    Ok(threads)
}

/// The first word of a field's value; what it holds in brackets is passed over.
fn value<'a>(field: &str, words: &mut impl Iterator<Item = &'a str>) -> Result<&'a str, Problem> {
    let missing = |what: &str| Problem::invalid(format!("ConfigProto: {field}: {what}"));
    let first = words.next().ok_or_else(|| missing("it has no value"))?;
    let mut depth = 0usize;
    let mut word = first;
    loop {
        match word {
            "{" | "<" | "[" => depth += 1,
            "}" | ">" | "]" => depth = depth.checked_sub(1).ok_or_else(|| missing("it has no value"))?,
            _ => {}
        }
        if depth == 0 {
            return Ok(first);
        }
        word = words.next().ok_or_else(|| missing("a bracket is not closed"))?;
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
        assert_eq!(session_threads("device_filters: [\"a\", \"b\"]; gpu_options { a { } }").unwrap(), (0, 0));
        for wrong in [
            "intra_op_parallelism_threads: many",
            "gpu_options {",
            "gpu_options }",
            "}",
            "inter_op_parallelism_threads",
            "intra_op_threads: 2",
            "allow_soft_placement: true false",
        ] {
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
