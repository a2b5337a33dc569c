//! Days as numbers and as dates of the proleptic Gregorian calendar, after Howard Hinnant's "chrono-Compatible Low-Level Date
//! Algorithms": years start in March, so that the leap day is their last, in eras of 400 years.

/// Days from 1970-01-01 to a date; months and days count from 1.
pub fn days(year: i32, month: u32, day: u32) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days from 1970-01-01.
pub fn parts(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * from_march + 2) / 5 + 1) as u32;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for number in (-800_000..800_000).step_by(37) {
            let (year, month, day) = parts(number);
            assert_eq!(days(year as i32, month, day), number);
        }
        assert_eq!([parts(0), parts(-1), parts(19_782)], [(1970, 1, 1), (1969, 12, 31), (2024, 2, 29)]);
        assert_eq!([days(2000, 3, 1), days(0, 2, 29)], [11_017, -719_469]);
    }
}
