//! A pull reader of elements: names, attributes and text, each with its line and column; entities are never expanded.

use super::added::Added;
use super::element::{Attributes, Element};
use super::piece::{self, Piece};
use landfall_model::{ModelFiles, Problem};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, BytesText, Event};
use std::borrow::Cow;

/// Elements may not be nested deeper: the readers of expressions and predicates recurse.
const DEPTH_MAX: usize = 400;

/// Where something stands in a document: bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) u64);

/// A document that is read once, front to back.
pub(crate) struct Xml<'a> {
    text: &'a str,
    file: &'a str,
    /// The files among which the document lies.
    files: Option<&'a dyn ModelFiles>,
    /// Where the reader stands.
    at: usize,
    /// Where it stood before what it has read last.
    begun: usize,
    /// Names of the elements that have begun and not ended.
    open: Vec<&'a str>,
    /// Whether the last of them is an empty one: it ends without a tag of its own.
    is_empty: bool,
    /// What was passed over.
    pub(super) added: Added,
}

/// What comes next in a document.
enum Part<'a> {
    Start(Element<'a>),
    End,
    Text(&'a str),
    Other(Event<'a>),
    /// The document has ended.
    Nothing,
}

impl<'a> Xml<'a> {
    /// A document; `file` is its name for messages.
    pub(crate) fn new(text: &'a str, file: &'a str) -> Self {
        let (open, added) = (Vec::new(), Added::default());
        Xml { text, file, files: None, at: 0, begun: 0, open, is_empty: false, added }
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
        self.text.get(from..).filter(|text| text.contains(name))?;
        let mut late = Xml { at: from, open: Vec::new(), added: self.added.clone(), ..*self };
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
            match self.part()? {
                Part::Start(element) => return Ok(element),
                Part::Nothing => return Err(self.malformed(self.place(), "no element")),
                Part::Text(text) if !text.trim().is_empty() => {
                    return Err(self.malformed(self.place(), "text before the first element"));
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
    #[inline]
    pub(crate) fn any_child(&mut self, parent: &Element<'a>) -> Result<Option<Element<'a>>, Problem> {
        debug_assert_eq!(self.open.len(), parent.depth, "children of {} are read out of turn", parent.name);
        if self.ends() {
            return Ok(None);
        }
        loop {
            self.at = piece::blanks_end(self.text, self.at);
            match self.part()? {
                Part::Start(element) => return Ok(Some(element)),
                Part::End => return Ok(None),
                Part::Text(text) if text.trim().is_empty() => {}
                Part::Text(_) | Part::Other(Event::CData(_) | Event::GeneralRef(_)) => {
                    return Err(self.malformed(self.place(), format!("text within <{}>", parent.name)));
                }
                Part::Nothing => return Err(self.unended(parent)),
                Part::Other(_) => {}
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
            match self.part()? {
                Part::Text(text) => all.push_str(&BytesText::from_escaped(text).xml10_content()),
                Part::Other(Event::CData(data)) => all.push_str(&data.xml10_content()),
                Part::Other(Event::GeneralRef(reference)) => all.push(self.referred(&reference)?),
                Part::End => return Ok(all),
                Part::Start(child) => {
                    if !self.is_added(&child) {
                        return Err(self.unknown(&child, element));
                    }
                    self.skip(&child)?;
                }
                Part::Nothing => return Err(self.unended(element)),
                Part::Other(_) => {}
            }
        }
    }

    /// The character that a reference stands for.
    fn referred(&self, reference: &BytesRef<'_>) -> Result<char, Problem> {
        let place = self.place();
        let number = reference.resolve_char_ref().map_err(|e| self.malformed(place, e.to_string()))?;
        let name = reference.xml10_content();
        let character = number.or(match name.as_ref() {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => None,
        });
        let unknown = || self.malformed(place, format!("the entity &{name};: entities are not expanded"));
        character.ok_or_else(unknown)
    }

    /// Passes over an element and all in it: what the document says for people only.
    pub(crate) fn skip(&mut self, element: &Element<'a>) -> Result<(), Problem> {
        while self.open.len() >= element.depth {
            if self.ends() {
                continue;
            }
            // Neither attributes nor depth matter here.
            match self.piece()? {
                Some(Piece::Start(tag)) => self.begin(tag.name, tag.is_empty),
                Some(Piece::Other(Event::Start(start))) => self.begin(self.name(&start), false),
                Some(Piece::Other(Event::Empty(start))) => self.begin(self.name(&start), true),
                Some(Piece::End(name)) => self.end(name)?,
                Some(_) => {}
                None => return Err(self.unended(element)),
            }
        }
        Ok(())
    }

    /// That nothing but comments follows the outermost element.
    pub(crate) fn finish(&mut self) -> Result<(), Problem> {
        loop {
            match self.part()? {
                Part::Nothing => return Ok(()),
                Part::Text(text) if text.trim().is_empty() => {}
                Part::Other(Event::Comment(_) | Event::PI(_)) => {}
                _ => return Err(self.malformed(self.place(), "content after the outermost element")),
            }
        }
    }

    /// Where what was read last begins.
    fn place(&self) -> Place {
        Place(self.begun as u64)
    }

    /// Whether an empty element ends here.
    #[inline]
    fn ends(&mut self) -> bool {
        let ends = std::mem::take(&mut self.is_empty);
        if ends {
            self.open.pop();
        }
        ends
    }

    /// The next tag or text; nothing at the document's end.
    #[inline]
    fn piece(&mut self) -> Result<Option<Piece<'a>>, Problem> {
        self.begun = self.at;
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let wrong = |(error, at): (quick_xml::Error, u64)| {
            self.malformed(Place(self.begun as u64 + at), error.to_string())
        };
        let (piece, length) = piece::first(rest).map_err(wrong)?;
        self.at += length;
        match piece {
            Piece::Other(Event::DocType(text)) if text.contains('[') => {
                let what = "a document type with declarations: entities are not expanded";
                Err(self.malformed(self.place(), what))
            }
            piece => Ok(Some(piece)),
        }
    }

    #[inline]
    fn part(&mut self) -> Result<Part<'a>, Problem> {
        if self.ends() {
            return Ok(Part::End);
        }
        Ok(match self.piece()? {
            Some(Piece::Start(tag)) => {
                self.begin(tag.name, tag.is_empty);
                Part::Start(self.element(tag.local, Attributes::Plain(tag.attributes))?)
            }
            Some(Piece::End(name)) => {
                self.end(name)?;
                Part::End
            }
            Some(Piece::Text(text)) => Part::Text(text),
            Some(Piece::Other(Event::Start(start))) => Part::Start(self.uncommon(&start, false)?),
            Some(Piece::Other(Event::Empty(start))) => Part::Start(self.uncommon(&start, true)?),
            Some(Piece::Other(event)) => Part::Other(event),
            None => Part::Nothing,
        })
    }

    /// An element of this name begins.
    #[inline]
    fn begin(&mut self, name: &'a str, is_empty: bool) {
        self.open.push(name);
        self.is_empty = is_empty;
    }

    /// An end tag of this name has been read.
    #[inline]
    fn end(&mut self, name: &str) -> Result<(), Problem> {
        match self.open.pop() {
            Some(own) if own == name => Ok(()),
            Some(own) => Err(self.malformed(self.place(), format!("expected </{own}>, found </{name}>"))),
            None => Err(self.malformed(self.place(), format!("</{name}> ends nothing"))),
        }
    }

    /// The element that has begun; its name is without a prefix.
    #[inline]
    fn element(&self, name: &'a str, attributes: Attributes<'a>) -> Result<Element<'a>, Problem> {
        let depth = self.open.len();
        if depth > DEPTH_MAX {
            return Err(self.malformed(self.place(), format!("elements nested deeper than {DEPTH_MAX}")));
        }
        Ok(Element { name: Cow::Borrowed(name), place: self.place(), attributes, depth })
    }

    /// An element begins whose attributes need a closer look.
    #[cold]
    fn uncommon(&mut self, start: &BytesStart<'a>, is_empty: bool) -> Result<Element<'a>, Problem> {
        let wrong = |error: &dyn std::fmt::Display| self.malformed(self.place(), error.to_string());
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| wrong(&error))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| wrong(&error))?;
            attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        let name = self.name(start);
        self.begin(name, is_empty);
        let prefix = name.len() - start.local_name().as_ref().len();
        self.element(&name[prefix..], Attributes::Read(attributes))
    }

    /// The name of a tag that was read last, with its prefix.
    fn name(&self, start: &BytesStart<'_>) -> &'a str {
        &self.text[self.begun + 1..][..start.name().as_ref().len()]
    }

    #[cold]
    fn unended(&self, element: &Element<'_>) -> Problem {
        self.malformed(self.place(), format!("<{}> does not end", element.name))
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
            format!("element <{}> within <{}> (unknown or not implemented)", child.name, parent.name),
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
    fn what_is_passed_over_may_be_deep_and_careless_but_ends_where_it_should() {
        let deep = ["<b>".repeat(DEPTH_MAX), "</b>".repeat(DEPTH_MAX)].concat();
        for (within, fits) in
            [(deep.as_str(), true), ("<b c=1 c=1/>&d;", true), ("<b></c>", false), ("<b>", false)]
        {
            let text = format!("<a><Extension>{within}</Extension><e/></a>");
            let mut xml = Xml::new(&text, "m.pmml");
            let root = xml.root().unwrap();
            let child = xml.child(&root).ok().flatten();
            assert_eq!(child.map(|child| child.name.into_owned()), fits.then(|| "e".to_owned()), "{within}");
        }
    }

    #[test]
    fn entities_and_deep_nesting_are_refused() {
        for text in
            ["<!DOCTYPE a [<!ENTITY b \"c\">]><a/>", "<a>&b;</a>", "<a b=\"&c;\"/>", "<a>", "<a></b>", "</a>"]
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
