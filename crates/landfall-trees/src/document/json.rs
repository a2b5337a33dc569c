//! The JSON that training libraries write (RFC 8259, and NaN and Infinity bare), read without recursion.

use super::{MAX_DEPTH, Numbers, Value};
use crate::decimal;
use landfall_model::Problem;
use landfall_model::json::escape;
use std::borrow::Cow;

/// Reads a whole document.
///
/// # Errors
/// Malformed, with the offset.
pub(crate) fn read<'a>(file: &str, bytes: &'a [u8]) -> Result<Value<'a>, Problem> {
    let mut scanner = Scanner { file, bytes, at: 0 };
    let value = scanner.document()?;
    scanner.skip_space();
    match scanner.peek() {
        None => Ok(value),
        Some(_) => Err(scanner.wrong("more follows the end of the document")),
    }
}

struct Scanner<'a, 'f> {
    file: &'f str,
    bytes: &'a [u8],
    at: usize,
}

/// A list or object that is open.
enum Open<'a> {
    Numbers(Vec<f64>),
    List(Vec<Value<'a>>),
    Object { fields: Vec<(Cow<'a, str>, Value<'a>)>, key: Cow<'a, str> },
}

impl<'a> Scanner<'a, '_> {
    fn document(&mut self) -> Result<Value<'a>, Problem> {
        let mut open: Vec<Open<'a>> = Vec::new();
        loop {
            // One value, or the start of a list or object whose first value comes next.
            self.skip_space();
            let mut done = match self.peek() {
                Some(b'[') => {
                    self.at += 1;
                    self.deeper(&open)?;
                    if !self.takes(b']') {
                        open.push(Open::Numbers(Vec::new()));
                        continue;
                    }
                    Value::Numbers(Numbers::Parsed(Vec::new()))
                }
                Some(b'{') => {
                    self.at += 1;
                    self.deeper(&open)?;
                    if !self.takes(b'}') {
                        let key = self.key()?;
                        open.push(Open::Object { fields: Vec::new(), key });
                        continue;
                    }
                    Value::Object(Vec::new())
                }
                _ => self.scalar()?,
            };
            // It belongs to what is open, which may end with it, and so on.
            loop {
                let Some(last) = open.last_mut() else { return Ok(done) };
                last.put(done);
                if self.takes(b',') {
                    if let Open::Object { key, .. } = last {
                        *key = self.key()?;
                    }
                    break;
                }
                let end = if matches!(last, Open::Object { .. }) { b'}' } else { b']' };
                if !self.takes(end) {
                    return Err(self.wrong(format!("expected , or {}", char::from(end))));
                }
                done = match open.pop() {
                    Some(Open::Numbers(numbers)) => Value::Numbers(Numbers::Parsed(numbers)),
                    Some(Open::List(values)) => Value::List(values),
                    Some(Open::Object { fields, .. }) => Value::Object(fields),
                    None => return Err(self.wrong("nothing is open")),
                };
            }
        }
    }

    fn deeper(&self, open: &[Open<'a>]) -> Result<(), Problem> {
        if open.len() >= MAX_DEPTH {
            return Err(self.wrong(format!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(())
    }

    fn key(&mut self) -> Result<Cow<'a, str>, Problem> {
        self.skip_space();
        if self.peek() != Some(b'"') {
            return Err(self.wrong("expected a key in quotes"));
        }
        let key = self.string()?;
        if self.takes(b':') { Ok(key) } else { Err(self.wrong("expected a colon after the key")) }
    }

    fn scalar(&mut self) -> Result<Value<'a>, Problem> {
        match self.peek() {
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b'a'..=b'z' | b'A'..=b'Z') => {
                let word = self.run(|byte| byte.is_ascii_alphabetic());
                Ok(match word {
                    b"true" => Value::Bool(true),
                    b"false" => Value::Bool(false),
                    b"null" => Value::Null,
                    b"NaN" | b"nan" => Value::Number(f64::NAN),
                    b"Infinity" | b"inf" => Value::Number(f64::INFINITY),
                    _ => {
                        return Err(self.wrong(format!("unknown word {:?}", word.escape_ascii().to_string())));
                    }
                })
            }
            Some(byte) => Err(self.wrong(format!("unexpected {:?}", char::from(byte)))),
            None => Err(self.wrong("the document ends within a value")),
        }
    }

    fn number(&mut self) -> Result<f64, Problem> {
        let start = self.at;
        if let Some((number, length)) = decimal::number(&self.bytes[start..])
            && matches!(self.bytes.get(start + length), Some(b',' | b']' | b'}'))
        {
            self.at += length;
            return Ok(number);
        }
        let text =
            self.run(|byte| matches!(byte, b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z'));
        let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| {
            self.at = start;
            self.wrong(format!("{:?} is no number", text.escape_ascii().to_string()))
        })
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Problem> {
        self.at += 1;
        let plain = self.run(|byte| byte != b'"' && byte != b'\\' && byte >= b' ');
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(self.utf8(plain)?.into());
        }
        let mut text = self.utf8(plain)?.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text.into());
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                // Libraries write names as they got them: a bare tab, say.
                Some(byte) if byte < b' ' => {
                    self.at += 1;
                    text.push(char::from(byte));
                }
                Some(_) => {
                    let plain = self.run(|byte| byte != b'"' && byte != b'\\' && byte >= b' ');
                    text.push_str(self.utf8(plain)?);
                }
                None => return Err(self.wrong("the document ends within a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let mut rest = &self.bytes[self.at..];
        let character = escape(&mut rest);
        self.at = self.bytes.len() - rest.len();
        character.map_err(|expected| self.wrong(format!("expected {expected} in a string")))
    }

    fn utf8(&self, bytes: &'a [u8]) -> Result<&'a str, Problem> {
        std::str::from_utf8(bytes).map_err(|_| self.wrong("the string is not UTF-8"))
    }

    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| !belongs(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn skip_space(&mut self) {
        self.run(|byte| byte.is_ascii_whitespace());
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes past a byte, and space before it, if it comes next.
    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    #[cold]
    fn wrong(&self, what: impl Into<String>) -> Problem {
        Problem::malformed(self.file, Some(self.at.min(self.bytes.len()) as u64), what)
    }
}

impl<'a> Open<'a> {
    fn put(&mut self, value: Value<'a>) {
        match self {
            Open::Numbers(numbers) => match value {
                Value::Number(number) => numbers.push(number),
                Value::Bool(truth) => numbers.push(f64::from(u8::from(truth))),
                other => {
                    let mut values: Vec<Value<'a>> = numbers.drain(..).map(Value::Number).collect();
                    values.push(other);
                    *self = Open::List(values);
                }
            },
            Open::List(values) => values.push(value),
            Open::Object { fields, key } => fields.push((std::mem::take(key), value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Value<'_> {
        read("f", text.as_bytes()).unwrap()
    }

    #[test]
    fn what_libraries_write_is_read() {
        let document = parse(
            r#" {"a": [1, -2.5e1 ,NaN], "b":{"c":[true,false]},"d":[{"e":"x\u00e9\"\ud83d\ude00"},{}], "n":null}"#,
        );
        assert_eq!(document.find("a").unwrap().f64s().unwrap()[..2], [1.0, -25.0]);
        assert!(document.find("a").unwrap().f64s().unwrap()[2].is_nan());
        assert_eq!(document.find("b").unwrap().find("c").unwrap().integers().unwrap(), [1, 0]);
        assert_eq!(
            document.find("d").unwrap().list().unwrap()[0].find("e").unwrap().text().unwrap(),
            "xé\"😀"
        );
        assert_eq!(document.find("n"), None);
        assert_eq!(parse("[]").list().unwrap(), []);
        assert_eq!(parse(r#"[1,"a"]"#), Value::List(vec![Value::Number(1.0), Value::Text("a".into())]));
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for text in [
            "",
            "{",
            "[1,",
            "[1 2]",
            r#"{"a" 1}"#,
            r#"{"a":1,}"#,
            "[1]x",
            r#""\u12"#,
            r#""\ud800""#,
            r#""\ud800\u0041""#,
            r#""\u+123""#,
            "--1",
            "{1:2}",
            "\"\\",
        ] {
            let problem = read("f", text.as_bytes()).unwrap_err();
            assert!(problem.to_string().starts_with("f, byte "), "{text}: {problem}");
        }
        let deep = "[".repeat(1_000_000);
        assert!(read("f", deep.as_bytes()).unwrap_err().to_string().contains("nested deeper"));
    }
}
