//! Uploads of image data.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body::{Body, Frame, SizeHint};

use crate::{Error, ImageClient};

/// Options of an upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadOptions {
    /// The size in bytes, sent as `x-openstack-image-size`: the server then refuses data of any other size.
    pub size: Option<u64>,
    /// The store, sent as `X-Image-Meta-Store`; the default store if none is set. It does not apply to
    /// staging, where the import names the stores. In openstacksdk it is `store`, which there becomes a
    /// property of the image.
    pub store: Option<String>,
}

impl UploadOptions {
    /// An upload of this size into the default store.
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
        // Glance answers 415 to any other type.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(size) = self.size {
            headers.insert(HeaderName::from_static("x-openstack-image-size"), size.into());
        }
        // A store whose name is not allowed in a header does not exist; the server reports that for any
        // unknown name.
        let store = self.store.as_ref().map(|store| HeaderValue::from_str(store));
        if let Some(store) = store {
            let none = HeaderValue::from_static("?");
            headers.insert(HeaderName::from_static("x-image-meta-store"), store.unwrap_or(none));
        }
        headers
    }
}

impl ImageClient {
    /// `PUT /v2/images/{id}/file`: uploads the data; the image is `active` afterwards.
    ///
    /// `Content-Length` is the exact size of the body. A body without one is sent with chunked encoding, one
    /// chunk per frame. With uWSGI a frame must stay below 1 MiB.
    ///
    /// A response that arrives before the body is sent ends the upload and is returned. There is no time-out.
    /// The token is not renewed here, since the body is consumed by then: on [`Error::Unauthorized`] call
    /// [`renew`](ImageClient::renew) and send a new body.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] when the connection failed: the status of the image then shows the result. The
    /// other errors are those of the Image API. After all but 403, 404, 409 and 410 the image is, or will
    /// soon be, `queued` again. [`Error::BadRequest`] for a store that does not exist.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection. A truncated body whose size was declared, in the options or
    /// by its length, never becomes an active image.
    pub async fn upload<B>(&self, id: &str, body: B, options: &UploadOptions) -> Result<(), Error>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.put(&["images", id, "file"], body, options.headers()).await
    }

    /// `PUT /v2/images/{id}/stage`: stages the data for an [`import`](ImageClient::import) by
    /// `glance-direct`; the image is `uploading` afterwards. Since API 2.6.
    ///
    /// It works like [`upload`](ImageClient::upload), but the service hashes and inspects the data only in
    /// the import.
    ///
    /// # Errors
    ///
    /// As [`upload`](ImageClient::upload); [`Error::NotFound`] also if staging is disabled.
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

/// A body that is `Sync`, as the HTTP client requires. Only one thread sends it, so the lock is never
/// contended.
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
