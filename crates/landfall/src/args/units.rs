//! Numbers with units: sizes and durations. A duration without a unit is refused, since nobody could tell what it means.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Bytes from `64MiB`, `2GB`, `1048576`: the most of something, and so at least one.
pub(crate) fn parse_size(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: usize = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(format!("{text:?}: expected a size such as 64MiB, 2GB or 1048576")),
    };
    let size = number.parse::<usize>().ok().and_then(|n| n.checked_mul(factor));
    match size {
        Some(0) => Err(format!("{text:?}: expected a size of 1 byte or more, or all would be refused")),
        Some(size) => Ok(size),
        None => Err(format!("{text:?}: expected a size such as 64MiB, 2GB or 1048576")),
    }
}

/// A number of threads; more of them than any machine has processors would only take memory.
pub(crate) fn parse_threads(text: &str) -> Result<NonZeroUsize, String> {
    const MOST: usize = 1024;
    let count = text.parse::<NonZeroUsize>().ok().filter(|count| count.get() <= MOST);
    count.ok_or_else(|| format!("expected a number of threads from 1 to {MOST}"))
}

/// No time that is waited is longer: what a moment and it add up to is a moment still.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A duration from `250us`, `5ms`, `30s`, `2m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "" if number == "0" => 0.0,
        _ => return Err(format!("{text:?}: expected a time with its unit, such as 250us, 5ms or 30s")),
    };
    let value = number.parse::<f64>().ok().and_then(|n| Duration::try_from_secs_f64(n * seconds).ok());
    match value {
        None => Err(format!("{text:?}: expected a time with its unit, such as 250us, 5ms or 30s")),
        Some(value) if value > LONGEST => Err(format!("{text:?} is longer than a hundred years")),
        Some(value) => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_need_units_that_exist() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("2 GB"), Ok(2_000_000_000));
        assert_eq!(parse_size("17"), Ok(17));
        assert_eq!(parse_duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        for wrong in ["", "x", "5 lightyears", "99999999999999999999", "20000000000GiB", "0", "0MiB"] {
            assert!(parse_size(wrong).is_err(), "{wrong:?}");
        }
        for wrong in ["5", "", "-1s", "1h2", "200000000000000000m", "99999999999999999999999999s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong:?}");
        }
    }
}
