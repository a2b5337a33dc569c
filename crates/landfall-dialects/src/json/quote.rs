//! A value as error texts quote it: indented by 4 blanks as RapidJSON's writer does, and cut.

use super::Scanner;

/// Where a quoted value is cut, in bytes.
const LIMIT: usize = 256;
const INDENT: usize = 4;

/// The value at this place, indented and cut near 256 bytes. The value was read before and is well-formed.
pub(crate) fn quoted(scanner: &Scanner<'_>) -> String {
    let mut scanner = scanner.clone();
    let mut out = Vec::with_capacity(LIMIT + 16);
    let mut depth = 0usize;
    while out.len() < LIMIT {
        match scanner.skip_space() {
            0 => break,
            open @ (b'{' | b'[') => {
                scanner.step();
                out.push(open);
                depth += 1;
                match scanner.skip_space() {
                    b'}' | b']' => {}
                    _ => new_line(&mut out, depth),
                }
            }
            close @ (b'}' | b']') => {
                scanner.step();
                depth = depth.saturating_sub(1);
                if !matches!(out.last(), Some(b'{' | b'[')) {
                    new_line(&mut out, depth);
                }
                out.push(close);
            }
            b',' => {
                scanner.step();
                out.push(b',');
                new_line(&mut out, depth);
            }
            b':' => {
                scanner.step();
                out.extend_from_slice(b": ");
                continue;
            }
            _ => {
                let start = scanner.at();
                if scanner.skip_scalar().is_err() {
                    break;
                }
                out.extend_from_slice(scanner.since(start));
            }
        }
        let names_a_member = scanner.skip_space() == b':';
        if depth == 0 && !names_a_member {
            break;
        }
    }
    out.truncate(LIMIT);
    String::from_utf8_lossy(&out).into_owned()
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    // Deeper than the limit there is nothing left to see.
    out.extend(std::iter::repeat_n(b' ', (depth * INDENT).min(LIMIT)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_indented_and_what_follows_is_not_quoted() {
        for (text, expected) in [
            ("\"x\", 2", "\"x\""),
            ("5]", "5"),
            ("[]", "[]"),
            ("{}, 1", "{}"),
            (
                "[1,{\"a\" :[true]}] x",
                "[\n    1,\n    {\n        \"a\": [\n            true\n        ]\n    }\n]",
            ),
        ] {
            assert_eq!(quoted(&Scanner::new(text.as_bytes())), expected, "{text}");
        }
    }

    #[test]
    fn a_huge_value_is_cut() {
        let long = format!("[{}1]", "1,".repeat(100_000));
        assert_eq!(quoted(&Scanner::new(long.as_bytes())).len(), 256);
        let deep = "[".repeat(500_000) + &"]".repeat(500_000);
        assert_eq!(quoted(&Scanner::new(deep.as_bytes())).len(), 256);
    }
}
