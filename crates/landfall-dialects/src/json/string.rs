//! Strings: bytes between quotes, and what escapes in them stand for.

use super::{Fault, Scanner, SyntaxError};
use std::borrow::Cow;

impl<'a> Scanner<'a> {
    /// Reads a string whose opening quote comes next. UTF-8 is not checked; what is not escaped is passed as it is.
    ///
    /// # Errors
    /// Where the string is malformed.
    #[inline]
    pub fn string(&mut self) -> Result<Cow<'a, [u8]>, SyntaxError> {
        let start = self.at + 1;
        self.at = self.plain_until(start);
        if self.peek() == b'"' {
            let plain = &self.bytes[start..self.at];
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut unescaped = self.bytes[start..self.at].to_vec();
        self.rest_of_string(&mut unescaped)?;
        Ok(Cow::Owned(unescaped))
    }

    /// Reads a string whose opening quote comes next, and appends what it stands for.
    ///
    /// # Errors
    /// Where the string is malformed; a part of it may have been appended.
    pub fn string_into(&mut self, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
        self.at += 1;
        self.rest_of_string(out)
    }

    /// The first place from `at` on that ends a stretch of plain characters.
    #[inline]
    fn plain_until(&self, at: usize) -> usize {
        let special = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < 0x20;
        at + self.bytes[at..].iter().position(special).unwrap_or(self.bytes.len() - at)
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
}
