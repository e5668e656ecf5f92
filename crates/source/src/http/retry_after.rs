//! The header `Retry-After` (RFC 9110).

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// The time that a response asks clients to wait: a number of seconds, or a date. A date is compared with the
/// `Date` of the response, since the clocks may differ; without one, with the clock of this machine. A date
/// in the past is no wait.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    Some(then.duration_since(now.unwrap_or_else(SystemTime::now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn of(value: &'static str, date: Option<&'static str>) -> Option<Duration> {
        let date = date.map(|date| (DATE, HeaderValue::from_static(date)));
        let headers = [(RETRY_AFTER, HeaderValue::from_static(value))].into_iter().chain(date);
        retry_after(&headers.collect())
    }

    #[test]
    fn seconds_and_all_three_forms_of_a_date_are_read() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for value in [
            "90",
            "Sun, 06 Nov 1994 08:51:07 GMT",
            "Sunday, 06-Nov-94 08:51:07 GMT",
            "Sun Nov  6 08:51:07 1994",
        ] {
            assert_eq!(of(value, date), Some(Duration::from_secs(90)), "{value}");
        }
        assert_eq!(of("Sun, 06 Nov 1994 08:00:00 GMT", date), Some(Duration::ZERO));
        assert_eq!(of("Sun, 06 Nov 1994 08:00:00 GMT", None), Some(Duration::ZERO));
        assert!(of("Fri, 01 Jan 2100 00:00:00 GMT", None) > Some(Duration::from_secs(1000)));
        for value in ["", "soon", "-1", "1.5"] {
            assert_eq!(of(value, date), None, "{value}");
        }
    }
}
