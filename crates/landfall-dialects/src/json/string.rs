//! Strings: bytes between quotes, and what escapes in them stand for.

use super::{Fault, Scanner, SyntaxError};
use std::borrow::Cow;

impl<'a> Scanner<'a> {
    /// Reads a string whose opening quote comes next. UTF-8 is not checked; what is not escaped is passed as it is.
    ///
    /// # Errors
    /// Where the string is malformed.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Cow<'a, [u8]>, SyntaxError> {
        let start = self.at + 1;
        let end = self.plain_until(start);
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.bytes[start..end]));
        }
        let (text, end) = unescaped(self.moved_to(start))?;
        self.at = end;
        Ok(Cow::Owned(text))
    }

    /// Reads a string whose opening quote comes next, and appends what it stands for.
    ///
    /// # Errors
    /// Where the string is malformed; a part of it may have been appended.
    pub(crate) fn string_into(&mut self, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
        self.at += 1;
        self.rest_of_string(out)
    }

    /// The first place from `at` on that ends a stretch of plain characters.
    #[inline(always)]
    fn plain_until(&self, mut at: usize) -> usize {
        while let Some(text) = self.bytes.get(at..at + 8).and_then(|text| <[u8; 8]>::try_from(text).ok()) {
            let found = special_bytes(u64::from_le_bytes(text));
            if found != 0 {
                return at + found.trailing_zeros() as usize / 8;
            }
            at += 8;
        }
        let special = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < 0x20;
        self.bytes[at..].iter().position(special).map_or(self.bytes.len(), |place| at + place)
    }

    fn rest_of_string(&mut self, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
        loop {
            let end = self.plain_until(self.at);
            out.extend_from_slice(&self.bytes[self.at..end]);
            self.at = end;
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape(out)?,
                0 => return Err(self.fault(Fault::MissingQuote)),
                _ => return Err(self.fault(Fault::EncodingInvalid)),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let start = self.at;
        let error = |fault| SyntaxError { fault, offset: start };
        self.at += 1;
        let byte = self.peek();
        self.at += 1;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let character = self.unicode().map_err(error)?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(error(Fault::EscapeInvalid)),
        };
        out.push(plain);
        Ok(())
    }

    /// The character of four hex digits, or of two such groups that are a surrogate pair.
    fn unicode(&mut self) -> Result<char, Fault> {
        let first = self.hex4()?;
        let code = match first {
            0xd800..0xdc00 => {
                if !self.take(b'\\') || !self.take(b'u') {
                    return Err(Fault::SurrogateInvalid);
                }
                let second = self.hex4()?;
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(Fault::SurrogateInvalid);
                }
                ((first - 0xd800) << 10 | (second - 0xdc00)) + 0x10000
            }
            other => other,
        };
        char::from_u32(code).ok_or(Fault::SurrogateInvalid)
    }

    fn hex4(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = char::from(self.peek()).to_digit(16).ok_or(Fault::HexInvalid)?;
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }
}

/// A string with escapes, from behind its quote, and where it ends. The cursor goes by value, so that the caller's stays in
/// registers.
#[cold]
fn unescaped(mut scanner: Scanner<'_>) -> Result<(Vec<u8>, usize), SyntaxError> {
    let mut text = Vec::new();
    scanner.rest_of_string(&mut text)?;
    Ok((text, scanner.at))
}

/// The lowest bit that is set stands in the highest bit of the first byte that is a quote, a backslash or a control
/// character; bytes after that one may be marked wrongly.
#[inline(always)]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte is zero where subtracting 1 borrows, and below 0x20 where subtracting that does; bytes with their highest bit
    // set are neither.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control) & (ONES * 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_what_they_mean() {
        for (text, bytes) in [
            (r#""plain""#, &b"plain"[..]),
            (r#""""#, b""),
            (r#""a\u0000b""#, b"a\0b"),
            (r#""\"\\\/\b\f\n\r\t""#, b"\"\\/\x08\x0c\n\r\t"),
            (r#""\u00e9\u20ac""#, "é€".as_bytes()),
            (r#""\ud83d\uDE00!""#, "😀!".as_bytes()),
            ("\"\u{1f600}\"", "😀".as_bytes()),
        ] {
            assert_eq!(Scanner::new(text.as_bytes()).string().unwrap(), bytes, "{text}");
            let mut appended = b"before ".to_vec();
            Scanner::new(text.as_bytes()).string_into(&mut appended).unwrap();
            assert_eq!(&appended[7..], bytes, "{text}");
        }
        assert_eq!(Scanner::new(b"\"\xff\"").string().unwrap(), &b"\xff"[..], "bytes are passed as they are");
    }

    proptest::proptest! {
        #![proptest_config(crate::seeded::seeded(512))]

        #[test]
        fn plain_characters_end_where_a_look_at_each_byte_ends_them(
            bytes in proptest::collection::vec(
                proptest::prop_oneof![8 => 0x20u8..=0xff, 1 => proptest::prelude::any::<u8>()], 0..40
            ),
            at in 0usize..8
        ) {
            let at = at.min(bytes.len());
            let special = |&byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            let expected = bytes[at..].iter().position(special).map_or(bytes.len(), |place| at + place);
            proptest::prop_assert_eq!(Scanner { bytes: &bytes, at: 0 }.plain_until(at), expected);
        }
    }
}
