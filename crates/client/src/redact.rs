//! Addresses in a form that may be shown.

use url::Url;

/// Formats the address without user information and without the values of its query.
///
/// Some users write passwords into addresses, and signed links have their secret in the query.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Fails only for addresses without a host, which have no user information either.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    if url.query().is_some() {
        let keys: Vec<String> = url.query_pairs().map(|(key, _)| key.into_owned()).collect();
        url.set_query(Some(&keys.iter().map(|k| format!("{k}=…")).collect::<Vec<_>>().join("&")));
        return url.as_str().replace("%E2%80%A6", "…");
    }
    url.into()
}

/// Formats text in the same way, whether or not it is a valid address.
pub(crate) fn shown_text(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.has_host() => shown(&url),
        _ => text.rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::shown_text;

    #[test]
    fn no_user_information_and_no_query_value_is_shown() {
        for text in [
            "https://user:hunter2@cloud.example/v2/images?sig=hunter2&se=hunter2",
            "https://hunter2@cloud.example/",
            "user:hunter2@not-an-address",
        ] {
            assert!(!shown_text(text).contains("hunter2"), "{}", shown_text(text));
        }
        assert_eq!(shown_text("http://h:9292/v2/images"), "http://h:9292/v2/images");
        assert_eq!(shown_text("http://h/v2/images?limit=5"), "http://h/v2/images?limit=…");
    }
}
