//! A walk over protobuf's wire format: tags, varints, lengths. ONNX, SavedModel and the dialects all read it.
//!
//! Format: the public "Encoding" page of the Protocol Buffers documentation. Groups (wire types 3 and 4) are long
//! deprecated and refused.

mod text_escape;

use crate::Problem;
use crate::reader::Reader;
pub use text_escape::text_escape;

/// A field's value as it lies on the wire.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64([u8; 8]),
    /// Wire type 2: bytes, text, a message or packed numbers.
    Bytes(Reader<'a>),
    /// Wire type 5.
    Fixed32([u8; 4]),
}

/// The fields of one message, in the order in which they lie there.
#[derive(Clone, Debug)]
pub struct Fields<'a>(Reader<'a>);

impl<'a> Fields<'a> {
    /// The fields of a whole body; `what` is for messages.
    pub fn new(what: &'a str, bytes: &'a [u8]) -> Self {
        Fields(Reader::new(what, bytes))
    }

    /// The fields of a message within another.
    pub fn of(message: Reader<'a>) -> Self {
        Fields(message)
    }

    /// The next field's number and value; `None` at the end.
    ///
    /// # Errors
    /// Malformed, when the bytes end within a field, or the tag is none.
    #[expect(clippy::should_implement_trait, reason = "an iterator of results would read worse at `?`")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, Problem> {
        if self.0.is_at_end() {
            return Ok(None);
        }
        let tag = varint(&mut self.0)?;
        let field = u32::try_from(tag >> 3).ok().filter(|&f| f != 0 && f < 1 << 29);
        let field = field.ok_or_else(|| self.0.malformed(format!("{} is no field number", tag >> 3)))?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut self.0)?),
            1 => Value::Fixed64(self.0.array()?),
            2 => {
                let length = varint(&mut self.0)?;
                Value::Bytes(self.0.part(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => Value::Fixed32(self.0.array()?),
            other => return Err(self.0.malformed(format!("wire type {other} in field {field}"))),
        };
        Ok(Some((field, value)))
    }

    /// A problem at this place.
    pub fn malformed(&self, what: impl Into<String>) -> Problem {
        self.0.malformed(what)
    }
}

impl<'a> Value<'a> {
    /// The bytes of a length-delimited field.
    ///
    /// # Errors
    /// Malformed, for another wire type.
    pub fn bytes(self) -> Result<&'a [u8], Problem> {
        let mut reader = self.reader()?;
        let length = reader.remaining();
        reader.take(length)
    }

    /// The text of a length-delimited field.
    ///
    /// # Errors
    /// Malformed, for another wire type or bytes that are no UTF-8.
    pub fn text(self) -> Result<&'a str, Problem> {
        let reader = self.reader()?;
        let mut whole = reader.clone();
        std::str::from_utf8(whole.take(reader.remaining())?)
            .map_err(|_| reader.malformed("text that is no UTF-8"))
    }

    /// The fields of a message within.
    ///
    /// # Errors
    /// Malformed, for another wire type.
    pub fn message(self) -> Result<Fields<'a>, Problem> {
        Ok(Fields(self.reader()?))
    }

    /// The number of a varint field, as it is (a negative int32 or int64 is its two's complement).
    ///
    /// # Errors
    /// Malformed, for another wire type.
    pub fn varint(&self) -> Result<u64, Problem> {
        match self {
            Value::Varint(number) => Ok(*number),
            other => Err(other.mismatch("a number")),
        }
    }

    /// A signed number of a varint field.
    ///
    /// # Errors
    /// Malformed, for another wire type.
    pub fn signed(&self) -> Result<i64, Problem> {
        Ok(self.varint()? as i64)
    }

    /// Every number of a repeated varint field, packed or not.
    ///
    /// # Errors
    /// Malformed, for another wire type.
    pub fn varints(self, mut each: impl FnMut(u64)) -> Result<(), Problem> {
        match self {
            Value::Varint(number) => each(number),
            Value::Bytes(mut packed) => {
                while !packed.is_at_end() {
                    each(varint(&mut packed)?);
                }
            }
            other => return Err(other.mismatch("numbers")),
        }
        Ok(())
    }

    /// The little-endian bytes of a repeated fixed-width field (float: 4, double: 8), packed or one alone.
    ///
    /// # Errors
    /// Malformed, for another wire type or a length that is no multiple of the width.
    pub fn fixed<const WIDTH: usize>(self, mut each: impl FnMut(&[u8])) -> Result<(), Problem> {
        match self {
            Value::Fixed32(bytes) if WIDTH == 4 => each(&bytes),
            Value::Fixed64(bytes) if WIDTH == 8 => each(&bytes),
            Value::Bytes(mut packed) if packed.remaining() % WIDTH == 0 => {
                each(packed.take(packed.remaining())?)
            }
            other => return Err(other.mismatch("numbers of fixed width")),
        }
        Ok(())
    }

    fn reader(self) -> Result<Reader<'a>, Problem> {
        match self {
            Value::Bytes(reader) => Ok(reader),
            other => Err(other.mismatch("bytes")),
        }
    }

    fn mismatch(&self, expected: &str) -> Problem {
        let found = match self {
            Value::Varint(_) => "a varint",
            Value::Fixed64(_) => "8 fixed bytes",
            Value::Fixed32(_) => "4 fixed bytes",
            Value::Bytes(reader) => {
                return reader.malformed(format!("expected {expected}, found a field of bytes"));
            }
        };
        Problem::malformed("protobuf", None, format!("expected {expected}, found {found}"))
    }
}

