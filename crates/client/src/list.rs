//! Lists of images.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::attribute::{Attribute, Kind, Place};
use crate::{Error, Image, ImageClient, MemberStatus, Visibility};

/// Filters, order and maximum length of a list of images. The server applies all filters, so excluded images
/// are not transferred.
///
/// Without [`visibility`](ImageQuery::visibility) the server omits community images of other projects, and
/// without [`hidden`](ImageQuery::hidden) all hidden images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageQuery {
    pairs: Vec<(String, String)>,
    most: Option<usize>,
}

/// The comparison of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compare {
    /// Later.
    After,
    /// Later or the same.
    From,
    /// Earlier.
    Before,
    /// Earlier or the same.
    UpTo,
    /// The same.
    At,
    /// Not the same.
    NotAt,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Direction {
    /// Smallest first, oldest first, or alphabetical.
    Ascending,
    /// The reverse.
    Descending,
}

impl Direction {
    /// The value of `sort_dir`.
    pub(crate) fn wire(self) -> &'static str {
        match self {
            Direction::Ascending => "asc",
            Direction::Descending => "desc",
        }
    }
}

impl ImageQuery {
    /// Selects images with this value of an attribute or property. Filters with different names are combined;
    /// a second one with the same name replaces the first.
    ///
    /// Both names of an attribute are accepted. Any other name filters by an extra property, or is a
    /// parameter of the Image API: `tag`, `size_min`, `size_max` (bytes), `member_status`, `limit`, `marker`,
    /// `sort`, `sort_key`, `sort_dir`.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<String>) -> Self {
        let (key, value) = (key(name), value.into());
        let value = match Attribute::of_key(key) {
            // The server accepts only these two spellings.
            Some(Attribute { kind: Kind::Boolean, place: Place::Base, .. }) => {
                value.trim().to_ascii_lowercase()
            }
            // The server would parse the part before the colon as an operator.
            _ if WITH_OPERATORS.contains(&key) && value.contains(':') => format!("eq:{value}"),
            _ => value,
        };
        self.push(key, value)
    }

    /// Selects images with one of these values of an attribute: `id`, `name`, `status`, `disk_format` or
    /// `container_format`. Values with a double quote are not supported.
    #[must_use]
    pub fn any_of<V: AsRef<str>>(self, name: &str, values: impl IntoIterator<Item = V>) -> Self {
        let quoted = |value: V| match value.as_ref() {
            value if value.contains(',') => format!("\"{value}\""),
            value => value.to_owned(),
        };
        let values: Vec<String> = values.into_iter().map(quoted).collect();
        self.push(key(name), format!("in:{}", values.join(",")))
    }

    /// Adds a filter with an operator in its value, in the notation of the Image API: `in:a,b`,
    /// `gte:2026-01-01`.
    #[must_use]
    pub fn with_expression(self, name: &str, expression: impl Into<String>) -> Self {
        self.push(key(name), expression.into())
    }

    /// Selects images whose `created_at` or `updated_at` compares like this with an ISO 8601 time.
    #[must_use]
    pub fn when(self, name: &str, compare: Compare, time: &str) -> Self {
        let operator = match compare {
            Compare::After => "gt",
            Compare::From => "gte",
            Compare::Before => "lt",
            Compare::UpTo => "lte",
            Compare::At => "eq",
            Compare::NotAt => "neq",
        };
        self.push(key(name), format!("{operator}:{time}"))
    }

    /// Selects images with this tag; several tags must all be present.
    #[must_use]
    pub fn tag(self, tag: impl Into<String>) -> Self {
        self.push("tag", tag.into())
    }

    /// Selects images with this visibility.
    #[must_use]
    pub fn visibility(self, visibility: &Visibility) -> Self {
        self.push("visibility", visibility.to_string())
    }

    /// Selects images of every visibility, including community images of other projects.
    #[must_use]
    pub fn every_visibility(self) -> Self {
        self.push("visibility", "all".to_owned())
    }

    /// Selects hidden images instead of the others.
    #[must_use]
    pub fn hidden(self) -> Self {
        self.push("os_hidden", "true".to_owned())
    }

    /// Selects images shared with this project by its response to them; accepted ones by default.
    #[must_use]
    pub fn member_status(self, status: &MemberStatus) -> Self {
        self.push("member_status", status.to_string())
    }

    /// Sorts by `name`, `status`, `container_format`, `disk_format`, `size`, `id`, `created_at` or
    /// `updated_at`. A further call adds a secondary key. The default is newest first.
    #[must_use]
    pub fn sorted_by(self, name: &str, direction: Direction) -> Self {
        self.push("sort_key", key(name).to_owned()).push("sort_dir", direction.wire().to_owned())
    }

    /// Selects the images after the one with this id.
    #[must_use]
    pub fn behind(self, id: impl Into<String>) -> Self {
        self.push("marker", id.into())
    }

    /// Sets the images per request; [`PAGE_IMAGES`] by default. The server's maximum is 1000 by default.
    #[must_use]
    pub fn page_size(self, images: usize) -> Self {
        self.push("limit", images.to_string())
    }

    /// Limits the total number of images.
    #[must_use]
    pub fn at_most(mut self, images: usize) -> Self {
        self.most = Some(images);
        self
    }

    fn push(mut self, key: &str, value: String) -> Self {
        // For a repeated parameter the server would use its first value as the name of a property, or ignore
        // it.
        if !REPEATED.contains(&key) {
            self.pairs.retain(|(known, _)| known != key);
        }
        self.pairs.push((key.to_owned(), value));
        self
    }

    fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|(known, _)| known == key)
    }
}

