//! Sources made of a reader, an async reader or a stream: declared sizes, errors, and runtimes.

use std::future::Future as _;
use std::io::Cursor;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use imgpush_source::{AsyncReadSource, ReaderSource, Source, StreamSource};
use imgpush_source::{CustomError, ErrorKind, SourceError};

use super::content::content;
use super::pieces::{Pieces, Trickle};
use super::{CHUNK, read_all};

/// Every source with a declared size.
fn declared(data: &[u8], size: u64) -> Vec<Box<dyn Source>> {
    let bytes = Bytes::copy_from_slice(data);
    vec![
        Box::new(ReaderSource::new("disk", Cursor::new(bytes.clone())).with_size(size)),
        Box::new(AsyncReadSource::new("disk", Trickle::of(bytes.clone())).with_size(size)),
        Box::new(StreamSource::new("disk", Pieces::of(bytes)).with_size(size)),
    ]
}

#[test]
fn fewer_or_more_bytes_than_declared_are_an_error() {
    for length in [1, CHUNK, 3 * CHUNK + 7] {
        let (data, size) = (content(length), length as u64);
        for mut source in declared(&data, size) {
            assert!(read_all(source.as_mut()).unwrap() == data);
        }
        for mut source in declared(&data, size + 1) {
            let error = read_all(source.as_mut()).unwrap_err();
            let SourceError::Shrank { expected, found, .. } = error else { panic!("{error:?}") };
            assert_eq!((expected, found), (size + 1, size));
        }
        for mut source in declared(&data, size - 1) {
            let error = read_all(source.as_mut()).unwrap_err();
            let SourceError::Grew { expected, .. } = error else { panic!("{error:?}") };
            assert_eq!(expected, size - 1);
        }
    }
}

/// Yields one piece, and then an error.
struct Failing<E>(Option<Bytes>, Option<E>);

impl<E: Unpin> Stream for Failing<E> {
    type Item = Result<Bytes, E>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = self.0.take().map(Ok);
        Poll::Ready(piece.or_else(|| self.1.take().map(Err)))
    }
}

fn failing<E>(error: E) -> SourceError
where
    E: Into<imgpush_source::BoxError> + Unpin + Send,
{
    let stream = Failing(Some(Bytes::from_static(b"abc")), Some(error));
    read_all(&mut StreamSource::new("disk", stream)).unwrap_err()
}

#[test]
fn an_error_of_a_stream_can_be_marked_as_transient() {
    let transient = || {
        let error = CustomError::new("bucket/disk", "503 Slow Down").with_transient(true);
        error.with_kind(ErrorKind::GaveUp).with_retry_after(Duration::from_secs(3))
    };
    for error in [
        failing(transient()),
        failing(SourceError::from(transient())),
        failing(std::io::Error::other(transient())),
    ] {
        assert!(error.is_transient(), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::GaveUp);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    }
    let error = failing("the parser failed");
    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(error.to_string(), "cannot read disk at byte 3");
    let error = failing(std::io::Error::other("the disk failed"));
    assert!(matches!(error, SourceError::Read { at: 3, .. }), "{error:?}");
}

#[test]
fn an_error_of_a_reader_can_be_marked_as_transient() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            let error = CustomError::new("bucket/disk", "503 Slow Down").with_transient(true);
            Err(std::io::Error::other(error))
        }
    }
    let error = read_all(&mut ReaderSource::new("disk", Broken)).unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

/// Waits for a timer of tokio before its only piece.
struct Delayed(Option<Pin<Box<tokio::time::Sleep>>>, Option<Bytes>);

impl Delayed {
    fn new() -> Self {
        Delayed(None, Some(Bytes::from_static(b"abc")))
    }
}

impl Stream for Delayed {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Created here, where it needs the context of the runtime.
        let sleep = || Box::pin(tokio::time::sleep(Duration::from_millis(1)));
        match self.0.get_or_insert_with(sleep).as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(self.1.take().map(Ok)),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_stream_uses_the_runtime_in_which_its_source_was_created() {
    let source = StreamSource::new("delayed", Delayed::new()).with_restart(Delayed::new);
    // The engine also reads on a dedicated thread.
    let read = imgpush_source::off_runtime(move || {
        let mut source = source;
        let first = read_all(&mut source).unwrap();
        source.rewind().unwrap().to_start().unwrap();
        (first, read_all(&mut source).unwrap())
    });
    assert_eq!(read.await.unwrap(), (b"abc".to_vec(), b"abc".to_vec()));
}

#[test]
fn a_stream_uses_the_configured_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let source = StreamSource::new("delayed", Delayed::new());
    let mut source = source.with_runtime(runtime.handle().clone());
    assert_eq!(read_all(&mut source).unwrap(), b"abc");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_needs_no_runtime_can_be_read_inside_one() {
    let data = content(3 * CHUNK);
    let mut source = StreamSource::new("pieces", Pieces::of(data.clone()));
    assert!(read_all(&mut source).unwrap() == data);
}
