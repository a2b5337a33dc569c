//! What a user should look at.

use landfall_model::Problem;

/// What a user should look at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Warning {
    /// In a sentence.
    pub(crate) text: String,
    /// Its reason, where there is one that others may word otherwise.
    pub(crate) problem: Option<Problem>,
}

impl From<String> for Warning {
    fn from(text: String) -> Self {
        Warning { text, problem: None }
    }
}

impl From<Problem> for Warning {
    fn from(problem: Problem) -> Self {
        Warning { text: problem.to_string(), problem: Some(problem) }
    }
}