/// A base-128 number of at most ten bytes.
///
/// # Errors
/// Malformed, when the bytes end within it or it has more than 64 bits.
#[inline]
pub fn varint(reader: &mut Reader<'_>) -> Result<u64, Problem> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = reader.byte()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return if shift == 63 && byte > 1 {
                Err(reader.malformed("a varint of more than 64 bits"))
            } else {
                Ok(number)
            };
        }
    }
    Err(reader.malformed("a varint of more than ten bytes"))
}

/// Appends a base-128 number.
#[inline]
pub fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back_from_its_bytes() {
        for number in [0, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            push_varint(&mut bytes, number);
            let mut reader = Reader::new("test", &bytes);
            assert_eq!((varint(&mut reader).unwrap(), reader.is_at_end()), (number, true));
        }
    }

    #[test]
    fn fields_come_in_order_and_packed_equals_unpacked() {
        // field 1: varint 150; field 2: packed [1, 300]; field 2 again, unpacked: 5; field 3: "ab"
        let body = [0x08, 0x96, 0x01, 0x12, 0x03, 0x01, 0xac, 0x02, 0x10, 0x05, 0x1a, 0x02, b'a', b'b'];
        let mut fields = Fields::new("test", &body);
        let mut numbers = Vec::new();
        let mut text = "";
        while let Some((field, value)) = fields.next().unwrap() {
            match field {
                1 => assert_eq!(value.varint().unwrap(), 150),
                2 => value.varints(|n| numbers.push(n)).unwrap(),
                3 => text = value.text().unwrap(),
                _ => panic!("field {field}"),
            }
        }
        assert_eq!((numbers.as_slice(), text), (&[1u64, 300, 5][..], "ab"));
    }

    #[test]
    fn lies_are_refused_with_their_place() {
        for (body, place) in [
            (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f][..], "byte 6"),
            (&[0x0b], "byte 1"),
            (&[0x00], "byte 1"),
            (&[0x08, 0x80], "byte 2"),
            (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], "byte 11"),
        ] {
            let problem = Fields::new("test", body).next().unwrap_err();
            assert!(problem.to_string().contains(place), "{problem}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            fn walk(mut fields: Fields<'_>, depth: usize) {
                while let Ok(Some((_, value))) = fields.next() {
                    if let Value::Bytes(reader) = value && depth > 0 {
                        walk(Fields::of(reader), depth - 1);
                    }
                }
            }
            walk(Fields::new("test", &body), 4);
        }
    }
}
