//! Escapes in quoted texts.

use landfall_model::protobuf::text_escape;

/// The bytes that a quoted text stands for; `Err` says what is wrong with an escape.
pub(super) fn unescape(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        rest = &rest[text_escape(rest.as_bytes(), out)?..];
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(())
}
