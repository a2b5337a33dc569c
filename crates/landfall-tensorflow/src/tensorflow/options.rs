//! Load options, under TensorFlow's own names where it has any (those of `ConfigProto`).

use super::api::Runtime;
use landfall_model::{OptionSpec, Options, Problem};

/// The option that names libraries of operators.
pub(super) const OP_LIBRARIES: &str = "op_libraries";

/// All options that the engine knows.
pub(super) static KNOWN: [OptionSpec; 6] = [
    OptionSpec {
        key: "tags",
        help: "SavedModel: the tags of the graph to open, comma-separated (default serve)",
    },
    OptionSpec {
        key: OP_LIBRARIES,
        help: "libraries of operators that are not TensorFlow's own (.so), comma-separated",
    },
    OptionSpec { key: "inputs", help: "frozen graph: the tensors to feed, comma-separated (x:0,y:0)" },
    OptionSpec { key: "outputs", help: "frozen graph: the tensors to answer with, comma-separated (z:0)" },
    OptionSpec {
        key: "intra_op_parallelism_threads",
        help: "threads within one operator (default 1; 0: one for each core); the first model settles it for all",
    },
    OptionSpec {
        key: "inter_op_parallelism_threads",
        help: "threads across operators (default -1: none, a call runs on its own thread; 0: one for each core)",
    },
];

/// Threads of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Threads {
    pub(super) intra: i32,
    pub(super) inter: i32,
}

impl Threads {
    /// Reads what is given.
    ///
    /// # Errors
    /// Invalid argument, naming the option.
    pub(super) fn read(options: &Options) -> Result<Self, Problem> {
        Ok(Threads {
            intra: number(options, "intra_op_parallelism_threads", 1, 0)?,
            inter: number(options, "inter_op_parallelism_threads", -1, -1)?,
        })
    }

    /// A serialised `ConfigProto`: these threads, and operators placed on what this machine has.
    pub(super) fn config(self) -> Vec<u8> {
        let mut config = Vec::new();
        for (field, number) in [(2u8, self.intra), (5, self.inter), (7, 1)] {
            config.push(field << 3);
            // A negative number is written as 64 bits.
            let mut rest = i64::from(number) as u64;
            while rest >= 0x80 {
                config.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            config.push(rest as u8);
        }
        config
    }

    /// Threads that one run uses within an operator, in a process where an earlier model may have settled them; and a
    /// note, where they are not those asked for.
    pub(super) fn settled(self, runtime: &Runtime) -> (usize, Option<String>) {
        let settled = *runtime.intra.get_or_init(|| self.intra);
        let note = (settled != self.intra).then(|| {
            format!(
                "intra_op_parallelism_threads {} has no effect: an earlier model of this process settled it at {settled}",
                self.intra
            )
        });
        let threads = match usize::try_from(settled) {
            Ok(0) | Err(_) => std::thread::available_parallelism().map_or(1, usize::from),
            Ok(threads) => threads,
        };
        (threads, note)
    }
}

fn number(options: &Options, key: &str, unset: i32, least: i32) -> Result<i32, Problem> {
    let Some(text) = options.get(key) else { return Ok(unset) };
    let number = text.parse::<i32>().ok().filter(|n| (least..=1024).contains(n));
    number.ok_or_else(|| Problem::option(key, format!("{text:?} is no number of threads")))
}

/// The items of a comma-separated option; `None` where it is not given.
///
/// # Errors
/// Invalid argument, for an empty item.
pub(super) fn list<'o>(options: &'o Options, key: &str) -> Result<Option<Vec<&'o str>>, Problem> {
    let Some(text) = options.get(key) else { return Ok(None) };
    let items: Vec<&str> = text.split(',').map(str::trim).collect();
    if items.iter().any(|item| item.is_empty()) {
        return Err(Problem::option(key, format!("{text:?} holds an empty name")));
    }
    Ok(Some(items))
}

/// Refuses options that mean nothing for this kind of model.
///
/// # Errors
/// Invalid argument, naming the option.
pub(super) fn refuse(options: &Options, keys: &[&str], kind: &str) -> Result<(), Problem> {
    match keys.iter().find(|key| options.get(key).is_some()) {
        None => Ok(()),
        Some(key) => Err(Problem::option(key, format!("means nothing for a {kind}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_named() {
        let mut options = Options::new();
        assert_eq!(Threads::read(&options).unwrap(), Threads { intra: 1, inter: -1 });
        options.set("intra_op_parallelism_threads", "many");
        assert!(Threads::read(&options).unwrap_err().to_string().contains("intra_op_parallelism_threads"));
        options.set("tags", "serve, gpu");
        assert_eq!(list(&options, "tags").unwrap(), Some(vec!["serve", "gpu"]));
        options.set("tags", "serve,,gpu");
        assert!(list(&options, "tags").is_err());
        assert!(refuse(&options, &["tags"], "frozen graph").unwrap_err().to_string().contains("tags"));
    }

    #[test]
    fn the_configuration_is_written_as_its_definition_has_it() {
        let config = Threads { intra: 1, inter: -1 }.config();
        let minus_one = [0xff; 9].into_iter().chain([1]);
        let expected: Vec<u8> = [0x10, 1, 0x28].into_iter().chain(minus_one).chain([0x38, 1]).collect();
        assert_eq!(config, expected);
    }
}
