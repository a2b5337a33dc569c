//! A pull scanner over one line of JSON: no tree, no allocation but for strings with escapes.

use landfall_model::Problem;
use landfall_model::json::escape;
use std::borrow::Cow;
use std::ops::Range;

/// Deeper lists are refused: no tensor has more axes.
pub(crate) const DEPTH: usize = 32;

/// Where a line is being read.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What a value starts as.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Start {
    Object,
    List,
    Text,
    Number,
    True,
    False,
    Null,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Self {
        Scanner { bytes: line, at: 0 }
    }

    /// What comes next, blanks skipped.
    pub(crate) fn start(&mut self) -> Result<Start, Problem> {
        Ok(match self.peek() {
            Some(b'{') => Start::Object,
            Some(b'[') => Start::List,
            Some(b'"') => Start::Text,
            Some(b't') => Start::True,
            Some(b'f') => Start::False,
            Some(b'n') => Start::Null,
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => Start::Number,
            _ => return Err(self.unexpected("a value")),
        })
    }

    /// Takes `byte`, blanks before it skipped; `false` when something else comes.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Problem> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected(&format!("{:?}", char::from(byte)))) }
    }

    /// After an element: whether another follows, else the closing byte is taken.
    pub(crate) fn more(&mut self, close: u8) -> Result<bool, Problem> {
        if self.take(b',') {
            return Ok(true);
        }
        self.expect(close)?;
        Ok(false)
    }

    /// The line ends here.
    pub(crate) fn end(&mut self) -> Result<(), Problem> {
        if self.peek().is_none() { Ok(()) } else { Err(self.unexpected("the end of the line")) }
    }

    /// `true`, `false` or `null`, which [`Scanner::start`] has announced.
    pub(crate) fn word(&mut self, word: &str) -> Result<(), Problem> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.unexpected(word));
        }
        self.at += word.len();
        Ok(())
    }

    /// The text of a number.
    pub(crate) fn number(&mut self) -> Result<&'a [u8], Problem> {
        self.peek();
        let start = self.at;
        let rest = &self.bytes[start..];
        if let Some(word) =
            [&b"NaN"[..], b"Infinity", b"-Infinity", b"-NaN"].iter().find(|w| rest.starts_with(w))
        {
            self.at += word.len();
            return Ok(&rest[..word.len()]);
        }
        self.at += usize::from(rest.first() == Some(&b'-'));
        let whole = self.digits();
        let leading_zero = whole > 1 && self.bytes[self.at - whole] == b'0';
        if whole == 0 || leading_zero {
            return Err(self.unexpected("a number"));
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.unexpected("a digit"));
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.unexpected("a digit"));
            }
        }
        Ok(&self.bytes[start..self.at])
    }

    /// The bytes that a string stands for. Bytes that are no UTF-8 are passed on.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, [u8]>, Problem> {
        self.expect(b'"')?;
        let start = self.at;
        let rest = &self.bytes[start..];
        match rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < b' ') {
            Some(end) if rest[end] == b'"' => {
                self.at += end + 1;
                Ok(Cow::Borrowed(&rest[..end]))
            }
            _ => self.escaped_string().map(Cow::Owned),
        }
    }

    #[cold]
    fn escaped_string(&mut self) -> Result<Vec<u8>, Problem> {
        let mut out = Vec::new();
        loop {
            let byte = self.next_byte()?;
            match byte {
                b'"' => return Ok(out),
                b'\\' => self.escape(&mut out)?,
                0..=0x1F => return Err(self.unexpected("a string without raw control characters")),
                _ => out.push(byte),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Problem> {
        let mut rest = &self.bytes[self.at..];
        let character = escape(&mut rest);
        self.at = self.bytes.len() - rest.len();
        let character = character.map_err(|expected| self.unexpected(expected))?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), Problem> {
        if depth > 4 * DEPTH {
            return Err(self.unexpected("less depth"));
        }
        match self.start()? {
            Start::Object => {
                self.expect(b'{')?;
                if self.take(b'}') {
                    return Ok(());
                }
                loop {
                    self.string()?;
                    self.expect(b':')?;
                    self.skip(depth + 1)?;
                    if !self.more(b'}')? {
                        return Ok(());
                    }
                }
            }
            Start::List => {
                self.expect(b'[')?;
                if self.take(b']') {
                    return Ok(());
                }
                loop {
                    self.skip(depth + 1)?;
                    if !self.more(b']')? {
                        return Ok(());
                    }
                }
            }
            Start::Text => self.string().map(drop),
            Start::Number => self.number().map(drop),
            Start::True => self.word("true"),
            Start::False => self.word("false"),
            Start::Null => self.word("null"),
        }
    }

    /// Passes over a value; gives where on the line it stands.
    pub(crate) fn passed_over(&mut self) -> Result<Range<usize>, Problem> {
        self.peek();
        let start = self.at;
        self.skip(0)?;
        Ok(start..self.at)
    }

    #[cold]
    pub(crate) fn unexpected(&self, expected: &str) -> Problem {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let found = if rest.is_empty() {
            "the end of the line".to_owned()
        } else {
            format!("{:?}", String::from_utf8_lossy(&rest[..rest.len().min(20)]))
        };
        Problem::invalid(format!("character {}: expected {expected}, found {found}", self.at + 1))
    }

    fn peek(&mut self) -> Option<u8> {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn next_byte(&mut self) -> Result<u8, Problem> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| self.unexpected("the end of a string"))?;
        self.at += 1;
        Ok(byte)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }
}

/// The text of a JSON string; `None` for what is none.
pub(crate) fn text(json: &[u8]) -> Option<Cow<'_, [u8]>> {
    Scanner::new(json).string().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_grammar() {
        for good in ["0", "-1", "1.5", "1e3", "1E-07", "NaN", "-Infinity", "123456789012345678901234567890"] {
            let mut scanner = Scanner::new(good.as_bytes());
            assert_eq!(scanner.number().unwrap(), good.as_bytes());
            scanner.end().unwrap();
        }
        for bad in ["", "-", "01", "1.", ".5", "1e", "+1", "nan"] {
            let mut scanner = Scanner::new(bad.as_bytes());
            let outcome = scanner.start().and_then(|_| scanner.number()).and_then(|_| scanner.end());
            assert!(outcome.is_err(), "{bad}");
        }
    }

    #[test]
    fn strings_are_unescaped() {
        let cases = [
            (r#""a""#, Some("a")),
            (r#""a\n\"\\\/\u00e9\ud83d\ude00""#, Some("a\n\"\\/é😀")),
            (r#""\ud83d""#, None),
            (r#""\q""#, None),
            (r#""open"#, None),
            ("\"a\nb\"", None),
        ];
        for (text, expected) in cases {
            let found = Scanner::new(text.as_bytes()).string();
            assert_eq!(found.ok().as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(Scanner::new("[".repeat(100_000).as_bytes()).skip(0).is_err());
    }
}
