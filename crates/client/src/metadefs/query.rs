//! Lists of namespaces.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::namespace::MetadefNamespace;
use crate::{Direction, Error, ImageClient, Visibility};

/// Filters, order and maximum length of a list of namespaces. The server applies them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadefNamespaceQuery {
    pairs: Vec<(&'static str, String)>,
    most: Option<usize>,
}

impl MetadefNamespaceQuery {
    /// Selects namespaces with this visibility: public or private.
    #[must_use]
    pub fn visibility(self, visibility: &Visibility) -> Self {
        self.push("visibility", visibility.to_string())
    }

    /// Selects namespaces that are associated with one of these types of resources.
    #[must_use]
    pub fn resource_types<T: AsRef<str>>(self, names: impl IntoIterator<Item = T>) -> Self {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.push("resource_types", names.join(","))
    }

    /// Sorts by `namespace`, `display_name`, `visibility`, `owner`, `created_at` or `updated_at`. The default
    /// is newest first.
    #[must_use]
    pub fn sorted_by(self, key: &str, direction: Direction) -> Self {
        self.push("sort_key", key.to_owned()).push("sort_dir", direction.wire().to_owned())
    }

    /// Selects the namespaces after this one.
    #[must_use]
    pub fn behind(self, namespace: impl Into<String>) -> Self {
        self.push("marker", namespace.into())
    }

    /// Sets the namespaces per request. The server's maximum is 1000 by default.
    #[must_use]
    pub fn page_size(self, namespaces: usize) -> Self {
        self.push("limit", namespaces.to_string())
    }

    /// Limits the total number of namespaces.
    #[must_use]
    pub fn at_most(mut self, namespaces: usize) -> Self {
        self.most = Some(namespaces);
        self
    }

    fn push(mut self, key: &'static str, value: String) -> Self {
        self.pairs.retain(|(known, _)| *known != key);
        self.pairs.push((key, value));
        self
    }
}

/// Namespaces per request.
///
/// A namespace in a list is small, since it is without its parts.
const PAGE_NAMESPACES: usize = 100;

impl ImageClient {
    /// `GET /v2/metadefs/namespaces`, page by page: the namespaces of this project and all public ones, with
    /// their resource types and without their other parts. A page is requested when the previous one is used
    /// up.
    ///
    /// An error ends the stream: [`Error::BadRequest`] for an unknown visibility, [`Error::NotFound`] for an
    /// unknown namespace to begin after, [`Error::Endless`] when the pages form a cycle.
    #[must_use]
    pub fn metadef_namespaces(
        &self,
        query: &MetadefNamespaceQuery,
    ) -> BoxStream<'static, Result<MetadefNamespace, Error>> {
        let mut first = self.url(&["metadefs", "namespaces"]);
        first.query_pairs_mut().extend_pairs(&query.pairs);
        if !query.pairs.iter().any(|(key, _)| *key == "limit") {
            let page = query.most.map_or(PAGE_NAMESPACES, |most| most.min(PAGE_NAMESPACES));
            first.query_pairs_mut().append_pair("limit", &page.max(1).to_string());
        }
        let namespaces = self.pages(first);
        match query.most {
            Some(most) => namespaces.take(most).boxed(),
            None => namespaces,
        }
    }
}
