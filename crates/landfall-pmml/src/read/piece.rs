//! A document cut into pieces: tags and text. Tags are read here where they are written as nearly all are; a parser of all of
//! XML reads what is written in another way, and what is neither.

use quick_xml::errors::Error;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// A piece of a document.
pub(super) enum Piece<'a> {
    /// A start tag.
    Start(Tag<'a>),
    /// An end tag: the name in it.
    End(&'a str),
    /// Text up to the next tag or reference.
    Text(&'a str),
    /// What is none of these, or a start tag that needs a closer look.
    Other(Event<'a>),
}

/// A start tag that needs no closer look: few attributes, in double quotes, each name once, no references, blanks only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'a> {
    /// With its prefix.
    pub(super) name: &'a str,
    /// Without.
    pub(super) local: &'a str,
    pub(super) attributes: Plain<'a>,
    /// Whether it ends the element as well.
    pub(super) is_empty: bool,
}

/// Attributes of a tag that needs no closer look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain<'a> {
    tag: &'a str,
    count: usize,
    spans: [Span; SPANS],
}

/// Attributes that are cut apart beforehand, at most.
const SPANS: usize = 6;

/// Where an attribute stands within its tag: its name, two bytes for the equals sign and the quote, and its value.
#[derive(Clone, Copy, Default, Debug)]
struct Span {
    name: u16,
    name_end: u16,
    value_end: u16,
}

/// The piece that a text begins with, and its length in bytes; the text is not empty.
///
/// # Errors
/// What is no XML, and at which byte.
pub(super) fn first(text: &str) -> Result<(Piece<'_>, usize), (Error, u64)> {
    let found = match text.as_bytes() {
        [b'<', b'/', ..] => end_tag(text),
        [b'<', ..] => tag(text).map(|(tag, length)| (Piece::Start(tag), length)),
        [b'&', ..] => None,
        bytes => {
            let length = bytes.iter().position(|byte| matches!(byte, b'<' | b'&')).unwrap_or(bytes.len());
            Some((Piece::Text(&text[..length]), length))
        }
    };
    found.map_or_else(|| other(text), Ok)
}

fn end_tag(text: &str) -> Option<(Piece<'_>, usize)> {
    let end = text.bytes().position(|byte| byte == b'>')?;
    Some((Piece::End(text[2..end].trim_ascii_end()), end + 1))
}

/// The start tag that a text begins with, and its length; `None` for one that needs a closer look.
fn tag(text: &str) -> Option<(Tag<'_>, usize)> {
    let bytes = text.as_bytes();
    let local = match end_of(LOCAL, bytes, 1)? {
        colon if bytes[colon] == b':' => colon + 1..end_of(NAME, bytes, colon + 1)?,
        end => 1..end,
    };
    if local.is_empty() {
        return None;
    }
    let name = &text[1..local.end];
    let mut attributes = Plain { tag: text, count: 0, spans: [Span::default(); SPANS] };
    let mut end = local.end;
    loop {
        let from = end_of(BLANK, bytes, end)?;
        let close = match bytes[from..] {
            [b'>', ..] => 1,
            [b'/', b'>', ..] => 2,
            // Attributes without a blank between them.
            _ if from == end => return None,
            _ => {
                end = attributes.push(bytes, from)?;
                continue;
            }
        };
        let tag = Tag { name, local: &text[local], attributes, is_empty: close == 2 };
        return Some((tag, from + close));
    }
}

impl<'a> Plain<'a> {
    /// Takes the attribute that begins at a place, and says where it ends; `None` for one that needs a closer look.
    fn push(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let name_end = end_of(NAME, bytes, from).filter(|end| *end > from)?;
        if bytes[name_end..].first_chunk() != Some(b"=\"") {
            return None;
        }
        let value_end = end_of(VALUE, bytes, name_end + 2).filter(|end| bytes[*end] == b'"')?;
        let is_known = self.find(|name| name.as_bytes() == &bytes[from..name_end]).is_some();
        let place = |at: usize| u16::try_from(at).ok();
        let span = Span { name: place(from)?, name_end: place(name_end)?, value_end: place(value_end)? };
        *self.spans.get_mut(self.count).filter(|_| !is_known)? = span;
        self.count += 1;
        Some(value_end + 1)
    }

    /// The first attribute whose name `is_wanted`: its name and its value.
    #[inline]
    pub(super) fn find(&self, mut is_wanted: impl FnMut(&str) -> bool) -> Option<(&'a str, &'a str)> {
        let part = |from: u16, to: u16| &self.tag[usize::from(from)..usize::from(to)];
        let mut spans = self.spans[..self.count].iter();
        let found = spans.find(|span| is_wanted(part(span.name, span.name_end)))?;
        Some((part(found.name, found.name_end), part(found.name_end + 2, found.value_end)))
    }
}

/// What a byte may be part of, as bits: a name as nearly all are, the same without colons, blanks, a value in double quotes
/// that stands for itself.
const NAME: u8 = 1;
const LOCAL: u8 = 2;
const BLANK: u8 = 4;
const VALUE: u8 = 8;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let is_local = byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'_' | b'-' | b'.');
        let is_name = is_local || byte == b':';
        let is_value = !matches!(byte, b'"' | b'&' | b'<' | b'\t' | b'\r' | b'\n');
        let is_blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        classes[at] =
            NAME * is_name as u8 + LOCAL * is_local as u8 + BLANK * is_blank as u8 + VALUE * is_value as u8;
        at += 1;
    }
    classes
};