/// Images per request.
///
/// A large cloud's list takes some tens of requests, and a page some hundred kilobytes of memory.
pub const PAGE_IMAGES: usize = 100;

/// Parameters that may be repeated.
const REPEATED: [&str; 3] = ["tag", "sort_key", "sort_dir"];

/// Filters whose value is parsed for an operator if it contains a colon (`glance/db/sqlalchemy/api.py`,
/// `_make_conditions_from_filters`).
const WITH_OPERATORS: [&str; 5] = ["id", "name", "status", "container_format", "disk_format"];

/// The name of a filter on the wire.
fn key(name: &str) -> &str {
    Attribute::named(name).map_or(name, |attribute| attribute.key)
}

impl ImageClient {
    /// `GET /v2/images`, page by page. A page is requested when the previous one is used up, so the memory
    /// does not grow with the list.
    ///
    /// An error ends the stream: [`Error::BadRequest`] for a filter that the server does not accept,
    /// [`Error::Endless`] when the pages form a cycle.
    #[must_use]
    pub fn images(&self, query: &ImageQuery) -> BoxStream<'static, Result<Image, Error>> {
        let mut first = self.url(&["images"]);
        first.query_pairs_mut().extend_pairs(&query.pairs);
        if !query.has("limit") {
            let page = query.most.map_or(PAGE_IMAGES, |most| most.min(PAGE_IMAGES));
            first.query_pairs_mut().append_pair("limit", &page.max(1).to_string());
        }
        let images = self.pages(first);
        match query.most {
            Some(most) => images.take(most).boxed(),
            None => images,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_have_the_notation_of_the_server() {
        let query = ImageQuery::default()
            .with("is_hidden", "True")
            .with("is_protected", "true")
            .with("protected", "false")
            .tag("one")
            .tag("two")
            .with("name", "plain")
            .with("status", "a: colon")
            .with("os_distro", "a:b")
            .with("hash_value", "00")
            .any_of("disk_format", ["raw", "qcow2"])
            .any_of("name", ["a,b", "c"])
            .when("created_at", Compare::From, "2026-01-01T00:00:00Z")
            .sorted_by("name", Direction::Ascending);
        let pairs: Vec<(&str, &str)> =
            query.pairs.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(
            pairs,
            [
                ("os_hidden", "true"),
                ("protected", "false"),
                ("tag", "one"),
                ("tag", "two"),
                ("status", "eq:a: colon"),
                ("os_distro", "a:b"),
                ("os_hash_value", "00"),
                ("disk_format", "in:raw,qcow2"),
                ("name", "in:\"a,b\",c"),
                ("created_at", "gte:2026-01-01T00:00:00Z"),
                ("sort_key", "name"),
                ("sort_dir", "asc"),
            ]
        );
    }
}
