//! Load options of LightGBM models, under the library's names.

use landfall_model::{OptionSpec, Options, Problem};
use std::ops::Range;

/// All options.
pub(crate) static KNOWN: [OptionSpec; 2] = [
    OptionSpec { key: "start_iteration", help: "LightGBM: first round to use (default 0)" },
    OptionSpec { key: "num_iteration", help: "LightGBM: rounds to use (default, and 0 or below: all)" },
];

/// The options of one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LightgbmOptions {
    start: usize,
    /// `None` for all.
    count: Option<usize>,
}

impl LightgbmOptions {
    /// Reads the options given for one model.
    ///
    /// # Errors
    /// An unknown option, or a value that is none of its.
    pub(crate) fn read(options: &Options) -> Result<Self, Problem> {
        options.check(&KNOWN)?;
        let number = |key: &str| -> Result<i64, Problem> {
            let Some(text) = options.get(key) else { return Ok(0) };
            let refuse = |_| Problem::option(key, format!("{text:?} is not a number of rounds"));
            text.trim().parse().map_err(refuse)
        };
        Ok(LightgbmOptions {
            start: usize::try_from(number("start_iteration")?).unwrap_or(0),
            count: usize::try_from(number("num_iteration")?).ok().filter(|&count| count > 0),
        })
    }

    /// The rounds chosen of so many, cut off at the ends as the library does.
    pub(crate) fn rounds(&self, rounds: usize) -> Range<usize> {
        let start = self.start.min(rounds);
        start..start + self.count.unwrap_or(rounds).min(rounds - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_cut_off_at_the_ends() {
        let rounds = |pairs: &[(&str, &str)]| {
            let mut options = Options::new();
            pairs.iter().for_each(|(key, value)| options.set(*key, *value));
            LightgbmOptions::read(&options).map(|options| options.rounds(10))
        };
        assert_eq!(rounds(&[]).unwrap(), 0..10);
        assert_eq!(rounds(&[("num_iteration", "-1"), ("start_iteration", "-2")]).unwrap(), 0..10);
        assert_eq!(rounds(&[("start_iteration", "4"), ("num_iteration", "5")]).unwrap(), 4..9);
        assert_eq!(rounds(&[("start_iteration", "8"), ("num_iteration", "999")]).unwrap(), 8..10);
        assert_eq!(rounds(&[("start_iteration", "80")]).unwrap(), 10..10);
        assert!(rounds(&[("num_iteration", "x")]).is_err());
        assert!(rounds(&[("missing", "0")]).is_err());
    }
}
