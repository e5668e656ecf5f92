//! The client of one cloud's image service. All calls of this crate are methods of it.

use std::sync::Arc;

use http::{HeaderMap, Method};
use reqwest::Response;
use serde_json::Value;
use url::Url;

use crate::identity::Token;
use crate::transport::{HttpClient, HttpOptions, JSON, JSON_PATCH, Payload, decode};
use crate::{Cloud, Error, Identity, Image, NewImage, PatchOp, Project};

/// The client of one cloud's image service. Cloning is cheap; clones share the login.
///
/// # Cancel safety
///
/// After the future of a call is dropped, the server may or may not have executed the call, as after a failed
/// connection. The client stays usable.
#[derive(Clone, Debug)]
pub struct ImageClient {
    http: HttpClient,
    identity: Arc<dyn Identity>,
    /// Ends in `/v2/`.
    base: Url,
}

impl ImageClient {
    /// Logs in to the cloud and finds its image service. It sends no request to that service yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`], [`Error::LoginRefused`], [`Error::Login`], [`Error::NoEndpoint`].
    pub async fn connect(cloud: &Cloud) -> Result<Self, Error> {
        let http = HttpClient::new(cloud.name(), cloud.http_options())?;
        let identity = cloud.identity_over(|| Ok(http.clone()))?;
        ImageClient::over(identity, http).await
    }

    /// A builder of a client with a custom [`Identity`].
    pub fn builder(identity: Arc<dyn Identity>) -> ImageClientBuilder {
        ImageClientBuilder { identity, name: "the cloud".to_owned(), http: HttpOptions::default() }
    }

    /// The address of the service, ending in `/v2/`.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// `POST /v2/images`: creates a record without data, in status `queued`.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for a value that the server does not accept, [`Error::Forbidden`] by policy,
    /// [`Error::Conflict`] when the id is in use, [`Error::TooLarge`] when the quota of the number of images
    /// is used up.
    pub async fn create(&self, image: &NewImage) -> Result<Image, Error> {
        let url = self.url(&["images"]);
        let body = image.to_json();
        let payload = Payload::Json(JSON, &body);
        let (headers, body) = self.call(Method::POST, url.clone(), &payload).await?;
        let image: Image = decode(&Method::POST, &url, &body)?;
        let names = |header: &str| {
            let names = headers.get(header).and_then(|names| names.to_str().ok()).unwrap_or("");
            let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect::<Vec<String>>()
        };
        let import_methods = names("openstack-image-import-methods");
        let mut store_ids: Vec<String> = names("openstack-image-store-ids");
        // Reserved stores of the service for staging, not for images.
        store_ids.retain(|store| !store.starts_with("os_glance_"));
        Ok(image.offered(import_methods, store_ids))
    }

    /// `GET /v2/images/{id}`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also for an image that this project may not see.
    pub async fn image(&self, id: &str) -> Result<Image, Error> {
        self.json(Method::GET, self.url(&["images", id]), &Payload::Nothing).await
    }

    /// Sends the [changes](Image::changes) of a record in one `PATCH /v2/images/{id}`, and returns the record
    /// that the server then shows. Without changes nothing is sent.
    ///
    /// # Errors
    ///
    /// As [`ImageClient::patch`].
    pub async fn commit(&self, image: &Image) -> Result<Image, Error> {
        match image.changes() {
            changes if changes.is_empty() => Ok(image.clone()),
            changes => self.patch(image.id(), &changes).await,
        }
    }

    /// `PATCH /v2/images/{id}`; without operations only a `GET` is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] for read-only attributes and protected images, [`Error::Conflict`] for a missing
    /// property or a status that does not allow the change.
    pub async fn patch(&self, id: &str, operations: &[PatchOp]) -> Result<Image, Error> {
        if operations.is_empty() {
            return self.image(id).await;
        }
        let body = PatchOp::to_json(operations);
        self.json(Method::PATCH, self.url(&["images", id]), &Payload::Json(JSON_PATCH, &body)).await
    }

