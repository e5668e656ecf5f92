//! The image service of one cloud.

use std::sync::Arc;

use http::{HeaderMap, Method};
use serde_json::Value;
use url::Url;

use crate::http::{Payload, Transport, decode};
use crate::identity::Token;
use crate::{Cloud, Error, Identity, Image, NewImage, PatchOp, Tls};

/// Calls the image service of one cloud. Cloning is cheap; clones share the login.
///
/// # Cancel safety
///
/// Dropping the future of a call may leave it done or not done on the server, as a broken connection
/// does; nothing of the client is harmed.
#[derive(Clone, Debug)]
pub struct ImageClient {
    transport: Transport,
    identity: Arc<dyn Identity>,
    /// Ends in `/v2/`.
    base: Url,
}

impl ImageClient {
    /// Logs in to the cloud and finds its image service. Asks nothing of that service yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`], [`Error::LoginRefused`], [`Error::Login`], [`Error::NoEndpoint`].
    pub async fn connect(cloud: &Cloud) -> Result<Self, Error> {
        ImageClient::with_identity(cloud.name(), cloud.identity()?, &cloud.tls()).await
    }

    /// The same for an [`Identity`] of one's own. `name` is what messages call the cloud.
    ///
    /// # Errors
    ///
    /// As [`ImageClient::connect`].
    pub async fn with_identity(
        name: &str,
        identity: Arc<dyn Identity>,
        tls: &Tls,
    ) -> Result<Self, Error> {
        let transport = Transport::new(name, tls)?;
        let base = versioned(identity.endpoint().await?);
        Ok(ImageClient { transport, identity, base })
    }

    /// The address of the service, ending in `/v2/`.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// `POST /v2/images`: a record without data, in status `queued`.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for a value the server does not take, [`Error::Forbidden`] by policy,
    /// [`Error::Conflict`] when the id is taken, [`Error::TooLarge`] over the count quota.
    pub async fn create(&self, image: &NewImage) -> Result<Image, Error> {
        self.json(Method::POST, self.url(&["images"]), &Payload::Json(JSON, &image.to_json())).await
    }

    /// `GET /v2/images/{id}`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also for an image that this project may not see.
    pub async fn image(&self, id: &str) -> Result<Image, Error> {
        self.json(Method::GET, self.url(&["images", id]), &Payload::Nothing).await
    }

    /// `PATCH /v2/images/{id}`; with no operations nothing but a `GET` is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] for read-only attributes and protected images, [`Error::Conflict`] for a
    /// property that is not there or a status that does not allow it.
    pub async fn patch(&self, id: &str, operations: &[PatchOp]) -> Result<Image, Error> {
        if operations.is_empty() {
            return self.image(id).await;
        }
        let body = PatchOp::to_json(operations);
        self.json(Method::PATCH, self.url(&["images", id]), &Payload::Json(JSON_PATCH, &body)).await
    }

    /// `DELETE /v2/images/{id}`, data included. In an upload it ends that upload.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Forbidden`] for a protected image, [`Error::Conflict`] for one
    /// in use.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.call(Method::DELETE, self.url(&["images", id]), &Payload::Nothing).await.map(drop)
    }

    /// A new token in place of the one that was just refused; `false` when there is none to be had.
    ///
    /// # Errors
    ///
    /// [`Error::LoginRefused`], [`Error::Login`].
    pub async fn renew(&self) -> Result<bool, Error> {
        let stale = self.identity.token().await?;
        Ok(self.identity.renew(&stale).await?.is_some())
    }

    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an http address has a path, and only those are taken")
            .pop_if_empty()
            .extend(segments);
        url
    }

    pub(crate) async fn token(&self) -> Result<Token, Error> {
        self.identity.token().await
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(crate) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        payload: &Payload<'_>,
    ) -> Result<T, Error> {
        let (_, body) = self.call(method.clone(), url.clone(), payload).await?;
        decode(&method, &url, &body)
    }

    /// Sends the call; after a 401 once more with a new token.
    async fn call(
        &self,
        method: Method,
        url: Url,
        payload: &Payload<'_>,
    ) -> Result<(HeaderMap, Vec<u8>), Error> {
        let token = self.identity.token().await?;
        let refused = match self.transport.call(&method, &url, &token, payload).await {
            Err(error @ Error::Unauthorized(_)) => error,
            done => return done,
        };
        match self.identity.renew(&token).await? {
            Some(token) => self.transport.call(&method, &url, &token, payload).await,
            None => Err(refused),
        }
    }

    /// The JSON of any `GET` below `/v2`, for what has no type of its own.
    pub(crate) async fn raw(&self, segments: &[&str]) -> Result<Value, Error> {
        self.json(Method::GET, self.url(segments), &Payload::Nothing).await
    }
}

const JSON: &str = "application/json";
/// Anything else is answered 415.
const JSON_PATCH: &str = "application/openstack-images-v2.1-json-patch";

/// The address with `/v2/` at its end. A catalog names the service with or without its version.
fn versioned(mut url: Url) -> Url {
    let mut path = url.path().trim_end_matches('/').to_owned();
    if let Some((before, last)) = path.rsplit_once('/')
        && last.strip_prefix('v').is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
    {
        path = before.to_owned();
    }
    url.set_path(&format!("{path}/v2/"));
    url.set_query(None);
    url
}

#[cfg(test)]
mod tests {
    use super::versioned;

    #[test]
    fn the_version_is_there_once_whatever_the_catalog_says() {
        for (given, base) in [
            ("http://h:9292", "http://h:9292/v2/"),
            ("http://h:9292/", "http://h:9292/v2/"),
            ("http://h:9292/v2", "http://h:9292/v2/"),
            ("http://h:9292/v2.17/", "http://h:9292/v2/"),
            ("https://h/image", "https://h/image/v2/"),
            ("https://h/image/v2/", "https://h/image/v2/"),
            ("https://h/vault", "https://h/vault/v2/"),
        ] {
            assert_eq!(versioned(given.parse().unwrap()).as_str(), base, "{given}");
        }
    }
}
