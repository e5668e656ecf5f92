//! Servers that mishandle ranges, and the marks of the end of a file.

use std::time::{Duration, Instant, SystemTime};

use imgpush_source::{HttpOptions, HttpSource, Source as _, SourceError, SourceOptions};

use super::content::content;
use super::read_all;
use super::web::{Answer, Request, Web};

const LENGTH: usize = 100_000;

fn hurried() -> HttpOptions {
    HttpOptions::default().with_retries(2).with_pause(Duration::from_millis(10))
}

fn whole(request: &Request) -> Answer {
    Answer::of(&content(LENGTH), request)
}

/// A look ahead by ranges that fails does not end the download: the first response is still open.
#[test]
fn a_file_is_read_in_one_go_after_a_range_that_failed() {
    let numbered = |request: &Request| format!("\"{}\"", request.number);
    let answers: [fn(&Request, String) -> Answer; 6] = [
        // If-Range is answered with the complete file.
        |_, _| Answer::whole(&content(LENGTH)).with("Accept-Ranges", "bytes"),
        // Each node behind a load balancer has its own tag, or its own date.
        |request, number| whole(request).with("ETag", &number),
        |request, number| whole(request).with("Last-Modified", &number),
        |request, _| match request.headers.contains_key("range") {
            true => Answer::status(416),
            false => whole(request),
        },
        |request, _| whole(request).without("Content-Range"),
        |request, _| match request.headers.contains_key("range") {
            true => Answer::status(503),
            false => whole(request),
        },
    ];
    for (at, answer) in answers.into_iter().enumerate() {
        let web = Web::start(move |request| answer(request, numbered(request)));
        let mut source = HttpSource::open(&web.url, &hurried()).unwrap();
        let error = source.random_access().unwrap().read_at(7, &mut [0; 9]).unwrap_err();
        assert!(!error.to_string().contains("modified while"), "{at}: {error}");
        assert!(source.random_access().is_none(), "{at}");
        assert!(read_all(&mut source).unwrap() == content(LENGTH), "{at}");
        let plain = web.header("range").iter().filter(|range| range.is_none()).count();
        assert_eq!(plain, 1, "{at}: the first response is read to its end");
    }
}

/// The caller starts over, and then another version is as good as the first.
#[test]
fn a_connection_that_cannot_be_resumed_is_worth_another_pass() {
    let bare = |request: &Request| whole(request).without("ETag").without("Accept-Ranges");
    let tagged =
        |request: &Request| whole(request).with("ETag", &format!("\"{}\"", request.number));
    let servers: [fn(&Request) -> Answer; 2] = [bare, tagged];
    for answer in servers {
        let web = Web::start(move |request| match request.number {
            0 => answer(request).breaking_after(30_000),
            _ => answer(request),
        });
        let mut source = HttpSource::open(&web.url, &hurried()).unwrap();
        let error = read_all(&mut source).unwrap_err();
        assert!(error.is_worth_a_retry(), "{error:?}");
        source.rewind().unwrap().to_start().unwrap();
        assert!(read_all(&mut source).unwrap() == content(LENGTH));
        assert_eq!(web.header("range").last(), Some(&None));
    }
}

fn unmarked() -> Web {
    Web::start(|_| Answer::whole(&content(LENGTH)).without("Content-Length"))
}

#[test]
fn a_response_without_a_length_is_read_if_something_else_marks_its_end() {
    let error = HttpSource::open(&unmarked().url, &hurried()).unwrap_err();
    assert!(matches!(error, SourceError::Endless { .. }), "{error:?}");

    let verified = hurried().with_unmarked_end(true);
    let mut source = HttpSource::open(&unmarked().url, &verified).unwrap();
    assert_eq!(source.size(), None);
    assert!(read_all(&mut source).unwrap() == content(LENGTH));

    let mut source =
        HttpSource::open(&unmarked().url, &hurried().with_size(LENGTH as u64)).unwrap();
    assert_eq!(source.size(), Some(LENGTH as u64));
    assert!(read_all(&mut source).unwrap() == content(LENGTH));
}

#[test]
fn another_size_than_declared_is_an_error() {
    for size in [LENGTH as u64 - 1, LENGTH as u64 + 1] {
        let error = HttpSource::open(&Web::with(content(LENGTH)).url, &hurried().with_size(size));
        let error = error.unwrap_err();
        assert!(matches!(error, SourceError::Size { found: 100_000, .. }), "{error:?}");
        let mut source = HttpSource::open(&unmarked().url, &hurried().with_size(size)).unwrap();
        assert!(read_all(&mut source).is_err(), "{size}");

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content(LENGTH)).unwrap();
        let options = SourceOptions::default().with_size(size);
        let error = imgpush_source::open_blocking(file.path(), &options).err().unwrap();
        assert!(matches!(error, SourceError::Size { found: 100_000, .. }), "{error:?}");
    }
}

#[test]
fn a_date_in_retry_after_is_waited_for() {
    // The clock of this server is a day ahead.
    let ahead = SystemTime::now() + Duration::from_secs(86_400);
    let date = move |seconds| httpdate::fmt_http_date(ahead + Duration::from_secs(seconds));
    let web = Web::start(move |request| match request.number {
        0 => Answer::status(429).with("Date", &date(0)).with("Retry-After", &date(2)),
        _ => whole(request),
    });
    let start = Instant::now();
    let mut source = HttpSource::open(&web.url, &hurried()).unwrap();
    assert!(read_all(&mut source).unwrap() == content(LENGTH));
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(25), "a day is not waited for");
}
