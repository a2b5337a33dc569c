//! Numbers that end within eight bytes, as most do: one load, no loop over their digits.

use super::Scanner;
use super::number::{digits_and_others, eight_digits, float_of};
use half::{bf16, f16};

/// A type that short numbers are read as.
pub(crate) trait FromShort: Sized {
    /// The number with these decimal digits, at most eight, of which the last `fraction` stand after the point. `None` where
    /// the type has none such.
    fn from_short(negative: bool, digits: u64, fraction: usize) -> Option<Self>;
}

macro_rules! floats {
    ($($t:ty: $from:expr),*) => { $(impl FromShort for $t {
        #[inline(always)]
        fn from_short(negative: bool, digits: u64, fraction: usize) -> Option<Self> {
            Some($from(float_of(negative, digits, fraction)))
        }
    })* };
}
floats!(f64: |v| v, f32: |v| v as f32, f16: f16::from_f64, bf16: bf16::from_f64);

macro_rules! integers {
    ($($t:ty),*) => { $(impl FromShort for $t {
        #[inline(always)]
        fn from_short(negative: bool, digits: u64, fraction: usize) -> Option<Self> {
            if fraction > 0 {
                return None;
            }
            let value = digits as i64;
            Self::try_from(if negative { -value } else { value }).ok()
        }
    })* };
}
integers!(i8, i16, i32, i64, u8, u16, u32, u64);

impl Scanner<'_> {
    /// Reads short numbers of a list, each with the comma after it and a blank after that, while another number follows; gives
    /// how many. The cursor then stands where the next value starts, as it did before.
    #[inline(always)]
    pub(crate) fn short_numbers<T: FromShort>(&mut self, values: &mut [T]) -> usize {
        let (mut read, mut at, mut before) = (0, self.at, self.at);
        for value in values {
            let Some((number, length)) = short(self.bytes, at) else { break };
            *value = number;
            before = at;
            at += length;
            read += 1;
        }
        // What was read as a number started as one: only behind the last one there may be something else.
        let follows = matches!(self.bytes.get(at), Some(b'0'..=b'9' | b'-'));
        let read_well = if follows { read } else { read.max(1) - 1 };
        self.at = if follows { at } else { before };
        read_well
    }
}

/// A short number, the comma after it and one blank if there is one, with the bytes of all.
#[inline(always)]
fn short<T: FromShort>(bytes: &[u8], at: usize) -> Option<(T, usize)> {
    let mut word = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
    let negative = word as u8 == b'-';
    if negative {
        word >>= 8;
    }
    let (digits, others) = digits_and_others(word);
    let whole = others.trailing_zeros();
    let whole = whole - whole % 8;
    // None at all, none that ends here, or with a zero in front of others.
    if whole == 0 || whole == 64 || (whole > 8 && digits as u8 == 0) {
        return None;
    }
    let (number, end) = match (word >> whole) as u8 {
        b',' => (T::from_short(negative, eight_digits(digits << (64 - whole)), 0)?, whole),
        b'.' => {
            let end = (others & !(0xff << whole)).trailing_zeros();
            let end = end - end % 8;
            if end == 64 || end == whole + 8 || (word >> end) as u8 != b',' {
                return None;
            }
            // The point is taken out from between the digits.
            let before = (1u64 << whole) - 1;
            let joined = digits & before | digits >> 8 & !before;
            let fraction = (end - whole) / 8 - 1;
            (T::from_short(negative, eight_digits(joined << (72 - end)), fraction as usize)?, end)
        }
        _ => return None,
    };
    let length = end as usize / 8 + 1 + usize::from(negative);
    let blank = bytes.get(at + length) == Some(&b' ');
    Some((number, length + usize::from(blank)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Number;
    use proptest::prelude::*;

    /// The numbers of a list that are short, and what is left of it.
    fn read<T: FromShort + Default + Clone>(list: &str) -> (Vec<T>, &str) {
        let mut scanner = Scanner::new(list.as_bytes());
        let mut values = vec![T::default(); 8];
        let read = scanner.short_numbers(&mut values);
        values.truncate(read);
        (values, &list[scanner.at()..])
    }

    #[test]
    fn it_stops_before_the_first_number_that_is_not_short_or_the_last_of_its_kind() {
        for (list, values, rest) in [
            ("1,-2,33,4]        ", &[1, -2, 33][..], "4]        "),
            ("1234567,-123456,0,9]        ", &[1234567, -123456, 0], "9]        "),
            ("1,12345678,3,4,5]        ", &[1], "12345678,3,4,5]        "),
            ("1,2.5,3]        ", &[1], "2.5,3]        "),
            ("1,02,3,4]        ", &[1], "02,3,4]        "),
            ("1,2e1,3,4]        ", &[1], "2e1,3,4]        "),
            ("1, -2,3, 4]        ", &[1, -2, 3], "4]        "),
            ("1,  2,3,4]        ", &[], "1,  2,3,4]        "),
            ("1,2,\n3,4]        ", &[1], "2,\n3,4]        "),
            ("1,2 ,3,4]        ", &[1], "2 ,3,4]        "),
            ("1, ]        ", &[], "1, ]        "),
            ("1,null,3,4]        ", &[], "1,null,3,4]        "),
            ("-,1,3,4]        ", &[], "-,1,3,4]        "),
            ("1,2,3", &[], "1,2,3"),
        ] {
            assert_eq!(read::<i64>(list), (values.to_vec(), rest), "{list}");
        }
        assert_eq!(read::<i8>("1,127,-128,128,5]        "), (vec![1, 127, -128], "128,5]        "));
        assert_eq!(read::<u8>("1,-0,-1,128,5]        "), (vec![1, 0], "-1,128,5]        "));
        assert_eq!(
            read::<f64>("1.5,-0.25,-0,-0.0,1.,3]        "),
            (vec![1.5, -0.25, 0.0, -0.0], "1.,3]        ")
        );
        assert_eq!(read::<f64>("1.5.5,3,4]        "), (vec![], "1.5.5,3,4]        "));
        assert_eq!(read::<i32>("1,2,3,4,5,6,7,8,9,10,11]        ").1, "9,10,11]        ");
    }

    proptest! {
        #![proptest_config(crate::seeded::seeded(512))]

        #[test]
        fn short_numbers_are_the_numbers_that_are_read_one_by_one(
            numbers in prop::collection::vec(r"-?(0|[1-9][0-9]{0,7})(\.[0-9]{1,6})?([eE]-?[0-9])?", 1..12),
            comma in ", ?",
            end in r"[\]\}, \PC]{0,9}",
        ) {
            let list = numbers.join(&comma) + "]" + &end;
            let (found, rest) = read::<f64>(&list);
            let mut scanner = Scanner::new(list.as_bytes());
            for value in found {
                prop_assert_eq!(scanner.float().unwrap().to_bits(), value.to_bits());
                scanner.step();
                scanner.skip_space();
            }
            prop_assert_eq!(&list[scanner.at()..], rest);
            let (found, rest) = read::<i32>(&list);
            let mut scanner = Scanner::new(list.as_bytes());
            for value in found {
                prop_assert_eq!(scanner.number().unwrap(), Number::Int(value.into()));
                scanner.step();
                scanner.skip_space();
            }
            prop_assert_eq!(&list[scanner.at()..], rest);
        }
    }
}
