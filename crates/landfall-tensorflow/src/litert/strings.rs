//! Strings as they lie in a tensor's memory: their number, where each starts and where the last ends, then their bytes.
//! The numbers have 32 bits, little-endian; places count from the start of the memory.
//!
//! Source: `string_util.h` of TensorFlow Lite.

use landfall_model::{Problem, Strings};

/// Bytes of a number.
const NUMBER: usize = 4;

/// What so many strings take at least.
pub(super) fn least(strings: usize) -> usize {
    strings.saturating_add(2).saturating_mul(NUMBER)
}

/// Lays strings out.
///
/// # Errors
/// Invalid argument, for more than places of 32 bits with a sign reach.
pub(super) fn packed(strings: &Strings) -> Result<Vec<u8>, Problem> {
    let head = least(strings.len());
    let total = head.saturating_add(strings.bytes_total());
    if i32::try_from(total).is_err() {
        return Err(Problem::invalid(format!("strings of {total} bytes together are too large for LiteRT")));
    }
    let mut memory = Vec::with_capacity(total);
    let mut number = |value: usize| memory.extend_from_slice(&(value as u32).to_le_bytes());
    number(strings.len());
    let mut end = head;
    number(end);
    for value in strings.iter() {
        end += value.len();
        number(end);
    }
    strings.iter().for_each(|value| memory.extend_from_slice(value));
    Ok(memory)
}

/// Strings that lie in a tensor's memory.
pub(super) struct Packed<'a> {
    memory: &'a [u8],
    count: usize,
}

impl<'a> Packed<'a> {
    /// `None` where so many numbers do not lie within the memory.
    pub(super) fn read(memory: &'a [u8]) -> Option<Self> {
        let count = u32::from_le_bytes(*memory.first_chunk()?) as usize;
        (least(count) <= memory.len()).then_some(Packed { memory, count })
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The strings in order; `None` for one that does not lie within the memory behind the numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> {
        let first = least(self.count);
        let place = |index: usize| {
            let number = self.memory[NUMBER * (index + 1)..]
                .first_chunk()
                .map_or(0, |bytes| u32::from_le_bytes(*bytes));
            number as usize
        };
        (0..self.count).map(move |index| {
            let range = place(index)..place(index + 1);
            (range.start >= first).then(|| self.memory.get(range)).flatten()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(memory: &[u8]) -> Option<Vec<&[u8]>> {
        Packed::read(memory)?.iter().collect()
    }

    #[test]
    fn strings_come_back_as_they_went() {
        for values in [&[][..], &[""], &["a", "", "bcd", "\0"], &["Grüße"; 100]] {
            let strings: Strings = values.iter().collect();
            let memory = packed(&strings).unwrap();
            assert_eq!(memory.len(), least(values.len()) + strings.bytes_total());
            let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
            assert_eq!(unpacked(&memory).unwrap(), values);
            assert_eq!(unpacked(&[&memory[..], &[9; 7]].concat()).unwrap(), values, "memory may be longer");
        }
    }

    #[test]
    fn places_beyond_the_memory_or_in_wrong_order_are_no_strings() {
        let memory = packed(&["ab", "cde"].iter().collect()).unwrap();
        assert_eq!(
            memory[..16],
            [2, 0, 0, 0, 16, 0, 0, 0, 18, 0, 0, 0, 21, 0, 0, 0],
            "as string_util.h says"
        );
        for end in 0..memory.len() {
            assert_eq!(unpacked(&memory[..end]), None, "{end} bytes");
        }
        for (at, value) in [(0, 3), (3, 255), (4, 15), (4, 19), (8, 15), (8, 22), (12, 17), (12, 22)] {
            let mut broken = memory.clone();
            broken[at] = value;
            assert_eq!(unpacked(&broken), None, "byte {at} is {value}");
        }
    }
}
