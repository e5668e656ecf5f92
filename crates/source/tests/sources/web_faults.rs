//! Faults of servers and connections.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use imgpush_source::pool::Pool;
use imgpush_source::{HttpOptions, HttpSource, Source as _};
use imgpush_source::{Interruption, SourceError};

use super::content::content;
use super::web::{Answer, Request, Web};
use super::{compressor, read_all};

const LENGTH: usize = 100_000;

/// Few and quick retries; the default idle time-out, since a busy machine may be slow.
fn hurried() -> HttpOptions {
    HttpOptions::default().with_retries(2).with_pause(Duration::from_millis(10))
}

/// The same with a short time-out, for servers that are silent.
fn impatient() -> HttpOptions {
    hurried().with_idle_timeout(Duration::from_secs(1))
}

fn read(web: &Web) -> Result<Vec<u8>, SourceError> {
    read_with(web, &hurried())
}

fn read_with(web: &Web, options: &HttpOptions) -> Result<Vec<u8>, SourceError> {
    read_all(&mut HttpSource::open(&web.url, options)?)
}

/// A server that uses `first` for the first response, and `then` for all others.
fn first_then(
    first: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    then: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> Web {
    Web::start(move |request| if request.number == 0 { first(request) } else { then(request) })
}

fn breaking() -> impl Fn(&Request) -> Answer {
    |request| Answer::of(&content(LENGTH), request).breaking_after(30_000)
}

#[test]
fn a_connection_that_fails_is_resumed() {
    let web = Web::start(breaking());
    assert!(read(&web).unwrap() == content(LENGTH));
    let ranges: Vec<_> = web.header("range").into_iter().flatten().collect();
    assert_eq!(ranges, ["bytes=30000-", "bytes=60000-", "bytes=90000-"]);
    assert!(
        web.header("if-range").into_iter().skip(1).all(|tag| tag.as_deref() == Some("\"one\""))
    );
    assert!(web.header("accept-encoding").iter().all(|e| e.as_deref() == Some("identity")));
}

#[test]
fn connections_of_unknown_length_and_silent_ones_are_resumed() {
    let chunked = |request: &Request| {
        Answer::of(&content(LENGTH), request)
            .without("Content-Length")
            .with("Transfer-Encoding", "chunked")
    };
    let web = first_then(chunked, chunked);
    let mut source = HttpSource::open(&web.url, &hurried()).unwrap();
    assert_eq!(source.size(), None);
    assert!(read_all(&mut source).unwrap() == content(LENGTH));

    let web = first_then(move |request| chunked(request).breaking_after(30_000), chunked);
    assert!(read(&web).unwrap() == content(LENGTH));

    let silent = |request: &Request| Answer::of(&content(LENGTH), request).silent_after(30_000);
    let web = first_then(silent, |request| Answer::of(&content(LENGTH), request));
    assert!(read_with(&web, &impatient()).unwrap() == content(LENGTH));
    assert_eq!(web.count(), 2);
}

#[test]
fn retries_end_if_a_server_stays_silent() {
    let web = first_then(
        |request| Answer::of(&content(LENGTH), request).silent_after(30_000),
        |request| Answer::of(&content(LENGTH), request).silent_after(0),
    );
    let error = read_with(&web, &impatient()).unwrap_err();
    let SourceError::GaveUp { at, attempts, source: Interruption::Stalled { seconds }, .. } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((at, attempts, seconds), (30_000, 3, 1));
}

#[test]
fn a_file_that_changed_after_an_interruption_is_an_error() {
    let changed = |error: SourceError| {
        assert!(matches!(error, SourceError::ResponsesDiffer { .. }), "{error:?}");
    };
    // A server that supports If-Range sends the new file, one that does not sends a range of it.
    for tagged in [
        |_: &Request| Answer::whole(&content(LENGTH)).with("ETag", "\"two\""),
        |request: &Request| Answer::of(&content(LENGTH), request).with("ETag", "\"two\""),
        |request: &Request| Answer::of(&content(LENGTH + 1), request),
        |_: &Request| Answer::whole(&content(LENGTH - 1)),
        |_: &Request| Answer::status(416),
    ] {
        changed(read(&first_then(breaking(), tagged)).unwrap_err());
    }
    // Compared by the date alone.
    let dated = |date| {
        move |request: &Request| {
            let answer = Answer::of(&content(LENGTH), request).without("ETag");
            answer.with("Last-Modified", date).breaking_after(30_000)
        }
    };
    let (first, second) = ("Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 10:00:01 GMT");
    changed(read(&first_then(dated(first), dated(second))).unwrap_err());
}

#[test]
fn an_interruption_that_cannot_be_resumed_is_an_error() {
    let web = first_then(breaking(), |_| Answer::whole(&content(LENGTH)));
    let error = read(&web).unwrap_err();
    assert!(matches!(error, SourceError::NotResumable { at: 30_000, .. }), "{error:?}");

    for tag in [None, Some("W/\"one\"")] {
        let web = Web::start(move |request| {
            let answer = breaking()(request).without("ETag");
            tag.map_or(answer.clone(), |tag| answer.with("ETag", tag))
        });
        let error = read(&web).unwrap_err();
        assert!(matches!(error, SourceError::NotResumable { at: 30_000, .. }), "{error:?}");
        assert_eq!(web.count(), 1, "nothing to ask by");
    }
}

#[test]
fn another_range_than_requested_is_an_error() {
    for range in ["bytes 30001-99999/100000", "bytes 30000-99999", "", "bytes 0-69999/100000"] {
        let web = first_then(breaking(), move |request| {
            Answer::of(&content(LENGTH), request).with("Content-Range", range)
        });
        let error = read(&web).unwrap_err();
        assert!(matches!(error, SourceError::WrongRange { asked: 30_000, .. }), "{error:?}");
    }
}

/// With chunked encoding no length is declared.
#[test]
fn more_bytes_than_requested_are_an_error() {
    let too_much = |request: &Request| {
        let answer = Answer::of(&content(LENGTH), request).without("Content-Length");
        answer.with("Transfer-Encoding", "chunked").followed_by(&[7; 5000])
    };
    let web = first_then(|request| Answer::of(&content(LENGTH), request), too_much);
    let mut source = HttpSource::open(&web.url, &hurried()).unwrap();
    let error = source.random_access().unwrap().read_at(7, &mut [0; 9]).unwrap_err();
    assert!(matches!(error, SourceError::WrongRange { asked: 7, .. }), "{error:?}");
}

#[test]
fn a_body_that_is_always_short_is_never_a_success() {
    let web = first_then(
        |request| Answer::of(&content(LENGTH), request).breaking_after(LENGTH - 1),
        |request| Answer::of(&content(LENGTH), request).breaking_after(0),
    );
    let error = read(&web).unwrap_err();
    assert!(matches!(error, SourceError::GaveUp { at: 99_999, .. }), "{error:?}");

    // Without a length, the end cannot be distinguished from a failed connection.
    let web = Web::start(|_| Answer::whole(&content(LENGTH)).without("Content-Length"));
    let error = read(&web).unwrap_err();
    assert!(matches!(error, SourceError::Endless { .. }), "{error:?}");
}

/// A server that sends at most `most` bytes of each requested range, and declares that.
fn short_range(data: &[u8], request: &Request, most: usize) -> Answer {
    let (first, _) =
        request.headers["range"].strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let first: usize = first.parse().unwrap();
    let range = format!("bytes={first}-{}", first + most.max(1) - 1);
    let request = Request { headers: [("range".to_owned(), range)].into(), ..request.clone() };
    let answer = Answer::of(data, &request);
    if most > 0 {
        return answer;
    }
    // Content-Range cannot express an empty range.
    answer.with_body(&[]).without("Content-Length").with("Transfer-Encoding", "chunked")
}

#[test]
fn retries_end_if_ranges_are_always_short() {
    for most in [0, 1, 20_000] {
        let web =
            first_then(breaking(), move |request| short_range(&content(LENGTH), request, most));
        let error = read(&web).unwrap_err();
        let SourceError::GaveUp { at, source: Interruption::Short { size, .. }, .. } = error else {
            panic!("{most}: {error:?}");
        };
        assert_eq!((at, size), (30_000 + 3 * most as u64, LENGTH as u64), "{most}");
        // After the first request, three more, as two retries are allowed. Without a byte in between, the
        // interruption of the first counts as one of the consecutive failures.
        assert_eq!(web.count(), if most == 0 { 3 } else { 4 }, "{most}");
    }
    for most in [0, 1] {
        let complete = |request: &Request| Answer::of(&content(LENGTH), request);
        let web = first_then(complete, move |request| short_range(&content(LENGTH), request, most));
        let mut source = HttpSource::open(&web.url, &hurried()).unwrap();
        let error = source.random_access().unwrap().read_at(7, &mut [0; 9]).unwrap_err();
        let short = matches!(error, SourceError::GaveUp { source: Interruption::Short { .. }, .. });
        assert!(short, "{most}: {error:?}");
        assert_eq!(web.count(), 4, "{most}");
    }
}

/// A server may send less than the requested range.
#[test]
fn a_range_that_is_short_once_is_resumed() {
    let web = first_then(breaking(), |request| match request.number {
        1 => short_range(&content(LENGTH), request, 50_000),
        _ => Answer::of(&content(LENGTH), request),
    });
    assert!(read(&web).unwrap() == content(LENGTH));
    assert_eq!(web.count(), 3);
}

#[test]
fn an_overloaded_server_is_retried_and_a_refusal_is_not() {
    let web = Web::start(|request| match request.number {
        0 => Answer::status(503).with("Retry-After", "1"),
        1 => Answer::status(429),
        _ => Answer::of(&content(LENGTH), request),
    });
    let start = std::time::Instant::now();
    assert!(read(&web).unwrap() == content(LENGTH));
    assert_eq!(web.count(), 3);
    // Only time shows that the server's pause was kept; a busy machine makes it longer, never shorter.
    assert!(start.elapsed() >= Duration::from_secs(1), "the server sent Retry-After");

    let web = Web::start(|_| Answer::status(500));
    let error = read(&web).unwrap_err();
    assert!(matches!(error, SourceError::GaveUp { attempts: 3, .. }), "{error:?}");

    for refusal in [401, 403, 404, 410] {
        let web = Web::start(move |_| Answer::status(refusal));
        let error = read(&web).unwrap_err();
        assert!(
            matches!(&error, SourceError::Refused { status, .. } if *status == refusal),
            "{error:?}"
        );
        assert_eq!(web.count(), 1);
    }
}

#[test]
fn unreachable_servers_and_malformed_addresses_fail_without_retries() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = HttpSource::open(&format!("http://127.0.0.1:{port}/x"), &hurried()).unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    let error = HttpSource::open("http://user:hunter2@:/", &hurried()).unwrap_err();
    assert!(matches!(error, SourceError::Address { .. }), "{error:?}");
    assert!(!error.to_string().contains("hunter2"));
}

