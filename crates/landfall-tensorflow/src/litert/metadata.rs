//! Signatures that a file carries beside itself: `SignatureDef` messages in a FlexBuffers map, under the metadata's name
//! `signature_defs_metadata`. Files that were written for TensorFlow Serving have them instead of signatures of their own.
//!
//! The format: <https://flatbuffers.dev/flexbuffers/>. A buffer ends with its root's value, the root's type and the
//! width of that value. A map's place is that of its values; before it stand the place of its keys, their width and its
//! length, each as wide as the values; after the values stand their types. Places are distances back.

use landfall_model::Problem;
use landfall_model::protobuf::{Fields, Value};

/// The metadata's name.
pub(super) const NAME: &str = "signature_defs_metadata";

/// What is malformed is said of this.
const WHAT: &str = "signature_defs_metadata";
/// Types of FlexBuffers, beside their two bits of width.
const STRING: u8 = 5;
const MAP: u8 = 9;
const BLOB: u8 = 25;

/// One signature: what its inputs and outputs are called, and the tensors' own names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) key: String,
    pub(super) inputs: Vec<Alias>,
    pub(super) outputs: Vec<Alias>,
}

/// A name that callers use, and the tensor's own, as TensorFlow writes it (`x:0`) or as the file has it (`x`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Alias {
    pub(super) name: String,
    pub(super) tensor: String,
}

impl Alias {
    /// Whether it means the tensor of this name.
    pub(super) fn means(&self, tensor: &str) -> bool {
        self.tensor == tensor || self.tensor.strip_suffix(":0") == Some(tensor)
    }
}

/// Reads the signatures.
///
/// # Errors
/// Malformed, with the place.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Named>, Problem> {
    let buffer = Buffer(bytes);
    let (width, root) = match bytes {
        [.., root, width] => (usize::from(*width), *root),
        _ => return Err(buffer.malformed(0, "it is shorter than the shortest map")),
    };
    let at = bytes.len().checked_sub(2 + width).filter(|_| matches!(width, 1 | 2 | 4 | 8));
    let at = at.ok_or_else(|| buffer.malformed(bytes.len(), format!("a root of {width} bytes")))?;
    if root >> 2 != MAP {
        return Err(buffer.malformed(at, format!("its root is of type {}, expected a map", root >> 2)));
    }
    let mut found = Vec::new();
    for (key, message) in buffer.map(buffer.follow(at, width)?, 1 << (root & 3))? {
        found.push(named(key, message)?);
    }
    Ok(found)
}

struct Buffer<'a>(&'a [u8]);

impl<'a> Buffer<'a> {
    #[cold]
    fn malformed(&self, at: usize, what: impl Into<String>) -> Problem {
        Problem::malformed(WHAT, Some(at as u64), what)
    }

    /// A number of `width` bytes.
    fn number(&self, at: usize, width: usize) -> Result<usize, Problem> {
        let bytes = at.checked_add(width).and_then(|end| self.0.get(at..end));
        let bytes = bytes.ok_or_else(|| self.malformed(at, "it ends within a number"))?;
        let number = bytes.iter().rev().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
        usize::try_from(number).map_err(|_| self.malformed(at, format!("the number {number}")))
    }

    /// Where the distance back at `at` leads to.
    fn follow(&self, at: usize, width: usize) -> Result<usize, Problem> {
        let back = self.number(at, width)?;
        at.checked_sub(back)
            .ok_or_else(|| self.malformed(at, format!("{back} bytes back lie before its start")))
    }

    fn before(&self, at: usize, bytes: usize) -> Result<usize, Problem> {
        at.checked_sub(bytes).ok_or_else(|| self.malformed(at, "its start is missing"))
    }

    /// Keys and bytes of a map of strings, whose values stand at `at`.
    fn map(&self, at: usize, width: usize) -> Result<Vec<(&'a str, &'a [u8])>, Problem> {
        let length = self.number(self.before(at, width)?, width)?;
        let key_width = self.number(self.before(at, 2 * width)?, width)?;
        let keys = self.follow(self.before(at, 3 * width)?, width)?;
        if !matches!(key_width, 1 | 2 | 4 | 8) {
            return Err(self.malformed(at, format!("keys of {key_width} bytes")));
        }
        // Each entry takes a byte at least, of its type.
        if length > self.0.len() {
            return Err(self.malformed(at, format!("{length} entries in {} bytes", self.0.len())));
        }
        let entry = |index: usize| {
            let key = self.text(self.follow(keys.saturating_add(index * key_width), key_width)?)?;
            let kind = self.number(at.saturating_add(length * width + index), 1)? as u8;
            if !matches!(kind >> 2, STRING | BLOB) {
                let what = format!("{key:?} is of type {}, expected a string", kind >> 2);
                return Err(self.malformed(at, what));
            }
            let start = self.follow(at.saturating_add(index * width), width)?;
            Ok((key, self.string(start, 1 << (kind & 3))?))
        };
        (0..length).map(entry).collect()
    }

