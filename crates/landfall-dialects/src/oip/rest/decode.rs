//! Body of an inference to call, in one pass over the JSON; blobs are shared with the body where they are aligned.

use super::input::{self, Blobs};
use super::parameters::{self, other_kind};
use super::raw;
use crate::Decoded;
use crate::json::{Fault, Scanner};
use crate::oip::asked::{self, Asked, AskedOutput, Form};
use crate::oip::chosen;
use crate::oip::errors::Refusal;
use crate::oip::gathered::Gathered;
use landfall_model::{Buffer, Problem, Reason, Signature};
use std::sync::Arc;

/// Decodes the body of an inference for a model. `header_length` is the text of the header
/// `Inference-Header-Content-Length`, where it was sent. Of `signatures` the first one counts, unless
/// `parameters.signature_name` names another.
///
/// # Errors
/// What is malformed or does not fit the signature, in Triton's words.
pub fn decode(
    body: &Buffer,
    header_length: Option<&str>,
    signatures: &[Arc<Signature>],
    model: &str,
) -> Result<Decoded<Form>, Problem> {
    let json_length = match header_length {
        None => body.len(),
        Some(text) => json_length(text, body.len())?,
    };
    if json_length == 0 {
        let none = || {
            let signature = String::new();
            Problem::new(Reason::SignatureNotFound { signature })
        };
        let signature = signatures.first().ok_or_else(none)?;
        return raw::decode(body, signature, model).map_err(|refusal| refusal.word(signature, model, b""));
    }
    let attempt =
        |signature: &Arc<Signature>, asked: Asked| decode_with(body, json_length, signature, model, asked);
    chosen::decode(signatures, model, attempt, || scan_asked(&body.bytes()[..json_length]))
}

/// Length of the JSON at the front of the body; 0 for a raw request.
#[cold]
fn json_length(text: &str, body: usize) -> Result<usize, Problem> {
    let length: i64 = text.trim().parse().map_err(|_| {
        Problem::invalid(format!("Unable to parse Inference-Header-Content-Length, got: {text}"))
    })?;
    usize::try_from(length).ok().filter(|&length| length <= body).ok_or_else(|| {
        Problem::invalid(format!("inference header size should be in range (0, {body}), got: {length}"))
    })
}

fn decode_with(
    body: &Buffer,
    json_length: usize,
    signature: &Arc<Signature>,
    model: &str,
    mut asked: Asked,
) -> Result<Decoded<Form>, Refusal> {
    let mut scanner = Scanner::new(&body.bytes()[..json_length]);
    let mut gathered = Gathered::new(signature);
    let mut blobs = Blobs::new(body, json_length, model);
    // Of a member that is repeated the first counts.
    let (mut has_inputs, mut has_outputs, mut has_id, mut has_parameters) = (false, false, false, false);
    if scanner.root()? != b'{' {
        scanner.skip_value()?;
        end(&mut scanner, json_length)?;
        return Err(input::missing("inputs"));
    }
    scanner.step();
    let mut first = true;
    while let Some(key) = scanner.next_name(first)? {
        first = false;
        match &*key {
            b"inputs" if !has_inputs => {
                has_inputs = true;
                inputs(&mut scanner, &mut gathered, &mut blobs)?;
            }
            b"outputs" if !has_outputs => {
                has_outputs = true;
                outputs(&mut scanner, signature, &mut asked)?;
            }
            b"id" if !has_id => {
                has_id = true;
                asked.id = parameters::string(&mut scanner, "id")?.into_owned();
            }
            b"parameters" if !has_parameters => {
                has_parameters = true;
                parameters::of_request(&mut scanner, &mut asked)?;
            }
            _ => scanner.skip_value()?,
        }
    }
    end(&mut scanner, json_length)?;
    if !has_inputs {
        return Err(input::missing("inputs"));
    }
    blobs.finish()?;
    let (wanted, hints, form) = asked.finish(signature);
    Ok(Decoded { call: gathered.call(wanted)?, hints, form })
}

/// Refuses what follows the document, but for white space and NUL bytes, at which RapidJSON stops reading.
fn end(scanner: &mut Scanner<'_>, length: usize) -> Result<(), Refusal> {
    while scanner.skip_space() == 0 && scanner.at() < length {
        scanner.step();
    }
    if scanner.at() < length { Err(surplus(scanner.at())) } else { Ok(()) }
}

