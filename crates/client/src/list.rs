//! Many images.

use futures_util::Stream;
use futures_util::stream::try_unfold;
use http::Method;
use serde::Deserialize;

use crate::http::Payload;
use crate::{Error, Image, ImageClient};

/// Which images to list; every filter is the server's.
#[derive(Clone, Debug, Default)]
pub struct ImageQuery {
    pairs: Vec<(String, String)>,
}

impl ImageQuery {
    /// Adds a filter or a paging parameter of the Image API, `name=…` or `limit=…`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.pairs.push((key.into(), value.into()));
        self
    }
}

#[derive(Deserialize)]
struct Page {
    images: Vec<Image>,
    /// A path whose query leads to the next page; absent on the last.
    next: Option<String>,
}

impl ImageClient {
    /// `GET /v2/images`, page after page; a page is asked for when the one before is used up.
    pub fn images(&self, query: &ImageQuery) -> impl Stream<Item = Result<Image, Error>> + '_ {
        let mut first = self.url(&["images"]);
        if !query.pairs.is_empty() {
            first.query_pairs_mut().extend_pairs(&query.pairs);
        }
        try_unfold((Vec::new().into_iter(), Some(first)), move |(mut page, mut next)| async move {
            loop {
                if let Some(image) = page.next() {
                    return Ok(Some((image, (page, next))));
                }
                let Some(url) = next.take() else { return Ok(None) };
                let got: Page = self.json(Method::GET, url.clone(), &Payload::Nothing).await?;
                page = got.images.into_iter();
                // Only the query counts: a proxy may have another path than the server knows.
                next = got.next.as_deref().and_then(|path| path.split_once('?')).map(|(_, q)| {
                    let mut following = url.clone();
                    following.set_query(Some(q));
                    following
                });
                // A page that points to itself would never end.
                next = next.filter(|following| *following != url);
            }
        })
    }
}
