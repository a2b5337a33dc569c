//! The start of an element: its attributes as text, numbers and truth values.

use super::{Place, Xml};
use landfall_model::Problem;
use smallvec::SmallVec;
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
pub(super) type Attributes<'a> = SmallVec<[(&'a str, Cow<'a, str>); 3]>;

impl<'a> Element<'a> {
    /// An attribute's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_ref())
    }

    /// Refuses attributes that are not among `known`: those that are read, and those that change nothing. Attributes of other
    /// namespaces, and those that writers add under names of their own (`x-…`), are passed over.
    pub(crate) fn only(&self, xml: &Xml<'a>, known: &[&str]) -> Result<(), Problem> {
        for (key, value) in &self.attributes {
            if known.contains(key) || *key == "xmlns" || key.contains(':') {
                continue;
            }
            if !key.starts_with("x-") {
                return Err(xml.unsupported(
                    self.place,
                    format!("attribute {key}={value:?} of <{}> is unknown or not implemented", self.name),
                ));
            }
            xml.added.note(key, self.place);
        }
        Ok(())
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

    /// A required attribute's whole number.
    pub(crate) fn count(&self, xml: &Xml<'a>, name: &str) -> Result<Option<usize>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong =
            || xml.malformed(self.place, format!("{name}={text:?} of <{}>: expected a count", self.name));
        text.trim().parse().map(Some).map_err(|_| wrong())
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

    /// The problem of an attribute value that is not implemented.
    #[cold]
    pub(crate) fn value(&self, xml: &Xml<'a>, name: &str) -> Problem {
        xml.unsupported(
            self.place,
            format!(
                "{name}={:?} of <{}> is unknown or not implemented",
                self.get(name).unwrap_or_default(),
                self.name
            ),
        )
    }
}

/// The attributes of a start tag (the text after its name) that need no closer look: in double quotes, each name once,
/// no references, blanks only. `None` for others.
pub(super) fn plain_attributes(text: &str) -> Option<Attributes<'_>> {
    let mut attributes = Attributes::new();
    let mut rest = text;
    loop {
        let from = rest.trim_ascii_start();
        if from.is_empty() {
            return Some(attributes);
        }
        if from.len() == rest.len() {
            return None;
        }
        let is_end =
            |byte: u8| matches!(byte, b'=' | b'"' | b'\'' | b'<' | b'&' | b' ' | b'\t' | b'\r' | b'\n');
        let end = from.bytes().position(is_end).filter(|end| *end > 0)?;
        let value = from[end..].strip_prefix("=\"")?;
        let is_end = |byte: u8| matches!(byte, b'"' | b'&' | b'<' | b'\t' | b'\r' | b'\n');
        let close = value.bytes().position(is_end).filter(|at| value.as_bytes()[*at] == b'"')?;
        let key = &from[..end];
        if attributes.iter().any(|(other, _)| *other == key) {
            return None;
        }
        attributes.push((key, Cow::Borrowed(&value[..close])));
        rest = &value[close + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_need_no_closer_look_are_parts_of_the_document() {
        let plain = |text| plain_attributes(text).map(|all| all.len());
        assert_eq!(plain(" a=\"1\"  b=\"x y\"\n "), Some(2));
        assert_eq!(plain(""), Some(0));
        for text in
            [" a='1'", " a=\"&lt;\"", " a=\"1\" a=\"2\"", " a = \"1\"", " a=\"1\"b=\"2\"", " a", " a=\"1"]
        {
            assert_eq!(plain(text), None, "{text}");
        }
        let mut xml = Xml::new("<p:a b='1' c=\"x&#65;\" d=\"\ty\"/>", "m.pmml");
        let root = xml.root().unwrap();
        assert_eq!(
            (root.name.as_ref(), root.get("b"), root.get("c"), root.get("d")),
            ("a", Some("1"), Some("xA"), Some(" y"))
        );
    }
}
