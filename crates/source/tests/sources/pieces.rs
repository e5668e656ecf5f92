//! An async reader and a stream that return little at a time, and are not always ready.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use futures_core::Stream;
use tokio::io::{AsyncRead, ReadBuf};

/// Pieces of odd lengths, some of them empty.
pub(crate) struct Pieces {
    rest: Bytes,
    polls: usize,
}

impl Pieces {
    pub(crate) fn of(data: impl Into<Bytes>) -> Self {
        Pieces { rest: data.into(), polls: 0 }
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.polls += 1;
        match self.polls % 4 {
            1 => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            2 if !self.rest.is_empty() => Poll::Ready(Some(Ok(Bytes::new()))),
            _ if self.rest.is_empty() => Poll::Ready(None),
            odd => {
                let length = self.rest.len().min(odd * 999);
                Poll::Ready(Some(Ok(self.rest.split_to(length))))
            }
        }
    }
}

/// A reader that fills a part of the space.
pub(crate) struct Trickle {
    rest: Bytes,
    polls: usize,
}

impl Trickle {
    pub(crate) fn of(data: impl Into<Bytes>) -> Self {
        Trickle { rest: data.into(), polls: 0 }
    }
}

impl AsyncRead for Trickle {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.polls += 1;
        if self.polls % 3 == 1 {
            let waker = context.waker().clone();
            std::thread::spawn(move || waker.wake());
            return Poll::Pending;
        }
        let count = self.rest.len().min(space.remaining()).min(777);
        space.put_slice(&self.rest[..count]);
        self.rest.advance(count);
        Poll::Ready(Ok(()))
    }
}
