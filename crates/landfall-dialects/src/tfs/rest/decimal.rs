//! Floats as TensorFlow Serving prints them: `%g` with 6 significant digits where that reads back as the same value,
//! else with 9 (float) or 17 (double); `.0` is appended to what looks like an integer.

use crate::JsonNan;
use crate::json::{POWERS, write};

/// Digits tried first.
const SHORT: i32 = 6;

/// Appends a float.
#[inline]
pub(super) fn float(out: &mut Vec<u8>, value: f32, nan: JsonNan) {
    let exact = f64::from(value);
    match quick_float(exact) {
        Some(decimal) => decimal.write(out, value.is_sign_negative()),
        None => slow(out, exact, 9, |text| text.parse::<f32>().is_ok_and(|back| back == value), nan),
    }
}

/// Appends a double.
#[inline]
pub(super) fn double(out: &mut Vec<u8>, value: f64, nan: JsonNan) {
    match quick_double(value) {
        Some(decimal) => decimal.write(out, value.is_sign_negative()),
        None => slow(out, value, 17, |text| text.parse::<f64>().is_ok_and(|back| back == value), nan),
    }
}

/// `digits` · 10^(`exponent` − `precision` + 1), where `digits` has `precision` digits.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Decimal {
    digits: u64,
    precision: i32,
    exponent: i32,
}

/// The nine digits of a float by one multiplication. `None` where rounding could go either way, or the power of ten is
/// none that a double holds.
#[inline]
fn quick_float(value: f64) -> Option<Decimal> {
    let magnitude = value.abs();
    // Subnormal floats have too few bits for what follows; huge and tiny ones too large powers.
    if !(1e-13..1e27).contains(&magnitude) {
        return (magnitude == 0.0).then_some(Decimal { digits: 0, precision: SHORT, exponent: 0 });
    }
    let (scaled, exponent) = scale(magnitude, 9);
    // At most 2^30 with 23 bits to spare: wrong by less than 2^-20.
    let whole = scaled.floor();
    let fraction = scaled - whole;
    if (fraction - 0.5).abs() < 1e-5 {
        return None;
    }
    let nine = whole as u64 + u64::from(fraction > 0.5);
    let six = (nine + 500) / 1000;
    let back = unscale(six as f64, exponent, SHORT);
    // Between two floats the low bits decide; a value so near the middle is left to exact arithmetic.
    if back.to_bits() & 0x1fff_ffff == 0x1000_0000 {
        return None;
    }
    let short = back as f32 == magnitude as f32;
    let decimal = match short {
        true => Decimal { digits: six, precision: SHORT, exponent },
        false => Decimal { digits: nine, precision: 9, exponent },
    };
    Some(decimal.carried())
}

/// The six digits of a double, where they read back; `None` where they do not, or a power of ten is none that a double
/// holds.
#[inline]
fn quick_double(value: f64) -> Option<Decimal> {
    let magnitude = value.abs();
    if !(1e-16..1e27).contains(&magnitude) {
        return (magnitude == 0.0).then_some(Decimal { digits: 0, precision: SHORT, exponent: 0 });
    }
    let (scaled, exponent) = scale(magnitude, SHORT);
    let six = scaled.round();
    // Both are exact, so their quotient or product is what reading the text gives.
    (unscale(six, exponent, SHORT) == magnitude)
        .then(|| Decimal { digits: six as u64, precision: SHORT, exponent }.carried())
}

/// `magnitude` as a number with `precision` digits before the point, rounded as a double, and its decimal exponent.
#[inline]
fn scale(magnitude: f64, precision: i32) -> (f64, i32) {
    let binary = (magnitude.to_bits() >> 52) as i32 - 1023;
    // log10(2) ≈ 1233 / 4096; the guess is right or one too small.
    let mut exponent = (binary * 1233) >> 12;
    let mut scaled = shifted(magnitude, precision - 1 - exponent);
    if scaled >= POWERS[precision as usize] {
        exponent += 1;
        scaled = shifted(magnitude, precision - 1 - exponent);
    }
    (scaled, exponent)
}

#[inline]
fn unscale(digits: f64, exponent: i32, precision: i32) -> f64 {
    shifted(digits, exponent - precision + 1)
}

#[inline]
fn shifted(value: f64, power: i32) -> f64 {
    if power >= 0 { value * POWERS[power as usize] } else { value / POWERS[-power as usize] }
}

impl Decimal {
    /// Rounding up may have made one digit too many: 999999.7 is 1000000.
    #[inline]
    fn carried(self) -> Self {
        if self.digits >= POWERS[self.precision as usize] as u64 {
            return Decimal { digits: self.digits / 10, exponent: self.exponent + 1, ..self };
        }
        self
    }

