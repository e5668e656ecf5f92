//! Paths as Glance sees them.

use http::Uri;
use http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What the router must get escaped; it decodes the segments again.
const ESCAPED: AsciiSet =
    NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':');

/// The address with a path as WSGI passes it: the escapes are decoded before the call is chosen, so an escaped
/// slash separates segments, and each byte is a character of Latin-1, so `ü` becomes `Ã¼`.
pub(super) fn as_read(uri: &Uri) -> Uri {
    let path = uri.path();
    if !path.contains('%') {
        return uri.clone();
    }
    let read: String = percent_decode_str(path).map(char::from).collect();
    let mut target = utf8_percent_encode(&read, &ESCAPED).to_string();
    if let Some(query) = uri.query() {
        target.push('?');
        target.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_to_latin_1_before_the_call_is_chosen() {
        for (given, read) in [
            ("/v2/images?tag=%C3%BC", "/v2/images?tag=%C3%BC"),
            ("/v2/images/a%20b", "/v2/images/a%20b"),
            ("/v2/t/%C3%BC?a=%2F", "/v2/t/%C3%83%C2%BC?a=%2F"),
            ("/v2/t/a%2Fb", "/v2/t/a/b"),
            ("/v2/t/100%25", "/v2/t/100%25"),
            ("/v2/t/%zz%4", "/v2/t/%25zz%254"),
            ("/v2/t/OS::X", "/v2/t/OS::X"),
        ] {
            let uri: Uri = given.parse().unwrap();
            assert_eq!(as_read(&uri).to_string(), read, "{given}");
        }
    }
}
