//! Headers, proxies and certificates of the caller.

use std::path::Path;
use std::sync::{Arc, Mutex};

use imgpush_source::checksum::ChecksumList;
use imgpush_source::{Credentials, HttpOptions, HttpSource};
use imgpush_source::{ErrorKind, SourceError};

use super::content::content;
use super::read_all;
use super::web::{Answer, Web};

const LENGTH: usize = 10_000;

fn read(url: &str, options: &HttpOptions) -> Vec<u8> {
    read_all(&mut HttpSource::open(url, options).unwrap()).unwrap()
}

fn redirecting_to(other: &Web) -> Web {
    let place = other.url.clone();
    Web::start(move |_| Answer::status(302).with("Location", &place))
}

#[test]
fn headers_are_sent_to_the_server_of_the_address_only() {
    let other = Web::with(content(LENGTH));
    let web = redirecting_to(&other);
    let options = HttpOptions::default()
        .with_header("X-Auth-Token", "secret")
        .with_header("Authorization", "Bearer secret");
    assert!(read(&web.url, &options) == content(LENGTH));
    for name in ["x-auth-token", "authorization"] {
        assert!(web.header(name).iter().all(Option::is_some), "{name}");
        assert!(other.count() > 0 && other.header(name).iter().all(Option::is_none), "{name}");
    }
}

#[test]
fn headers_are_kept_on_redirects_within_the_server() {
    let data = content(LENGTH);
    let web = Web::start(move |request| match request.path.as_str() {
        "/moved" => Answer::of(&data, request),
        _ => Answer::status(302).with("Location", "/moved"),
    });
    let options = HttpOptions::default().with_header("X-Auth-Token", "secret");
    assert!(read(&web.url, &options) == content(LENGTH));
    assert!(web.header("x-auth-token").iter().all(|token| token.as_deref() == Some("secret")));
}

#[test]
fn redirects_between_servers_are_limited() {
    let place = Arc::new(Mutex::new(String::new()));
    let back = Arc::clone(&place);
    let other = Web::start(move |_| Answer::status(302).with("Location", &back.lock().unwrap()));
    let web = redirecting_to(&other);
    place.lock().unwrap().clone_from(&web.url);
    let options = HttpOptions::default().with_header("X-Auth-Token", "secret");
    let error = HttpSource::open(&web.url, &options).unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
}

#[test]
fn credentials_are_requested_for_each_request_and_server() {
    struct Tokens(Mutex<Vec<String>>);
    impl Credentials for Tokens {
        fn header(&self, url: &str) -> Option<(String, String)> {
            let mut asked = self.0.lock().unwrap();
            asked.push(url.to_owned());
            Some(("X-Auth-Token".to_owned(), format!("token {}", asked.len())))
        }
    }
    let other = Web::with(content(LENGTH));
    let web = redirecting_to(&other);
    let tokens = Arc::new(Tokens(Mutex::default()));
    let options = HttpOptions::default().with_credentials(Arc::clone(&tokens));
    assert!(read(&web.url, &options) == content(LENGTH));
    assert_eq!(web.header("x-auth-token"), [Some("token 1".to_owned())]);
    assert_eq!(other.header("x-auth-token"), [Some("token 2".to_owned())]);
    assert_eq!(*tokens.0.lock().unwrap(), [web.url.clone(), other.url.clone()]);
}

#[test]
fn a_proxy_gets_the_requests() {
    let proxy = Web::with(content(LENGTH));
    let address = proxy.url.strip_suffix("/images/disk.img").unwrap();
    let options = HttpOptions::default().with_proxy(address);
    assert!(read("http://images.example/disk.img", &options) == content(LENGTH));
    assert!(proxy.count() > 0);
}

#[tokio::test]
async fn lists_of_checksums_take_the_same_options() {
    let list = b"900150983cd24fb0d6963f7d28e17f72  a.img\n".to_vec();
    let web = Web::start(move |request| match request.headers.contains_key("x-auth-token") {
        true => Answer::of(&list, request),
        false => Answer::status(401),
    });
    let options = HttpOptions::default().with_header("X-Auth-Token", "secret");
    assert!(ChecksumList::read(Path::new(&web.url), &HttpOptions::default()).await.is_err());
    ChecksumList::read(Path::new(&web.url), &options).await.unwrap();
}

#[test]
fn malformed_options_are_errors_of_usage_that_show_no_secret() {
    let options = HttpOptions::default;
    for (options, wanted) in [
        (options().with_header("X Token", "secret"), "header"),
        (options().with_header("X-Token", "secret\n"), "header"),
        (options().with_proxy("http://user:secret@"), "proxy"),
        (options().with_ca_certificate("secret"), "CA certificate"),
        (options().with_client_certificate("secret"), "client certificate"),
    ] {
        let error = HttpSource::open("http://127.0.0.1:1/disk.img", &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
        let SourceError::HttpOption { what, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*what, wanted);
        assert!(!format!("{error:?} {options:?}").contains("secret"), "{error:?} {options:?}");
    }
}
