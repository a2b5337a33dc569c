//! A walk over the fields of one message that hands out places instead of readers: the hot path of a request.
//!
//! [`landfall_model::protobuf::Fields`] gives each value with its file, bytes and offset; copying those for every field
//! costs more than reading it. Here a value is a number or a range of the body.

use landfall_model::Problem;
use std::ops::Range;

/// A field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Wire type 0.
    Number(u64),
    /// Wire types 1, 2 and 5: where the bytes are; of a length-delimited field without its length.
    Bytes(Range<usize>),
}

/// Walks over the fields of a message that lies in a part of a body; places count from the body's start.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    body: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Walk<'a> {
    /// Over a whole body.
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Walk { body, at: 0, end: body.len() }
    }

    /// Over a message within the body.
    ///
    /// # Panics
    /// When the range is not within the body: it comes from a walk over the same one.
    pub(crate) fn within(body: &'a [u8], range: Range<usize>) -> Self {
        assert!(range.end <= body.len(), "a range of another body");
        Walk { body, at: range.start, end: range.end }
    }

    /// The next field's number and value; `None` at the end.
    ///
    /// # Errors
    /// Invalid argument, when the bytes end within a field, or the tag is none.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Part)>, Problem> {
        if self.at == self.end {
            return Ok(None);
        }
        let tag = self.varint()?;
        let field = (tag >> 3) as u32;
        if field == 0 || tag >> 32 != 0 {
            return Err(self.malformed("no field number"));
        }
        let length = match tag & 7 {
            0 => return Ok(Some((field, Part::Number(self.varint()?)))),
            1 => 8,
            2 => usize::try_from(self.varint()?).unwrap_or(usize::MAX),
            5 => 4,
            _ => return Err(self.malformed("an unknown wire type")),
        };
        if length > self.end - self.at {
            return Err(self.malformed("a field longer than the message"));
        }
        let start = self.at;
        self.at += length;
        Ok(Some((field, Part::Bytes(start..self.at))))
    }

    /// Each number of a repeated varint field, packed or not.
    ///
    /// # Errors
    /// Invalid argument, when the bytes end within a number.
    #[inline]
    pub(crate) fn varints(body: &[u8], part: Part, mut each: impl FnMut(u64)) -> Result<(), Problem> {
        match part {
            Part::Number(number) => each(number),
            Part::Bytes(range) => {
                let mut packed = Walk::within(body, range);
                while packed.at < packed.end {
                    each(packed.varint()?);
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Problem> {
        match self.body[..self.end].get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Problem> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.body[..self.end].get(self.at) else { break };
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return if shift == 63 && byte > 1 {
                    Err(self.malformed("a varint of more than 64 bits"))
                } else {
                    Ok(number)
                };
            }
        }
        Err(self.malformed("a varint without an end"))
    }

    #[cold]
    fn malformed(&self, what: &str) -> Problem {
        Problem::malformed("protobuf", Some(self.at as u64), what)
    }
}

/// The bytes of a length-delimited field.
///
/// # Errors
/// Invalid argument, for a number.
#[inline]
pub(crate) fn bytes<'a>(body: &'a [u8], part: &Part) -> Result<&'a [u8], Problem> {
    match part {
        Part::Bytes(range) => Ok(&body[range.clone()]),
        Part::Number(_) => Err(number_for_bytes()),
    }
}

/// The text of a length-delimited field.
///
/// # Errors
/// Invalid argument, for a number, and for bytes that are no UTF-8.
#[inline]
pub(crate) fn text<'a>(body: &'a [u8], part: &Part) -> Result<&'a str, Problem> {
    std::str::from_utf8(bytes(body, part)?).map_err(|_| no_text())
}

#[cold]
fn number_for_bytes() -> Problem {
    Problem::malformed("protobuf", None, "expected bytes, found a number")
}

#[cold]
fn no_text() -> Problem {
    Problem::malformed("protobuf", None, "text that is no UTF-8")
}

#[cfg(test)]
mod tests {
    use super::super::Writer;
    use super::*;
    use landfall_model::protobuf::{Fields, Value};
    use proptest::prelude::*;

    /// Field, and number or bytes; `None` at the end of what can be read.
    fn all(body: &[u8]) -> (Vec<(u32, u64, Vec<u8>)>, bool) {
        let mut walk = Walk::new(body);
        let mut fields = Vec::new();
        loop {
            match walk.next() {
                Ok(Some((field, Part::Number(number)))) => fields.push((field, number, Vec::new())),
                Ok(Some((field, part))) => fields.push((field, 0, bytes(body, &part).unwrap().to_vec())),
                Ok(None) => return (fields, true),
                Err(_) => return (fields, false),
            }
        }
    }

    fn all_of_the_reader(body: &[u8]) -> (Vec<(u32, u64, Vec<u8>)>, bool) {
        let mut reader = Fields::new("test", body);
        let mut fields = Vec::new();
        loop {
            match reader.next() {
                Ok(Some((field, Value::Varint(number)))) => fields.push((field, number, Vec::new())),
                Ok(Some((field, Value::Fixed32(bytes)))) => fields.push((field, 0, bytes.to_vec())),
                Ok(Some((field, Value::Fixed64(bytes)))) => fields.push((field, 0, bytes.to_vec())),
                Ok(Some((field, value))) => fields.push((field, 0, value.bytes().unwrap().to_vec())),
                Ok(None) => return (fields, true),
                Err(_) => return (fields, false),
            }
        }
    }

    #[test]
    fn ranges_count_from_the_start_of_the_body() {
        let mut out = Vec::new();
        Writer::new(&mut out).message(1, |w| {
            w.string_field(2, "abc");
            w.packed_varints(3, [1u64, 300].into_iter());
        });
        let mut walk = Walk::new(&out);
        let Some((1, Part::Bytes(range))) = walk.next().unwrap() else { panic!("a message") };
        let mut inner = Walk::within(&out, range);
        let (_, name) = inner.next().unwrap().unwrap();
        assert_eq!(text(&out, &name).unwrap(), "abc");
        let (_, numbers) = inner.next().unwrap().unwrap();
        let mut found = Vec::new();
        Walk::varints(&out, numbers, |n| found.push(n)).unwrap();
        assert_eq!(found, [1, 300]);
        assert!(text(&out, &Part::Number(1)).is_err());
    }

    proptest! {
        #![proptest_config(crate::seeded::seeded(256))]

        #[test]
        fn it_reads_what_the_reader_reads(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert_eq!(all(&body), all_of_the_reader(&body));
        }
    }
}
