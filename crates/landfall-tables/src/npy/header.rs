//! The header of an NPY file: versions 1.0 to 3.0 of NumPy's `numpy.lib.format`.

use landfall_model::{DType, Problem};
use std::io::Read;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy's own reader stops at 10,000 for files it does not trust; structured types make longer ones, which are not
/// read here.
const HEADER_BYTES: usize = 64 << 10;

/// What lies in an array.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Items {
    /// Numbers or booleans.
    Plain(DType),
    /// `S`: bytes, padded with NULs to this length.
    Bytes(usize),
    /// `U`: this many UTF-32 characters, padded with NULs.
    Characters(usize),
}

impl Items {
    /// The element type that they become.
    pub(super) fn dtype(self) -> DType {
        match self {
            Items::Plain(dtype) => dtype,
            Items::Bytes(_) | Items::Characters(_) => DType::String,
        }
    }

    /// Bytes of one.
    pub(super) fn size(self) -> usize {
        match self {
            Items::Plain(dtype) => dtype.size().unwrap_or(0),
            Items::Bytes(length) => length,
            Items::Characters(length) => length * 4,
        }
    }
}

/// A header.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Header {
    pub(super) items: Items,
    pub(super) big_endian: bool,
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Reads it off the start of a file.
    pub(super) fn read(name: &str, stream: &mut dyn Read) -> Result<Self, Problem> {
        let broken = |what: &str| Problem::malformed(name, Some(0), what);
        let mut start = [0; 8];
        fill(name, stream, &mut start)?;
        if start[..6] != *MAGIC {
            return Err(broken("this is no NPY file"));
        }
        let length = match start[6] {
            1 => {
                let mut length = [0; 2];
                fill(name, stream, &mut length)?;
                usize::from(u16::from_le_bytes(length))
            }
            2 | 3 => {
                let mut length = [0; 4];
                fill(name, stream, &mut length)?;
                u32::from_le_bytes(length) as usize
            }
            version => return Err(Problem::unsupported(format!("{name}: NPY version {version}"), "")),
        };
        if length > HEADER_BYTES {
            return Err(broken("the header is longer than 64 KiB"));
        }
        let mut text = vec![0; length];
        fill(name, stream, &mut text)?;
        Header::parse(&text).map_err(|problem| problem.at(name.to_owned()))
    }

    /// The dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
    fn parse(text: &[u8]) -> Result<Self, Problem> {
        let mut literal = Literal { bytes: text, at: 0 };
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        literal.expect(b'{')?;
        while !literal.take(b'}') {
            let key = literal.string()?;
            literal.expect(b':')?;
            match key.as_slice() {
                b"descr" => descr = Some(literal.descr()?),
                b"fortran_order" => fortran = Some(literal.truth()?),
                b"shape" => shape = Some(literal.tuple()?),
                _ => return Err(literal.broken("an unknown key")),
            }
            if !literal.take(b',') {
                literal.expect(b'}')?;
                break;
            }
        }
        let (Some((items, big_endian)), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
            return Err(literal.broken("a key is missing"));
        };
        let header = Header { items, big_endian, fortran, shape };
        header.bytes_total().ok_or_else(|| Problem::invalid("the array's shape is absurd"))?;
        Ok(header)
    }

    /// The header of an array in C order, version 1.0 or, where that is too short, 2.0.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let descr = match self.items {
            Items::Bytes(length) => format!("|S{length}"),
            Items::Characters(length) => format!("<U{length}"),
            Items::Plain(dtype) => match dtype {
                DType::Bool => "|b1".to_owned(),
                DType::U8 => "|u1".to_owned(),
                DType::I8 => "|i1".to_owned(),
                DType::Complex64 => "<c8".to_owned(),
                DType::Complex128 => "<c16".to_owned(),
                d if d.is_float() => format!("<f{}", d.size().unwrap_or(0)),
                DType::U16 | DType::U32 | DType::U64 => format!("<u{}", dtype.size().unwrap_or(0)),
                _ => format!("<i{}", dtype.size().unwrap_or(0)),
            },
        };
        let axes: String = self.shape.iter().map(|n| format!("{n}, ")).collect();
        // One axis keeps its comma, so that it reads as a tuple.
        let axes = if self.shape.len() == 1 { axes.trim_end() } else { axes.trim_end_matches(", ") };
        let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}");
        let long = text.len() + 1 + 10 > usize::from(u16::MAX);
        let prefix = if long { 12 } else { 10 };
        while (prefix + text.len() + 1) % 64 != 0 {
            text.push(' ');
        }
        text.push('\n');
        let mut bytes = MAGIC.to_vec();
        if long {
            bytes.extend_from_slice(&[2, 0]);
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        } else {
            bytes.extend_from_slice(&[1, 0]);
            bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
        }
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    /// Bytes of all items; `None` when that does not fit into 63 bits.
    pub(super) fn bytes_total(&self) -> Option<usize> {
        let widest = |product: usize, &n: &usize| product.checked_mul(n.max(1));
        let absurd = self.shape.iter().try_fold(self.items.size().max(1), widest)?;
        if absurd > isize::MAX as usize {
            return None;
        }
        Some(self.shape.iter().product::<usize>() * self.items.size())
    }

    /// Items of one row: one index along axis 0.
    pub(super) fn row_items(&self) -> usize {
        self.shape.iter().skip(1).product()
    }
}

