//! Load options, under ONNX Runtime's own names (those of its `SessionOptions`).

use landfall_model::{OptionSpec, Options, Problem};

/// Threads within one operator.
pub(super) const THREADS: &str = "intra_op_num_threads";

/// All options that the engine knows.
pub(super) static KNOWN: [OptionSpec; 6] = [
    OptionSpec { key: THREADS, help: "threads within one operator (default 1; 0: one for each core)" },
    OptionSpec {
        key: "inter_op_num_threads",
        help: "threads across operators, with execution_mode ORT_PARALLEL (default 1)",
    },
    OptionSpec {
        key: "graph_optimization_level",
        help: "ORT_DISABLE_ALL, ORT_ENABLE_BASIC, ORT_ENABLE_EXTENDED or ORT_ENABLE_ALL (default)",
    },
    OptionSpec { key: "execution_mode", help: "ORT_SEQUENTIAL (default) or ORT_PARALLEL" },
    OptionSpec {
        key: "enable_mem_pattern",
        help: "plan memory once for each shape of inputs: true or false (default)",
    },
    OptionSpec { key: "enable_cpu_mem_arena", help: "keep memory for the next run: true (default) or false" },
];

/// How much the graph is changed at load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    DisableAll,
    Basic,
    Extended,
    All,
}

/// The options of one session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SessionOptions {
    pub(super) intra_op_num_threads: i32,
    pub(super) inter_op_num_threads: i32,
    pub(super) graph_optimization_level: Level,
    pub(super) parallel: bool,
    pub(super) enable_mem_pattern: bool,
    pub(super) enable_cpu_mem_arena: bool,
}

impl SessionOptions {
    /// Reads the options given for one model.
    ///
    /// # Errors
    /// An unknown option, or a value that is none of its.
    pub(super) fn read(options: &Options) -> Result<Self, Problem> {
        options.check(&KNOWN)?;
        Ok(SessionOptions {
            intra_op_num_threads: threads(options, THREADS)?,
            inter_op_num_threads: threads(options, "inter_op_num_threads")?,
            graph_optimization_level: one_of(
                options,
                "graph_optimization_level",
                &[
                    ("ORT_ENABLE_ALL", Level::All),
                    ("ORT_ENABLE_EXTENDED", Level::Extended),
                    ("ORT_ENABLE_BASIC", Level::Basic),
                    ("ORT_DISABLE_ALL", Level::DisableAll),
                ],
            )?,
            parallel: one_of(
                options,
                "execution_mode",
                &[("ORT_SEQUENTIAL", false), ("ORT_PARALLEL", true)],
            )?,
            // A plan is kept for every shape of inputs ever seen, and batches come in many shapes.
            enable_mem_pattern: one_of(options, "enable_mem_pattern", &[("false", false), ("true", true)])?,
            enable_cpu_mem_arena: one_of(
                options,
                "enable_cpu_mem_arena",
                &[("true", true), ("false", false)],
            )?,
        })
    }
}

fn threads(options: &Options, key: &str) -> Result<i32, Problem> {
    let Some(text) = options.get(key) else { return Ok(1) };
    let number = text.parse::<i32>().ok().filter(|n| (0..=1024).contains(n));
    number.ok_or_else(|| Problem::option(key, format!("{text:?} is no number of threads")))
}

/// The value of an option among those there are; the first is the default.
fn one_of<T: Copy>(options: &Options, key: &str, values: &[(&str, T)]) -> Result<T, Problem> {
    let text = options.get(key).unwrap_or(values[0].0);
    match values.iter().find(|(name, _)| *name == text) {
        Some((_, value)) => Ok(*value),
        None => {
            let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
            Err(Problem::option(key, format!("{text:?} is none of {}", names.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_named() {
        let read = |pairs: &[(&str, &str)]| {
            let mut options = Options::new();
            pairs.iter().for_each(|(key, value)| options.set(*key, *value));
            SessionOptions::read(&options)
        };
        assert_eq!(read(&[]).unwrap().intra_op_num_threads, 1);
        let set =
            read(&[("intra_op_num_threads", "4"), ("graph_optimization_level", "ORT_DISABLE_ALL")]).unwrap();
        assert_eq!((set.intra_op_num_threads, set.graph_optimization_level), (4, Level::DisableAll));
        for wrong in [
            ("intra_op_num_threads", "many"),
            ("intra_op_num_threads", "-1"),
            ("execution_mode", "FAST"),
            ("threads", "1"),
        ] {
            let problem = read(&[wrong]).unwrap_err().to_string();
            assert!(problem.contains(wrong.0), "{problem}");
        }
    }
}
