//! Times in the formats that Glance writes and accepts, in microseconds since 1970.

use std::time::SystemTime;

const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400;

/// The current time.
pub(crate) fn now() -> u64 {
    micros(SystemTime::now())
}

pub(crate) fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// ISO 8601 in seconds, UTC, as in records.
pub(crate) fn seconds_text(micros: u64) -> String {
    format!("{}Z", plain_text(micros))
}

/// With microseconds and without a zone, as in the tasks of an image.
pub(crate) fn micros_text(micros: u64) -> String {
    format!("{}.{:06}", plain_text(micros), micros % SECOND)
}

fn plain_text(micros: u64) -> String {
    let seconds = micros / SECOND;
    let (days, of_day) = (seconds / DAY, seconds % DAY);
    // Converts days to a date: Howard Hinnant, "chrono-compatible low-level date algorithms".
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Parses ISO 8601: a date, or a date and a time with optional fraction and zone, with or without dashes and
/// colons. Times before 1970 become 1970: no record is older.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let date = date.replace('-', "");
    let number = |text: &str| -> Option<i64> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
    };
    let (year, month, day) = match date.len() {
        8 if date.is_ascii() => (number(&date[..4])?, number(&date[4..6])?, number(&date[6..8])?),
        _ => return None,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let mut micros = days(year, month, day) * 86_400_000_000;
    if let Some(time) = time {
        let at = time.find(['Z', '+', '-']);
        let (clock, zone) = at.map_or((time, "Z"), |at| time.split_at(at));
        micros += clock_micros(clock)? - zone_micros(zone)?;
    }
    Some(u64::try_from(micros).unwrap_or(0))
}

fn clock_micros(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = clock.replace(':', "");
    if !matches!(digits.len(), 2 | 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |part| part.parse::<i64>().ok());
    let (hour, minute, second) = (part(0)?, part(2)?, part(4)?);
    if hour > 23 || minute > 59 || second > 60 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<6}")[..6].parse().ok()?;
    Some(((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

fn zone_micros(text: &str) -> Option<i64> {
    match text.split_at_checked(1)? {
        ("Z", "") => Some(0),
        ("+", offset) => clock_micros(offset),
        ("-", offset) => Some(-clock_micros(offset)?),
        _ => None,
    }
}

/// Days since 1970; the inverse of the algorithm above, by the same author.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(seconds_text(seconds * SECOND), text);
            assert_eq!(parse(text), Some(seconds * SECOND), "{text}");
        }
        assert_eq!(micros_text(5), "1970-01-01T00:00:00.000005");
    }

    #[test]
    fn all_forms_of_a_time_are_parsed() {
        let day = 1_577_836_800 * SECOND;
        for text in ["2020-01-01", "20200101", "2020-01-01T00:00:00", "20200101T000000Z"] {
            assert_eq!(parse(text), Some(day), "{text}");
        }
        assert_eq!(parse("2020-01-01T02:00:00+02:00"), Some(day));
        assert_eq!(parse("2019-12-31T22:00:00.5-02:00"), Some(day + SECOND / 2));
        for text in ["", "bogus", "12:30", "2020-13-01", "2020-01-01T25:00", "2020", "2020-01-01T"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
