//! Lists of values between spaces, which files have by the hundred thousand.

use crate::decimal;
use crate::document::wrong;
use landfall_model::Problem;
use std::str::FromStr;

/// Bytes that the usual way to read a word looks at: more than any usual word has.
const AHEAD: usize = 32;

/// A value of a list.
pub(crate) trait Word: Sized + FromStr {
    /// Bytes that one takes at least, most of the time.
    const USUAL: usize;

    /// The word that text begins with, as it is mostly written, with a space behind it, and its length without that.
    fn usual(ahead: &[u8; AHEAD]) -> Option<(Self, usize)>;

    /// What text begins with, in as many ways as pay, and its length; all else is read by [`FromStr`].
    fn read(text: &[u8]) -> Option<(Self, usize)>;
}

/// Adds values between spaces to a list; `key` is for messages.
///
/// # Errors
/// Invalid argument, with the first word that is no value.
pub(crate) fn list<T: Word>(key: &str, text: &str, values: &mut Vec<T>) -> Result<(), Problem> {
    let mut rest = text.as_bytes();
    values.reserve(rest.len() / T::USUAL);
    loop {
        while let Some((value, length)) = rest.first_chunk().and_then(T::usual) {
            values.push(value);
            rest = &rest[length + 1..];
        }
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Ok(());
        }
        let (value, length) = match T::read(rest).filter(|(_, length)| ends(rest, *length)) {
            Some(read) => read,
            None => unusual(rest).map_err(|word| wrong(format!("{key}: {word:?}")))?,
        };
        values.push(value);
        // With the blank behind it, the next word is at hand.
        rest = rest.get(length + 1..).unwrap_or_default();
    }
}

/// The value that text begins with, and its length; where it is none, the word.
#[cold]
fn unusual<T: Word>(text: &[u8]) -> Result<(T, usize), String> {
    let length = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let word = String::from_utf8_lossy(&text[..length]);
    word.parse().map(|value| (value, length)).map_err(|_| word.into_owned())
}

/// Whether a word that text begins with is so long.
#[inline(always)]
fn ends(text: &[u8], length: usize) -> bool {
    text.get(length).is_none_or(u8::is_ascii_whitespace)
}

impl Word for f64 {
    const USUAL: usize = 8;

    #[inline(always)]
    fn usual(ahead: &[u8; AHEAD]) -> Option<(Self, usize)> {
        let long = decimal::long(ahead);
        if long.is_some() {
            return long;
        }
        // Rows are counted in whole numbers, gains told in six digits.
        let few = decimal::few(u64::from_le_bytes(*ahead.first_chunk()?));
        if few.is_some() {
            return few;
        }
        decimal::number(ahead).filter(|(_, length)| ahead.get(*length) == Some(&b' '))
    }

    #[inline(always)]
    fn read(text: &[u8]) -> Option<(Self, usize)> {
        decimal::number(text).or_else(|| fast_float2::parse_partial(text).ok())
    }
}

macro_rules! whole_word {
    ($($t:ty),*) => {$(
        impl Word for $t {
            const USUAL: usize = 2;

            #[inline(always)]
            #[allow(clippy::unnecessary_cast, reason = "one of the types needs no cast")]
            fn usual(ahead: &[u8; AHEAD]) -> Option<(Self, usize)> {
                let eight = u64::from_le_bytes(*ahead.first_chunk()?);
                // Without a jump: as many children are leaves, which have a sign, as are not.
                let sign = <$t>::MIN != 0 && eight as u8 == b'-';
                let digits = eight >> (8 * u32::from(sign));
                let (number, length) = decimal::short(digits)?;
                let (number, sign) = (number as $t, sign as $t);
                Some(((number ^ sign.wrapping_neg()).wrapping_add(sign), length + sign as usize))
            }

            #[inline(always)]
            #[allow(clippy::unnecessary_cast, reason = "one of the types needs no cast")]
            fn read(text: &[u8]) -> Option<(Self, usize)> {
                let sign = usize::from(<$t>::MIN != 0 && text.first() == Some(&b'-'));
                let (number, length) = decimal::digits(&text[sign..]);
                let number = number as $t;
                // Without a jump: as many children are leaves, which have a sign, as are not.
                let number = (number ^ (sign as $t).wrapping_neg()).wrapping_add(sign as $t);
                // More may follow eight digits; it is no end of a word then.
                (length != 0).then_some((number, length + sign))
            }
        }
    )*};
}
whole_word!(u32, i64, usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn list<T: Word>(key: &str, text: &str) -> Result<Vec<T>, Problem> {
        let mut values = Vec::new();
        super::list(key, text, &mut values).map(|()| values)
    }

    #[test]
    fn words_are_read_as_the_language_reads_them() {
        let text = " 0 7  -12\t12345678 123456789 -1\r\n";
        assert_eq!(list::<i64>("k", text).unwrap(), [0, 7, -12, 12_345_678, 123_456_789, -1]);
        assert_eq!(list::<u32>("k", "4294967295 0").unwrap(), [u32::MAX, 0]);
        let text = "1e-05 -0.25 inf 12345678.5 nan 3 1.00000001800250948e-35";
        let expected = [1e-5, -0.25, f64::INFINITY, 12_345_678.5, f64::NAN, 3.0, 1.000_000_018_002_509_5e-35];
        for (found, expected) in list::<f64>("k", text).unwrap().iter().zip(expected) {
            assert_eq!(found.to_bits(), expected.to_bits());
        }
        for wrong in ["1x", "-", "1.5", "-1", "99999999999", "+"] {
            let problem = list::<u32>("k", wrong).unwrap_err();
            assert!(problem.to_string().contains(&format!("k: {wrong:?}")), "{problem}");
        }
        assert!(list::<f64>("k", "1.2.3").is_err());
        assert!(list::<i64>("k", "").unwrap().is_empty());
    }
}
