//! A pull reader of elements: names, attributes and text, each with its line and column; entities are never expanded.

use super::added::Added;
use super::element::{Attributes, Element, plain_attributes};
use landfall_model::{ModelFiles, Problem};
use quick_xml::XmlVersion;
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use std::borrow::Cow;

/// Elements may not be nested deeper: the readers of expressions and predicates recurse.
const DEPTH_MAX: usize = 400;

/// Where something stands in a document: bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) u64);

/// A document that is read once, front to back.
pub(crate) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    text: &'a str,
    file: &'a str,
    /// The files among which the document lies.
    files: Option<&'a dyn ModelFiles>,
    depth: usize,
    /// Where the reader began.
    start: u64,
    /// What was passed over.
    pub(super) added: Added,
}

impl<'a> Xml<'a> {
    /// A document; `file` is its name for messages.
    pub(crate) fn new(text: &'a str, file: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Xml { reader, text, file, files: None, depth: 0, start: 0, added: Added::default() }
    }

    /// The same among other files, which it may name.
    pub(crate) fn among(self, files: Option<&'a dyn ModelFiles>) -> Self {
        Xml { files, ..self }
    }

    /// The files among which the document lies.
    pub(crate) fn files(&self) -> Option<&'a dyn ModelFiles> {
        self.files
    }

    /// The next element of this name beside the one at `place`, and the document from there on.
    pub(crate) fn later(&self, name: &str, place: Place) -> Option<(Self, Element<'a>)> {
        let from = usize::try_from(place.0).ok()?;
        // Most documents have none, and are not read twice.
        let text = self.text.get(from..).filter(|text| text.contains(name))?;
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut late = Xml { reader, depth: 0, start: place.0, added: self.added.clone(), ..*self };
        loop {
            let element = late.root().ok()?;
            if element.name == name {
                return Some((late, element));
            }
            late.skip(&element).ok()?;
        }
    }

    /// What was passed over so far because it is a writer's own, each with its place.
    pub(crate) fn added(&self) -> Vec<String> {
        self.added.told(|place| self.line(place))
    }

    /// The outermost element.
    pub(crate) fn root(&mut self) -> Result<Element<'a>, Problem> {
        loop {
            let (event, place) = self.event()?;
            match event {
                Event::Start(start) => return self.element(&start, place),
                Event::Eof => return Err(self.malformed(place, "no element")),
                Event::Text(text) if !text.trim().is_empty() => {
                    return Err(self.malformed(place, "text before the first element"));
                }
                _ => {}
            }
        }
    }

    /// The next child of `parent`; `None` at its end. Vendor extensions are passed over.
    pub(crate) fn child(&mut self, parent: &Element<'a>) -> Result<Option<Element<'a>>, Problem> {
        loop {
            let Some(child) = self.any_child(parent)? else { return Ok(None) };
            if !self.is_added(&child) {
                return Ok(Some(child));
            }
            self.skip(&child)?;
        }
    }

    /// The same, extensions among them.
    pub(crate) fn any_child(&mut self, parent: &Element<'a>) -> Result<Option<Element<'a>>, Problem> {
        debug_assert_eq!(self.depth, parent.depth, "children of {} are read out of turn", parent.name);
        loop {
            let (event, place) = self.event()?;
            match event {
                Event::Start(start) => return self.element(&start, place).map(Some),
                Event::End(_) => {
                    self.depth -= 1;
                    return Ok(None);
                }
                Event::Text(text) if is_blank(&text) => {}
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    return Err(self.malformed(place, format!("text within <{}>", parent.name)));
                }
                Event::Eof => return Err(self.malformed(place, format!("<{}> does not end", parent.name))),
                _ => {}
            }
        }
    }

    /// Ends an element that has no children but extensions.
    pub(crate) fn leaf(&mut self, element: &Element<'a>) -> Result<(), Problem> {
        match self.child(element)? {
            None => Ok(()),
            Some(child) => Err(self.unknown(&child, element)),
        }
    }

    /// The text of an element without children, to its end.
    pub(crate) fn text(&mut self, element: &Element<'a>) -> Result<String, Problem> {
        let mut all = String::new();
        loop {
            let (event, place) = self.event()?;
            match event {
                Event::Text(text) => all.push_str(&text.xml10_content()),
                Event::CData(data) => all.push_str(&data.xml10_content()),
                Event::GeneralRef(reference) => match self.reference(&reference, place)? {
                    Some(character) => all.push(character),
                    None => return Err(self.entity(place, &reference)),
                },
                Event::End(_) => {
                    self.depth -= 1;
                    return Ok(all);
                }
                Event::Start(start) => {
                    let child = self.element(&start, place)?;
                    if !self.is_added(&child) {
                        return Err(self.unknown(&child, element));
                    }
                    self.skip(&child)?;
                }
                Event::Eof => return Err(self.malformed(place, format!("<{}> does not end", element.name))),
                _ => {}
            }
        }
    }

    fn reference(
        &self,
        reference: &quick_xml::events::BytesRef<'_>,
        place: Place,
    ) -> Result<Option<char>, Problem> {
        let number = reference.resolve_char_ref().map_err(|e| self.malformed(place, e.to_string()))?;
        let named = || match reference.xml10_content().as_ref() {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => None,
        };
        Ok(number.or_else(named))
    }

    fn entity(&self, place: Place, reference: &quick_xml::events::BytesRef<'_>) -> Problem {
        self.malformed(
            place,
            format!("the entity &{};: entities are not expanded", reference.xml10_content()),
        )
    }

    /// Passes over an element and all in it: what the document says for people only.
    pub(crate) fn skip(&mut self, element: &Element<'a>) -> Result<(), Problem> {
        let mut open = 1usize;
        loop {
            let (event, place) = self.event()?;
            match event {
                Event::Start(_) => open += 1,
                Event::End(_) => {
                    open -= 1;
                    if open == 0 {
                        self.depth -= 1;
                        return Ok(());
                    }
                }
                Event::Eof => return Err(self.malformed(place, format!("<{}> does not end", element.name))),
                _ => {}
            }
        }
    }

    /// That nothing but comments follows the outermost element.
    pub(crate) fn finish(&mut self) -> Result<(), Problem> {
        loop {
            let (event, place) = self.event()?;
            match event {
                Event::Eof => return Ok(()),
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Comment(_) | Event::PI(_) => {}
                _ => return Err(self.malformed(place, "content after the outermost element")),
            }
        }
    }

    fn event(&mut self) -> Result<(Event<'a>, Place), Problem> {
        let place = Place(self.start + self.reader.buffer_position());
        match self.reader.read_event() {
            Ok(Event::DocType(text)) if text.contains('[') => {
                Err(self.malformed(place, "a document type with declarations: entities are not expanded"))
            }
            Ok(event) => Ok((event, place)),
            Err(error) => {
                let place = Place(self.start + self.reader.error_position());
                Err(self.malformed(place, error.to_string()))
            }
        }
    }

    fn element(
        &mut self,
        start: &quick_xml::events::BytesStart<'a>,
        place: Place,
    ) -> Result<Element<'a>, Problem> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.malformed(place, format!("elements nested deeper than {DEPTH_MAX}")));
        }
        let (name, local) = (start.name().as_ref().len(), start.local_name().as_ref().len());
        let tag = self
            .within(start)
            .and_then(|tag| Some((&tag[name - local..name], plain_attributes(&tag[name..])?)));
        if let Some((name, attributes)) = tag {
            return Ok(Element { name: Cow::Borrowed(name), place, attributes, depth: self.depth });
        }
        let mut attributes = Attributes::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| self.malformed(place, e.to_string()))?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|e| self.malformed(place, e.to_string()))?;
            let key = self.within(attribute.key.as_ref()).unwrap_or_default();
            attributes.push((key, Cow::Owned(value.into_owned())));
        }
        let name = Cow::Owned(start.local_name().as_ref().to_owned());
        Ok(Element { name, place, attributes, depth: self.depth })
    }

    /// The same text as a part of the document, where it is one: so it need not be copied.
    fn within(&self, part: &str) -> Option<&'a str> {
        let at = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr())?;
        let found = self.text.get(at..at.checked_add(part.len())?)?;
        (found == part).then_some(found)
    }

    /// Text that is not PMML, at a place.
    #[cold]
    pub(crate) fn malformed(&self, place: Place, what: impl AsRef<str>) -> Problem {
        Problem::malformed(self.file, None, format!("{}: {}", self.line(place), what.as_ref()))
    }

    /// Valid, but not implemented.
    #[cold]
    pub(crate) fn unsupported(&self, place: Place, what: impl AsRef<str>) -> Problem {
        let instead = "leave it out when writing the file, or write the model in another form";
        self.refused(place, what, instead)
    }

    /// The same, with what to do instead.
    #[cold]
    pub(crate) fn refused(&self, place: Place, what: impl AsRef<str>, instead: &'static str) -> Problem {
        Problem::unsupported(format!("{}, {}: {}", self.file, self.line(place), what.as_ref()), instead)
    }

    /// Whether an element is a writer's own: the specification has `Extension`, and names that begin with `X-`.
    fn is_added(&self, element: &Element<'a>) -> bool {
        let is_named_so = element.name.starts_with("X-");
        if is_named_so {
            self.added.note(&element.name, element.place);
        }
        is_named_so || element.name == "Extension"
    }

    /// A child that its parent does not have, or not here.
    #[cold]
    pub(crate) fn unknown(&self, child: &Element<'_>, parent: &Element<'_>) -> Problem {
        self.unsupported(
            child.place,
            format!("element <{}> within <{}> is unknown or not implemented", child.name, parent.name),
        )
    }

    /// That a child has the one name that its parent's children have.
    pub(crate) fn named(&self, child: &Element<'_>, parent: &Element<'_>, name: &str) -> Result<(), Problem> {
        if child.name == name { Ok(()) } else { Err(self.unknown(child, parent)) }
    }

    /// `line 3, column 5`, both from 1; columns count characters.
    pub(crate) fn line(&self, place: Place) -> String {
        let end = usize::try_from(place.0).unwrap_or(usize::MAX).min(self.text.len());
        let before = &self.text.as_bytes()[..end];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let column = before[start..].iter().filter(|&&byte| byte & 0xC0 != 0x80).count() + 1;
        format!("line {line}, column {column}")
    }
}

