//! Load options of XGBoost models, under the library's names.

use landfall_model::{OptionSpec, Options, Problem};
use std::ops::Range;

/// All options.
pub(crate) static KNOWN: [OptionSpec; 4] = [
    OptionSpec { key: "missing", help: "XGBoost: a value that means missing, beside NaN" },
    OptionSpec {
        key: "iteration_range",
        help: "XGBoost: rounds to use, FROM:TO (TO not included; 0:0 is all)",
    },
    OptionSpec {
        key: "ntree_limit",
        help: "XGBoost: trees of each output to use, from the first (0 is all)",
    },
    OptionSpec {
        key: "rules",
        help: "XGBoost: read files of later versions as 3.2 does (3.2, the default), or as those versions do (file)",
    },
];

/// The options of one model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct XgboostOptions {
    pub(crate) missing: Option<f32>,
    pub(crate) rounds: Rounds,
    /// Whether files of versions after 3.2 are read by their own rules.
    pub(crate) by_file: bool,
}

/// Which trees are used.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rounds {
    All,
    Range(Range<usize>),
    /// So many trees of each group.
    Trees(usize),
}

impl XgboostOptions {
    /// Reads the options given for one model.
    ///
    /// # Errors
    /// An unknown option, or a value that is none of its.
    pub(crate) fn read(options: &Options) -> Result<Self, Problem> {
        options.check(&KNOWN)?;
        let refuse = |key: &str, value: &str, expected: &str| {
            Problem::option(key, format!("{value:?} is not {expected}"))
        };
        let missing = match options.get("missing") {
            None => None,
            Some(text) => {
                let number = text.trim().parse::<f64>().map_err(|_| refuse("missing", text, "a number"))?;
                Some(number as f32).filter(|number| !number.is_nan())
            }
        };
        let range = options.get("iteration_range").map(|text| {
            let parsed = text.split_once(':').and_then(|(from, to)| {
                Some(from.trim().parse::<usize>().ok()?..to.trim().parse::<usize>().ok()?)
            });
            let parsed = parsed.filter(|range| range.start <= range.end || range.end == 0);
            parsed.ok_or_else(|| refuse("iteration_range", text, "a range FROM:TO"))
        });
        let limit = options.get("ntree_limit").map(|text| {
            text.trim().parse::<usize>().map_err(|_| refuse("ntree_limit", text, "a number of trees"))
        });
        let rounds = match (range.transpose()?, limit.transpose()?) {
            (Some(_), Some(limit)) if limit > 0 => {
                return Err(Problem::option("ntree_limit", "excludes iteration_range"));
            }
            (Some(range), _) if range != (0..0) => Rounds::Range(range),
            (_, Some(limit)) if limit > 0 => Rounds::Trees(limit),
            _ => Rounds::All,
        };
        let by_file = match options.get("rules").map(str::trim) {
            None | Some("3.2") => false,
            Some("file") => true,
            Some(text) => return Err(refuse("rules", text, "3.2 or file")),
        };
        Ok(XgboostOptions { missing, rounds, by_file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<XgboostOptions, Problem> {
        let mut options = Options::new();
        pairs.iter().for_each(|(key, value)| options.set(*key, *value));
        XgboostOptions::read(&options)
    }

    #[test]
    fn the_librarys_own_words_are_read() {
        assert_eq!(read(&[]).unwrap(), XgboostOptions { missing: None, rounds: Rounds::All, by_file: false });
        assert!(read(&[("rules", "file")]).unwrap().by_file);
        assert_eq!(read(&[("missing", "-999.0")]).unwrap().missing, Some(-999.0));
        assert_eq!(read(&[("missing", "nan")]).unwrap().missing, None);
        assert_eq!(read(&[("iteration_range", "2:7")]).unwrap().rounds, Rounds::Range(2..7));
        assert_eq!(read(&[("iteration_range", "0:0")]).unwrap().rounds, Rounds::All);
        assert_eq!(read(&[("ntree_limit", "6")]).unwrap().rounds, Rounds::Trees(6));
        for pair in [
            ("missing", "x"),
            ("iteration_range", "7"),
            ("iteration_range", "7:2"),
            ("ntree_limit", "-1"),
            ("rules", "4"),
            ("depth", "3"),
        ] {
            assert!(read(&[pair]).is_err(), "{pair:?}");
        }
    }
}