/// Where bytes of a class end that begin at a place; `None` where the text ends first.
#[inline]
fn end_of(class: u8, bytes: &[u8], from: usize) -> Option<usize> {
    let is_end = |byte: &u8| CLASSES[usize::from(*byte)] & class == 0;
    bytes[from..].iter().position(is_end).map(|length| from + length)
}

/// Where the blanks of a text from a place on end.
#[inline]
pub(super) fn blanks_end(text: &str, from: usize) -> usize {
    end_of(BLANK, text.as_bytes(), from).unwrap_or(text.len())
}

/// What the parser makes of a text that needs a closer look.
#[cold]
fn other(text: &str) -> Result<(Piece<'_>, usize), (Error, u64)> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    match reader.read_event() {
        // Within the text, which is in memory.
        Ok(event) => Ok((Piece::Other(event), reader.buffer_position() as usize)),
        Err(error) => Err((error, reader.error_position())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_as_nearly_all_are_is_cut_at_its_quotes_and_blanks() {
        let found = |text| {
            let (tag, length) = tag(text).unwrap();
            let value = |name| tag.attributes.find(|own| own == name).map(|(_, value)| value);
            (tag.name, tag.local, [value("a"), value("c:d"), value("d")], tag.is_empty, length)
        };
        let values = [Some("1"), Some("x > y"), None];
        assert_eq!(found("<p:n a=\"1\"  c:d=\"x > y\"\n />rest"), ("p:n", "n", values, true, 27));
        assert_eq!(found("<n a=\"1\" c:d=\"x > y\">"), ("n", "n", values, false, 21));
        assert_eq!(found("<é/>"), ("é", "é", [None; 3], true, 5));
    }

    #[test]
    fn a_tag_that_needs_a_closer_look_is_left_to_the_parser() {
        for text in [
            "<n a='1'>",
            "<n a=\"&lt;\">",
            "<n a=\"1\" a=\"2\">",
            "<n a = \"1\">",
            "<n a=\"1\"b=\"2\">",
            "<n a>",
            "<n a=\"1",
            "<n a=\"\t\">",
            "<n a=\"1\"",
            "<n a=\"1\"/ >",
            "<>",
            "< n>",
            "<n",
            "<?n?>",
            "<!-- n -->",
            "<n a=\"<\">",
            "<n a=\"1\" b=\"2\" c=\"3\" d=\"4\" e=\"5\" f=\"6\" g=\"7\">",
        ] {
            assert!(tag(text).is_none(), "{text}");
        }
    }

    #[test]
    fn pieces_follow_each_other_to_the_end() {
        let text = "<a>x &amp;<!-- > --><b c='1'/></a >\n";
        let (mut at, mut lengths) = (0, Vec::new());
        while at < text.len() {
            let (_, length) = first(&text[at..]).map_err(|(error, _)| error).unwrap();
            lengths.push(length);
            at += length;
        }
        assert_eq!(lengths, [3, 2, 5, 10, 10, 5, 1]);
        assert!(matches!(first("</a >"), Ok((Piece::End("a"), 5))));
        assert!(first("</a").is_err() && first("<!-- ").is_err() && first("&x").is_err());
    }
}
