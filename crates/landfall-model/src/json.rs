//! What escapes in JSON's strings stand for (RFC 8259, section 7), for readers of files.

/// The character of the escape whose backslash was passed, at the start of `rest`, which is moved behind it; on failure to where
/// it is wrong.
///
/// # Errors
/// What was expected there.
pub fn escape(rest: &mut &[u8]) -> Result<char, &'static str> {
    let (&letter, behind) = rest.split_first().ok_or("the rest of an escape")?;
    let character = match letter {
        b'"' | b'\\' | b'/' => char::from(letter),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            *rest = behind;
            return unicode(rest);
        }
        _ => return Err("a known escape"),
    };
    *rest = behind;
    Ok(character)
}

/// The character of four hex digits, or of two such groups that are a surrogate pair.
fn unicode(rest: &mut &[u8]) -> Result<char, &'static str> {
    let first = hex4(rest)?;
    let second = rest.strip_prefix(b"\\u").filter(|_| (0xd800..0xdc00).contains(&first));
    let code = match second {
        Some(mut second) => {
            let low = hex4(&mut second)?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err("the second half of a surrogate pair");
            }
            *rest = second;
            0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00)
        }
        None => first,
    };
    char::from_u32(code).ok_or("a pair of surrogates")
}

fn hex4(rest: &mut &[u8]) -> Result<u32, &'static str> {
    let (digits, behind) = rest.split_first_chunk::<4>().ok_or("four hexadecimal digits")?;
    let code = digits.iter().try_fold(0, |code, &digit| Some(code << 4 | char::from(digit).to_digit(16)?));
    *rest = behind;
    code.ok_or("four hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_what_they_mean_and_others_are_refused() {
        let read = |text: &'static str| {
            let mut rest = text.as_bytes();
            let character = escape(&mut rest);
            (character, text.len() - rest.len())
        };
        for (text, character, length) in [
            ("n\"", '\n', 1),
            ("/", '/', 1),
            ("u00e9x", 'é', 5),
            ("ud83d\\ude00", '😀', 11),
            ("uFFFF", '\u{ffff}', 5),
        ] {
            assert_eq!(read(text), (Ok(character), length), "{text}");
        }
        for (text, expected) in [
            ("", "the rest of an escape"),
            ("q", "a known escape"),
            ("u12", "four hexadecimal digits"),
            ("u+123", "four hexadecimal digits"),
            ("ud800x", "a pair of surrogates"),
            ("udc00", "a pair of surrogates"),
            ("ud800\\u0041", "the second half of a surrogate pair"),
        ] {
            assert_eq!(read(text).0, Err(expected), "{text}");
        }
    }
}
