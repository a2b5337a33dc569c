//! Dates and times without a zone: to numbers and back, in the proleptic Gregorian calendar.

pub(crate) use landfall_model::civil::{days, parts};

/// `2020-02-29` as days; a year before 0 has a sign.
pub(crate) fn date(text: &str) -> Option<i64> {
    let before = text.strip_prefix('-');
    let mut fields = before.unwrap_or(text).splitn(3, '-');
    let year = digits(fields.next()?, 4)? as i32;
    let year = if before.is_some() { -year } else { year };
    let (month, day) = (digits(fields.next()?, 2)?, digits(fields.next()?, 2)?);
    let number = days(year, month, day);
    (parts(number) == (i64::from(year), month, day)).then_some(number)
}

/// A year in four digits.
fn shown(year: i64) -> String {
    format!("{}{:04}", if year < 0 { "-" } else { "" }, year.abs())
}

/// `23:59:58` as seconds; parts of a second are dropped.
pub(crate) fn time(text: &str) -> Option<i64> {
    let text = text.trim_end_matches('Z');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut fields = whole.splitn(3, ':');
    let (hours, minutes) = (digits(fields.next()?, 2)?, digits(fields.next()?, 2)?);
    let seconds = fields.next().map_or(Some(0), |text| digits(text, 2))?;
    let valid = hours < 24 && minutes < 60 && seconds < 60 && fraction.bytes().all(|b| b.is_ascii_digit());
    valid.then_some(i64::from(hours * 3_600 + minutes * 60 + seconds))
}

/// `2020-02-29T23:59:58`, or with a blank, or a date alone, as seconds.
pub(crate) fn date_time(text: &str) -> Option<i64> {
    match text.split_once(['T', ' ']) {
        Some((day, clock)) => Some(date(day)? * 86_400 + time(clock)?),
        None => Some(date(text)? * 86_400),
    }
}

fn digits(text: &str, width: usize) -> Option<u32> {
    (text.len() == width && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

pub(crate) fn write_date(days: i64, out: &mut String) {
    let (year, month, day) = parts(days);
    out.push_str(&format!("{}-{month:02}-{day:02}", shown(year)));
}

pub(crate) fn write_time(seconds: i64, out: &mut String) {
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    out.push_str(&format!("{hours:02}:{minutes:02}:{:02}", seconds % 60));
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Seconds from 1970-01-01 by a pattern of `%` letters, as POSIX has them; `None` for a letter that is not known.
pub(crate) fn formatted(seconds: i64, pattern: &str) -> Option<String> {
    let (day, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, of_month) = parts(day);
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    let half = if hour % 12 == 0 { 12 } else { hour % 12 };
    let weekday = (day + 4).rem_euclid(7);
    let of_year = day - days(year as i32, 1, 1) + 1;
    let mut out = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let text = match directive(&mut letters)? {
            'Y' => shown(year),
            'y' => format!("{:02}", year.rem_euclid(100)),
            'C' => format!("{:02}", year.div_euclid(100)),
            'm' => format!("{month:02}"),
            'd' => format!("{of_month:02}"),
            'e' => format!("{of_month:2}"),
            'H' => format!("{hour:02}"),
            'I' => format!("{half:02}"),
            'M' => format!("{minute:02}"),
            'S' => format!("{second:02}"),
            'p' => (if hour < 12 { "AM" } else { "PM" }).to_owned(),
            'j' => format!("{of_year:03}"),
            'w' => weekday.to_string(),
            'u' => (if weekday == 0 { 7 } else { weekday }).to_string(),
            'B' => MONTHS[month as usize - 1].to_owned(),
            'b' | 'h' => MONTHS[month as usize - 1][..3].to_owned(),
            'A' => WEEKDAYS[weekday as usize].to_owned(),
            'a' => WEEKDAYS[weekday as usize][..3].to_owned(),
            'D' => format!("{month:02}/{of_month:02}/{:02}", year.rem_euclid(100)),
            'F' => format!("{}-{month:02}-{of_month:02}", shown(year)),
            'T' => format!("{hour:02}:{minute:02}:{second:02}"),
            'R' => format!("{hour:02}:{minute:02}"),
            'r' => format!("{half:02}:{minute:02}:{second:02} {}", if hour < 12 { "AM" } else { "PM" }),
            'c' => format!(
                "{} {} {of_month:2} {hour:02}:{minute:02}:{second:02} {year:04}",
                &WEEKDAYS[weekday as usize][..3],
                &MONTHS[month as usize - 1][..3]
            ),
            'x' => format!("{month:02}/{of_month:02}/{:02}", year.rem_euclid(100)),
            'X' => format!("{hour:02}:{minute:02}:{second:02}"),
            'k' => format!("{hour:2}"),
            'l' => format!("{half:2}"),
            // Weeks from the first Sunday, or Monday, on.
            'U' => format!("{:02}", (of_year + 6 - weekday) / 7),
            'W' => format!("{:02}", (of_year + 6 - (weekday + 6) % 7) / 7),
            'V' => format!("{:02}", iso_week(day).1),
            'G' => format!("{:04}", iso_week(day).0),
            'g' => format!("{:02}", iso_week(day).0.rem_euclid(100)),
            'z' => "+0000".to_owned(),
            'Z' => "UTC".to_owned(),
            's' => seconds.to_string(),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            _ => return None,
        };
        out.push_str(&text);
    }
    Some(out)
}

/// The letter of a directive, after `E` or `O`: in the locale of POSIX other eras and digits are the plain ones.
fn directive(letters: &mut std::str::Chars<'_>) -> Option<char> {
    match letters.next()? {
        'E' | 'O' => letters.next().filter(char::is_ascii_alphabetic),
        letter => Some(letter),
    }
}

/// Year and number of the week of ISO 8601: that of its Thursday.
fn iso_week(day: i64) -> (i64, i64) {
    let thursday = day - (day + 3).rem_euclid(7) + 3;
    let (year, ..) = parts(thursday);
    (year, (thursday - days(year as i32, 1, 1)) / 7 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written_before_the_first_year_too() {
        assert_eq!(date("1970-01-01"), Some(0));
        assert_eq!(date("2000-03-01"), Some(11_017));
        assert_eq!(date("2001-02-29"), None);
        assert_eq!(date("-0004-02-29"), Some(days(-4, 2, 29)));
        let mut text = String::new();
        write_date(days(-44, 3, 15), &mut text);
        assert_eq!((text.as_str(), date(&text)), ("-0044-03-15", Some(days(-44, 3, 15))));
    }

    #[test]
    fn times_and_patterns() {
        let seconds = date_time("2004-08-20T19:05:09").unwrap();
        assert_eq!(formatted(seconds, "%m/%d/%y %I:%M %p %a"), Some("08/20/04 07:05 PM Fri".to_owned()));
        assert_eq!(
            formatted(seconds, "%U %W %V %G %c"),
            Some("33 33 34 2004 Fri Aug 20 19:05:09 2004".to_owned())
        );
        let seconds = date_time("2021-01-03").unwrap();
        assert_eq!(formatted(seconds, "%U %W %V %G"), Some("01 00 53 2020".to_owned()));
        assert_eq!(formatted(seconds, "%Ey-%Om-%Od"), Some("21-01-03".to_owned()));
        assert_eq!(
            [formatted(seconds, "%Q"), formatted(seconds, "%E%"), formatted(seconds, "%O")],
            [None, None, None]
        );
        assert_eq!(time("24:00:00"), None);
        let mut out = String::new();
        write_time(time("01:02:03").unwrap(), &mut out);
        assert_eq!(out, "01:02:03");
    }
}
