//! A predict body into a call.

use super::form::Form;
use super::misfit::Misfit;
use super::rows::Inputs;
use super::{columnar, explain, rows};
use crate::json::{Fault, Scanner, SyntaxError};
use crate::tfs::names::signature_of;
use crate::{Decoded, Hints};
use landfall_model::{Buffer, Call, Problem, Reason, Signature};
use std::borrow::Cow;
use std::sync::Arc;

/// Reads a predict body. Without `signature_name` it means the default signature. Outputs wanted are those given
/// by default.
///
/// The order of the checks is the original's: JSON, `signature_name`, the signature, the rest.
///
/// # Errors
/// Invalid argument, in the original's words; signature not found.
pub fn decode(body: &Buffer, signatures: &[Arc<Signature>]) -> Result<Decoded<Form>, Problem> {
    let default = signature_of(b"", signatures);
    let mut document = Document::new(body.bytes());
    let mut early = None;
    document.read(|form, scanner, name| {
        // The name may come after the data: until it does, the default is as good a guess as any.
        let signature = name.map_or(default, |name| signature_of(name, signatures))?;
        early = Some((signature, read(form, scanner, signature).ok()?));
        Some(())
    })?;
    let signature = match document.signature_name()? {
        None => default.ok_or_else(|| not_found(b""))?,
        Some(name) => signature_of(name, signatures).ok_or_else(|| not_found(name))?,
    };
    if signature.inputs().is_empty() {
        return Err(without_inputs(document.signature_name()?));
    }
    let (form, at) = document.data()?;
    let inputs = match early {
        Some((guess, inputs)) if Arc::ptr_eq(guess, signature) => inputs,
        _ => read(form, &mut document.scanner.moved_to(at), signature)
            .map_err(|Misfit| explain::explain(form, &document.scanner, document.root, at, signature))?,
    };
    let call = Call::checked(signature.clone(), inputs?, signature.default_outputs().clone())?;
    Ok(Decoded { call, hints: Hints::default(), form })
}

/// Checks what the original checks before it looks for the model: the JSON, and that `signature_name` is a string.
///
/// # Errors
/// Invalid argument, in the original's words.
pub fn check(body: &[u8]) -> Result<(), Problem> {
    let mut document = Document::new(body);
    document.read(|_, _, _| None)?;
    document.signature_name().map(drop)
}

/// The original looks for what inputs there are, and takes none for an error.
#[cold]
fn without_inputs(name: Option<&[u8]>) -> Problem {
    let name = name.map_or("DEFAULT".into(), String::from_utf8_lossy);
    Problem::invalid(format!("Failed to get input map for signature: {name}"))
}

#[cold]
fn not_found(name: &[u8]) -> Problem {
    Problem::new(Reason::SignatureNotFound { signature: String::from_utf8_lossy(name).into_owned() })
}

fn read(
    form: Form,
    scanner: &mut Scanner<'_>,
    signature: &Signature,
) -> Result<Result<Inputs, Problem>, Misfit> {
    match form {
        Form::Rows => rows::read(scanner, signature),
        Form::Columns => columnar::read(scanner, signature),
    }
}

/// The document's root: which of its members matter, and where their values are. The first of a repeated member counts.
struct Document<'a> {
    scanner: Scanner<'a>,
    root: usize,
    name: Option<Cow<'a, [u8]>>,
    name_is_no_string: bool,
    instances: Option<usize>,
    inputs: Option<usize>,
}

impl<'a> Document<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Document {
            scanner: Scanner::new(bytes),
            root: 0,
            name: None,
            name_is_no_string: false,
            instances: None,
            inputs: None,
        }
    }

    /// Reads all of the root object. `data` is handed the first `instances` or `inputs`, with the signature's name
    /// where that is known by then; what it cannot read is stepped over, so that the JSON is checked in any case.
    fn read(
        &mut self,
        mut data: impl FnMut(Form, &mut Scanner<'a>, Option<&[u8]>) -> Option<()>,
    ) -> Result<(), Problem> {
        let mut scanner = self.scanner.clone();
        let byte = scanner.root().map_err(parse_error)?;
        self.root = scanner.at();
        if byte != b'{' {
            scanner.skip_value().map_err(parse_error)?;
            return Err(self.about("Is not object"));
        }
        scanner.step();
        let mut first = true;
        while let Some(name) = scanner.next_name(first).map_err(parse_error)? {
            first = false;
            let at = scanner.at();
            let form = match &*name {
                b"instances" if self.instances.is_none() => {
                    self.instances = Some(at);
                    Some(Form::Rows)
                }
                b"inputs" if self.inputs.is_none() => {
                    self.inputs = Some(at);
                    Some(Form::Columns)
                }
                b"signature_name" if self.name.is_none() && !self.name_is_no_string => {
                    if scanner.peek() == b'"' {
                        self.name = Some(scanner.string().map_err(parse_error)?);
                        continue;
                    }
                    self.name_is_no_string = true;
                    None
                }
                _ => None,
            };
            let understood = form.and_then(|form| data(form, &mut scanner, self.name.as_deref()));
            if understood.is_none() {
                scanner = scanner.moved_to(at);
                scanner.skip_value().map_err(parse_error)?;
            }
        }
        Ok(())
    }

    /// The signature asked for; `None` for the default one.
    fn signature_name(&self) -> Result<Option<&[u8]>, Problem> {
        if self.name_is_no_string {
            return Err(self.about("not formatted correctly. 'signature_name' key must be a string value."));
        }
        Ok(self.name.as_deref().filter(|name| !name.is_empty()))
    }

    /// Which form the data has, and where it is.
    fn data(&self) -> Result<(Form, usize), Problem> {
        match (self.instances, self.inputs) {
            (Some(at), None) => Ok((Form::Rows, at)),
            (None, Some(at)) => Ok((Form::Columns, at)),
            (None, None) => Err(Problem::invalid("Missing 'inputs' or 'instances' key")),
            (Some(_), Some(_)) => Err(self.about(
                "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
            )),
        }
    }

    #[cold]
    fn about(&self, what: &str) -> Problem {
        explain::about(&self.scanner.moved_to(self.root), what)
    }
}

#[cold]
pub(super) fn parse_error(error: SyntaxError) -> Problem {
    let SyntaxError { fault, offset } = error;
    Problem::invalid(match (fault, offset) {
        // A body without a byte is told apart from white space alone.
        (Fault::DocumentEmpty, 0) => "JSON Parse error: The document is empty".to_owned(),
        _ => format!("JSON Parse error: {} at offset: {offset}", fault.reason()),
    })
}
