//! The bytes of an image on their way in.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body::{Body, Frame, SizeHint};

use crate::{Error, ImageClient};

/// How data is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadOptions {
    /// Bytes there will be, sent as `x-openstack-image-size`: the server then refuses any other
    /// number of them.
    pub size: Option<u64>,
    /// The store, sent as `X-Image-Meta-Store`; the default one otherwise. Not for staging, whose
    /// stores the import names. openstacksdk's `store`, which there becomes a property of the image.
    pub store: Option<String>,
}

impl UploadOptions {
    /// So many bytes, into the default store.
    #[must_use]
    pub fn sized(size: impl Into<Option<u64>>) -> Self {
        UploadOptions { size: size.into(), store: None }
    }

    /// Sets the number of bytes.
    #[must_use]
    pub fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// Sets the store.
    #[must_use]
    pub fn with_store(mut self, store: impl Into<String>) -> Self {
        self.store = Some(store.into());
        self
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        // Anything else is answered 415.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(size) = self.size {
            headers.insert(HeaderName::from_static("x-openstack-image-size"), size.into());
        }
        // A store whose name cannot be in a header does not exist; the server says so of any name.
        let store = self.store.as_ref().map(|store| HeaderValue::from_str(store));
        if let Some(store) = store {
            let none = HeaderValue::from_static("?");
            headers.insert(HeaderName::from_static("x-image-meta-store"), store.unwrap_or(none));
        }
        headers
    }
}

impl ImageClient {
    /// `PUT /v2/images/{id}/file`: sends the data; the image is `active` afterwards.
    ///
    /// `Content-Length` follows from the body's own exact size, and a body without one goes out
    /// chunked, a chunk a frame. Under uWSGI a frame must stay below 1 MiB.
    ///
    /// An answer that comes before the body is out ends the sending and is returned. There is no
    /// time-out. The token is not renewed here, since the body is spent by then: on
    /// [`Error::Unauthorized`] call [`renew`](ImageClient::renew) and send a new body.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] when the connection broke: the image then shows what came of it. The
    /// statuses are those of the Image API; after all but 403, 404, 409 and 410 the image is, or
    /// will shortly be, `queued` again. [`Error::BadRequest`] for a store that does not exist.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts the connection. A body that announced its size, here or in its
    /// length, and is cut short never becomes an active image.
    pub async fn upload<B>(&self, id: &str, body: B, options: &UploadOptions) -> Result<(), Error>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.put(&["images", id, "file"], body, options.headers()).await
    }

    /// `PUT /v2/images/{id}/stage`: sends the data to wait for an [`import`](ImageClient::import) by
    /// `glance-direct`; the image is `uploading` afterwards. Since API 2.6.
    ///
    /// As [`upload`](ImageClient::upload), but nothing is hashed or inspected yet; the import does
    /// that.
    ///
    /// # Errors
    ///
    /// As [`upload`](ImageClient::upload); [`Error::NotFound`] also where staging is off.
    ///
    /// # Cancel safety
    ///
    /// As [`upload`](ImageClient::upload).
    pub async fn stage<B>(&self, id: &str, body: B, options: &UploadOptions) -> Result<(), Error>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let options = UploadOptions { size: options.size, store: None };
        self.put(&["images", id, "stage"], body, options.headers()).await
    }

    async fn put<B>(&self, segments: &[&str], body: B, headers: HeaderMap) -> Result<(), Error>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let url = self.url(segments);
        let token = self.token().await?;
        let body = reqwest::Body::wrap(Shared(Mutex::new(Box::pin(body))));
        self.http().send(Method::PUT, &url, &token, headers, body).await
    }
}

/// A body that several threads may look at, as the HTTP client demands of it. It is sent by one of them,
/// so nothing ever waits for the lock.
struct Shared<B>(Mutex<Pin<Box<B>>>);

impl<B: Body> Body for Shared<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let body = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        body.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
