//! Decimal numbers as libraries write them, by the hundred thousand: eight digits at a time. What is written in another way
//! is left to general readers.
//!
//! Rounding follows Lemire, "Number Parsing at a Gigabyte per Second" (2021): the digits times a reciprocal power of five,
//! cut to 128 bits, decide all but what lies exactly in the middle between two numbers.

/// A run of up to eight digits at the start of text: the number, and how many there are.
#[inline(always)]
pub(crate) fn digits(text: &[u8]) -> (u32, usize) {
    let eight = match text.first_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => {
            let mut eight = [0; 8];
            eight[..text.len()].copy_from_slice(text);
            u64::from_le_bytes(eight)
        }
    };
    // A digit leaves 0 to 9; what carries out of a byte that is none reaches only those behind it.
    let digits = eight ^ ZEROS;
    let others = (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0;
    // A jump for eight of them, since what is read next does not wait for the answer then.
    if others == 0 {
        return (joined(digits), 8);
    }
    let length = others.trailing_zeros() as usize / 8;
    // As if zeros came before them; in two steps, since there may be none.
    (joined(digits << (56 - 8 * length) << 8), length)
}

/// A run of digits with a space behind it, which eight bytes begin with, the first one in the lowest byte: the number, and how many
/// digits there are.
#[inline(always)]
pub(crate) fn short(eight: u64) -> Option<(u32, usize)> {
    let digits = eight ^ ZEROS;
    let others = (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0;
    let bits = others.trailing_zeros() & !7;
    let is_whole = bits != 0 && bits != u64::BITS && (eight >> bits) as u8 == b' ';
    // As if zeros came before them.
    is_whole.then(|| (joined(digits << (u64::BITS - bits)), bits as usize / 8))
}

/// As [`number`], of up to seven bytes without a sign and with a space behind them, which eight bytes begin with, the first one in the
/// lowest byte.
#[inline(always)]
pub(crate) fn few(eight: u64) -> Option<(f64, usize)> {
    let digits = eight ^ ZEROS;
    let others = (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0;
    let bits = others.trailing_zeros() & !7;
    if bits == 0 || bits == u64::BITS {
        return None;
    }
    match (eight >> bits) as u8 {
        b' ' => Some((joined(digits << (u64::BITS - bits)).into(), bits as usize / 8)),
        b'.' => {
            let whole = (1 << bits) - 1;
            // Where no other byte is behind the point, there are none to shift by.
            let end = (others & !whole & !(0xff << bits)).trailing_zeros() & !7;
            let places = (end - bits) as usize / 8 - 1;
            if end == u64::BITS || places == 0 || (eight >> end) as u8 != b' ' {
                return None;
            }
            let digits = (digits & whole) | (digits >> 8 & !whole);
            let all = joined(digits << (u64::BITS + 8 - end));
            Some((f64::from(all) / POWERS[places], end as usize / 8))
        }
        _ => None,
    }
}

/// What the digit 0 is in each of eight bytes.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Eight digits, the first one in the lowest byte: pairs, fours, and eights of them become one number each.
#[inline(always)]
fn joined(digits: u64) -> u32 {
    let pairs = digits.wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000 << 32 | 1) >> 32) as u32
}

/// The number that text begins with, and its length: digits, and a point and digits behind them where there are any, as many
/// as are exact in 64 bits, without an exponent. `None` for all else.
#[inline(always)]
pub(crate) fn number(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let (whole, mut length) = match text[sign..] {
        // Most of what has a point has one digit before it.
        [digit @ b'0'..=b'9', b'.', ..] => (u32::from(digit - b'0'), 1),
        _ => digits(&text[sign..]),
    };
    if length == 0 || length == 8 {
        return None;
    }
    length += sign;
    let mut value = f64::from(whole);
    if text.get(length) == Some(&b'.') {
        length += 1;
        let (mut all, mut behind) = (u64::from(whole), 0);
        loop {
            let (part, count) = digits(&text[length..]);
            behind += count;
            length += count;
            if behind > MOST || all >= ROOM[count] {
                return None;
            }
            all = all * TENS[count] + u64::from(part);
            if count < 8 {
                break;
            }
        }
        if behind == 0 {
            return None;
        }
        value = divided(all, behind);
    }
    if matches!(text.get(length), Some(b'e' | b'E' | b'.')) {
        return None;
    }
    // Without a jump: as many values of leaves have a sign as have none.
    Some((f64::from_bits(value.to_bits() ^ (sign as u64) << 63), length))
}