/// Reads until `bytes` is full.
pub(super) fn fill(name: &str, stream: &mut dyn Read, bytes: &mut [u8]) -> Result<(), Problem> {
    stream.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Problem::malformed(name, None, "the file ends too early"),
        std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
            Problem::malformed(name, None, error.to_string())
        }
        _ => Problem::io(format!("read {name}"), &error),
    })
}

/// The few Python literals that a header holds.
struct Literal<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Literal<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Problem> {
        if self.take(byte) { Ok(()) } else { Err(self.broken(&format!("{:?} is missing", char::from(byte)))) }
    }

    fn broken(&self, what: &str) -> Problem {
        Problem::malformed("NPY header", Some(self.at as u64), what)
    }

    fn string(&mut self) -> Result<Vec<u8>, Problem> {
        let quote = self.peek().filter(|byte| matches!(byte, b'\'' | b'"'));
        let quote = quote.ok_or_else(|| self.broken("a string is missing"))?;
        let rest = &self.bytes[self.at + 1..];
        let end =
            rest.iter().position(|&byte| byte == quote).ok_or_else(|| self.broken("a string is open"))?;
        self.at += end + 2;
        Ok(rest[..end].to_vec())
    }

    fn truth(&mut self) -> Result<bool, Problem> {
        self.peek();
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            if self.bytes[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.broken("True or False is missing"))
    }

    fn tuple(&mut self) -> Result<Vec<usize>, Problem> {
        const AXES: usize = 64;
        self.expect(b'(')?;
        let mut axes = Vec::new();
        while !self.take(b')') {
            axes.push(self.integer()?);
            // Python 2 wrote long integers so.
            self.take(b'L');
            if !self.take(b',') {
                self.expect(b')')?;
                break;
            }
            if axes.len() > AXES {
                return Err(self.broken("there are more than 64 axes"));
            }
        }
        Ok(axes)
    }

    fn integer(&mut self) -> Result<usize, Problem> {
        self.peek();
        let rest = &self.bytes[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = std::str::from_utf8(&rest[..digits]).ok().and_then(|text| text.parse().ok());
        self.at += digits;
        value.ok_or_else(|| self.broken("a length is missing or too large"))
    }

    fn descr(&mut self) -> Result<(Items, bool), Problem> {
        if self.peek() == Some(b'[') {
            return Err(Problem::unsupported("a structured array", "save each field as an array of its own"));
        }
        let text = self.string()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let refused =
            |what: &str, instead: &str| Err(Problem::unsupported(format!("{what} ({text})"), instead));
        let (order, kind) = match text.split_at_checked(1) {
            Some((order @ ("<" | ">" | "|" | "="), kind)) => (order, kind),
            _ => ("=", text.as_str()),
        };
        let big_endian = order == ">";
        let length = || kind.get(1..).and_then(|digits| digits.parse::<usize>().ok());
        let items = match kind {
            "b1" | "?" => Items::Plain(DType::Bool),
            "u1" => Items::Plain(DType::U8),
            "u2" => Items::Plain(DType::U16),
            "u4" => Items::Plain(DType::U32),
            "u8" => Items::Plain(DType::U64),
            "i1" => Items::Plain(DType::I8),
            "i2" => Items::Plain(DType::I16),
            "i4" => Items::Plain(DType::I32),
            "i8" => Items::Plain(DType::I64),
            "f2" => Items::Plain(DType::F16),
            "f4" => Items::Plain(DType::F32),
            "f8" => Items::Plain(DType::F64),
            "c8" => Items::Plain(DType::Complex64),
            "c16" => Items::Plain(DType::Complex128),
            "O" => return refused("an array of Python objects", "save it with dtype S or U"),
            _ => match (kind.get(..1), length()) {
                (Some("S" | "a"), Some(length)) if length < 1 << 31 => Items::Bytes(length),
                (Some("U"), Some(length)) if length < 1 << 29 => Items::Characters(length),
                (Some("M" | "m"), _) => {
                    return refused("an array of dates or times", "convert it to numbers");
                }
                _ => return refused("an array of this type", "save it as numbers, booleans or strings"),
            },
        };
        Ok((items, big_endian))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were_written() {
        for dtype in DType::ALL {
            let items = match dtype {
                DType::String => Items::Bytes(7),
                DType::BF16 => continue,
                dtype => Items::Plain(dtype),
            };
            for shape in [vec![], vec![3], vec![2, 3], vec![0, 5, 1]] {
                let header = Header { items, big_endian: false, fortran: false, shape };
                let bytes = header.to_bytes();
                assert_eq!(bytes.len() % 64, 0);
                assert_eq!(Header::read("t", &mut bytes.as_slice()).unwrap(), header);
            }
        }
    }

    #[test]
    fn absurd_and_foreign_headers_are_refused() {
        let parse = |text: &str| Header::parse(text.as_bytes());
        for bad in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 9), }",
            "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }",
            "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (3,), }",
            "{'descr': '<f4', 'shape': (3,), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }",
            "{",
            "",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let python2 = parse("{'descr': '>i8', 'fortran_order': True, 'shape': (3L, 4L), }").unwrap();
        assert!(python2.big_endian && python2.fortran && python2.shape == [3, 4]);
    }
}
