//! Protobuf's text format as tokens.

use landfall_model::Problem;
use landfall_model::protobuf::text_escape;
use std::fmt;

/// One token.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token<'a> {
    Name(&'a str),
    /// As written, with its sign.
    Number(&'a str),
    /// Unescaped.
    Text(Vec<u8>),
    Mark(u8),
    End,
}

impl Token<'_> {
    /// As an integer of 64 bits (a negative one as its two's complement).
    pub(super) fn integer(&self) -> Option<u64> {
        let Token::Number(text) = self else { return None };
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, *text),
        };
        let magnitude = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            u64::from_str_radix(hex, 16)
        } else if digits.len() > 1 && digits.starts_with('0') {
            u64::from_str_radix(&digits[1..], 8)
        } else {
            digits.parse()
        };
        let magnitude = magnitude.ok()?;
        match negative {
            false => Some(magnitude),
            true => (magnitude <= 1 << 63).then(|| magnitude.wrapping_neg()),
        }
    }

    /// As a floating-point number.
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Token::Number(text) => {
                let (sign, magnitude) = match text.strip_prefix('-') {
                    Some(magnitude) => (-1.0, magnitude),
                    None => (1.0, *text),
                };
                if magnitude.starts_with(|first: char| first.is_ascii_alphabetic()) {
                    return Token::Name(magnitude).float().map(|number| sign * number);
                }
                let plain = magnitude.strip_suffix(['f', 'F']).filter(|_| !magnitude.starts_with("0x"));
                let number = plain.unwrap_or(magnitude).parse().ok();
                number
                    .map(|number: f64| sign * number)
                    .or_else(|| self.integer().map(|number| number as i64 as f64))
            }
            Token::Name(name) => match name.to_ascii_lowercase().as_str() {
                "inf" | "infinity" => Some(f64::INFINITY),
                "nan" => Some(f64::NAN),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Name(text) | Token::Number(text) => write!(f, "{text:?}"),
            Token::Text(_) => f.write_str("a text"),
            Token::Mark(mark) => write!(f, "{:?}", char::from(*mark)),
            Token::End => f.write_str("the end"),
        }
    }
}

/// The tokens of a text, one after the other.
pub(super) struct Lexer<'a> {
    file: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(file: &'a str, bytes: &'a [u8]) -> Self {
        Lexer { file, bytes, at: 0 }
    }

    /// A problem at this place.
    pub(super) fn malformed(&self, what: impl Into<String>) -> Problem {
        Problem::malformed(self.file, Some(self.at as u64), what)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => {
                    let rest = &self.bytes[self.at..];
                    self.at += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
                }
                _ if byte.is_ascii_whitespace() || byte == 0x0b => self.at += 1,
                _ => return,
            }
        }
    }

    /// Takes this mark, if it comes next.
    pub(super) fn takes(&mut self, mark: u8) -> Result<bool, Problem> {
        self.skip_space();
        let comes = self.peek() == Some(mark);
        self.at += usize::from(comes);
        Ok(comes)
    }

    /// A further piece of the same text, if one comes next.
    pub(super) fn more_text(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        self.skip_space();
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.text(quote).map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, Problem> {
        self.skip_space();
        let Some(byte) = self.peek() else { return Ok(Token::End) };
        match byte {
            b'"' | b'\'' => self.text(byte).map(Token::Text),
            b'{' | b'}' | b'<' | b'>' | b'[' | b']' | b':' | b',' | b';' | b'/' => {
                self.at += 1;
                Ok(Token::Mark(byte))
            }
            b'-' => self.negative(),
            _ if byte.is_ascii_digit() || byte == b'.' => Ok(Token::Number(self.word(self.at)?)),
            _ if byte.is_ascii_alphabetic() || byte == b'_' => Ok(Token::Name(self.word(self.at)?)),
            _ => Err(self.malformed(format!("{:?} begins nothing", char::from(byte)))),
        }
    }

    fn negative(&mut self) -> Result<Token<'a>, Problem> {
        let start = self.at;
        self.at += 1;
        self.word(start).map(Token::Number)
    }

    /// Letters, digits and points from here on, and, in a number, the sign of its exponent.
    fn word(&mut self, start: usize) -> Result<&'a str, Problem> {
        let is_number = !self.bytes[start].is_ascii_alphabetic() && self.bytes[start] != b'_';
        let is_hex = self.bytes[start..].starts_with(b"0x");
        while let Some(byte) = self.peek() {
            let exponent =
                is_number && !is_hex && matches!(self.bytes[self.at - 1.min(self.at)], b'e' | b'E');
            match byte {
                b'_' | b'.' => {}
                b'+' | b'-' if exponent && self.at > start => {}
                _ if byte.is_ascii_alphanumeric() => {}
                _ => break,
            }
            self.at += 1;
        }
        std::str::from_utf8(&self.bytes[start..self.at]).map_err(|_| self.malformed("no text"))
    }

    fn text(&mut self, quote: u8) -> Result<Vec<u8>, Problem> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let byte = self.peek().ok_or_else(|| self.malformed("the text ends within quotes"))?;
            self.at += 1;
            match byte {
                _ if byte == quote => return Ok(text),
                b'\n' => return Err(self.malformed("a line ends within quotes")),
                b'\\' => {
                    let length = text_escape(&self.bytes[self.at..], &mut text);
                    self.at += length.map_err(|what| self.malformed(what))?;
                }
                _ => text.push(byte),
            }
        }
    }
}
