//! Escapes in quoted texts.

/// The bytes that a quoted text stands for; `Err` says what is wrong with an escape.
pub(super) fn unescape(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = escape(&rest[at + 1..], out)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(())
}

/// Resolves the escape that `text` starts with (its backslash is stepped over); gives what follows it.
fn escape<'a>(text: &'a str, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let Some(first) = text.chars().next() else { return Err("a backslash without a character".to_owned()) };
    let rest = &text[first.len_utf8()..];
    let plain = match first {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' | '\'' | '"' | '?' => first as u8,
        '0'..='7' => {
            let (value, rest) = digits(text, 8, 3);
            out.push(u8::try_from(value).map_err(|_| format!("\\{value:o} is more than a byte"))?);
            return Ok(rest);
        }
        'x' | 'X' => {
            let (value, after) = digits(rest, 16, 2);
            if after.len() == rest.len() {
                return Err("\\x without hexadecimal digits".to_owned());
            }
            // Two digits are a byte.
            out.push(value as u8);
            return Ok(after);
        }
        'u' => return character(rest, 4, out),
        'U' => return character(rest, 8, out),
        other => return Err(format!("\\{other} is no escape")),
    };
    out.push(plain);
    Ok(rest)
}

/// The number that `text` starts with, of at most `most` digits, and what follows it.
fn digits(text: &str, radix: u32, most: usize) -> (u32, &str) {
    let count = text.chars().take(most).take_while(|c| c.is_digit(radix)).count();
    (u32::from_str_radix(&text[..count], radix).unwrap_or(0), &text[count..])
}

/// A character by its number, in exactly `length` digits. A character beyond 16 bits may come as its two surrogates.
fn character<'a>(text: &'a str, length: usize, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let read = |text: &'a str| {
        let (value, rest) = digits(text, 16, length);
        match text.len() - rest.len() == length {
            true => Ok((value, rest)),
            false => Err(format!("expected {length} hexadecimal digits")),
        }
    };
    let (mut value, mut rest) = read(text)?;
    if let (0xd800..0xdc00, Some(second)) = (value, rest.strip_prefix("\\u"))
        && length == 4
    {
        let (low, after) = read(second)?;
        if (0xdc00..0xe000).contains(&low) {
            value = 0x1_0000 + ((value - 0xd800) << 10) + (low - 0xdc00);
            rest = after;
        }
    }
    let character = char::from_u32(value).ok_or_else(|| format!("{value:X} is no character"))?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(rest)
}
