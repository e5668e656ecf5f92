//! The bytes of an image.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body::Body;

use crate::{Error, ImageClient};

impl ImageClient {
    /// `PUT /v2/images/{id}/file`: sends the data; the image is `active` afterwards.
    ///
    /// `size` is sent as `x-openstack-image-size`, which makes the server refuse any other number of
    /// bytes; `Content-Length` follows from the body's own exact size, and a body without one goes
    /// out chunked, a chunk a frame. Under uWSGI a frame must stay below 1 MiB.
    ///
    /// An answer that comes before the body is out ends the sending and is returned. There is no
    /// time-out. The token is not renewed here, since the body is spent by then: on
    /// [`Error::Unauthorized`] call [`renew`](ImageClient::renew) and send a new body.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] when the connection broke: the image then shows what came of it. The
    /// statuses are those of the Image API; after all but 403, 404, 409 and 410 the image is, or
    /// will shortly be, `queued` again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts the connection. A body that announced its size, here or in its
    /// length, and is cut short never becomes an active image.
    pub async fn upload<B>(&self, id: &str, body: B, size: Option<u64>) -> Result<(), Error>
    where
        B: Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let url = self.url(&["images", id, "file"]);
        let mut headers = HeaderMap::new();
        // Anything else is answered 415.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(size) = size {
            headers.insert(HeaderName::from_static("x-openstack-image-size"), size.into());
        }
        let token = self.token().await?;
        let body = reqwest::Body::wrap(body);
        self.transport().send(Method::PUT, &url, &token, headers, body).await
    }
}
