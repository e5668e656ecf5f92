//! Lists that come in pages.

use futures_util::stream::{BoxStream, iter, try_unfold};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::http::Payload;
use crate::{Error, ImageClient, redact};

#[derive(Deserialize)]
struct Page<T> {
    #[serde(alias = "images", alias = "tasks")]
    items: Vec<T>,
    /// A path whose query leads to the next page; absent on the last.
    #[serde(default)]
    next: Option<String>,
}

/// Where a listing is.
struct Pages {
    client: ImageClient,
    next: Option<Url>,
    asked: usize,
    /// A page from before, to be found again if the pages go round in a circle (Brent's way, which
    /// needs to remember one).
    landmark: Option<Url>,
}

impl Pages {
    async fn turn<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>, Error> {
        let Some(url) = self.next.take() else { return Ok(None) };
        let page: Page<T> = self.client.json(Method::GET, url.clone(), &Payload::Nothing).await?;
        self.asked += 1;
        if self.asked.is_power_of_two() {
            self.landmark = Some(url.clone());
        }
        // Only the query counts: a proxy may have another path than the server knows.
        self.next = page.next.as_deref().and_then(|path| path.split_once('?')).map(|(_, query)| {
            let mut following = url.clone();
            following.set_query(Some(query));
            following
        });
        if self.next.is_some() && self.next == self.landmark {
            return Err(Error::Endless { url: redact::shown(&url) });
        }
        Ok(Some(page.items))
    }
}

impl ImageClient {
    /// All items from that page on; a page is asked for when the one before is used up.
    pub(crate) fn pages<T>(&self, first: Url) -> BoxStream<'static, Result<T, Error>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let pages = Pages { client: self.clone(), next: Some(first), asked: 0, landmark: None };
        let pages = try_unfold(pages, |mut pages| async move {
            let page = pages.turn::<T>().await?;
            Ok::<_, Error>(page.map(|page| (iter(page).map(Ok::<T, Error>), pages)))
        });
        pages.try_flatten().boxed()
    }
}
