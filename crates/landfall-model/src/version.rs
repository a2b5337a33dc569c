//! Names of versions: numbers, or free text.

use std::fmt;
use std::sync::Arc;

/// A version's name as its folder or configuration gives it, and the number that it stands for, where it is one.
#[derive(Clone, Debug)]
pub struct Version {
    name: Arc<str>,
    number: Option<i64>,
}

impl Version {
    /// From a name: decimal digits that fit into 63 bits are a number, with or without leading zeros; all else is a
    /// free-form name.
    pub fn named(name: &str) -> Self {
        let digits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
        Version { name: name.into(), number: if digits { name.parse().ok() } else { None } }
    }

    /// From a number.
    pub fn numbered(number: i64) -> Self {
        Version { name: number.to_string().into(), number: Some(number) }
    }

    /// The name as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number; `None` for a free-form name.
    pub fn number(&self) -> Option<i64> {
        self.number
    }
}

/// Two versions are the same when their numbers are, else when their names are (`002` is `2`).
impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        match (self.number, other.number) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.name == other.name,
            _ => false,
        }
    }
}
impl Eq for Version {}

impl std::hash::Hash for Version {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self.number {
            Some(number) => number.hash(state),
            None => self.name.hash(state),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "{number}"),
            None => f.write_str(&self.name),
        }
    }
}

/// Which version a caller asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum VersionChoice {
    /// The one that was promoted, else the newest available.
    #[default]
    Default,
    /// This one.
    Exact(Version),
    /// The one that a label points at.
    Label(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_do_not_make_another_version() {
        assert_eq!(Version::named("00000123"), Version::numbered(123));
        assert_eq!(Version::named("00000123").to_string(), "123");
        assert_ne!(Version::named("v2"), Version::named("v3"));
        assert_eq!(Version::named("99999999999999999999").number(), None);
        assert_eq!(Version::named("-1").number(), None);
    }
}
