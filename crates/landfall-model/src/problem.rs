//! The one error: a reason with typed fields, from which follow its kind and a sentence for people.
//!
//! A door words the reason in its own dialect and picks the code; nothing matches on text.

use crate::{Kind, Reason};
use std::fmt;
use std::time::Duration;

/// The one error of the house. A word wide; made in cold code.
#[derive(Clone, PartialEq)]
pub struct Problem(Box<Inner>);

#[derive(Clone, PartialEq)]
struct Inner {
    reason: Reason,
    /// Outermost first: `model "ctr"`, `signature "serving_default"`.
    places: Vec<String>,
}

impl Problem {
    /// With a reason.
    #[cold]
    pub fn new(reason: Reason) -> Self {
        Problem(Box::new(Inner { reason, places: Vec::new() }))
    }

    /// With a kind and a sentence, where no [`Reason`] with fields serves better.
    #[cold]
    pub fn worded(kind: Kind, text: impl Into<String>) -> Self {
        Problem::new(Reason::Worded { kind, text: text.into() })
    }

    /// The caller's mistake, in a sentence.
    #[cold]
    pub fn invalid(text: impl Into<String>) -> Self {
        Problem::worded(Kind::InvalidArgument, text)
    }

    /// A load option whose value does not fit.
    #[cold]
    pub fn option(key: &str, why: impl Into<String>) -> Self {
        Problem::new(Reason::SettingInvalid { setting: format!("option {key}"), why: why.into() })
    }

    /// Something that must not happen, in a sentence.
    #[cold]
    pub fn internal(text: impl Into<String>) -> Self {
        Problem::worded(Kind::Internal, text)
    }

    /// Valid, but not implemented here.
    #[cold]
    pub fn unsupported(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Problem::new(Reason::Unsupported { what: what.into(), instead: instead.into() })
    }

    /// Bytes of a file that break its format.
    #[cold]
    pub fn malformed(file: impl Into<String>, offset: Option<u64>, what: impl Into<String>) -> Self {
        Problem::new(Reason::Malformed { file: file.into(), offset, what: what.into() })
    }

    /// What the operating system said; `what` is what was tried, for instance `open /models/a.onnx`.
    #[cold]
    pub fn io(what: impl Into<String>, error: &std::io::Error) -> Self {
        Problem::new(Reason::Io { what: what.into(), text: error.to_string() })
    }

    /// As it is where the row that it names has this number.
    #[must_use]
    pub(crate) fn of_row(mut self, number: usize) -> Self {
        if let Reason::ValueMissing { row, .. }
        | Reason::ValueRequired { row, .. }
        | Reason::ValueInvalid { row, .. } = &mut self.0.reason
        {
            *row = number;
        }
        self
    }

    /// Adds where it happened, in front of the places already known.
    #[must_use]
    #[cold]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.0.places.insert(0, place.into());
        self
    }

    /// When it is worth trying again, where that will help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.reason() {
            Reason::QueueFull { retry_after, .. } | Reason::MemoryFull { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// The kind that follows from the reason.
    pub fn kind(&self) -> Kind {
        self.0.reason.kind()
    }

    /// The sentence without the places: what a door quotes that names the place itself.
    pub fn sentence(&self) -> String {
        self.0.reason.to_string()
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.places.iter().try_for_each(|place| write!(f, "{place}: "))?;
        self.0.reason.fmt(f)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self, self.0.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_place_expectation_and_finding() {
        let problem = Problem::new(Reason::ValueInvalid {
            input: "ids".into(),
            row: 3,
            expected: "int64".into(),
            text: "abc".into(),
        })
        .at("model \"ctr\"");
        assert_eq!(problem.to_string(), r#"model "ctr": input "ids" row 3: expected int64, found "abc""#);
        assert_eq!(problem.kind(), Kind::InvalidArgument);
    }

    #[test]
    fn a_problem_is_a_word_wide() {
        assert_eq!(size_of::<Problem>(), size_of::<usize>());
    }
}