/// Whether there is nothing but blanks.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_whitespace()) || text.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_columns() {
        let mut xml = Xml::new("<a>\n  <b é=\"&lt;1\"/>\n</a>", "m.pmml");
        let root = xml.root().unwrap();
        let child = xml.child(&root).unwrap().unwrap();
        assert_eq!((child.name.as_ref(), xml.line(child.place).as_str()), ("b", "line 2, column 3"));
        assert_eq!(child.get("é"), Some("<1"));
        assert!(child.only(&xml, &[]).unwrap_err().to_string().contains("line 2, column 3"));
        xml.leaf(&child).unwrap();
        assert!(xml.child(&root).unwrap().is_none());
        xml.finish().unwrap();
    }

    #[test]
    fn entities_and_deep_nesting_are_refused() {
        for text in ["<!DOCTYPE a [<!ENTITY b \"c\">]><a/>", "<a>&b;</a>", "<a b=\"&c;\"/>", "<a>", "<a></b>"]
        {
            let mut xml = Xml::new(text, "m.pmml");
            let outcome = xml.root().and_then(|root| xml.text(&root)).map(|_| ());
            assert!(outcome.is_err(), "{text}");
        }
        let deep = "<a>".repeat(DEPTH_MAX + 1);
        let mut xml = Xml::new(&deep, "m.pmml");
        let mut at = xml.root().unwrap();
        let problem = loop {
            match xml.child(&at) {
                Ok(Some(child)) => at = child,
                Ok(None) => panic!("the document does not end"),
                Err(problem) => break problem,
            }
        };
        assert!(problem.to_string().contains("nested deeper"), "{problem}");
    }
}