/// As [`number`], of one digit and 16 to 22 behind a point, with a space behind them: as numbers of full precision are written. Nothing
/// that is read waits for the number of digits.
#[inline(always)]
pub(crate) fn long(text: &[u8; 32]) -> Option<(f64, usize)> {
    let begin = u32::from_le_bytes(*text.first_chunk()?);
    let sign = usize::from(begin as u8 == b'-');
    // A digit and a point leave the digit's number.
    let whole = (begin >> (8 * sign)) as u16 ^ u16::from_le_bytes(*b"0.");
    if whole > 9 {
        return None;
    }
    let eight = |place: usize| text[sign + place..].first_chunk().map(|eight| u64::from_le_bytes(*eight));
    let (first, second, third) = (eight(2)? ^ ZEROS, eight(10)? ^ ZEROS, eight(18)? ^ ZEROS);
    let others = |digits: u64| (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0;
    // Asked first, since all shorter numbers end here.
    if others(first) | others(second) != 0 {
        return None;
    }
    let bits = others(third).trailing_zeros() & !7;
    let more = bits as usize / 8;
    let head = u64::from(whole) * TENS[8] + u64::from(joined(first));
    if 16 + more > MOST || head >= ROOM[8 + more] || (third >> bits) as u8 != b' ' ^ b'0' {
        return None;
    }
    let all = head * TENS[8] + u64::from(joined(second));
    let all = all * TENS[more] + u64::from(joined(third << (56 - bits) << 8));
    let value = divided(all, 16 + more);
    Some((f64::from_bits(value.to_bits() ^ (sign as u64) << 63), sign + 18 + more))
}

/// Places behind a point for which 10^n is a number, and exact.
const MOST: usize = 22;

/// Below which a number may be for so many more digits to fit into 64 bits with it.
const ROOM: [u64; 15] = {
    let (mut room, mut digits) = ([10_000_000_000_000_000_000; 15], 1);
    while digits < room.len() {
        room[digits] = room[digits - 1] / 10;
        digits += 1;
    }
    room
};

const TENS: [u64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// 10^n as a number, exact.
const POWERS: [f64; MOST + 1] = {
    let (mut powers, mut place) = ([1.0; MOST + 1], 1);
    while place < powers.len() {
        powers[place] = powers[place - 1] * 10.0;
        place += 1;
    }
    powers
};

/// 5^−n, by its highest 128 bits, rounded up.
const RECIPROCALS: [u128; MOST + 1] = {
    let (mut reciprocals, mut power, mut place) = ([0; MOST + 1], 1u64, 0);
    while place < reciprocals.len() {
        // 2^(127 + bits) / 5^n, digit by digit in base two.
        let bits = if power == 1 { 0 } else { 64 - (power - 1).leading_zeros() };
        let (mut quotient, mut rest, mut step) = (0u128, 1u64, 0);
        while step <= 127 + bits {
            if step > 0 {
                rest *= 2;
            }
            quotient <<= 1;
            if rest >= power {
                rest -= power;
                quotient |= 1;
            }
            step += 1;
        }
        reciprocals[place] = if power == 1 { quotient } else { quotient + 1 };
        power *= 5;
        place += 1;
    }
    reciprocals
};

/// The number nearest to `all` / 10^`places`; of two equally near, the even one.
#[inline(always)]
fn divided(all: u64, places: usize) -> f64 {
    if all >> 53 == 0 {
        // Both are exact, and one division rounds once.
        return all as f64 / POWERS[places];
    }
    let zeros = all.leading_zeros();
    let all = all << zeros;
    let (high, low) = ((RECIPROCALS[places] >> 64) as u64, RECIPROCALS[places] as u64);
    let mut product = u128::from(all) * u128::from(high);
    // Where the nine bits below those that count are all ones, the lower half may carry into them.
    if (product >> 64) as u64 & 0x1ff == 0x1ff {
        product += (u128::from(all) * u128::from(low)) >> 64;
    }
    let (top, below) = ((product >> 64) as u64, product as u64);
    let upper = (top >> 63) as u32;
    let mut mantissa = top >> (upper + 9);
    // Between two numbers exactly: only where the quotient can be exact at all.
    if below <= 1 && places <= 4 && mantissa & 3 == 1 && mantissa << (upper + 9) == top {
        mantissa &= !1;
    }
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    // 10^−n = 2^(−n − bits of 5^n) times the reciprocal; 63 more for the place of the highest bit.
    let power = ((-(places as i64) * (152_170 + 65_536)) >> 16) + 63;
    let mut exponent = power + i64::from(upper) - i64::from(zeros) + 1023;
    if mantissa >= 1 << 53 {
        (mantissa, exponent) = (1 << 52, exponent + 1);
    }
    f64::from_bits((mantissa & ((1 << 52) - 1)) | (exponent as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(text: &str) {
        let Some((value, length)) = number(text.as_bytes()) else { return };
        let expected: f64 = text[..length].parse().unwrap();
        assert_eq!(value.to_bits(), expected.to_bits(), "{text}");
        let mut ahead = [b' '; 32];
        ahead[..text.len()].copy_from_slice(text.as_bytes());
        if let Some(found) = long(&ahead) {
            assert_eq!((found.0.to_bits(), found.1), (expected.to_bits(), text.len()), "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_general_reader_to_the_last_bit() {
        let mut dice = 1u64;
        let mut roll = || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice
        };
        let mut read = 0;
        for _ in 0..400_000 {
            let all = roll() >> (roll() % 64);
            let places = (roll() % 20) as usize;
            let sign = if roll().is_multiple_of(2) { "-" } else { "" };
            let text = format!("{all:0>width$}", width = places + 1);
            let (whole, behind) = text.split_at(text.len() - places);
            let point = if places == 0 { "" } else { "." };
            let text = format!("{sign}{whole}{point}{behind}");
            same(&text);
            read += usize::from(number(text.as_bytes()).is_some());
        }
        assert!(read > 100_000, "{read} of them were not left to others");
        // As libraries write them, and exactly between two numbers: 2^53 + 1 and its neighbours, with and without a point.
        for _ in 0..200_000 {
            let value = f64::from_bits(roll() >> 12 | (1000 + roll() % 40) << 52);
            same(&format!("{value:.17}"));
            same(&format!("{value}"));
            same(&format!("{:?}", value as f32));
            // With 17 digits that count, as many places as that takes.
            let small = value / 10f64.powi((roll() % 8) as i32);
            let places = (16 - small.abs().log10().floor() as i32).clamp(0, 22) as usize;
            same(&format!("{small:.places$}"));
        }
        for all in (1u64 << 53..).step_by(1 << 20).take(1000).flat_map(|all| all..all + 5) {
            for tenths in 0..10 {
                same(&format!("{}.{:04}{tenths}", all / 10_000, all % 10_000));
                same(&format!("{}.{}{tenths}", all / 10, all % 10));
            }
        }
    }

    #[test]
    fn what_is_written_in_another_way_is_left_to_others() {
        for text in
            ["", "-", ".5", "5.", "12345678", "1e5", "1.5E-3", "1.2.3", "nan", "0.12345678901234567890"]
        {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        assert_eq!(number(b"-0 1"), Some((-0.0, 2)));
        assert!(number(b"-0.0").unwrap().0.is_sign_negative());
        assert_eq!(number(b"1234567,"), Some((1_234_567.0, 7)));
        assert_eq!(number(b"0.0012345678901234567 "), Some((0.0012345678901234567, 21)));
        assert_eq!(number(b"0.0000012345678901234567 "), Some((0.0000012345678901234567, 24)));
        assert_eq!(number(b"0.00000012345678901234567 "), None, "more places than powers of ten are exact");
    }

    #[test]
    fn numbers_of_full_precision_end_at_a_space() {
        let read = |text: &str| {
            let mut ahead = [b'7'; 32];
            ahead[..text.len()].copy_from_slice(text.as_bytes());
            long(&ahead)
        };
        for text in [
            "0.1234567890123456 ",
            "-0.12345678901234567 ",
            "9.123456789012345678 ",
            "0.1234567890123456789 ",
            "-0.00012345678901234567 ",
            "0.0000001234567890123456 ",
        ] {
            let number = text.trim_end();
            assert_eq!(read(text), Some((number.parse().unwrap(), number.len())), "{text}");
        }
        for text in [
            "0.123456789012345 ",
            "9.1234567890123456789 ",
            "0.00000000000000000000001 ",
            "0.12345678901234567890 ",
            "0.12345678901234567",
            "0.1234567890123456e",
            "0.12345678901234567\t",
            "00.1234567890123456 ",
            "0.1234567x90123456 ",
            "--.1234567890123456 ",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn short_numbers_end_at_a_space() {
        let read = |text: &[u8; 8]| short(u64::from_le_bytes(*text));
        assert_eq!(read(b"1234567 "), Some((1_234_567, 7)));
        assert_eq!(read(b"0 123456"), Some((0, 1)));
        assert_eq!(read(b"007 -9 1"), Some((7, 3)));
        for text in [
            b"12345678",
            b" 1234567",
            b"12\t45678",
            b"12.45 78",
            b"-1 45678",
            b"\xff\xff 45678",
            b"1\0 45678",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn few_digits_end_at_a_space_and_may_have_a_point() {
        let read = |text: &str| few(u64::from_le_bytes(text.as_bytes().try_into().unwrap()));
        for text in
            ["1234567 ", "0 123456", "007 -9 1", "187.579 ", "0.5 0.25", "9.99999 ", "0.00 1.5", "638 2007"]
        {
            let number = text.split(' ').next().unwrap();
            assert_eq!(read(text), Some((number.parse().unwrap(), number.len())), "{text}");
            assert_eq!(read(text), super::number(text.as_bytes()), "{text}");
        }
        for text in [
            "12345678",
            " 1234567",
            "12\t45678",
            "-1 45678",
            ".5 12345",
            "5. 12345",
            "1.2.3 45",
            "1.5e5 12",
            "1.23456x",
            "12.34567",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn digits_end_where_something_else_comes() {
        assert_eq!(digits(b"12345678"), (12_345_678, 8));
        assert_eq!(digits(b"1234567/"), (1_234_567, 7));
        assert_eq!(digits(b"07:\xff\xff99999"), (7, 2));
        assert_eq!(digits(b"9"), (9, 1));
        assert_eq!(digits(b""), (0, 0));
        for byte in (0..=255u8).filter(|byte| !byte.is_ascii_digit()) {
            assert_eq!(digits(&[b'4', byte, b'5', byte, b'6', byte, b'7', b'8', b'9']), (4, 1));
        }
    }
}