    /// A key: text up to its NUL.
    fn text(&self, at: usize) -> Result<&'a str, Problem> {
        let rest = self.0.get(at..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == 0);
        let end = end.ok_or_else(|| self.malformed(at, "a key does not end in NUL"))?;
        str::from_utf8(&rest[..end]).map_err(|_| self.malformed(at, "a key is no UTF-8"))
    }

    /// A string: its length stands before it.
    fn string(&self, at: usize, width: usize) -> Result<&'a [u8], Problem> {
        let length = self.number(self.before(at, width)?, width)?;
        let bytes = at.checked_add(length).and_then(|end| self.0.get(at..end));
        bytes.ok_or_else(|| self.malformed(at, format!("a string of {length} bytes leaves the buffer")))
    }
}

/// `SignatureDef`: inputs = 1, outputs = 2.
fn named(key: &str, message: &[u8]) -> Result<Named, Problem> {
    let mut named = Named { key: key.to_owned(), inputs: Vec::new(), outputs: Vec::new() };
    let mut fields = Fields::new(WHAT, message);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => named.inputs.push(alias(value)?),
            2 => named.outputs.push(alias(value)?),
            _ => {}
        }
    }
    Ok(named)
}

/// A map's entry, key = 1 and value = 2, whose value is a `TensorInfo`: name = 1.
fn alias(value: Value<'_>) -> Result<Alias, Problem> {
    let mut alias = Alias { name: String::new(), tensor: String::new() };
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => value.text()?.clone_into(&mut alias.name),
            2 => {
                let mut info = value.message()?;
                while let Some((field, value)) = info.next()? {
                    if field == 1 {
                        value.text()?.clone_into(&mut alias.tensor);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(alias)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{x: "in:0"}` to `{y: "out"}` under a key, as a writer lays it out.
    fn small() -> Vec<u8> {
        let mut bytes = b"serving_default\0".to_vec();
        let message = b"\x0a\x0b\x0a\x01x\x12\x06\x0a\x04in:0\x12\x0a\x0a\x01y\x12\x05\x0a\x03out";
        bytes.push(message.len() as u8);
        let text = bytes.len();
        bytes.extend_from_slice(message);
        bytes.push(0);
        bytes.push(1); // keys: one,
        let keys = bytes.len();
        bytes.push(keys as u8); // which stands at 0
        bytes.extend_from_slice(&[1, 1, 1]); // values: their keys stand one before, are one byte wide; there is one
        let values = bytes.len();
        bytes.push((values - text) as u8);
        bytes.push(STRING << 2);
        bytes.extend_from_slice(&[2, MAP << 2, 1]);
        bytes
    }

    #[test]
    fn names_of_tensors_are_found_under_their_signature() {
        let alias = |name: &str, tensor: &str| Alias { name: name.into(), tensor: tensor.into() };
        let expected = Named {
            key: "serving_default".into(),
            inputs: vec![alias("x", "in:0")],
            outputs: vec![alias("y", "out")],
        };
        assert!(expected.inputs[0].means("in") && expected.outputs[0].means("out"));
        assert_eq!(read(&small()).unwrap(), [expected]);
    }

    #[test]
    fn every_cut_and_every_changed_byte_gives_an_answer_or_an_error() {
        let whole = small();
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "cut to {length} bytes");
        }
        for at in 0..whole.len() {
            for byte in 0..=255 {
                let mut bytes = whole.clone();
                bytes[at] = byte;
                let _ = read(&bytes);
            }
        }
        for wide in [[0xff; 12].to_vec(), [[0xff; 12].as_slice(), &[MAP << 2 | 3, 8]].concat()] {
            assert!(read(&wide).is_err());
        }
    }
}
