//! The bytes of a file as text: UTF-8 and UTF-16 by their marks or first characters, else what the XML declaration says.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use landfall_model::Problem;
use std::borrow::Cow;

/// Bytes that an XML declaration stands within.
const DECLARATION_BYTES: usize = 200;

/// The text of a file; `name` stands in messages. UTF-8 is not copied.
///
/// # Errors
/// An unknown encoding; bytes that are no text in theirs.
pub(crate) fn decoded<'b>(bytes: &'b [u8], name: &str) -> Result<Cow<'b, str>, Problem> {
    let (encoding, text) = told(bytes).map_err(|label| {
        Problem::unsupported(format!("{name}: the encoding {label:?}"), "save the file as UTF-8")
    })?;
    if encoding == UTF_8 {
        return std::str::from_utf8(text).map(Cow::Borrowed).map_err(|error| {
            let mark = bytes.len() - text.len();
            Problem::malformed(name, Some((mark + error.valid_up_to()) as u64), "text that is not UTF-8")
        });
    }
    encoding
        .decode_without_bom_handling_and_without_replacement(text)
        .ok_or_else(|| Problem::malformed(name, None, format!("text that is not {}", encoding.name())))
}

/// The beginning of a file, as far as it is text.
pub(crate) fn head(bytes: &[u8]) -> Cow<'_, str> {
    let (encoding, text) = told(bytes).unwrap_or((UTF_8, bytes));
    encoding.decode_without_bom_handling(text).0
}

/// The encoding of a file, and the bytes after its mark; the label of one that is unknown.
fn told(bytes: &[u8]) -> Result<(&'static Encoding, &[u8]), String> {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return Ok((encoding, &bytes[length..]));
    }
    match bytes {
        [b'<', 0, ..] => return Ok((UTF_16LE, bytes)),
        [0, b'<', ..] => return Ok((UTF_16BE, bytes)),
        _ => {}
    }
    let Some(label) = declared(bytes) else { return Ok((UTF_8, bytes)) };
    match Encoding::for_label(label.as_bytes()) {
        // Its first characters are single bytes: what the declaration says was true of the text before it was saved.
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Ok((UTF_8, bytes)),
        Some(encoding) => Ok((encoding, bytes)),
        None => Err(label),
    }
}

/// What the XML declaration says.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(DECLARATION_BYTES)];
    let head = String::from_utf8_lossy(head.strip_prefix(b"<?xml")?).into_owned();
    let declaration = &head[..head.find("?>")?];
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split_once(quote).map(|(label, _)| label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        decoded(bytes, "m").unwrap_or_else(|problem| panic!("{problem}")).into_owned()
    }

    fn declaring(label: &str, inner: &[u8]) -> Vec<u8> {
        [b"<?xml version='1.0' encoding=\"", label.as_bytes(), b"\"?><a>", inner, b"</a>"].concat()
    }

    #[test]
    fn text_is_read_as_it_is_declared() {
        for (label, bytes, shown) in [
            ("ISO-8859-1", b"\xe9".as_slice(), "é"),
            ("windows-1252", b"\x80 \x93\xe9\x94", "€ “é”"),
            ("ISO-8859-15", b"\xa4", "€"),
            ("windows-1251", b"\xc4\xe0", "Да"),
            ("windows-1250", b"\x9a", "š"),
            ("Shift_JIS", b"\x94N\x97\xee", "年齢"),
            ("GBK", b"\xc4\xea\xc1\xe4", "年龄"),
            ("EUC-KR", b"\xb3\xaa\xc0\xcc", "나이"),
            ("US-ASCII", b"x", "x"),
            ("utf-8", "é".as_bytes(), "é"),
            // Declared when it was text in memory.
            ("UTF-16", "é".as_bytes(), "é"),
        ] {
            assert!(text(&declaring(label, bytes)).ends_with(&format!("<a>{shown}</a>")), "{label}");
        }
        assert!(decoded(b"<a>\xe9</a>", "m").is_err());
        assert!(decoded(&declaring("EUC-KR", b"\xff\xff"), "m").is_err());
        let problem = decoded(&declaring("EBCDIC-CP-US", b""), "m").unwrap_err().to_string();
        assert!(problem.contains("EBCDIC-CP-US") && problem.contains("UTF-8"), "{problem}");
    }

    #[test]
    fn marks_and_first_characters_tell_sixteen_bits() {
        let whole = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>é😀</a>";
        let little: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = whole.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [[b"\xff\xfe", &little[..]].concat(), [b"\xfe\xff", &big[..]].concat(), little, big] {
            assert_eq!(text(&bytes), whole);
            assert!(head(&bytes[..bytes.len() - 3]).starts_with("<?xml"));
        }
        assert_eq!(text(b"\xef\xbb\xbf<a/>"), "<a/>");
        // Half a character.
        assert!(decoded(b"<\0a\0/\0>", "m").is_err());
        assert!(decoded(b"<\0\x00\xd8>\0", "m").is_err());
    }
}