/// Some servers declare a compressed file as the encoding of another type.
#[test]
fn a_file_is_not_decoded_by_the_http_client() {
    let Some(compressed) = compressor::compress("gzip", &content(LENGTH)) else { return };
    let data = compressed.clone();
    let web =
        Web::start(move |request| Answer::of(&data, request).with("Content-Encoding", "gzip"));
    let mut source = HttpSource::open(&web.url, &hurried()).unwrap();
    assert_eq!(source.size(), Some(compressed.len() as u64));
    assert!(read_all(&mut source).unwrap() == compressed);
}

#[test]
fn redirects_are_followed_up_to_a_limit() {
    let web = Web::start(|request| match request.path.as_str() {
        "/images/disk.img" => Answer::status(302).with("Location", "/elsewhere"),
        _ => Answer::of(&content(LENGTH), request),
    });
    assert!(read(&web).unwrap() == content(LENGTH));

    let web = Web::start(|request| Answer::status(302).with("Location", &request.path));
    let error = read(&web).unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    assert!(web.count() <= 12, "{} requests", web.count());
}

/// The rest is requested from the server that sent the beginning. If it has disappeared, the original address
/// leads to another server.
#[test]
fn the_rest_comes_from_the_same_mirror() {
    let mirror = Arc::new(Web::start(breaking()));
    let other = Web::with(content(LENGTH));
    let urls = Mutex::new(vec![other.url.clone(), mirror.url.clone()]);
    let first = Web::start(move |_| {
        let mut urls = urls.lock().unwrap();
        let url = if urls.len() > 1 { urls.pop().unwrap() } else { urls[0].clone() };
        Answer::status(302).with("Location", &url)
    });
    assert!(read(&first).unwrap() == content(LENGTH));
    assert_eq!((first.count(), mirror.count(), other.count()), (1, 4, 0));

    let stale = first_then(breaking(), |_| Answer::status(403));
    let (stale_url, other_url) = (stale.url.clone(), other.url.clone());
    let first = Web::start(move |request| {
        let url = if request.number == 0 { &stale_url } else { &other_url };
        Answer::status(302).with("Location", url)
    });
    assert!(read(&first).unwrap() == content(LENGTH));
    assert_eq!((first.count(), stale.count(), other.count()), (2, 2, 1));
}

