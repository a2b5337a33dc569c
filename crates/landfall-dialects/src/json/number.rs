//! Numbers: a fast path for what clients write, correct rounding for all else.

use super::{Fault, Scanner, SyntaxError};

/// A number as its text has it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Number {
    /// Without fraction and exponent, within 64 signed bits.
    Int(i64),
    /// Without fraction and exponent, from 2⁶³ to 2⁶⁴ − 1.
    UInt(u64),
    /// With fraction or exponent, beyond 64 bits, or `NaN`, `Inf`, `Infinity`.
    Float(f64),
}

impl Number {
    /// As a double: rounded where an integer has more than 53 bits.
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Number::Int(v) => v as f64,
            Number::UInt(v) => v as f64,
            Number::Float(v) => v,
        }
    }
}

/// Powers of ten that a double holds exactly.
pub(crate) const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];
/// Integers up to here are exact as doubles.
const EXACT: u64 = 1 << 53;
/// Decimal digits that always fit into 64 bits.
const SAFE_DIGITS: usize = 19;

impl Scanner<'_> {
    /// Reads a number as a double.
    ///
    /// # Errors
    /// Where the number is malformed or too big.
    #[inline(always)]
    pub(crate) fn float(&mut self) -> Result<f64, SyntaxError> {
        let (negative, start) = self.sign();
        let (whole, mut end) = digits(self.bytes, start, 0);
        let mut mantissa = whole;
        let mut fraction = 0;
        let leading_zero = self.bytes.get(start) == Some(&b'0') && end > start + 1;
        if self.bytes.get(end) == Some(&b'.') {
            let point = end;
            (mantissa, end) = digits(self.bytes, point + 1, whole);
            fraction = end - point - 1;
            if fraction == 0 || point == start {
                return self.slowly(Number::to_f64);
            }
        }
        let more = matches!(self.bytes.get(end), Some(b'e' | b'E'));
        if more || leading_zero || end == start || end - start > SAFE_DIGITS || mantissa >= EXACT {
            return self.slowly(Number::to_f64);
        }
        self.at = end;
        Ok(float_of(negative, mantissa, fraction))
    }

    /// Whether a minus comes next, and where the digits start.
    #[inline(always)]
    fn sign(&self) -> (bool, usize) {
        if self.peek() == b'-' {
            stays_a_branch();
            return (true, self.at + 1);
        }
        (false, self.at)
    }

    /// Reads an integer of at most 18 digits; `None`, without a step, for every other value.
    #[inline(always)]
    pub(crate) fn short_integer(&mut self) -> Option<i64> {
        let (negative, start) = self.sign();
        let (value, end) = digits(self.bytes, start, 0);
        let leading_zero = self.bytes.get(start) == Some(&b'0') && end > start + 1;
        let more = matches!(self.bytes.get(end), Some(b'.' | b'e' | b'E'));
        if end == start || end - start > 18 || leading_zero || more {
            return None;
        }
        self.at = end;
        // At most 18 digits: far from the sign bit.
        let value = value as i64;
        Some(if negative { -value } else { value })
    }

    /// Reads a number, and keeps apart what is an integer.
    ///
    /// # Errors
    /// Where the number is malformed or too big.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Number, SyntaxError> {
        match self.short_integer() {
            Some(value) => Ok(Number::Int(value)),
            None => self.slowly(|number| number),
        }
    }

    /// Reads any number. The cursor goes by value, so that the loops that read many keep theirs in registers.
    #[inline(always)]
    fn slowly<T>(&mut self, wanted: impl Fn(Number) -> T) -> Result<T, SyntaxError> {
        let (number, end) = any_number(Scanner { bytes: self.bytes, at: self.at })?;
        self.at = end;
        Ok(wanted(number))
    }

    fn number_of_any_form(&mut self) -> Result<Number, SyntaxError> {
        let start = self.at;
        let negative = self.take(b'-');
        let whole = self.at;
        match self.peek() {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.skip_digits(),
            b'N' | b'I' => return self.not_finite(negative).map(Number::Float),
            _ => return Err(self.fault(Fault::ValueInvalid)),
        }
        let integer_ends = self.at;
        if self.take(b'.') {
            self.some_digits(Fault::MissingFraction)?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.some_digits(Fault::MissingExponent)?;
        }
        if self.at == integer_ends
            && let Some(integer) = integer(negative, &self.bytes[whole..integer_ends])
        {
            return Ok(integer);
        }
        // The text is a number's by now; the parser is asked for its value alone.
        let value = fast_float2::parse::<f64, _>(&self.bytes[start..self.at])
            .map_err(|_| SyntaxError { fault: Fault::ValueInvalid, offset: start })?;
        match value.is_finite() {
            true => Ok(Number::Float(value)),
            false => Err(SyntaxError { fault: Fault::NumberTooBig, offset: start }),
        }
    }

    fn skip_digits(&mut self) {
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
    }

    fn some_digits(&mut self, missing: Fault) -> Result<(), SyntaxError> {
        if !self.peek().is_ascii_digit() {
            return Err(self.fault(missing));
        }
        self.skip_digits();
        Ok(())
    }

    /// `NaN`, `Inf` or `Infinity`, after its sign.
    fn not_finite(&mut self, negative: bool) -> Result<f64, SyntaxError> {
        let value = if self.peek() == b'N' {
            self.word(b"NaN")?;
            f64::NAN
        } else {
            self.word(b"Inf")?;
            if self.peek() == b'i' {
                self.word(b"inity")?;
            }
            f64::INFINITY
        };
        Ok(if negative { -value } else { value })
    }
}

