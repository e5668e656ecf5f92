//! Many images.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::attribute::{Attribute, Kind, Place};
use crate::{Error, Image, ImageClient, MemberStatus, Visibility};

/// Which images to list, in which order, and how many. Every filter is the server's: what is filtered
/// out never travels.
///
/// Without [`visibility`](ImageQuery::visibility) the server leaves out community images of other
/// projects, and without [`hidden`](ImageQuery::hidden) all hidden ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageQuery {
    pairs: Vec<(String, String)>,
    most: Option<usize>,
}

/// How a time is compared.
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
    /// Another.
    NotAt,
}

/// The way of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Direction {
    /// Smallest, oldest or first in the alphabet first.
    Ascending,
    /// The other way round.
    Descending,
}

impl ImageQuery {
    /// Images whose attribute or property is that value. Filters by different names must all fit; a
    /// second one by the same name takes the place of the first.
    ///
    /// Either name of an attribute is taken. What is no attribute is a filter by an extra property, or
    /// one of the Image API's own words: `tag`, `size_min`, `size_max` (bytes), `member_status`,
    /// `limit`, `marker`, `sort`, `sort_key`, `sort_dir`.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<String>) -> Self {
        let (key, value) = (key(name), value.into());
        let value = match Attribute::of_key(key) {
            // The server knows only these two spellings.
            Some(Attribute { kind: Kind::Boolean, place: Place::Base, .. }) => {
                value.trim().to_ascii_lowercase()
            }
            // It would take the part before the colon for an operator.
            _ if WITH_OPERATORS.contains(&key) && value.contains(':') => format!("eq:{value}"),
            _ => value,
        };
        self.push(key, value)
    }

    /// Images whose attribute is one of these values: `id`, `name`, `status`, `disk_format` or
    /// `container_format`. A value with a double quote in it cannot be asked for so.
    #[must_use]
    pub fn any_of<V: AsRef<str>>(self, name: &str, values: impl IntoIterator<Item = V>) -> Self {
        let quoted = |value: V| match value.as_ref() {
            value if value.contains(',') => format!("\"{value}\""),
            value => value.to_owned(),
        };
        let values: Vec<String> = values.into_iter().map(quoted).collect();
        self.push(key(name), format!("in:{}", values.join(",")))
    }

    /// A filter with an operator in its value as the Image API writes it: `in:a,b`, `gte:2026-01-01`.
    #[must_use]
    pub fn with_expression(self, name: &str, expression: impl Into<String>) -> Self {
        self.push(key(name), expression.into())
    }

    /// Images whose `created_at` or `updated_at` compares so with an ISO 8601 time.
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

    /// Images with that tag; of several all must be there.
    #[must_use]
    pub fn tag(self, tag: impl Into<String>) -> Self {
        self.push("tag", tag.into())
    }

    /// Images that are seen so.
    #[must_use]
    pub fn visibility(self, visibility: &Visibility) -> Self {
        self.push("visibility", visibility.to_string())
    }

    /// Images of every visibility, other projects' community images too.
    #[must_use]
    pub fn every_visibility(self) -> Self {
        self.push("visibility", "all".to_owned())
    }

    /// Hidden images instead of the others.
    #[must_use]
    pub fn hidden(self) -> Self {
        self.push("os_hidden", "true".to_owned())
    }

    /// Images shared with this project that it has answered so; accepted ones by default.
    #[must_use]
    pub fn member_status(self, status: &MemberStatus) -> Self {
        self.push("member_status", status.to_string())
    }

    /// In the order of `name`, `status`, `container_format`, `disk_format`, `size`, `id`,
    /// `created_at` or `updated_at`; called again, by that where the first are equal. Newest first by
    /// default.
    #[must_use]
    pub fn sorted_by(self, name: &str, direction: Direction) -> Self {
        let direction = match direction {
            Direction::Ascending => "asc",
            Direction::Descending => "desc",
        };
        self.push("sort_key", key(name).to_owned()).push("sort_dir", direction.to_owned())
    }

    /// Only images behind that one.
    #[must_use]
    pub fn behind(self, id: impl Into<String>) -> Self {
        self.push("marker", id.into())
    }

    /// Images asked for at a time; [`PAGE_IMAGES`] by default, the server's most is 1000 mostly.
    #[must_use]
    pub fn page_size(self, images: usize) -> Self {
        self.push("limit", images.to_string())
    }

    /// At most so many images in all.
    #[must_use]
    pub fn at_most(mut self, images: usize) -> Self {
        self.most = Some(images);
        self
    }

    fn push(mut self, key: &str, value: String) -> Self {
        // The server takes a second one for the name of a property, or forgets the first.
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

/// Images asked for at a time.
///
/// Some tens of requests for a large cloud's list, and some hundred kilobytes in memory.
pub const PAGE_IMAGES: usize = 100;

/// What may be there more than once.
const REPEATED: [&str; 3] = ["tag", "sort_key", "sort_dir"];

/// Filters whose value begins with an operator if it has a colon (`glance/db/sqlalchemy/api.py`,
/// `_make_conditions_from_filters`).
const WITH_OPERATORS: [&str; 5] = ["id", "name", "status", "container_format", "disk_format"];

/// The name of a filter on the wire.
fn key(name: &str) -> &str {
    Attribute::named(name).map_or(name, |attribute| attribute.key)
}

impl ImageClient {
    /// `GET /v2/images`, page after page; a page is asked for when the one before is used up, so that
    /// the memory needed does not grow with the list.
    ///
    /// An error ends the stream: [`Error::BadRequest`] for a filter that the server does not take,
    /// [`Error::Endless`] when the pages go round in a circle.
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
    fn filters_are_written_as_the_server_reads_them() {
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
