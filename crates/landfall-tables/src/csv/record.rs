//! Where records and cells end.

use crate::text_rows::Splitter;
use std::borrow::Cow;

/// Where within a record the last look ended.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    CellStart,
    Plain,
    Quoted,
    /// After a quote within a quoted cell: the end of the quotes, or half of a doubled quote.
    QuoteSeen,
}

/// Finds the ends of records. A quote opens a quoted cell at the start of a cell only, as in [`cells`].
pub(crate) struct Records {
    place: Place,
    /// What stands between cells.
    pub(crate) separator: u8,
}

impl Records {
    pub(crate) fn new(separator: u8) -> Self {
        Records { place: Place::CellStart, separator }
    }
}

impl Splitter for Records {
    fn end(&mut self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let (mut place, separator) = (self.place, self.separator);
        for (i, &byte) in bytes.iter().enumerate().skip(from) {
            place = match (place, byte) {
                (Place::Quoted, b'"') => Place::QuoteSeen,
                (Place::Quoted, _) => Place::Quoted,
                (Place::QuoteSeen, b'"') => Place::Quoted,
                (Place::CellStart, b'"') => Place::Quoted,
                (_, byte) if byte == separator => Place::CellStart,
                (_, b'\n' | b'\r') => {
                    self.place = Place::CellStart;
                    return Some((i, i + 1));
                }
                _ => Place::Plain,
            };
        }
        self.place = place;
        None
    }

    fn is_blank(&self, record: &[u8]) -> bool {
        record.is_empty()
    }
}

/// One cell of a record, as it lies there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell<'a> {
    /// Within the quotes, where there are any.
    bytes: &'a [u8],
    /// Whether there are doubled quotes to undo.
    doubled: bool,
    /// Whether it stands in quotes.
    quoted: bool,
    /// What follows the closing quote, up to the separator: part of the cell's text.
    tail: &'a [u8],
}

impl<'a> Cell<'a> {
    /// The text that the cell stands for.
    #[inline]
    pub(crate) fn text(&self) -> Cow<'a, [u8]> {
        if !self.doubled && self.tail.is_empty() { Cow::Borrowed(self.bytes) } else { self.unquoted() }
    }

    /// Whether nothing at all stands there, not even quotes.
    pub(crate) fn is_nothing(&self) -> bool {
        self.bytes.is_empty() && !self.quoted
    }

    #[cold]
    fn unquoted(&self) -> Cow<'a, [u8]> {
        let mut text = Vec::with_capacity(self.bytes.len());
        let mut bytes = self.bytes.iter();
        while let Some(&byte) = bytes.next() {
            text.push(byte);
            if byte == b'"' {
                bytes.next();
            }
        }
        text.extend_from_slice(self.tail);
        Cow::Owned(text)
    }
}

/// Cuts a record into its cells; `false` when a quote is not closed.
pub(crate) fn cells<'a>(record: &'a [u8], separator: u8, out: &mut Vec<Cell<'a>>) -> bool {
    first_cells(record, separator, usize::MAX, out)
}

/// The same up to the cell at `last`.
pub(crate) fn first_cells<'a>(record: &'a [u8], separator: u8, last: usize, out: &mut Vec<Cell<'a>>) -> bool {
    out.clear();
    let mut rest = record;
    loop {
        let after;
        if let [b'"', quoted @ ..] = rest {
            let Some((end, doubled)) = closing_quote(quoted) else { return false };
            let tail = &quoted[end + 1..];
            let cell_end = tail.iter().position(|&byte| byte == separator);
            let tail = &tail[..cell_end.unwrap_or(tail.len())];
            out.push(Cell { bytes: &quoted[..end], doubled, quoted: true, tail });
            after = cell_end.map(|cell_end| &quoted[end + 1..][cell_end + 1..]);
        } else {
            let cell_end = rest.iter().position(|&byte| byte == separator);
            let bytes = &rest[..cell_end.unwrap_or(rest.len())];
            out.push(Cell { bytes, doubled: false, quoted: false, tail: b"" });
            after = cell_end.map(|cell_end| &rest[cell_end + 1..]);
        }
        match after {
            Some(after) if out.len() <= last => rest = after,
            _ => return true,
        }
    }
}

/// Where the quotes end, and whether doubled ones stand before.
fn closing_quote(quoted: &[u8]) -> Option<(usize, bool)> {
    let (mut at, mut doubled) = (0, false);
    loop {
        at += quoted[at..].iter().position(|&byte| byte == b'"')?;
        if quoted.get(at + 1) != Some(&b'"') {
            return Some((at, doubled));
        }
        doubled = true;
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text_rows::RecordReader;

    fn table(text: &str) -> Vec<Vec<String>> {
        let stream = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        let mut reader = RecordReader::new("t", stream, Records::new(b','), false);
        let mut rows = Vec::new();
        while let Some(block) = reader.block(2).unwrap() {
            for record in block.iter() {
                let mut out = Vec::new();
                let closed = cells(record, b',', &mut out);
                let mut row: Vec<String> =
                    out.iter().map(|c| String::from_utf8(c.text().into_owned()).unwrap()).collect();
                if !closed {
                    row.push("not closed".into());
                }
                rows.push(row);
            }
        }
        rows
    }

    #[test]
    fn records_and_cells_end_where_rfc_4180_has_it() {
        let cases: [(&str, &[&[&str]]); 13] = [
            ("a,b\n1,2\n", &[&["a", "b"], &["1", "2"]]),
            ("a,b\r\n1,2", &[&["a", "b"], &["1", "2"]]),
            ("a\r1\r\r2", &[&["a"], &["1"], &["2"]]),
            ("\u{feff}\"a\",b\n", &[&["a", "b"]]),
            ("\"a\nb\",c\n", &[&["a\nb", "c"]]),
            ("\"a \"\"b\"\"\",c\n", &[&["a \"b\"", "c"]]),
            ("\"\",\n", &[&["", ""]]),
            (",,\n", &[&["", "", ""]]),
            ("5\" pipe,x\n\n\ny\n", &[&["5\" pipe", "x"], &["y"]]),
            ("\"a\"b\"c,d\n", &[&["ab\"c", "d"]]),
            ("\"a,b\",\"c\r\nd\"\n", &[&["a,b", "c\r\nd"]]),
            ("x,\"open\n1,2\n", &[&["x", "not closed"]]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(table(text), expected, "{text:?}");
        }
    }
}
