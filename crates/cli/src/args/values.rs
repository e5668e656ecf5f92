//! Values of options.

use std::time::Duration;

use imgpush_client::Visibility;

pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(super) fn visibility(text: &str) -> Result<Visibility, String> {
    Ok(match text {
        "private" => Visibility::Private,
        "shared" => Visibility::Shared,
        "community" => Visibility::Community,
        "public" => Visibility::Public,
        _ => return Err("expected private, shared, community or public".to_owned()),
    })
}

/// A duration such as `90s`, `5m` or `1h 30m`; a number without a unit is in seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
    seconds
        .or_else(|| humantime::parse_duration(text).ok())
        .ok_or_else(|| "expected a duration such as 90s, 5m or 1h".to_owned())
}

/// A number of bytes with an optional unit: K, M, G and T are powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size in bytes, or with a unit such as 512K, 64M or 1.5G".to_owned();
    let upper = text.trim().to_ascii_uppercase();
    let number = upper.strip_suffix("IB").or_else(|| upper.strip_suffix('B')).unwrap_or(&upper);
    let units = ["K", "M", "G", "T"].into_iter().zip([10, 20, 30, 40]);
    let with_unit = |(unit, shift)| Some((number.strip_suffix(unit)?, shift));
    let (digits, shift) = units.into_iter().find_map(with_unit).unwrap_or((number, 0));
    if let Ok(count) = digits.parse::<u64>() {
        return count.checked_mul(1 << shift).ok_or_else(wrong);
    }
    // A fraction of a unit.
    let (integer, fraction) = digits.split_once('.').ok_or_else(wrong)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if shift == 0 || !is_number(integer) || !is_number(fraction) || fraction.len() > 6 {
        return Err(wrong());
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| wrong())?);
    let digits = format!("{integer}{fraction}").parse::<u128>().map_err(|_| wrong())?;
    let bytes = digits.checked_mul(1 << shift).ok_or_else(wrong)? / scale;
    u64::try_from(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_or_are_seconds() {
        for (text, seconds) in
            [("90", 90.0), ("0.5", 0.5), ("90s", 90.0), ("5m", 300.0), ("1h 30m", 5400.0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "x", "-1", "5 parsecs", "inf", "1e400"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_binary_units_and_may_have_fractions() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("64M", 64 << 20),
            ("64MiB", 64 << 20),
            ("64MB", 64 << 20),
            ("1.5g", 3 << 29),
            ("0.5K", 512),
            ("2T", 2 << 40),
            (" 7 ", 7),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "12x", "-5", "1.5", "1.G", ".5G", "1.0000001G", "99999999999G", "1e3"]
        {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
