//! Times in the formats of the services.

use std::time::{Duration, SystemTime};

/// Parses `2026-11-29T00:42:43.000000Z`, Keystone's format, with or without the fraction.
pub(crate) fn iso8601(text: &str) -> Option<SystemTime> {
    let (date, time) = text.trim().strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    moment(year, month, day, time.split('.').next()?)
}

/// Parses a date of HTTP, in any of the three forms that a recipient has to accept (RFC 9110).
pub(crate) fn http_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text.trim()).ok()
}

fn moment(year: u64, month: u64, day: u64, time: &str) -> Option<SystemTime> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let mut time = time.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // With March as the first month, the leap day is the last of the year.
    let (shifted, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400;
    // There are 719,468 days between 1 March of the year 0 and 1 January 1970.
    let days = (days + (153 * months + 2) / 5 + day - 1).checked_sub(719_468)?;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), at(784_111_777));
        assert_eq!(iso8601("1994-11-06T08:49:37.000000Z"), at(784_111_777));
        assert_eq!(iso8601("2000-02-29T23:59:59Z"), at(951_868_799));
        assert_eq!(iso8601("2024-03-01T00:00:00Z"), at(1_709_251_200));
        assert_eq!(iso8601("1970-01-01T00:00:00Z"), at(0));
        for wrong in ["", "soon", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "120"] {
            assert_eq!((iso8601(wrong), http_date(wrong)), (None, None), "{wrong}");
        }
    }
}