    /// `DELETE /v2/images/{id}`: deletes the record and its data. It ends an upload to the image.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Forbidden`] for a protected image, [`Error::Conflict`] for one
    /// in use.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.call(Method::DELETE, self.url(&["images", id]), &Payload::Nothing).await.map(drop)
    }

    /// `DELETE /v2/images/{id}`; returns `false` if the image does not exist.
    ///
    /// # Errors
    ///
    /// As [`ImageClient::delete`], but not [`Error::NotFound`].
    pub async fn delete_if_exists(&self, id: &str) -> Result<bool, Error> {
        match self.delete(id).await {
            Ok(()) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// `POST /v2/images/{id}/actions/deactivate`: forbids downloads of an active image.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] by policy, and for an image in another status.
    pub async fn deactivate(&self, id: &str) -> Result<(), Error> {
        let url = self.url(&["images", id, "actions", "deactivate"]);
        self.call(Method::POST, url, &Payload::Nothing).await.map(drop)
    }

    /// `POST /v2/images/{id}/actions/reactivate`: allows downloads again.
    ///
    /// # Errors
    ///
    /// As [`ImageClient::deactivate`].
    pub async fn reactivate(&self, id: &str) -> Result<(), Error> {
        let url = self.url(&["images", id, "actions", "reactivate"]);
        self.call(Method::POST, url, &Payload::Nothing).await.map(drop)
    }

    /// Replaces the token that was just refused; returns `false` if no other token is available.
    ///
    /// # Errors
    ///
    /// [`Error::LoginRefused`], [`Error::Login`].
    pub async fn renew(&self) -> Result<bool, Error> {
        let stale = self.identity.token().await?;
        Ok(self.identity.renew(&stale).await?.is_some())
    }

    /// The project that owns the images created with this login.
    ///
    /// # Errors
    ///
    /// As [`renew`](ImageClient::renew), if there is no token yet.
    pub async fn project(&self) -> Result<Project, Error> {
        self.identity.project().await
    }

    /// The id of the project with this id or name, as openstackclient finds it. `domain` is the id or name of
    /// the domain that has the project.
    ///
    /// Keystone lets only administrators look up projects. If it refuses that, the text is used as an id,
    /// unless it is the name of the project of this login.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchProject`], [`Error::DuplicateProject`], and as [`renew`](ImageClient::renew).
    pub async fn find_project(
        &self,
        name_or_id: &str,
        domain: Option<&str>,
    ) -> Result<String, Error> {
        self.identity.find_project(name_or_id, domain).await
    }

    async fn over(identity: Arc<dyn Identity>, http: HttpClient) -> Result<Self, Error> {
        let base = versioned(identity.endpoint().await?);
        Ok(ImageClient { http, identity, base })
    }

    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an http address has a path, and only those are taken")
            .pop_if_empty()
            .extend(segments.iter().map(|segment| named(segment)));
        url
    }

    pub(crate) async fn token(&self) -> Result<Token, Error> {
        self.identity.token().await
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.http
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

    pub(crate) async fn call(
        &self,
        method: Method,
        url: Url,
        payload: &Payload<'_>,
    ) -> Result<(HeaderMap, Vec<u8>), Error> {
        self.call_with(method, url, &HeaderMap::new(), payload).await
    }

    /// Sends the call; after a 401, once more with a new token.
    pub(crate) async fn call_with(
        &self,
        method: Method,
        url: Url,
        headers: &HeaderMap,
        payload: &Payload<'_>,
    ) -> Result<(HeaderMap, Vec<u8>), Error> {
        let token = self.identity.token().await?;
        let refused = match self.http.call(&method, &url, &token, headers, payload).await {
            Err(error @ Error::Unauthorized(_)) => error,
            done => return done,
        };
        match self.identity.renew(&token).await? {
            Some(token) => self.http.call(&method, &url, &token, headers, payload).await,
            None => Err(refused),
        }
    }

    /// A response whose body is not read yet; after a 401, requested once more with a new token.
    pub(crate) async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Response, Error> {
        let token = self.identity.token().await?;
        let refused = match self.http.get(url, &token, headers).await {
            Err(error @ Error::Unauthorized(_)) => error,
            done => return done,
        };
        match self.identity.renew(&token).await? {
            Some(token) => self.http.get(url, &token, headers).await,
            None => Err(refused),
        }
    }

    /// The JSON of any `GET` under `/v2`, for resources without a type of their own.
    pub(crate) async fn raw(&self, segments: &[&str]) -> Result<Value, Error> {
        self.json(Method::GET, self.url(segments), &Payload::Nothing).await
    }
}

/// Builder of an [`ImageClient`]. [`ImageClient::builder`] creates it.
#[derive(Clone, Debug)]
#[must_use]
pub struct ImageClientBuilder {
    identity: Arc<dyn Identity>,
    name: String,
    http: HttpOptions,
}

impl ImageClientBuilder {
    /// Sets the cloud's name in messages.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the options of requests to the image service.
    pub fn with_http_options(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// Finds the image service. It sends no request to that service yet.
    ///
    /// # Errors
    ///
    /// As [`ImageClient::connect`].
    pub async fn connect(self) -> Result<ImageClient, Error> {
        let http = HttpClient::new(&self.name, &self.http)?;
        ImageClient::over(self.identity, http).await
    }
}

/// A path segment that cannot be empty, `.` or `..`: with these as the id of an image, the call would address
/// all images. They become `-`, an id that does not exist, so the service answers 404.
fn named(segment: &str) -> &str {
    if matches!(segment, "" | "." | "..") { "-" } else { segment }
}

/// Makes the address end with `/v2/`. A catalog names the service with or without its version.
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
    use super::{named, versioned};

    #[test]
    fn no_id_addresses_a_parent_path() {
        let mut url: url::Url = "http://h/v2/".parse().unwrap();
        let segments = ["cache", "..", "a/b", "50% é", ""].map(named);
        url.path_segments_mut().unwrap().pop_if_empty().extend(segments);
        assert_eq!(url.as_str(), "http://h/v2/cache/-/a%2Fb/50%25%20%C3%A9/-");
    }

    #[test]
    fn the_version_is_appended_unless_the_catalog_has_it() {
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
