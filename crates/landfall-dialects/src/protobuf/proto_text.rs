//! Reads protocol definitions: the part of the proto3 language that the definitions beside this crate use (packages,
//! imports, messages, enums, oneofs, maps, services; no options, reserved names or extensions).
//!
//! Grammar: the published "Protocol Buffers Version 3 Language Specification".

/// A definition file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) package: String,
    pub(super) imports: Vec<String>,
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    pub(super) services: Vec<Service>,
}

/// A message, and what is declared in it.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) oneofs: Vec<String>,
    pub(crate) messages: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
    /// Whether it is the entry of a map.
    pub(crate) is_map_entry: bool,
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) number: u64,
    pub(crate) repeated: bool,
    /// As written: a scalar's name, or a message's or enum's in any scope.
    pub(crate) of: String,
    /// Index of its oneof.
    pub(crate) oneof: Option<usize>,
}

/// An enum.
#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) name: String,
    pub(crate) values: Vec<(String, u64)>,
}

/// A service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) methods: Vec<Method>,
}

/// A method of a service.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) request: Side,
    pub(super) response: Side,
}

/// What goes one way.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) of: String,
    pub(super) streams: bool,
}

/// Reads a definition.
///
/// # Errors
/// A sentence that says what was expected and what came.
pub(super) fn parse(name: &'static str, text: &str) -> Result<File, String> {
    let mut words = Words { rest: text, file: name };
    let mut file = File { name, ..File::default() };
    loop {
        match words.next()? {
            "" => return Ok(file),
            "syntax" => words.all(&["=", "\"proto3\"", ";"])?,
            "package" => file.package = words.until(";")?,
            "import" => file.imports.push(words.until(";")?.trim_matches('"').to_owned()),
            "message" => file.messages.push(message(&mut words)?),
            "enum" => file.enums.push(enumeration(&mut words)?),
            "service" => file.services.push(service(&mut words)?),
            other => return Err(words.unexpected("a declaration", other)),
        }
    }
}

fn message(words: &mut Words<'_>) -> Result<Message, String> {
    let mut message = Message { name: words.until("{")?, ..Message::default() };
    loop {
        match words.next()? {
            "}" => return Ok(message),
            "message" => message.messages.push(self::message(words)?),
            "enum" => message.enums.push(enumeration(words)?),
            "oneof" => oneof(words, &mut message)?,
            "repeated" => {
                let of = words.next()?.to_owned();
                message.fields.push(field(words, of, true, None)?);
            }
            "map" => map(words, &mut message)?,
            of => {
                let of = of.to_owned();
                message.fields.push(field(words, of, false, None)?);
            }
        }
    }
}

fn oneof(words: &mut Words<'_>, message: &mut Message) -> Result<(), String> {
    message.oneofs.push(words.until("{")?);
    let index = message.oneofs.len() - 1;
    loop {
        match words.next()? {
            "}" => return Ok(()),
            of => {
                let of = of.to_owned();
                message.fields.push(field(words, of, false, Some(index))?);
            }
        }
    }
}

/// A map is a repeated field of entries: a message within, named after the field.
fn map(words: &mut Words<'_>, message: &mut Message) -> Result<(), String> {
    words.all(&["<"])?;
    let key = words.until(",")?;
    let value = words.until(">")?;
    let mut field = field(words, String::new(), true, None)?;
    field.of = entry_name(&field.name);
    let part =
        |name: &str, number, of| Field { name: name.to_owned(), number, repeated: false, of, oneof: None };
    message.messages.push(Message {
        name: field.of.clone(),
        fields: vec![part("key", 1, key), part("value", 2, value)],
        is_map_entry: true,
        ..Message::default()
    });
    message.fields.push(field);
    Ok(())
}

/// `signature_def` becomes `SignatureDefEntry`.
fn entry_name(field: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    field.split('_').map(capital).collect::<String>() + "Entry"
}

fn field(words: &mut Words<'_>, of: String, repeated: bool, oneof: Option<usize>) -> Result<Field, String> {
    let name = words.until("=")?;
    let number = words.number()?;
    Ok(Field { name, number, repeated, of, oneof })
}

