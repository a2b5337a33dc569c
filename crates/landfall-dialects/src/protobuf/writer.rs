//! Fields of one message, appended in the order of the calls.

use landfall_model::protobuf::push_varint;

/// Wire type of numbers in base 128.
const VARINT: u32 = 0;
/// Wire type of 8 fixed bytes.
const FIXED64: u32 = 1;
/// Wire type of bytes, text, messages and packed numbers.
const BYTES: u32 = 2;
/// Wire type of 4 fixed bytes.
const FIXED32: u32 = 5;

/// Appends the fields of one message to a vector.
///
/// Like proto3's own writers leave out a default value, so must the caller: every method writes what it is given.
pub(crate) struct Writer<'a>(&'a mut Vec<u8>);

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Writer(out)
    }

    /// A number: bool, enum, uint32, uint64, and int32 or int64 as their two's complement.
    #[inline]
    pub(crate) fn varint_field(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        push_varint(self.0, value);
    }

    /// A signed number (int32, int64, enum).
    #[inline]
    pub(crate) fn signed_field(&mut self, field: u32, value: i64) {
        self.varint_field(field, value as u64);
    }

    /// A bool.
    #[inline]
    pub(crate) fn bool_field(&mut self, field: u32, value: bool) {
        self.varint_field(field, u64::from(value));
    }

    /// A `float`.
    #[inline]
    pub(crate) fn float_field(&mut self, field: u32, value: f32) {
        self.tag(field, FIXED32);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A `double`.
    #[inline]
    pub(crate) fn double_field(&mut self, field: u32, value: f64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes.
    #[inline]
    pub(crate) fn bytes_field(&mut self, field: u32, value: &[u8]) {
        self.length(field, value.len());
        self.0.extend_from_slice(value);
    }

    /// Text.
    #[inline]
    pub(crate) fn string_field(&mut self, field: u32, value: &str) {
        self.bytes_field(field, value.as_bytes());
    }

    /// Packed numbers of fixed width (float: 4, double: 8), given as their little-endian bytes.
    pub(crate) fn packed_fixed(&mut self, field: u32, little_endian: &[u8]) {
        self.bytes_field(field, little_endian);
    }

    /// Packed numbers in base 128. The iterator is walked twice: once for the length.
    pub(crate) fn packed_varints(&mut self, field: u32, values: impl Iterator<Item = u64> + Clone) {
        self.length(field, values.clone().map(varint_len).sum());
        values.for_each(|value| push_varint(self.0, value));
    }

    /// A message within: `write` gets a writer of its fields. Its length is put in front when it is known.
    pub(crate) fn message(&mut self, field: u32, write: impl FnOnce(&mut Writer<'_>)) {
        self.tag(field, BYTES);
        let length_at = self.0.len();
        self.0.push(0);
        write(&mut Writer(self.0));
        close_length(self.0, length_at);
    }

    /// As [`Writer::message`], for a writer that can fail; the vector then ends within the message.
    ///
    /// # Errors
    /// What `write` returns.
    pub(crate) fn try_message<E>(
        &mut self,
        field: u32,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.tag(field, BYTES);
        let length_at = self.0.len();
        self.0.push(0);
        write(&mut Writer(self.0))?;
        close_length(self.0, length_at);
        Ok(())
    }

    /// The start of a length-delimited field whose `length` bytes the caller appends with [`Writer::out`].
    #[inline]
    pub(crate) fn length(&mut self, field: u32, length: usize) {
        self.tag(field, BYTES);
        push_varint(self.0, length as u64);
    }

    /// A number of the length-delimited field that was begun with [`Writer::length`].
    #[inline]
    pub(crate) fn varint(&mut self, value: u64) {
        push_varint(self.0, value);
    }

    /// The vector that is appended to.
    #[inline]
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        self.0
    }

    #[inline]
    fn tag(&mut self, field: u32, wire_type: u32) {
        push_varint(self.0, u64::from(field << 3 | wire_type));
    }
}

/// Bytes that a number takes in base 128: 1 to 10.
#[inline]
pub(crate) fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Replaces the one byte kept for the length by the length of what follows it; most messages need no more than it.
fn close_length(out: &mut Vec<u8>, length_at: usize) {
    let length = (out.len() - length_at - 1) as u64;
    if length < 0x80 {
        out[length_at] = length as u8;
        return;
    }
    let mut bytes = Vec::with_capacity(10);
    push_varint(&mut bytes, length);
    out.splice(length_at..=length_at, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::protobuf::{Fields, Value};
    use proptest::prelude::*;

    #[test]
    fn messages_within_messages_carry_their_lengths() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.message(1, |outer| {
            outer.string_field(2, &"x".repeat(200));
            outer.message(3, |inner| inner.bool_field(1, true));
        });
        writer.packed_varints(4, [1u64, 300].into_iter());
        writer.packed_fixed(5, &1.5f32.to_le_bytes());
        writer.double_field(6, 0.25);
        writer.float_field(7, 0.5);

        let mut fields = Fields::new("test", &out);
        let (field, value) = fields.next().unwrap().unwrap();
        assert_eq!(field, 1);
        let mut outer = value.message().unwrap();
        assert_eq!(outer.next().unwrap().unwrap().1.text().unwrap().len(), 200);
        let mut inner = outer.next().unwrap().unwrap().1.message().unwrap();
        assert_eq!(inner.next().unwrap().unwrap().1.varint().unwrap(), 1);
        let mut numbers = Vec::new();
        fields.next().unwrap().unwrap().1.varints(|n| numbers.push(n)).unwrap();
        assert_eq!(numbers, [1, 300]);
        assert_eq!(fields.next().unwrap().unwrap().1.bytes().unwrap(), 1.5f32.to_le_bytes());
        assert!(
            matches!(fields.next().unwrap().unwrap(), (6, Value::Fixed64(b)) if f64::from_le_bytes(b) == 0.25)
        );
        assert!(
            matches!(fields.next().unwrap().unwrap(), (7, Value::Fixed32(b)) if f32::from_le_bytes(b) == 0.5)
        );
        assert!(fields.next().unwrap().is_none());
    }

    proptest! {
        #![proptest_config(crate::seeded::seeded(256))]

        #[test]
        fn every_number_reads_back_and_takes_the_bytes_announced(value: u64, field in 1u32..1 << 29) {
            let mut out = Vec::new();
            Writer::new(&mut out).varint_field(field, value);
            prop_assert_eq!(out.len(), varint_len(u64::from(field) << 3) + varint_len(value));
            let mut fields = Fields::new("test", &out);
            let (found, number) = fields.next().unwrap().unwrap();
            prop_assert_eq!((found, number.varint().unwrap()), (field, value));
        }

        #[test]
        fn a_message_of_any_length_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..40_000)) {
            let mut out = Vec::new();
            Writer::new(&mut out).message(1, |w| w.message(2, |w| w.bytes_field(3, &bytes)));
            let mut outer = Fields::new("test", &out);
            let mut middle = outer.next().unwrap().unwrap().1.message().unwrap();
            let mut inner = middle.next().unwrap().unwrap().1.message().unwrap();
            prop_assert_eq!(inner.next().unwrap().unwrap().1.bytes().unwrap(), &bytes[..]);
        }
    }
}