#[test]
fn user_and_password_go_to_their_server_only_and_appear_in_no_name() {
    let other = Web::with(content(LENGTH));
    let target = other.url.clone();
    let web = Web::start(move |_| Answer::status(302).with("Location", &target));
    let url = web.url.replace("http://", "http://user:hunter2@") + "?sig=hunter2";
    let mut source = HttpSource::open(&url, &hurried()).unwrap();
    assert_eq!(source.name(), format!("{}?…", web.url));
    assert_eq!(source.image_name().as_deref(), Some("disk"));
    assert!(!format!("{source:?}").contains("hunter2"));
    assert!(read_all(&mut source).unwrap() == content(LENGTH));
    // user:hunter2 in base 64.
    assert_eq!(web.header("authorization"), [Some("Basic dXNlcjpodW50ZXIy".to_owned())]);
    assert_eq!(other.header("authorization"), [None]);
    assert_eq!(other.header("referer"), [None]);
}

#[test]
fn a_file_that_differs_in_a_second_pass_is_an_error() {
    let web = first_then(
        |request| Answer::of(&content(LENGTH), request),
        |_| Answer::whole(&content(LENGTH)).with("ETag", "\"two\""),
    );
    let mut source = HttpSource::open(&web.url, &hurried()).unwrap();
    read_all(&mut source).unwrap();
    source.rewind().unwrap().to_start().unwrap();
    let error = read_all(&mut source).unwrap_err();
    assert!(matches!(error, SourceError::ResponsesDiffer { .. }), "{error:?}");
}

