//! The model repository extension: index, load, unload.

use super::describe::{Document, object};
use super::parameters::{other_kind, syntax};
use crate::json::Scanner;
use crate::oip::errors::Refusal;
use crate::oip::names::{self, IndexEntry};
use landfall_model::Problem;

/// The repository's index; `only_ready` leaves out what does not answer requests.
pub fn index(entries: &[IndexEntry], only_ready: bool) -> Vec<u8> {
    let mut document = Document::new();
    let shown = entries.iter().filter(|entry| !only_ready || entry.is_ready());
    document.array(shown, |a, entry| {
        a.object(|o| {
            o.key("name").text(&entry.model);
            if let Some((version, state)) = &entry.version {
                o.key("version").text(&version.to_string());
                o.key("state").text(names::state(*state));
            }
            if !entry.shown_reason().is_empty() {
                o.key("reason").text(entry.shown_reason());
            }
        });
    });
    document.done()
}

/// Whether the body of an index request asks for ready models only. An empty body asks for all.
///
/// # Errors
/// Invalid argument, for a body that is no JSON, and for a `ready` that is no bool.
pub fn index_request(body: &[u8]) -> Result<bool, Problem> {
    let mut ready = false;
    members(body, |scanner, key| match key {
        b"ready" => match scanner.peek() {
            b't' | b'f' => {
                ready = scanner.peek() == b't';
                Ok(scanner.skip_value()?)
            }
            _ => Err(other_kind(
                scanner,
                "Invalid value for 'ready': expected a boolean",
                "non-boolean as boolean",
            )),
        },
        _ => Ok(scanner.skip_value()?),
    })?;
    Ok(ready)
}

/// Checks the body of a load request: it may be empty, and may carry no parameter.
///
/// # Errors
/// Invalid argument, for a body that is no JSON, and for every parameter by name.
pub fn load_request(body: &[u8]) -> Result<(), Problem> {
    members(body, |scanner, key| match key {
        b"parameters" => parameters(scanner, |scanner, name| {
            scanner.skip_value()?;
            Err(unknown_parameter(name))
        }),
        _ => Ok(scanner.skip_value()?),
    })
}

/// Checks the body of an unload request: it may be empty; `unload_dependents` has no effect, since no model has
/// dependents; other parameters are ignored, as Triton does.
///
/// # Errors
/// Invalid argument, for a body that is no JSON.
pub fn unload_request(body: &[u8]) -> Result<(), Problem> {
    members(body, |scanner, _| Ok(scanner.skip_value()?))
}

/// `{"name":…,"load":true}`, KServe's answer to a load (Triton's is empty).
pub fn loaded(model: &str) -> Vec<u8> {
    done(model, "load")
}

/// `{"name":…,"unload":true}`, KServe's answer to an unload (Triton's is empty).
pub fn unloaded(model: &str) -> Vec<u8> {
    done(model, "unload")
}

fn done(model: &str, what: &str) -> Vec<u8> {
    object(|o| {
        o.key("name").text(model);
        o.key(what).boolean(true);
    })
}

/// Reads the members of a body that is empty or one object.
fn members<'a>(
    body: &'a [u8],
    mut member: impl FnMut(&mut Scanner<'a>, &[u8]) -> Result<(), Refusal>,
) -> Result<(), Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let mut scanner = Scanner::new(body);
    let read = |scanner: &mut Scanner<'a>| -> Result<(), Refusal> {
        if scanner.root()? != b'{' {
            scanner.skip_value()?;
            return Err(Refusal::invalid("the request must be a JSON object"));
        }
        parameters(scanner, &mut member)?;
        scanner.skip_space();
        match scanner.remaining() {
            0 => Ok(()),
            _ => Err(Refusal::Problem(syntax(scanner.fault(crate::json::Fault::ValueInvalid)))),
        }
    };
    let mut read = read;
    match read(&mut scanner) {
        Ok(()) => Ok(()),
        Err(Refusal::Problem(problem)) => Err(problem),
        Err(Refusal::Validation(text)) => Err(Problem::invalid(text)),
    }
}

/// Reads the members of an object that comes next.
fn parameters<'a>(
    scanner: &mut Scanner<'a>,
    mut member: impl FnMut(&mut Scanner<'a>, &[u8]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    if !scanner.take(b'{') {
        scanner.skip_value()?;
        return Err(Refusal::invalid("attempt to get members for non-object"));
    }
    let mut first = true;
    while let Some(key) = scanner.next_name(first)? {
        first = false;
        member(scanner, &key)?;
    }
    Ok(())
}

#[cold]
fn unknown_parameter(name: &[u8]) -> Refusal {
    Refusal::invalid(format!("unrecognized load parameter '{}'.", String::from_utf8_lossy(name)))
}
