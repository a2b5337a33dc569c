//! Load options: keys an engine knows, and the values given for one model.

use crate::{Problem, Reason};
use std::collections::BTreeMap;

/// A load option that an engine knows, under the name that the model's own library gives it.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Key, as in `--set KEY=VALUE`.
    pub key: &'static str,
    /// What it does, in a line.
    pub help: &'static str,
}

/// The options given for one model, by key. An engine reads them through [`Options::check`] first, so that an unknown
/// one refuses the model.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// No options.
    pub fn new() -> Self {
        Options::default()
    }

    /// Sets an option, replacing an earlier value.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.insert(key.into(), value.into());
    }

    /// The value of an option.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All options given, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Refuses options that are not among the known ones.
    ///
    /// # Errors
    /// [`Reason::OptionUnknown`], naming the option and those that are known.
    pub fn check(&self, known: &[OptionSpec]) -> Result<(), Problem> {
        match self.0.keys().find(|key| known.iter().all(|spec| spec.key != key.as_str())) {
            None => Ok(()),
            Some(key) => Err(Problem::new(Reason::OptionUnknown {
                option: key.clone(),
                known: known.iter().map(|spec| spec.key.to_owned()).collect(),
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_option_is_refused_with_the_known_ones() {
        let mut options = Options::new();
        options.set("missing", "0");
        options.set("mising", "0");
        let known = [OptionSpec { key: "missing", help: "the value that means missing" }];
        assert_eq!(
            options.check(&known).unwrap_err().to_string(),
            r#"unknown option "mising"; known: missing"#
        );
    }
}
