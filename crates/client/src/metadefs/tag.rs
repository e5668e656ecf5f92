//! The tags of a namespace.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::transport::{JSON, Payload, decode};
use crate::{Error, ImageClient};

#[derive(Deserialize)]
struct TagList {
    tags: Vec<TagEntry>,
}

#[derive(Deserialize)]
struct TagEntry {
    name: String,
}

impl ImageClient {
    /// `GET /v2/metadefs/namespaces/{namespace}/tags`: the names of the tags, the newest first.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also for a namespace that this project cannot see.
    pub async fn metadef_tags(&self, namespace: &str) -> Result<Vec<String>, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "tags"]);
        let list: TagList = self.json(Method::GET, url, &Payload::Nothing).await?;
        Ok(names(list))
    }

    /// `GET /v2/metadefs/namespaces/{namespace}/tags/{tag}`: whether the namespace has the tag.
    /// openstacksdk's `check_tag`. The database of the service decides whether upper and lower case are the
    /// same.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for an unknown namespace.
    pub async fn has_metadef_tag(&self, namespace: &str, tag: &str) -> Result<bool, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "tags", tag]);
        match self.call(Method::GET, url, &Payload::Nothing).await {
            Ok(_) => Ok(true),
            // Either the namespace or the tag does not exist.
            Err(Error::NotFound(_)) => self.metadef_tags(namespace).await.map(|_| false),
            Err(error) => Err(error),
        }
    }

    /// `POST /v2/metadefs/namespaces/{namespace}/tags/{tag}`: adds a tag.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for a tag that the namespace has, [`Error::Forbidden`] by policy,
    /// [`Error::NotFound`], [`Error::BadRequest`] for a name of more than 80 characters.
    pub async fn add_metadef_tag(&self, namespace: &str, tag: &str) -> Result<(), Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "tags", tag]);
        self.call(Method::POST, url, &Payload::Nothing).await.map(drop)
    }

    /// `POST /v2/metadefs/namespaces/{namespace}/tags`: replaces all tags; returns them.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for a repeated tag, [`Error::Forbidden`] by policy, [`Error::NotFound`],
    /// [`Error::BadRequest`].
    pub async fn set_metadef_tags<T: AsRef<str>>(
        &self,
        namespace: &str,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<Vec<String>, Error> {
        self.send_tags(namespace, to_json(tags), false).await
    }

    /// `POST /v2/metadefs/namespaces/{namespace}/tags` with `X-OpenStack-Append`: adds tags; returns those
    /// that were added.
    ///
    /// # Errors
    ///
    /// As [`set_metadef_tags`](ImageClient::set_metadef_tags); [`Error::Conflict`] also for a tag that the
    /// namespace has. Then none is added.
    pub async fn append_metadef_tags<T: AsRef<str>>(
        &self,
        namespace: &str,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<Vec<String>, Error> {
        self.send_tags(namespace, to_json(tags), true).await
    }

    async fn send_tags(
        &self,
        namespace: &str,
        tags: Value,
        append: bool,
    ) -> Result<Vec<String>, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "tags"]);
        let mut headers = HeaderMap::new();
        let word = if append { "True" } else { "False" };
        let name = HeaderName::from_static("x-openstack-append");
        headers.insert(name, HeaderValue::from_static(word));
        let payload = Payload::Json(JSON, &tags);
        let (_, body) = self.call_with(Method::POST, url.clone(), &headers, &payload).await?;
        let list: TagList = decode(&Method::POST, &url, &body)?;
        Ok(names(list))
    }

    /// `DELETE /v2/metadefs/namespaces/{namespace}/tags/{tag}`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Forbidden`] by policy and in a protected namespace.
    pub async fn remove_metadef_tag(&self, namespace: &str, tag: &str) -> Result<(), Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "tags", tag]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }

    /// `DELETE /v2/metadefs/namespaces/{namespace}/tags`: removes all tags.
    ///
    /// # Errors
    ///
    /// As [`remove_metadef_tag`](ImageClient::remove_metadef_tag).
    pub async fn remove_all_metadef_tags(&self, namespace: &str) -> Result<(), Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "tags"]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }
}

fn names(list: TagList) -> Vec<String> {
    list.tags.into_iter().map(|tag| tag.name).collect()
}

fn to_json<T: AsRef<str>>(tags: impl IntoIterator<Item = T>) -> Value {
    let tags: Vec<Value> = tags.into_iter().map(|tag| json!({ "name": tag.as_ref() })).collect();
    json!({ "tags": tags })
}