#[cold]
fn surplus(at: usize) -> Refusal {
    Refusal::invalid(format!(
        "failed to parse the request JSON buffer: The document root must not be followed by other values. at {at}"
    ))
}

fn inputs(
    scanner: &mut Scanner<'_>,
    gathered: &mut Gathered<'_>,
    blobs: &mut Blobs<'_>,
) -> Result<(), Refusal> {
    if !scanner.take(b'[') {
        return Err(other_kind(scanner, "Unable to parse 'inputs'", "non-array as array"));
    }
    let mut first = true;
    while scanner.next_element(first)? {
        first = false;
        input::read(scanner, gathered, blobs)?;
    }
    Ok(())
}

fn outputs(scanner: &mut Scanner<'_>, signature: &Signature, asked: &mut Asked) -> Result<(), Refusal> {
    if !scanner.take(b'[') {
        return Err(other_kind(scanner, "Unable to parse 'outputs'", "non-array as array"));
    }
    let mut first = true;
    while scanner.next_element(first)? {
        first = false;
        let output = output(scanner, signature)?;
        asked.output(output);
    }
    Ok(())
}

fn output(scanner: &mut Scanner<'_>, signature: &Signature) -> Result<AskedOutput, Refusal> {
    if !scanner.take(b'{') {
        scanner.skip_value()?;
        return Err(input::missing("name"));
    }
    let mut name = None;
    let mut asked = AskedOutput { place: 0, classes: 0, binary: None };
    let mut shared = None;
    let mut first = true;
    while let Some(key) = scanner.next_name(first)? {
        first = false;
        match &*key {
            b"name" if name.is_none() => name = Some(parameters::string(scanner, "name")?),
            b"parameters" => output_parameters(scanner, &mut asked, &mut shared)?,
            _ => scanner.skip_value()?,
        }
    }
    let name = String::from_utf8_lossy(&name.ok_or_else(|| input::missing("name"))?).into_owned();
    if let Some(parameter) = shared {
        return Err(asked::shared_memory(&parameter, &name).into());
    }
    asked.place = match signature.output(&name) {
        Some(place) => place,
        None => return Err(Problem::new(Reason::OutputUnknown { output: name }).into()),
    };
    Ok(asked)
}

fn output_parameters(
    scanner: &mut Scanner<'_>,
    asked: &mut AskedOutput,
    shared: &mut Option<String>,
) -> Result<(), Refusal> {
    if !scanner.take(b'{') {
        return Ok(scanner.skip_value()?);
    }
    let mut first = true;
    while let Some(key) = scanner.next_name(first)? {
        first = false;
        match &*key {
            b"classification" => {
                let k = parameters::unsigned(scanner, "Unable to set 'classification'")?;
                asked.classes = usize::try_from(k).unwrap_or(usize::MAX);
            }
            b"binary_data" => asked.binary = Some(parameters::boolean(scanner, "binary_data")?),
            key => {
                if asked::is_shared_memory(key) {
                    *shared = Some(String::from_utf8_lossy(key).into_owned());
                }
                scanner.skip_value()?;
            }
        }
    }
    Ok(())
}

/// Id and signature name, as far as the bytes can be read.
#[cold]
fn scan_asked(json: &[u8]) -> Asked {
    let mut asked = Asked::default();
    // What is malformed ends the search: the error that led here says what.
    let _ = scan_members(json, &mut asked);
    asked
}

fn scan_members(json: &[u8], asked: &mut Asked) -> Result<(), crate::json::SyntaxError> {
    let mut scanner = Scanner::new(json);
    if scanner.root()? != b'{' {
        return Err(scanner.fault(Fault::ValueInvalid));
    }
    scanner.step();
    let (mut first, mut has_id, mut has_parameters) = (true, false, false);
    while let Some(key) = scanner.next_name(first)? {
        first = false;
        match &*key {
            b"id" if !has_id && scanner.peek() == b'"' => {
                has_id = true;
                asked.id = scanner.string()?.into_owned();
            }
            b"parameters" if !has_parameters && scanner.peek() == b'{' => {
                has_parameters = true;
                scanner.step();
                let mut first = true;
                while let Some(key) = scanner.next_name(first)? {
                    first = false;
                    if *key == *b"signature_name" && scanner.peek() == b'"' {
                        asked.signature = Some(String::from_utf8_lossy(&scanner.string()?).into_owned());
                    } else {
                        scanner.skip_value()?;
                    }
                }
            }
            _ => scanner.skip_value()?,
        }
    }
    Ok(())
}
