//! Graphs and SavedModels in protobuf's text format, turned into the binary one, which everything else reads.
//!
//! Format: the public "Text Format Language Specification" of the Protocol Buffers documentation. Extensions and expanded
//! `Any` messages are taken only where the schema leaves a field out.

mod lexer;

use super::schema::{Field, GRAPH_DEF, Kind, Message};
use landfall_model::Problem;
pub(super) use landfall_model::protobuf::push_varint as varint;
use lexer::{Lexer, Token};

/// Messages within messages.
const DEPTH: usize = 64;

/// Whether a head is that of a graph in text form: it begins with a field that a graph has.
pub(super) fn starts_a_graph(head: &[u8]) -> bool {
    let mut lexer = Lexer::new("head", head);
    let Ok(Token::Name(name)) = lexer.next() else { return false };
    let known = GRAPH_DEF.fields.iter().any(|field| field.name == name);
    known && matches!(lexer.next(), Ok(Token::Mark(b'{' | b'<' | b':')))
}

/// The serialised form of a message given as text; `file` is for messages.
///
/// # Errors
/// Malformed, with the byte at which what was expected did not come.
pub(super) fn serialised(file: &str, text: &[u8], message: &'static Message) -> Result<Vec<u8>, Problem> {
    let mut parser = Parser { lexer: Lexer::new(file, text), depth: 0 };
    let mut out = Vec::new();
    parser.fields(message, None, &mut out)?;
    Ok(out)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Fields up to `end`, which is taken; at the top up to the end of the text.
    fn fields(&mut self, message: &Message, end: Option<u8>, out: &mut Vec<u8>) -> Result<(), Problem> {
        loop {
            match (self.lexer.next()?, end) {
                (Token::End, None) => return Ok(()),
                (Token::Mark(mark), Some(end)) if mark == end => return Ok(()),
                (Token::Mark(b',' | b';'), _) => {}
                (Token::Name(name), _) => {
                    let field = message.fields.iter().find(|field| field.name == name);
                    let unknown = || self.lexer.malformed(format!("{} has no field {name:?}", message.name));
                    self.field(field.ok_or_else(unknown)?, out)?;
                }
                (other, _) => return Err(self.lexer.malformed(format!("a field is expected, {other} came"))),
            }
        }
    }

    fn field(&mut self, field: &Field, out: &mut Vec<u8>) -> Result<(), Problem> {
        if let Kind::LeftOut = field.kind {
            return self.skip_value();
        }
        let colon = self.lexer.takes(b':')?;
        if let Kind::Message(message) = field.kind {
            if colon && self.lexer.takes(b'[')? {
                return self.list(|parser| parser.message(field, message, out));
            }
            return self.message(field, message, out);
        }
        if !colon {
            return Err(self.lexer.malformed(format!("a colon is expected after {}", field.name)));
        }
        if self.lexer.takes(b'[')? {
            return self.list(|parser| parser.scalar(field, out));
        }
        self.scalar(field, out)
    }

    /// Items up to the bracket that closes the list.
    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), Problem>) -> Result<(), Problem> {
        if self.lexer.takes(b']')? {
            return Ok(());
        }
        loop {
            item(self)?;
            match self.lexer.next()? {
                Token::Mark(b',') => {}
                Token::Mark(b']') => return Ok(()),
                other => return Err(self.lexer.malformed(format!("a list goes on with {other}"))),
            }
        }
    }

    fn message(&mut self, field: &Field, message: &Message, out: &mut Vec<u8>) -> Result<(), Problem> {
        let end = self.opened()?;
        let mut inner = Vec::new();
        self.fields(message, Some(end), &mut inner)?;
        self.depth -= 1;
        tag(out, field.number, 2);
        varint(out, inner.len() as u64);
        out.extend_from_slice(&inner);
        Ok(())
    }

    /// Takes the mark that opens a message, and says which one closes it.
    fn opened(&mut self) -> Result<u8, Problem> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.lexer.malformed(format!("messages nested more than {DEPTH} deep")));
        }
        match self.lexer.next()? {
            Token::Mark(b'{') => Ok(b'}'),
            Token::Mark(b'<') => Ok(b'>'),
            other => Err(self.lexer.malformed(format!("a message is expected, {other} came"))),
        }
    }

    fn scalar(&mut self, field: &Field, out: &mut Vec<u8>) -> Result<(), Problem> {
        let token = self.lexer.next()?;
        let misfit = |lexer: &Lexer<'_>, what: &str| {
            Err(lexer.malformed(format!("{}: {what} is expected, {token} came", field.name)))
        };
        match (&field.kind, &token) {
            (Kind::Bytes | Kind::Text, Token::Text(text)) => {
                let mut text = text.clone();
                while let Some(more) = self.lexer.more_text()? {
                    text.extend_from_slice(&more);
                }
                tag(out, field.number, 2);
                varint(out, text.len() as u64);
                out.extend_from_slice(&text);
            }
            (Kind::Bytes | Kind::Text, _) => return misfit(&self.lexer, "text"),
            (Kind::Float | Kind::Double, _) => {
                let Some(number) = token.float() else { return misfit(&self.lexer, "a number") };
                if let Kind::Float = field.kind {
                    tag(out, field.number, 5);
                    out.extend_from_slice(&(number as f32).to_le_bytes());
                } else {
                    tag(out, field.number, 1);
                    out.extend_from_slice(&number.to_le_bytes());
                }
            }
            (kind, _) => {
                let number = match (kind, &token) {
                    (Kind::Bool, Token::Name("true" | "True" | "t")) => Some(1),
                    (Kind::Bool, Token::Name("false" | "False" | "f")) => Some(0),
                    (Kind::Enum(names), Token::Name(name)) => {
                        names.iter().find(|(known, _)| known == name).map(|(_, number)| *number as u64)
                    }
                    (Kind::ZigZag, _) => {
                        token.integer().map(|number| number << 1 ^ (number as i64 >> 63) as u64)
                    }
                    _ => token.integer(),
                };
                let Some(number) = number else { return misfit(&self.lexer, kind.what()) };
                tag(out, field.number, 0);
                varint(out, number);
            }
        }
        Ok(())
    }

    /// Goes over a value of any kind.
    fn skip_value(&mut self) -> Result<(), Problem> {
        let _ = self.lexer.takes(b':')?;
        match self.lexer.next()? {
            Token::Mark(open @ (b'{' | b'<' | b'[')) => self.skip_to_the_end_of(open),
            Token::Text(_) => {
                while self.lexer.more_text()?.is_some() {}
                Ok(())
            }
            Token::Name(_) | Token::Number(_) => Ok(()),
            other => Err(self.lexer.malformed(format!("a value is expected, {other} came"))),
        }
    }

    fn skip_to_the_end_of(&mut self, open: u8) -> Result<(), Problem> {
        let mut opened = vec![open];
        while let Some(last) = opened.last() {
            match self.lexer.next()? {
                Token::Mark(open @ (b'{' | b'<' | b'[')) => opened.push(open),
                Token::Mark(close @ (b'}' | b'>' | b']')) => {
                    if !matches!((last, close), (b'{', b'}') | (b'<', b'>') | (b'[', b']')) {
                        return Err(self.lexer.malformed("a message is closed by the mark of another"));
                    }
                    opened.pop();
                }
                Token::End => return Err(self.lexer.malformed("the text ends within a message")),
                _ => {}
            }
        }
        Ok(())
    }
}

pub(super) fn tag(out: &mut Vec<u8>, field: u32, wire: u64) {
    varint(out, u64::from(field) << 3 | wire);
}

#[cfg(test)]
mod tests;
