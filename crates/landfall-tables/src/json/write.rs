//! Values and strings as JSON.

use crate::number_text::{Values, push_number};
use landfall_model::Tensor;

/// How NaN and infinities are written in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JsonNan {
    /// `NaN`, `Infinity`, `-Infinity`, as Python's reader takes them.
    #[default]
    Bare,
    /// `null`: strict JSON.
    Null,
}

/// The values of one row, from element `start` on, as nested lists of these axes.
pub(crate) fn push_values(tensor: &Tensor, start: usize, axes: &[usize], out: &mut Vec<u8>) {
    match Values::of(tensor) {
        Ok(values) => nested(&values, tensor, start, axes, JsonNan::Bare, out),
        Err(_) => out.extend_from_slice(b"null"),
    }
}

/// The same of values that were looked at, with NaN and infinities so.
pub(crate) fn nested(
    values: &Values<'_>,
    tensor: &Tensor,
    start: usize,
    axes: &[usize],
    nan: JsonNan,
    out: &mut Vec<u8>,
) {
    let Some((&length, inner)) = axes.split_first() else { return element(values, tensor, start, nan, out) };
    let step: usize = inner.iter().product();
    out.push(b'[');
    for i in 0..length {
        if i > 0 {
            out.push(b',');
        }
        nested(values, tensor, start + i * step, inner, nan, out);
    }
    out.push(b']');
}

#[inline]
fn element(values: &Values<'_>, tensor: &Tensor, at: usize, nan: JsonNan, out: &mut Vec<u8>) {
    if tensor.is_missing(at) {
        return out.extend_from_slice(b"null");
    }
    match values {
        Values::Strings(strings) => push_string(strings.get(at), out),
        Values::Bool(bools) => out.extend_from_slice(if bools[at] != 0 { b"true" } else { b"false" }),
        _ => match values.not_finite(at) {
            None => push_number(values, at, out),
            Some(_) if nan == JsonNan::Null => out.extend_from_slice(b"null"),
            Some(value) if value.is_nan() => out.extend_from_slice(b"NaN"),
            Some(value) => out.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" }),
        },
    }
}

/// A JSON string; bytes that are no UTF-8 become `{"b64":"…"}`.
pub(crate) fn push_string(bytes: &[u8], out: &mut Vec<u8>) {
    if std::str::from_utf8(bytes).is_err() {
        out.extend_from_slice(b"{\"b64\":\"");
        out.extend_from_slice(base64_simd::STANDARD.encode_to_string(bytes).as_bytes());
        return out.extend_from_slice(b"\"}");
    }
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1F => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