fn enumeration(words: &mut Words<'_>) -> Result<Enum, String> {
    let mut found = Enum { name: words.until("{")?, values: Vec::new() };
    loop {
        match words.next()? {
            "}" => return Ok(found),
            name => {
                let name = name.to_owned();
                words.all(&["="])?;
                found.values.push((name, words.number()?));
            }
        }
    }
}

fn service(words: &mut Words<'_>) -> Result<Service, String> {
    let mut service = Service { name: words.until("{")?, methods: Vec::new() };
    loop {
        match words.next()? {
            "}" => return Ok(service),
            "rpc" => {
                let name = words.until("(")?;
                let request = side(words)?;
                words.all(&["returns", "("])?;
                let response = side(words)?;
                words.all(&[";"])?;
                service.methods.push(Method { name, request, response });
            }
            other => return Err(words.unexpected("rpc", other)),
        }
    }
}

fn side(words: &mut Words<'_>) -> Result<Side, String> {
    let first = words.next()?.to_owned();
    if first == "stream" {
        return Ok(Side { of: words.until(")")?, streams: true });
    }
    words.all(&[")"])?;
    Ok(Side { of: first, streams: false })
}

/// The words of a text: names (with dots), numbers, quoted texts, and single signs.
struct Words<'a> {
    rest: &'a str,
    file: &'static str,
}

impl<'a> Words<'a> {
    /// The next word; empty at the end.
    fn next(&mut self) -> Result<&'a str, String> {
        self.rest = self.rest.trim_start();
        while let Some(comment) = self.rest.strip_prefix("//") {
            self.rest = comment.find('\n').map_or("", |end| &comment[end..]).trim_start();
        }
        let within = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let length = match self.rest.chars().next() {
            None => 0,
            Some('"') => {
                let closing =
                    self.rest[1..].find('"').ok_or_else(|| format!("{}: an open quote", self.file))?;
                closing + 2
            }
            Some(first) if within(first) => self.rest.find(|c| !within(c)).unwrap_or(self.rest.len()),
            Some(sign) => sign.len_utf8(),
        };
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(word)
    }

    /// One word, and the sign that must follow it.
    fn until(&mut self, sign: &str) -> Result<String, String> {
        let word = self.next()?.to_owned();
        self.all(&[sign])?;
        Ok(word)
    }

    /// A number and the `;` after it.
    fn number(&mut self) -> Result<u64, String> {
        let word = self.until(";")?;
        word.parse().map_err(|_| self.unexpected("a number", &word))
    }

    fn all(&mut self, expected: &[&str]) -> Result<(), String> {
        expected.iter().try_for_each(|&expected| match self.next()? {
            word if word == expected => Ok(()),
            word => Err(self.unexpected(expected, word)),
        })
    }

    fn unexpected(&self, expected: &str, found: &str) -> String {
        format!("{}: expected {expected}, found {found:?}", self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_read_with_all_that_it_declares() {
        let text = r#"
            syntax = "proto3"; // comment
            package a.b;
            import "x/y.proto";
            message M {
              enum E { ZERO = 0; ONE = 1; }
              oneof choice { string s = 1; E e = 2; }
              repeated int64 dims = 3;
              map<string, M> parts_of = 4;
            }
            service S { rpc Do(stream M) returns (M); }
        "#;
        let file = parse("t.proto", text).unwrap();
        assert_eq!((&*file.package, &*file.imports[0]), ("a.b", "x/y.proto"));
        let message = &file.messages[0];
        let fields: Vec<_> =
            message.fields.iter().map(|f| (&*f.name, f.number, f.repeated, &*f.of, f.oneof)).collect();
        assert_eq!(
            fields,
            [
                ("s", 1, false, "string", Some(0)),
                ("e", 2, false, "E", Some(0)),
                ("dims", 3, true, "int64", None),
                ("parts_of", 4, true, "PartsOfEntry", None)
            ]
        );
        assert!(message.messages[0].is_map_entry);
        assert_eq!(message.enums[0].values[1], ("ONE".to_owned(), 1));
        let method = &file.services[0].methods[0];
        assert!(method.request.streams && !method.response.streams);
    }

    #[test]
    fn what_is_no_definition_is_refused() {
        for text in [
            "message",
            "message M { string s = x; }",
            "option a = 1;",
            "import \"x",
            "message M { string s 1; }",
        ] {
            assert!(parse("t.proto", text).is_err(), "{text}");
        }
    }
}
