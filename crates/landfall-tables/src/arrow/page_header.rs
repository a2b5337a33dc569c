//! What a Parquet page says of its size: a page that unpacks to far more than packing can give is refused before the library
//! makes room for it.
//!
//! A header is a `PageHeader` of `parquet.thrift`, in Thrift's compact protocol.

use std::io::{self, BufRead};

/// A page may say that it unpacks to so many bytes, whatever its packed size.
const COMMON: u64 = 64 << 20;

/// A larger one to so many times its packed size: the most that deflate gives.
const RATIO: u64 = 1032;

/// How deep structures lie in each other at most.
const DEPTH: usize = 16;

/// Holds the header that begins here against what packing can give.
///
/// # Errors
/// A header that cannot be read, and one that says too much, in a sentence.
pub(super) fn check(header: &mut impl BufRead) -> Result<(), String> {
    let sizes = sizes(header).map_err(|error| format!("a page's header: {error}"))?;
    let most = sizes.packed.saturating_mul(RATIO).max(COMMON);
    if sizes.unpacked > most {
        return Err(format!(
            "a page of {} bytes says that it unpacks to {} bytes, at most {most} were expected",
            sizes.packed, sizes.unpacked
        ));
    }
    Ok(())
}

/// Sizes of a page in bytes, without its header.
struct Sizes {
    packed: u64,
    unpacked: u64,
}

/// Of a field that comes twice, the worse one counts.
fn sizes(header: &mut impl BufRead) -> io::Result<Sizes> {
    let (mut unpacked, mut packed) = (0, None);
    let mut id = 0;
    while let Some((next, kind)) = field(header, id)? {
        id = next;
        match (id, kind) {
            (2 | 3, 5) => {
                // A negative size is the library's to refuse.
                let size = u64::try_from(signed(header)?).unwrap_or(0);
                if id == 2 {
                    unpacked = size.max(unpacked);
                } else {
                    packed = Some(packed.map_or(size, |packed: u64| packed.min(size)));
                }
            }
            _ => skip(header, kind, DEPTH)?,
        }
    }
    Ok(Sizes { packed: packed.unwrap_or(0), unpacked })
}

/// Number and kind of the field that begins here; `None` at the structure's end.
fn field(header: &mut impl BufRead, before: i64) -> io::Result<Option<(i64, u8)>> {
    let first = byte(header)?;
    if first & 15 == 0 {
        return Ok(None);
    }
    let id = if first >> 4 == 0 { signed(header)? } else { before.saturating_add(i64::from(first >> 4)) };
    Ok(Some((id, first & 15)))
}

/// Passes over a value.
fn skip(header: &mut impl BufRead, kind: u8, depth: usize) -> io::Result<()> {
    match kind {
        // A truth value lies in its kind.
        1 | 2 => Ok(()),
        3 => byte(header).map(drop),
        4..=6 => number(header).map(drop),
        7 => pass(header, 8),
        8 => number(header).and_then(|length| pass(header, length)),
        12 if depth > 0 => {
            while let Some((_, kind)) = field(header, 0)? {
                skip(header, kind, depth - 1)?;
            }
            Ok(())
        }
        _ => Err(io::Error::other(format!("a field of kind {kind} belongs to no page"))),
    }
}

fn signed(header: &mut impl BufRead) -> io::Result<i64> {
    let number = number(header)?;
    Ok((number >> 1) as i64 ^ -((number & 1) as i64))
}

fn number(header: &mut impl BufRead) -> io::Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(header)?;
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Ok(number);
        }
    }
    Err(io::Error::other("a number is longer than ten bytes"))
}

fn byte(header: &mut impl BufRead) -> io::Result<u8> {
    let mut byte = [0];
    header.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn pass(header: &mut impl BufRead, mut bytes: u64) -> io::Result<()> {
    while bytes > 0 {
        let there = header.fill_buf()?.len() as u64;
        if there == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let passed = there.min(bytes);
        header.consume(passed as usize);
        bytes -= passed;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page's header, as the Parquet library of Apache Arrow writes it.
    fn header(unpacked: u32, packed: u32) -> Vec<u8> {
        let mut bytes = vec![0x15, 0x00];
        for size in [unpacked, packed] {
            bytes.push(0x15);
            let mut rest = u64::from(size) << 1;
            while rest > 127 {
                bytes.push(rest as u8 | 128);
                rest >>= 7;
            }
            bytes.push(rest as u8);
        }
        // data_page_header: num_values, three encodings, statistics with a text.
        bytes.extend([
            0x2c, 0x15, 0x08, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x1c, 0x18, 2, b'a', b'b', 0, 0, 0,
        ]);
        bytes
    }

    fn checked(mut bytes: &[u8]) -> Result<(), String> {
        check(&mut bytes)
    }

    #[test]
    fn common_pages_and_large_ones_that_packing_can_give_pass() {
        for (unpacked, packed) in
            [(0, 0), (1 << 20, 100), (64 << 20, 1), (1 << 30, 1 << 20), (i32::MAX as u32, 2_100_000)]
        {
            checked(&header(unpacked, packed)).unwrap();
        }
    }

    #[test]
    fn a_page_that_says_it_unpacks_to_more_than_packing_can_give_is_refused() {
        for (unpacked, packed) in [((64 << 20) + 1, 10), (i32::MAX as u32, 1000)] {
            let text = checked(&header(unpacked, packed)).unwrap_err();
            assert!(text.contains(&format!("a page of {packed} bytes")), "{text}");
        }
        // The size again, behind the rest, under its number in the long form.
        let mut twice = header(10, 10);
        twice.pop();
        twice.extend([0x05, 4, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0]);
        assert!(checked(&twice).unwrap_err().contains("2147483647"));
    }

    #[test]
    fn a_header_that_is_cut_or_makes_no_sense_is_refused() {
        let whole = header(1 << 20, 1 << 10);
        for length in 0..whole.len() {
            assert!(checked(&whole[..length]).is_err(), "{length} bytes");
        }
        let deep = [0x1c].repeat(1000);
        for broken in [&deep[..], &[0x1f], &[0x15; 100], &[0x18, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]] {
            assert!(checked(broken).is_err(), "{broken:?}");
        }
    }
}
