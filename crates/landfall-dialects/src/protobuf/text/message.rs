//! Messages: fields by name, within braces or angle brackets.

use super::lexer::{Lexer, Token};
use super::scalar;
use crate::protobuf::Writer;
use crate::protobuf::descriptor::{Descriptors, FieldKind};
use crate::protobuf::proto_text::{Enum, Field, Message};
use landfall_model::Problem;
use smallvec::SmallVec;

/// The message that may be written as the one that it holds: `[type.example/name] { … }`.
const ANY: &str = "google.protobuf.Any";

/// How deep messages may lie within each other.
const MAX_DEPTH: usize = 100;

/// Reads a message of a full name (`tensorflow.serving.ModelServerConfig`) that is defined beside this crate into the
/// wire format.
///
/// # Errors
/// Invalid argument, with line and column, in the words of protobuf's own reader where it has any.
pub(crate) fn to_wire(text: &str, message: &str) -> Result<Vec<u8>, Problem> {
    let mut reader = Reader { lexer: Lexer::new(text, message)?, schema: Descriptors::get(), depth: 0 };
    let mut out = Vec::new();
    reader.fields(message, None, &mut Writer::new(&mut out))?;
    Ok(out)
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    schema: &'static Descriptors,
    depth: usize,
}

/// Which fields of a message were given.
#[derive(Default)]
struct Given<'m> {
    fields: SmallVec<[&'m Field; 8]>,
}

impl Reader<'_> {
    /// All fields up to the closing sign, or to the end of the text.
    fn fields(&mut self, of: &str, closing: Option<char>, out: &mut Writer<'_>) -> Result<(), Problem> {
        let schema = self.schema;
        let message =
            schema.message(of).ok_or_else(|| Problem::internal(format!("{of} is defined nowhere")))?;
        let mut given = Given::default();
        loop {
            match (self.lexer.token(), closing) {
                (Token::End, None) => return Ok(()),
                (Token::Sign(sign), Some(closing)) if sign == closing => return self.lexer.advance(),
                (Token::Name(name), _) => self.field(message, of, name, &mut given, out)?,
                (Token::Sign('['), _) => self.bracketed(of, out)?,
                _ => {
                    return Err(self
                        .lexer
                        .problem(format!("Expected identifier, got: {}", self.lexer.shown())));
                }
            }
            if !self.lexer.take_sign(',')? {
                self.lexer.take_sign(';')?;
            }
        }
    }

    fn field<'m>(
        &mut self,
        message: &'m Message,
        of: &str,
        name: &str,
        given: &mut Given<'m>,
        out: &mut Writer<'_>,
    ) -> Result<(), Problem> {
        let Some(field) = message.fields.iter().find(|field| field.name == name) else {
            return Err(self.lexer.problem(format!("Message type \"{of}\" has no field named \"{name}\".")));
        };
        given.take(field, message).map_err(|what| self.lexer.problem(what))?;
        self.lexer.advance()?;
        match self.schema.kind_of(field, of) {
            FieldKind::Message(of) => {
                self.lexer.take_sign(':')?;
                self.values(field, |reader| {
                    out.try_message(field.number as u32, |out| reader.message(&of, out))
                })
            }
            FieldKind::Scalar => {
                self.lexer.expect_sign(':')?;
                self.values(field, |reader| scalar::read(&mut reader.lexer, field, out))
            }
            FieldKind::Enum(name) => {
                self.lexer.expect_sign(':')?;
                let none = Enum { name: String::new(), values: Vec::new() };
                let of = self.schema.enumeration(&name).unwrap_or(&none);
                self.values(field, |reader| scalar::read_enum(&mut reader.lexer, field, of, out))
            }
        }
    }

    /// One value, or a list of them for a repeated field.
    fn values(
        &mut self,
        field: &Field,
        mut one: impl FnMut(&mut Self) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if !field.repeated || !self.lexer.take_sign('[')? {
            return one(self);
        }
        if self.lexer.take_sign(']')? {
            return Ok(());
        }
        loop {
            one(self)?;
            if self.lexer.take_sign(']')? {
                return Ok(());
            }
            self.lexer.expect_sign(',')?;
        }
    }

    /// A message within its signs.
    fn message(&mut self, of: &str, out: &mut Writer<'_>) -> Result<(), Problem> {
        let closing = if self.lexer.take_sign('<')? {
            '>'
        } else {
            self.lexer.expect_sign('{')?;
            '}'
        };
        if self.depth == MAX_DEPTH {
            return Err(self.lexer.problem(format!("Messages lie more than {MAX_DEPTH} deep.")));
        }
        self.depth += 1;
        self.fields(of, Some(closing), out)?;
        self.depth -= 1;
        Ok(())
    }

    /// `[domain/full.name] { … }` within a message of any type. Other messages have no fields in brackets: those would be
    /// extensions, and there are none.
    fn bracketed(&mut self, of: &str, out: &mut Writer<'_>) -> Result<(), Problem> {
        let at = self.lexer.start();
        self.lexer.advance()?;
        let mut url = String::new();
        while self.lexer.token() != Token::Sign(']') {
            match self.lexer.token() {
                Token::Name(part) | Token::Number(part) => url.push_str(part),
                Token::Sign(sign @ ('.' | '/' | '-')) => url.push(sign),
                _ => self.lexer.expect_sign(']')?,
            }
            self.lexer.advance()?;
        }
        self.lexer.advance()?;
        let name = url.rsplit('/').next().unwrap_or_default();
        if of != ANY || self.schema.message(name).is_none() {
            let what = if of == ANY { "type" } else { "extension" };
            return Err(self.lexer.problem_at(at, format!("There is no {what} \"{url}\" for \"{of}\".")));
        }
        self.lexer.take_sign(':')?;
        out.string_field(1, &url);
        out.try_message(2, |out| self.message(name, out))
    }
}

impl<'m> Given<'m> {
    /// Notes that a field is given; refuses what may not come twice, or beside another.
    fn take(&mut self, field: &'m Field, message: &Message) -> Result<(), String> {
        if field.repeated {
            return Ok(());
        }
        let is_field = |other: &&&Field| other.number == field.number;
        if self.fields.iter().find(is_field).is_some() {
            return Err(format!("Non-repeated field \"{}\" is specified multiple times.", field.name));
        }
        if let Some(oneof) = field.oneof
            && let Some(other) = self.fields.iter().find(|other| other.oneof == Some(oneof))
        {
            return Err(format!(
                "Field \"{}\" is specified along with field \"{}\", another member of oneof \"{}\".",
                field.name, other.name, message.oneofs[oneof]
            ));
        }
        self.fields.push(field);
        Ok(())
    }
}
