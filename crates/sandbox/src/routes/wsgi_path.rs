//! Paths as Glance sees them.

use std::fmt::Write as _;

use http::Uri;
use http::uri::PathAndQuery;

/// The address with a path as WSGI passes it: the escapes are decoded before the call is chosen, so an escaped
/// slash separates segments, and each byte is a character of Latin-1, so `ü` becomes `Ã¼`.
pub(super) fn as_read(uri: &Uri) -> Uri {
    let path = uri.path();
    if !path.contains('%') {
        return uri.clone();
    }
    let read: String = decoded(path).into_iter().map(char::from).collect();
    let mut target = encoded(&read);
    if let Some(query) = uri.query() {
        target.push('?');
        target.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

/// The bytes of a path; an escape that is none stays.
fn decoded(path: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = match rest {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A path for the router, which decodes its segments again.
fn encoded(path: &str) -> String {
    path.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                text.push(char::from(byte));
            }
            other => {
                // Writing to a text cannot fail.
                let _ = write!(text, "%{other:02X}");
            }
        }
        text
    })
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