/// Makes a condition a branch, which the processor guesses, where the compiler would add it to a place that all that follows
/// then waits for.
#[cold]
fn stays_a_branch() {}

#[inline(never)]
fn any_number(mut scanner: Scanner<'_>) -> Result<(Number, usize), SyntaxError> {
    Ok((scanner.number_of_any_form()?, scanner.at))
}

/// A double from at most 19 decimal digits that it holds exactly, of which the last `fraction` stand after the point.
#[inline(always)]
pub(super) fn float_of(negative: bool, digits: u64, fraction: usize) -> f64 {
    // Two exact doubles, divided: rounded once, so correctly.
    let value = digits as i64 as f64 / POWERS[fraction];
    // The integer -0 is 0, as RapidJSON has it; -0.0 keeps its sign.
    if negative && (digits != 0 || fraction != 0) { -value } else { value }
}

/// Eight bytes of text: digits as 0 to 9, and bits set in the bytes that are none. Bytes after one of 0xfa or more may be marked
/// wrongly.
#[inline(always)]
pub(super) fn digits_and_others(text: u64) -> (u64, u64) {
    // A digit becomes 0..=9; all else has bits in its high nibble, or gets them by adding 6.
    let digits = text ^ 0x3030_3030_3030_3030;
    (digits, (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0)
}

/// Adds the digits from `at` on to a number; gives it and where the digits end. Wraps when there are too many.
#[inline(always)]
fn digits(bytes: &[u8], mut at: usize, mut number: u64) -> (u64, usize) {
    while let Some(text) = bytes.get(at..at + 8).and_then(|text| <[u8; 8]>::try_from(text).ok()) {
        let (word, others) = digits_and_others(u64::from_le_bytes(text));
        let count = others.trailing_zeros() / 8;
        if count == 0 {
            return (number, at);
        }
        // The text's first byte is the lowest: shifting up puts zeros in front of the digits.
        let eight = word << (64 - 8 * count);
        number = number.wrapping_mul(SHIFTS[count as usize]).wrapping_add(eight_digits(eight));
        at += count as usize;
        if count < 8 {
            return (number, at);
        }
    }
    while let Some(digit) = bytes.get(at).map(|b| b.wrapping_sub(b'0')).filter(|&d| d < 10) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (number, at)
}

/// Powers of ten by how many of eight digits are there.
const SHIFTS: [u64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Eight digits at once, the first in the lowest byte: pairs, then every other pair times what its place is worth.
#[inline(always)]
pub(super) fn eight_digits(word: u64) -> u64 {
    const EVERY_OTHER: u64 = 0x0000_00ff_0000_00ff;
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    // The upper halves add up to the number: of the first and third pair, and of the second and fourth.
    let first = (pairs & EVERY_OTHER).wrapping_mul(1_000_000 << 32 | 100);
    let second = (pairs >> 16 & EVERY_OTHER).wrapping_mul(10_000 << 32 | 1);
    first.wrapping_add(second) >> 32
}

fn integer(negative: bool, digits: &[u8]) -> Option<Number> {
    if digits.len() > SAFE_DIGITS + 1 {
        return None;
    }
    let value = digits.iter().fold(0u128, |n, b| n * 10 + u128::from(b - b'0'));
    if negative {
        return i64::try_from(-(value as i128)).ok().map(Number::Int);
    }
    i64::try_from(value).map(Number::Int).or_else(|_| u64::try_from(value).map(Number::UInt)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Result<Number, Fault> {
        Scanner::new(text.as_bytes()).number().map_err(|error| error.fault)
    }

    #[test]
    fn integers_stay_integers_and_all_else_is_a_double() {
        for (text, expected) in [
            ("0", Number::Int(0)),
            ("-0", Number::Int(0)),
            ("42", Number::Int(42)),
            ("9223372036854775807", Number::Int(i64::MAX)),
            ("-9223372036854775808", Number::Int(i64::MIN)),
            ("9223372036854775808", Number::UInt(1 << 63)),
            ("18446744073709551615", Number::UInt(u64::MAX)),
            ("18446744073709551616", Number::Float(18446744073709551616.0)),
            ("-9223372036854775809", Number::Float(-9223372036854775809.0)),
            ("1.0", Number::Float(1.0)),
            ("1e2", Number::Float(100.0)),
            ("-1.5E-3", Number::Float(-0.0015)),
            ("1e-400", Number::Float(0.0)),
            ("Inf", Number::Float(f64::INFINITY)),
            ("-Infinity", Number::Float(f64::NEG_INFINITY)),
            ("1.7976931348623157e308", Number::Float(f64::MAX)),
        ] {
            assert_eq!(number(text), Ok(expected), "{text}");
        }
        assert!(matches!(number("-NaN"), Ok(Number::Float(v)) if v.is_nan()));
        for text in ["nan", "inf", "+Infinity", "", "-", ".5", "Nan", "Infinit", "e5", "\u{660}"] {
            assert_eq!(number(text), Err(Fault::ValueInvalid), "{text}");
        }
        assert_eq!(number("1e400"), Err(Fault::NumberTooBig));
    }

    #[test]
    fn a_float_stops_where_a_number_stops() {
        for (text, value, end) in [
            ("01", 0.0, 1),
            ("1.25]", 1.25, 4),
            ("-3,", -3.0, 2),
            ("123456789.123456789x", 123456789.12345679, 19),
        ] {
            let mut scanner = Scanner::new(text.as_bytes());
            assert_eq!((scanner.float().unwrap(), scanner.at()), (value, end), "{text}");
        }
        let zero = Scanner::new(b"-0.0").float().unwrap();
        assert!(zero == 0.0 && zero.is_sign_negative());
    }

    proptest! {
        #![proptest_config(crate::seeded::seeded(256))]

        #[test]
        fn doubles_are_rounded_as_the_standard_library_rounds(
            text in r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,2})?"
        ) {
            let expected: f64 = text.parse().unwrap();
            let mut scanner = Scanner::new(text.as_bytes());
            let found = scanner.float().unwrap();
            prop_assert_eq!(scanner.at(), text.len());
            // An integer zero has no sign.
            prop_assert!(found.to_bits() == expected.to_bits() || (found == 0.0 && expected == 0.0));
        }

        #[test]
        fn any_double_comes_back_from_its_shortest_text(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = format!("{value:e}");
            prop_assert_eq!(Scanner::new(text.as_bytes()).float().unwrap(), value);
        }
    }
}