#[test]
fn ranges_are_used_only_if_supported_and_from_the_same_version() {
    let web = Web::start(|_| Answer::whole(&content(LENGTH)));
    assert!(HttpSource::open(&web.url, &hurried()).unwrap().random_access().is_none());

    let web = first_then(
        |request| Answer::of(&content(LENGTH), request),
        |request| Answer::of(&content(LENGTH), request).with("ETag", "\"two\""),
    );
    let mut source = HttpSource::open(&web.url, &hurried()).unwrap();
    let error = source.random_access().unwrap().read_at(7, &mut [0; 9]).unwrap_err();
    assert!(matches!(error, SourceError::ResponsesDiffer { .. }), "{error:?}");

    let web = first_then(
        |request| Answer::of(&content(LENGTH), request),
        |request| Answer::of(&content(LENGTH), request).breaking_after(5),
    );
    let mut source = HttpSource::open(&web.url, &hurried()).unwrap();
    let error = source.random_access().unwrap().read_at(7, &mut [0; 9]).unwrap_err();
    assert!(matches!(error, SourceError::GaveUp { .. }), "{error:?}");
}

/// Data that is not read is not fetched either.
#[test]
fn a_reader_that_waits_makes_the_server_wait() {
    let web = Web::with(content(16 << 20));
    let options = hurried().with_idle_timeout(Duration::from_secs(4));
    let mut source = HttpSource::open(&web.url, &options).unwrap();
    let pool = Pool::new(4, 4096);
    drop(source.next_chunk(&pool).unwrap());
    // Longer than the idle time-out, which applies to servers and not to readers.
    std::thread::sleep(Duration::from_secs(5));
    drop(source.next_chunk(&pool).unwrap());
    assert_eq!(web.count(), 1);
}
