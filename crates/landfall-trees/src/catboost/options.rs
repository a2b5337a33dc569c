//! Load options of CatBoost models, under the library's names.

use landfall_model::{OptionSpec, Options, Problem};
use std::ops::Range;

/// All options.
pub(crate) static KNOWN: [OptionSpec; 3] = [
    OptionSpec { key: "ntree_start", help: "CatBoost: first tree to use (default 0)" },
    OptionSpec {
        key: "ntree_end",
        help: "CatBoost: the tree behind the last one to use (default, and 0: all)",
    },
    OptionSpec {
        key: "prediction_type",
        help: "CatBoost: RawFormulaVal (default), Probability, LogProbability, Class, Exponent, RMSEWithUncertainty",
    },
];

/// What a prediction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PredictionType {
    RawFormulaVal,
    Probability,
    LogProbability,
    Class,
    Exponent,
    RmseWithUncertainty,
}

const TYPES: [(&str, PredictionType); 6] = [
    ("RawFormulaVal", PredictionType::RawFormulaVal),
    ("Probability", PredictionType::Probability),
    ("LogProbability", PredictionType::LogProbability),
    ("Class", PredictionType::Class),
    ("Exponent", PredictionType::Exponent),
    ("RMSEWithUncertainty", PredictionType::RmseWithUncertainty),
];

/// The options of one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CatboostOptions {
    start: usize,
    end: usize,
    pub(crate) prediction: PredictionType,
}

impl CatboostOptions {
    /// Reads the options given for one model.
    ///
    /// # Errors
    /// An unknown option, or a value that is none of its.
    pub(crate) fn read(options: &Options) -> Result<Self, Problem> {
        options.check(&KNOWN)?;
        let number = |key: &str| -> Result<usize, Problem> {
            let Some(text) = options.get(key) else { return Ok(0) };
            let refuse = |_| Problem::option(key, format!("{text:?} is not a number of trees"));
            text.trim().parse().map_err(refuse)
        };
        let prediction = match options.get("prediction_type") {
            None => PredictionType::RawFormulaVal,
            Some(name) => {
                let found = TYPES.iter().find(|(known, _)| *known == name.trim());
                let known = TYPES.map(|(known, _)| known).join(", ");
                let refuse = || Problem::option("prediction_type", format!("{name:?} is none of {known}"));
                found.ok_or_else(refuse)?.1
            }
        };
        Ok(CatboostOptions { start: number("ntree_start")?, end: number("ntree_end")?, prediction })
    }

    /// The trees chosen of so many.
    ///
    /// # Errors
    /// Invalid argument, when there are fewer, or none is chosen.
    pub(crate) fn trees(&self, trees: usize) -> Result<Range<usize>, Problem> {
        let end = if self.start == 0 && self.end == 0 { trees } else { self.end };
        let chosen = self.start..end;
        if chosen.end > trees || (chosen.is_empty() && chosen != (0..trees)) {
            let Range { start, end } = chosen;
            let what = format!("trees {start} to {end} are asked for, the model has {trees}");
            return Err(Problem::option("ntree_start, ntree_end", what));
        }
        Ok(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<CatboostOptions, Problem> {
        let mut options = Options::new();
        pairs.iter().for_each(|(key, value)| options.set(*key, *value));
        CatboostOptions::read(&options)
    }

    #[test]
    fn trees_are_chosen_as_the_library_does() {
        let trees = |pairs: &[(&str, &str)]| read(pairs).and_then(|options| options.trees(10));
        assert_eq!(trees(&[]).unwrap(), 0..10);
        assert_eq!(trees(&[("ntree_end", "4")]).unwrap(), 0..4);
        assert_eq!(trees(&[("ntree_start", "3"), ("ntree_end", "10")]).unwrap(), 3..10);
        for refused in [
            &[("ntree_start", "3")][..],
            &[("ntree_end", "11")],
            &[("ntree_start", "5"), ("ntree_end", "5")],
            &[("ntree_start", "-1")],
            &[("prediction_type", "probability")],
            &[("num_iteration", "1")],
        ] {
            assert!(trees(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn prediction_types_have_the_librarys_names() {
        assert_eq!(read(&[]).unwrap().prediction, PredictionType::RawFormulaVal);
        let given = read(&[("prediction_type", "RMSEWithUncertainty")]).unwrap();
        assert_eq!(given.prediction, PredictionType::RmseWithUncertainty);
    }
}
