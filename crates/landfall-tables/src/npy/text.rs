//! NumPy's strings: fixed width, padded with NULs.

use super::header::Items;
use landfall_model::{Problem, Shape, Strings, StringsMut, Tensor};

/// Items of dtype `S` or `U` as strings, [n]; `U` becomes UTF-8. Trailing NULs are no part of a value, as in NumPy.
pub(super) fn strings(bytes: &[u8], items: Items, big_endian: bool, count: usize) -> Result<Tensor, Problem> {
    let size = items.size();
    let mut strings = StringsMut::new();
    for i in 0..count {
        let item = &bytes[i * size..(i + 1) * size];
        match items {
            Items::Characters(_) => strings.push_with(|out| characters(item, big_endian, out))?,
            _ => strings.push(trimmed(item)),
        }
    }
    let strings: Strings = strings.freeze();
    Tensor::from_strings(Shape::new(&[count]), strings)
}

fn trimmed(item: &[u8]) -> &[u8] {
    let end = item.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &item[..end]
}

fn characters(item: &[u8], big_endian: bool, out: &mut Vec<u8>) -> Result<(), Problem> {
    let code =
        |bytes: &[u8; 4]| if big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
    let (codes, _) = item.as_chunks::<4>();
    let end = codes.iter().rposition(|bytes| *bytes != [0; 4]).map_or(0, |last| last + 1);
    for bytes in &codes[..end] {
        let character = char::from_u32(code(bytes))
            .ok_or_else(|| Problem::invalid(format!("{:#x} is no Unicode character", code(bytes))))?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(())
}

/// Reverses the bytes of each number.
pub(super) fn swap(bytes: &mut [u8], size: usize) {
    for number in bytes.chunks_exact_mut(size.max(1)) {
        number.reverse();
    }
}
