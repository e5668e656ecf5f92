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

/// A number of seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
    seconds.ok_or_else(|| "expected a number of seconds".to_owned())
}
