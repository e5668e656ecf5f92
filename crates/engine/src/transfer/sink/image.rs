//! The sink that uploads the data of an image.
//!
//! [`upload`](super::super::upload) and callers of the crate use it.

use futures_util::future::BoxFuture;
use imgpush_client::{ImageClient, UploadOptions};

use super::body::Body;
use super::target::{Sink, SinkError};

/// The data of an image that is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageData {
    /// `PUT …/file`: the image becomes active.
    File,
    /// `PUT …/stage`: the data waits for an import.
    Stage,
}

/// Uploads its data to one image, with one request. After a failed request, fetch the image to determine the
/// result.
#[derive(Clone, Debug)]
pub struct ImageSink {
    client: ImageClient,
    id: String,
    data: ImageData,
    options: UploadOptions,
}

impl ImageSink {
    /// Creates a sink for an image that is `queued`.
    #[must_use]
    pub fn new(
        client: ImageClient,
        id: impl Into<String>,
        data: ImageData,
        options: UploadOptions,
    ) -> Self {
        ImageSink { client, id: id.into(), data, options }
    }
}

impl Sink for ImageSink {
    fn name(&self) -> &str {
        &self.id
    }

    fn take(&mut self, body: Body) -> BoxFuture<'_, Result<(), SinkError>> {
        Box::pin(async move {
            match self.data {
                ImageData::File => self.client.upload(&self.id, body, &self.options).await?,
                ImageData::Stage => self.client.stage(&self.id, body, &self.options).await?,
            }
            Ok(())
        })
    }
}