    fn write(self, out: &mut Vec<u8>, negative: bool) {
        let mut text = [b'0'; 17];
        let all = self.precision as usize;
        let mut rest = self.digits;
        for place in text[..all].iter_mut().rev() {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let zeros = text[..all].iter().rev().take_while(|&&digit| digit == b'0').count();
        let significant = &text[..(all - zeros).max(1)];
        if negative {
            out.push(b'-');
        }
        if self.exponent < -4 || self.exponent >= self.precision {
            scientific(out, significant, self.exponent);
        } else if self.exponent < 0 {
            out.extend_from_slice(&b"0.000"[..(1 - self.exponent) as usize]);
            out.extend_from_slice(significant);
        } else {
            plain(out, significant, self.exponent as usize);
        }
    }
}

/// `d.dde+XX`, the exponent in at least two digits.
fn scientific(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    if exponent.abs() < 10 {
        out.push(b'0');
    }
    write::integer(out, exponent.unsigned_abs());
}

/// `ddd.dd`, with zeros where the digits end before the point.
fn plain(out: &mut Vec<u8>, digits: &[u8], exponent: usize) {
    let whole = digits.len().min(exponent + 1);
    out.extend_from_slice(&digits[..whole]);
    out.extend(std::iter::repeat_n(b'0', exponent + 1 - whole));
    out.push(b'.');
    out.extend_from_slice(if whole < digits.len() { &digits[whole..] } else { b"0" });
}

/// Any value, by exact arithmetic. `reads_back` says whether a text stands for the same value of its type.
#[cold]
fn slow(out: &mut Vec<u8>, value: f64, precision: i32, reads_back: impl Fn(&str) -> bool, nan: JsonNan) {
    if !value.is_finite() {
        let bare: &[u8] = match (value.is_nan(), value > 0.0) {
            (true, _) => b"NaN",
            (false, true) => b"Infinity",
            (false, false) => b"-Infinity",
        };
        out.extend_from_slice(if nan == JsonNan::Null { b"null" } else { bare });
        return;
    }
    let mut text = exact(value, SHORT);
    let mut shown = SHORT;
    if !reads_back(&text) {
        (text, shown) = (exact(value, precision), precision);
    }
    let (digits, exponent) = text.trim_start_matches('-').split_once('e').unwrap_or(("0", "0"));
    let digits =
        digits.bytes().filter(u8::is_ascii_digit).fold(0, |n, digit| n * 10 + u64::from(digit - b'0'));
    let decimal = Decimal { digits, precision: shown, exponent: exponent.parse().unwrap_or(0) };
    decimal.write(out, value.is_sign_negative());
}

/// `d.ddde±x` with this many digits, rounded exactly, ties to even.
fn exact(value: f64, precision: i32) -> String {
    format!("{value:.*e}", precision as usize - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of_float(value: f32) -> String {
        let mut out = Vec::new();
        float(&mut out, value, JsonNan::Bare);
        String::from_utf8(out).unwrap()
    }

    fn of_double(value: f64) -> String {
        let mut out = Vec::new();
        double(&mut out, value, JsonNan::Bare);
        String::from_utf8(out).unwrap()
    }

    /// The same by exact arithmetic alone.
    fn slow_float(value: f32) -> String {
        let mut out = Vec::new();
        slow(&mut out, value.into(), 9, |text| text.parse::<f32>().unwrap() == value, JsonNan::Bare);
        String::from_utf8(out).unwrap()
    }

    fn slow_double(value: f64) -> String {
        let mut out = Vec::new();
        slow(&mut out, value, 17, |text| text.parse::<f64>().unwrap() == value, JsonNan::Bare);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn floats_look_as_the_original_prints_them() {
        for (value, text) in [
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333333343"),
            (2.0 / 3.0, "0.666666687"),
            (2.5, "2.5"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (100.0, "100.0"),
            (999_999.0, "999999.0"),
            (1e6, "1e+06"),
            (9e6, "9e+06"),
            (1_234_567.0, "1234567.0"),
            (16_777_216.0, "16777216.0"),
            (123_456.7, "123456.703"),
            (3e-5, "3e-05"),
            (0.0003, "0.0003"),
            (1.234_567_8e-4, "0.000123456775"),
            (3.402_823_5e38, "3.40282347e+38"),
            (1e-45, "1.4013e-45"),
            (1_048_576.1, "1048576.12"),
            (0.755_923_75, "0.755923748"),
            (f32::NAN, "NaN"),
            (f32::INFINITY, "Infinity"),
            (f32::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(of_float(value), text, "TFS-REST-97, -98");
        }
    }

    #[test]
    fn doubles_look_as_the_original_prints_them() {
        for (value, text) in [
            (1.0 / 3.0, "0.33333333333333331"),
            (123_456_789_012.0, "123456789012.0"),
            (1e22, "1e+22"),
            (0.1, "0.1"),
            (1e-5, "1e-05"),
            (-1.5, "-1.5"),
            (f64::MAX, "1.7976931348623157e+308"),
            (1e300, "1e+300"),
            (-f64::INFINITY, "-Infinity"),
        ] {
            assert_eq!(of_double(value), text, "TFS-REST-97");
        }
    }

    #[test]
    fn what_is_not_finite_can_be_null() {
        for value in [f32::NAN, f32::INFINITY] {
            let mut out = Vec::new();
            float(&mut out, value, JsonNan::Null);
            assert_eq!(out, b"null");
        }
    }

    proptest! {
        #![proptest_config(crate::seeded::seeded(20_000))]

        #[test]
        fn the_quick_way_gives_what_exact_arithmetic_gives_for_floats(bits: u32) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(of_float(value), slow_float(value));
        }

        #[test]
        fn the_quick_way_gives_what_exact_arithmetic_gives_for_short_floats(digits in 0u32..10_000_000, power in -12i32..12) {
            let value: f32 = format!("{digits}e{power}").parse().unwrap();
            prop_assert_eq!(of_float(value), slow_float(value));
            prop_assert_eq!(of_float(value).parse::<f32>().unwrap(), value);
        }

        #[test]
        fn the_quick_way_gives_what_exact_arithmetic_gives_for_doubles(bits: u64, digits in 0u32..2_000_000, power in -15i32..15) {
            for value in [f64::from_bits(bits), format!("{digits}e{power}").parse().unwrap()] {
                if value.is_finite() {
                    prop_assert_eq!(of_double(value), slow_double(value));
                    prop_assert_eq!(of_double(value).parse::<f64>().unwrap(), value);
                }
            }
        }
    }
}
