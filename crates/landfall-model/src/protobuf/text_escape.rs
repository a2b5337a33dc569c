//! What escapes in strings of protobuf's text format stand for.

/// Resolves the escape whose backslash was passed, at the start of `rest`; gives its length. Format: the public "Text Format
/// Language Specification" of the Protocol Buffers documentation.
///
/// # Errors
/// What is wrong with it.
pub fn text_escape(rest: &[u8], out: &mut Vec<u8>) -> Result<usize, String> {
    let Some(&first) = rest.first() else { return Err("a backslash without a character".to_owned()) };
    let plain = match first {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' | b'\'' | b'"' | b'?' => first,
        b'0'..=b'7' => {
            let (value, length) = digits(rest, 8, 3);
            out.push(u8::try_from(value).map_err(|_| format!("\\{value:o} is more than a byte"))?);
            return Ok(length);
        }
        b'x' | b'X' => {
            let (value, length) = digits(&rest[1..], 16, 2);
            if length == 0 {
                return Err("\\x without hexadecimal digits".to_owned());
            }
            // Two digits are a byte.
            out.push(value as u8);
            return Ok(1 + length);
        }
        b'u' => return character(rest, 4, out),
        b'U' => return character(rest, 8, out),
        _ => {
            let other = String::from_utf8_lossy(&rest[..rest.len().min(4)]);
            return Err(format!("\\{} is no escape", other.chars().next().unwrap_or_default()));
        }
    };
    out.push(plain);
    Ok(1)
}

/// The number that `text` starts with, of at most `most` digits, and how many it has.
fn digits(text: &[u8], radix: u32, most: usize) -> (u32, usize) {
    let digits = text.iter().take(most).map_while(|&byte| char::from(byte).to_digit(radix));
    digits.fold((0, 0), |(value, length), digit| (value.wrapping_mul(radix).wrapping_add(digit), length + 1))
}

/// A character by its number, in exactly `length` digits. A character beyond 16 bits may come as its two surrogates.
fn character(rest: &[u8], length: usize, out: &mut Vec<u8>) -> Result<usize, String> {
    let read = |text: &[u8]| match digits(text, 16, length) {
        (value, found) if found == length => Ok(value),
        _ => Err(format!("expected {length} hexadecimal digits")),
    };
    let (mut value, mut end) = (read(&rest[1..])?, 1 + length);
    if let (0xd800..0xdc00, Some(second)) = (value, rest[end..].strip_prefix(b"\\u"))
        && length == 4
    {
        let low = read(second)?;
        if (0xdc00..0xe000).contains(&low) {
            value = 0x1_0000 + ((value - 0xd800) << 10) + (low - 0xdc00);
            end += 2 + length;
        }
    }
    let character = char::from_u32(value).ok_or_else(|| format!("{value:X} is no character"))?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_what_the_format_says_and_others_are_refused() {
        for (text, meant) in [
            ("n\"", &b"\n"[..]),
            ("1014", b"A"),
            ("x4x", b"\x04"),
            ("u00e9", "é".as_bytes()),
            ("U0001f600", "😀".as_bytes()),
            ("ud83d\\ude00", "😀".as_bytes()),
        ] {
            let mut out = Vec::new();
            let length = text_escape(text.as_bytes(), &mut out).unwrap();
            assert_eq!(out, meant, "{text}");
            assert!(matches!(text.len() - length, 0 | 1), "{text}: {length}");
        }
        for (text, what) in [
            ("", "a backslash without a character"),
            ("é", "\\é is no escape"),
            ("777", "\\777 is more than a byte"),
            ("xg", "\\x without hexadecimal digits"),
            ("u12", "expected 4 hexadecimal digits"),
            ("ud800", "D800 is no character"),
            ("Uffffffff", "FFFFFFFF is no character"),
        ] {
            assert_eq!(text_escape(text.as_bytes(), &mut Vec::new()).unwrap_err(), what, "{text}");
        }
    }
}
