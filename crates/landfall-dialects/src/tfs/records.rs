//! TFRecord files: each record is its length (8 bytes, little-endian), a check sum of these, the bytes, a check sum of
//! these. Check sums are CRC-32C, masked.
//!
//! Format: the public documentation of `tf.io` and of CRC-32C (RFC 3720, appendix B.4).

/// A file's records. It ends after the first that is none.
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Records { bytes, at: 0 }
    }

    fn next_record(&mut self) -> Result<&'a [u8], String> {
        let truncated = || format!("truncated record at {}", self.at);
        let corrupted = || format!("corrupted record at {}", self.at);
        let rest = &self.bytes[self.at..];
        let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(truncated)?;
        let (sum, rest) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
        if masked(crc(length)) != u32::from_le_bytes(*sum) {
            return Err(corrupted());
        }
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| truncated())?;
        let (record, rest) = rest.split_at_checked(length).ok_or_else(truncated)?;
        let sum = rest.first_chunk::<4>().ok_or_else(truncated)?;
        if masked(crc(record)) != u32::from_le_bytes(*sum) {
            return Err(corrupted());
        }
        self.at += 16 + length;
        Ok(record)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<&'a [u8], String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.bytes.len() {
            return None;
        }
        let record = self.next_record();
        if record.is_err() {
            self.at = self.bytes.len();
        }
        Some(record)
    }
}

/// So that a sum over bytes that hold sums is no weak one.
const fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's polynomial, bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)])
}

/// A record as it lies in a file.
pub(super) fn written(record: &[u8]) -> Vec<u8> {
    let length = (record.len() as u64).to_le_bytes();
    let sum = |bytes: &[u8]| masked(crc(bytes)).to_le_bytes();
    [&length[..], &sum(&length), record, &sum(record)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_check_sum_is_the_published_one() {
        assert_eq!(crc(b"123456789"), 0xe306_9283);
        assert_eq!(crc(&[0; 32]), 0x8a91_36aa, "RFC 3720, B.4");
        assert_eq!(crc(&[0xff; 32]), 0x62a8_ab43, "RFC 3720, B.4");
    }

    proptest! {
        #![proptest_config(crate::seeded::seeded(128))]

        #[test]
        fn records_come_back_and_a_changed_byte_is_seen(
            records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..5),
            place: prop::sample::Index,
            change in 1u8..,
        ) {
            let mut bytes: Vec<u8> = records.iter().flat_map(|record| written(record)).collect();
            let found: Vec<_> = Records::new(&bytes).map(|record| record.unwrap().to_vec()).collect();
            prop_assert_eq!(&found, &records);
            bytes[place.index(records.iter().map(|record| record.len() + 16).sum())] ^= change;
            prop_assert!(Records::new(&bytes).any(|record| record.is_err()));
        }
    }
}
