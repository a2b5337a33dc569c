//! `grpc-timeout`: at most eight digits and a unit (`PROTOCOL-HTTP2.md`, Timeout).

use landfall_model::Problem;
use std::time::Duration;

/// The time that the caller waits.
///
/// # Errors
/// Invalid argument for any other text.
pub(crate) fn parse(value: &[u8]) -> Result<Duration, Problem> {
    let wrong = || {
        let text = String::from_utf8_lossy(value);
        Problem::invalid(format!("grpc-timeout {text:?}: expected up to 8 digits and one of H M S m u n"))
    };
    let (unit, digits) = value.split_last().ok_or_else(wrong)?;
    if digits.is_empty() || digits.len() > 8 {
        return Err(wrong());
    }
    let number = digits.iter().try_fold(0u64, |number, digit| match digit {
        b'0'..=b'9' => Ok(number * 10 + u64::from(digit - b'0')),
        _ => Err(wrong()),
    })?;
    match unit {
        b'H' => Ok(Duration::from_secs(number * 3600)),
        b'M' => Ok(Duration::from_secs(number * 60)),
        b'S' => Ok(Duration::from_secs(number)),
        b'm' => Ok(Duration::from_millis(number)),
        b'u' => Ok(Duration::from_micros(number)),
        b'n' => Ok(Duration::from_nanos(number)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_in_each_unit() {
        for (text, expected) in [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("00000250m", Duration::from_millis(250)),
            ("99999999u", Duration::from_micros(99_999_999)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
        }
        for wrong in ["", "S", "1", "1s", "-1S", "123456789S", "1 S", "1SS"] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
