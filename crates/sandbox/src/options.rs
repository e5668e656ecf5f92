//! How the service behaves.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// How the service behaves; the default is an open service with Glance's own defaults on a free port,
/// that forgets its images at the end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SandboxOptions {
    /// The address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where images are kept; a temporary folder when none.
    pub dir: Option<PathBuf>,
    /// Ask for a token, as a Glance behind Keystone does.
    pub require_token: bool,
    /// How long a token lives.
    pub token_lifetime: Duration,
    /// The name of the secure hash, as `hashlib` spells it; one that is not known here is reported
    /// with a made-up value.
    pub hash_algo: String,
    /// The stores that take data, the default one first; without any it is a Glance without
    /// `enabled_backends`, whose calls about stores answer 404.
    pub stores: Vec<String>,
    /// The store of data that lies on web servers, read only; without it nobody can register data by
    /// its URL.
    pub http_store: Option<String>,
    /// The quotas.
    pub quota: Quota,
    /// The most bytes of one image.
    pub image_size_cap: Option<u64>,
    /// Neither hash nor keep the data: a null server, for measuring clients.
    pub discard: bool,
}

/// The quotas of the project; without any, `/v2/info/usage` is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quota {
    /// `image_size_total` in MiB.
    pub image_size_total: Option<i64>,
    /// `image_count_total`.
    pub image_count_total: Option<i64>,
    /// `image_count_uploading`.
    pub image_count_uploading: Option<i64>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        SandboxOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            dir: None,
            require_token: false,
            token_lifetime: Duration::from_secs(3600),
            hash_algo: "sha512".to_owned(),
            stores: vec!["fast".to_owned(), "slow".to_owned()],
            http_store: Some("web".to_owned()),
            quota: Quota::default(),
            image_size_cap: None,
            discard: false,
        }
    }
}

impl SandboxOptions {
    /// Listens there.
    #[must_use]
    pub fn with_listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Keeps images there.
    #[must_use]
    pub fn with_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Asks for a token that lives so long.
    #[must_use]
    pub fn with_tokens(mut self, lifetime: Duration) -> Self {
        self.require_token = true;
        self.token_lifetime = lifetime;
        self
    }

    /// Reports that secure hash.
    #[must_use]
    pub fn with_hash_algo(mut self, name: impl Into<String>) -> Self {
        self.hash_algo = name.into();
        self
    }

    /// Keeps data in these stores, the default one first; an empty list is a Glance without
    /// multi-store.
    #[must_use]
    pub fn with_stores(mut self, stores: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.stores = stores.into_iter().map(Into::into).collect();
        self
    }

    /// Names the store of data that lies on web servers, or has none.
    #[must_use]
    pub fn with_http_store(mut self, store: Option<String>) -> Self {
        self.http_store = store;
        self
    }

    /// Sets the quotas.
    #[must_use]
    pub fn with_quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// Refuses more bytes than that of one image, in mid-stream as Glance does.
    #[must_use]
    pub fn with_image_size_cap(mut self, bytes: u64) -> Self {
        self.image_size_cap = Some(bytes);
        self
    }

    /// Neither hashes nor keeps data.
    #[must_use]
    pub fn with_discard(mut self) -> Self {
        self.discard = true;
        self
    }

    /// The store that data goes to when nobody names one.
    pub(crate) fn default_store(&self) -> Option<&str> {
        self.stores.first().map(String::as_str)
    }

    /// All stores, also the read-only one; none without multi-store.
    pub(crate) fn all_stores(&self) -> Vec<&str> {
        let http = self.http_store.iter().filter(|_| !self.stores.is_empty());
        self.stores.iter().chain(http).map(String::as_str).collect()
    }

    /// Brings names into the order in which Glance shows them: that of the stores' weights.
    pub(crate) fn in_order(&self, mut stores: Vec<String>) -> Vec<String> {
        let all = self.all_stores();
        stores.sort_by_key(|store| all.iter().position(|known| known == store));
        stores
    }
}
