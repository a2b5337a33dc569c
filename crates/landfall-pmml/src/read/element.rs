//! The start of an element: its attributes as text, numbers and truth values.

use super::piece::Plain;
use super::{Place, Xml};
use landfall_model::Problem;
use std::borrow::Cow;

/// The start of an element.
#[derive(Debug)]
pub(crate) struct Element<'a> {
    /// Its name without a prefix.
    pub(crate) name: Cow<'a, str>,
    pub(crate) place: Place,
    pub(super) attributes: Attributes<'a>,
    pub(super) depth: usize,
}

/// Names and values.
#[derive(Debug)]
pub(super) enum Attributes<'a> {
    /// As they stand in the document.
    Plain(Plain<'a>),
    /// What had to be read more closely.
    Read(Vec<(String, String)>),
}

impl Attributes<'_> {
    /// The first one that `is_wanted`.
    #[inline]
    fn find(&self, mut is_wanted: impl FnMut(&str) -> bool) -> Option<(&str, &str)> {
        match self {
            Attributes::Plain(plain) => plain.find(is_wanted),
            Attributes::Read(read) => {
                read.iter().find(|(key, _)| is_wanted(key)).map(|(key, value)| (key.as_str(), value.as_str()))
            }
        }
    }
}

impl<'a> Element<'a> {
    /// An attribute's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.find(|key| key == name).map(|(_, value)| value)
    }

    /// Refuses attributes that are not among `known`: those that are read, and those that change nothing. Attributes of other
    /// namespaces, and those that writers add under names of their own (`x-…`), are passed over.
    pub(crate) fn only(&self, xml: &Xml<'a>, known: &[&str]) -> Result<(), Problem> {
        let is_unknown = |key: &str| {
            if known.contains(&key) || key == "xmlns" || key.contains(':') {
                return false;
            }
            let is_own = key.starts_with("x-");
            if is_own {
                xml.added.note(key, self.place);
            }
            !is_own
        };
        match self.attributes.find(is_unknown) {
            None => Ok(()),
            Some((key, value)) => Err(xml.unsupported(
                self.place,
                format!("attribute {key}={value:?} of <{}> (unknown or not implemented)", self.name),
            )),
        }
    }

    /// A required attribute.
    pub(crate) fn need(&self, xml: &Xml<'a>, name: &str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| xml.malformed(self.place, format!("<{}> lacks {name}", self.name)))
    }

    /// An attribute's number.
    pub(crate) fn number(&self, xml: &Xml<'a>, name: &str) -> Result<Option<f64>, Problem> {
        self.get(name).map(|text| self.parsed(xml, name, text)).transpose()
    }

    /// A required attribute's number.
    pub(crate) fn need_number(&self, xml: &Xml<'a>, name: &str) -> Result<f64, Problem> {
        let text = self.need(xml, name)?;
        self.parsed(xml, name, text)
    }

    /// A whole number.
    ///
    /// # Errors
    /// A value that is none.
    pub(crate) fn count(&self, xml: &Xml<'a>, name: &str) -> Result<Option<usize>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong =
            || xml.malformed(self.place, format!("{name}={text:?} of <{}>: expected a count", self.name));
        text.trim().parse().map(Some).map_err(|_| wrong())
    }

    /// That as many `things` are there as an attribute says; one that is left out says nothing.
    ///
    /// # Errors
    /// Both counts, where they differ.
    pub(crate) fn counted(
        &self,
        xml: &Xml<'a>,
        name: &str,
        found: usize,
        things: &str,
    ) -> Result<(), Problem> {
        match self.count(xml, name)? {
            Some(count) if count != found => Err(xml.malformed(
                self.place,
                format!("{name}=\"{count}\" of <{}>, which has {found} {things}", self.name),
            )),
            _ => Ok(()),
        }
    }

    /// A truth value; `default` where the attribute is absent.
    pub(crate) fn flag(&self, xml: &Xml<'a>, name: &str, default: bool) -> Result<bool, Problem> {
        match self.get(name) {
            None => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(_) => Err(self.value(xml, name)),
        }
    }

    fn parsed(&self, xml: &Xml<'a>, name: &str, text: &str) -> Result<f64, Problem> {
        crate::value::number(text).ok_or_else(|| {
            xml.malformed(self.place, format!("{name}={text:?} of <{}>: expected a number", self.name))
        })
    }

    /// The problem of an attribute value that is not implemented, or of an attribute that is wanting.
    #[cold]
    pub(crate) fn value(&self, xml: &Xml<'a>, name: &str) -> Problem {
        let what = match self.get(name) {
            Some(value) => format!("{name}={value:?} of <{}> (unknown or not implemented)", self.name),
            None => return xml.malformed(self.place, format!("<{}> lacks {name}", self.name)),
        };
        xml.unsupported(self.place, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_by_name_however_they_are_written() {
        for text in ["<p:a b='1' c=\"x&#65;\" d=\"\ty\"/>", "<p:a b=\"1\" c=\"xA\" d=\" y\"></p:a>"] {
            let mut xml = Xml::new(text, "m.pmml");
            let root = xml.root().unwrap();
            assert_eq!(
                (root.name.as_ref(), root.get("b"), root.get("c"), root.get("d"), root.get("e")),
                ("a", Some("1"), Some("xA"), Some(" y"), None)
            );
            xml.leaf(&root).unwrap();
            xml.finish().unwrap();
        }
    }
}
