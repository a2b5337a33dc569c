//! Which signature a request is for. It may say so after its data: it is decoded for the default one, and again when it
//! turns out otherwise.

use super::asked::{Asked, Form};
use super::errors::Refusal;
use crate::Decoded;
use landfall_model::{Problem, Reason, Signature};
use std::sync::Arc;

/// Decodes with `attempt`, which reads what the request asks for into the `Asked` that it is given. `scan` finds id and
/// signature name in bytes that may be malformed.
pub(super) fn decode(
    signatures: &[Arc<Signature>],
    model: &str,
    attempt: impl Fn(&Arc<Signature>, Asked) -> Result<Decoded<Form>, Refusal>,
    scan: impl Fn() -> Asked,
) -> Result<Decoded<Form>, Problem> {
    let none = || Problem::new(Reason::SignatureNotFound { signature: String::new() });
    let default = signatures.first().ok_or_else(none)?;
    let outcome = match attempt(default, Asked::default()) {
        Ok(decoded) if !decoded.form.names_signature => return Ok(decoded),
        outcome => outcome,
    };
    again(signatures, model, attempt, scan(), outcome)
}

/// The default signature's outcome, unless the request names another signature: then that one's.
#[cold]
fn again(
    signatures: &[Arc<Signature>],
    model: &str,
    attempt: impl Fn(&Arc<Signature>, Asked) -> Result<Decoded<Form>, Refusal>,
    said: Asked,
    outcome: Result<Decoded<Form>, Refusal>,
) -> Result<Decoded<Form>, Problem> {
    let name = said.signature.as_deref().unwrap_or_default();
    if name.is_empty() || name == signatures[0].name() {
        return outcome.map_err(|refusal| refusal.word(&signatures[0], model, &said.id));
    }
    let Some(signature) = signatures.iter().find(|signature| signature.name() == name) else {
        let known: Vec<&str> = signatures.iter().map(|signature| signature.name()).collect();
        let place = format!("signature_name (there are {})", known.join(", "));
        return Err(Problem::new(Reason::SignatureNotFound { signature: name.to_owned() }).at(place));
    };
    attempt(signature, Asked::default()).map_err(|refusal| refusal.word(signature, model, &said.id))
}
