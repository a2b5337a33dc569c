//! `{"b64": "…"}`: bytes within JSON.

use crate::json::Scanner;

const KEY: &[u8] = b"b64";

/// Whether the value at this place is an object with the one key `b64` and a string under it.
#[inline]
pub(super) fn is_base64(scanner: &Scanner<'_>) -> bool {
    scanner.peek() == b'{' && text(scanner.clone()).is_some()
}

/// Whether the value at this place is an object of named inputs: any object but a `b64` one.
#[inline]
pub(super) fn is_named(scanner: &Scanner<'_>) -> bool {
    scanner.peek() == b'{' && text(scanner.clone()).is_none()
}

/// Decodes the object that comes next and appends its bytes; `None` where it is no `b64` object or its text no base64.
/// Padding may be missing, white space is passed over.
pub(super) fn decode(scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Option<()> {
    let (encoded, end) = text(scanner.clone())?;
    *scanner = scanner.moved_to(end);
    out.extend_from_slice(&base64_simd::forgiving_decode_to_vec(&encoded).ok()?);
    Some(())
}

/// The text under `b64`, and where the object ends.
fn text(mut scanner: Scanner<'_>) -> Option<(std::borrow::Cow<'_, [u8]>, usize)> {
    scanner.step();
    // The first letter tells nearly every other object apart.
    if scanner.skip_space() != b'"' || !matches!(scanner.second(), b'b' | b'\\') {
        return None;
    }
    let name = scanner.next_name(true).ok()??;
    if *name != *KEY || scanner.peek() != b'"' {
        return None;
    }
    let text = scanner.string().ok()?;
    match scanner.next_member(false) {
        Ok(false) => Some((text, scanner.at())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_with_the_one_key_is_base64() {
        for (text, expected) in [
            (r#"{"b64":"aGVsbG8="}"#, Some(&b"hello"[..])),
            (r#"{ "\u00624" : "x" }"#, None),
            (r#"{"\u006264":"aGVsbG8"}"#, Some(b"hello")),
            (r#"{"b64":""}"#, Some(b"")),
            (r#"{"b64":"aGVsbG8=","other":1}"#, None),
            (r#"{"b64":5}"#, None),
            (r#"{}"#, None),
        ] {
            let mut scanner = Scanner::new(text.as_bytes());
            assert_eq!(is_base64(&scanner), expected.is_some(), "TFS-REST-84, -61 {text}");
            assert_eq!(is_named(&scanner), expected.is_none(), "{text}");
            let mut out = Vec::new();
            assert_eq!(decode(&mut scanner, &mut out).map(|()| &out[..]), expected, "{text}");
        }
        for text in [r#"{"b64":"!!!"}"#, r#"{"b64":"a-_b"}"#, r#"{"b64":"a"}"#] {
            let mut scanner = Scanner::new(text.as_bytes());
            assert!(is_base64(&scanner));
            assert_eq!(decode(&mut scanner, &mut Vec::new()), None, "TFS-REST-85 {text}");
        }
    }
}
