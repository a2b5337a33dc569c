//! `ConfigProto`, in text format: how many threads TensorFlow's sessions have. Its many other messages are passed over
//! unread, which the reader of configuration files, who knows all fields of what he reads, does not do.

use landfall_model::Problem;

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
pub(super) fn threads(text: &str) -> Result<(i64, i64), Problem> {
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
        assert_eq!(threads(text).unwrap(), (3, 2));
        assert_eq!(threads("").unwrap(), (0, 0));
        assert_eq!(threads("device_filters: [\"a\", \"b\"]; gpu_options { a { } }").unwrap(), (0, 0));
        for wrong in [
            "intra_op_parallelism_threads: many",
            "gpu_options {",
            "gpu_options }",
            "}",
            "inter_op_parallelism_threads",
            "intra_op_threads: 2",
            "allow_soft_placement: true false",
        ] {
            assert!(threads(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_text_panics() {
        for text in ["\"", "'\\", "#", "é{\u{0}}", "\"\\\"", "{{{{", "<>>", "intra_op_parallelism_threads:"]
        {
            let _ = threads(text);
        }
    }
}
