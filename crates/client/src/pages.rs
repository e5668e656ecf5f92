//! Lists in pages.

use futures_util::stream::{BoxStream, iter, try_unfold};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

use crate::transport::Payload;
use crate::{Error, ImageClient, redact};

#[derive(Deserialize)]
struct Page<T> {
    #[serde(alias = "images", alias = "tasks", alias = "namespaces")]
    items: Vec<T>,
    /// A path whose query selects the next page; missing on the last.
    #[serde(default)]
    next: Option<String>,
}

/// The state of a listing.
struct Pages {
    client: ImageClient,
    next: Option<Url>,
    asked: usize,
    /// An earlier page, which is met again if the pages form a cycle (Brent's algorithm, which stores a
    /// single page).
    checkpoint: Option<Url>,
}

impl Pages {
    async fn next_page<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>, Error> {
        let Some(url) = self.next.take() else { return Ok(None) };
        let page: Page<T> = self.client.json(Method::GET, url.clone(), &Payload::Nothing).await?;
        self.asked += 1;
        if self.asked.is_power_of_two() {
            self.checkpoint = Some(url.clone());
        }
        self.next = page.next.as_deref().map(|next| following(&url, next));
        if self.next.is_some() && self.next == self.checkpoint {
            return Err(Error::Endless { url: redact::shown(&url) });
        }
        Ok(Some(page.items))
    }
}

/// The address of the next page, from the one that the service names.
///
/// Only its marker is used: a proxy may use another path than the service knows, and of a repeated filter,
/// such as two tags, the service keeps only one.
fn following(url: &Url, next: &str) -> Url {
    let mut following = url.clone();
    let query = next.split_once('?').map_or("", |(_, query)| query);
    let marker = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "marker");
    match marker {
        Some((_, marker)) => {
            let others = url.query_pairs().filter(|(key, _)| key != "marker");
            let pairs: Vec<_> = others.chain([("marker".into(), marker)]).collect();
            following.query_pairs_mut().clear().extend_pairs(pairs);
        }
        None => following.set_query(Some(query)),
    }
    following
}

impl ImageClient {
    /// All items from this page on. A page is requested when the previous one is used up.
    pub(crate) fn pages<T>(&self, first: Url) -> BoxStream<'static, Result<T, Error>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let pages = Pages { client: self.clone(), next: Some(first), asked: 0, checkpoint: None };
        let pages = try_unfold(pages, |mut pages| async move {
            let page = pages.next_page::<T>().await?;
            Ok::<_, Error>(page.map(|page| (iter(page).map(Ok::<T, Error>), pages)))
        });
        pages.try_flatten().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_page_keeps_every_filter() {
        let url = |text: &str| Url::parse(text).unwrap();
        let first = url("https://h/image/v2/images?tag=a&tag=b+c&limit=2");
        let second = following(&first, "/v2/images?tag=b+c&limit=2&marker=x");
        assert_eq!(second, url("https://h/image/v2/images?tag=a&tag=b+c&limit=2&marker=x"));
        let third = following(&second, "/v2/images?tag=b+c&limit=2&marker=y");
        assert_eq!(third, url("https://h/image/v2/images?tag=a&tag=b+c&limit=2&marker=y"));
    }
}
