//! Options of the service.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::directory::Users;

/// Options of a [`Sandbox`](crate::Sandbox).
///
/// By default it requires no token, has the defaults of Glance, listens on a free port, and deletes its
/// images when it stops.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SandboxOptions {
    /// The address to listen on; port 0 takes a free port.
    pub listen: SocketAddr,
    /// The directory for images; a temporary one if none is given.
    pub dir: Option<PathBuf>,
    /// Whether calls require a token, as with a Glance behind Keystone.
    pub require_token: bool,
    /// Lifetime of a token.
    pub token_lifetime: Duration,
    /// The users of a service with tokens.
    pub users: Users,
    /// Name of the secure hash in the spelling of `hashlib`. For an unsupported name the reported value is
    /// invented.
    pub hash_algo: String,
    /// Stores that accept data, the default one first. Without stores it behaves like a Glance without
    /// `enabled_backends`, where calls about stores are answered with 404.
    pub stores: Vec<String>,
    /// The stores among [`stores`](SandboxOptions::stores) without random reads, as rbd, swift, s3 and vmware
    /// in Glance: a `Range` for an image that is in no other store is answered with 400. The store for data
    /// on web servers never supports random reads.
    pub sequential_stores: Vec<String>,
    /// Read-only store for data on web servers; without it, data cannot be registered by its URL.
    pub http_store: Option<String>,
    /// Hosts other than this machine from which imports and locations may fetch data.
    pub allowed_hosts: Vec<String>,
    /// Quotas of the project.
    pub quota: Quota,
    /// Maximum number of bytes of an image.
    pub image_size_cap: Option<u64>,
    /// Whether data is accepted whatever its format is, as by releases of Glance without the format check.
    pub accept_any_format: bool,
    /// Whether data is neither hashed nor stored, for measuring clients.
    pub discard: bool,
}

/// Quotas of the project. Without any, `/v2/info/usage` is empty.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Quota {
    /// `image_size_total` in MiB.
    pub image_size_total: Option<i64>,
    /// `image_count_total`.
    pub image_count_total: Option<i64>,
    /// `image_count_uploading`.
    pub image_count_uploading: Option<i64>,
}

impl Quota {
    /// Sets `image_size_total` in MiB.
    #[must_use]
    pub fn with_image_size_total(mut self, mib: i64) -> Self {
        self.image_size_total = Some(mib);
        self
    }

    /// Sets `image_count_total`.
    #[must_use]
    pub fn with_image_count_total(mut self, images: i64) -> Self {
        self.image_count_total = Some(images);
        self
    }

    /// Sets `image_count_uploading`.
    #[must_use]
    pub fn with_image_count_uploading(mut self, images: i64) -> Self {
        self.image_count_uploading = Some(images);
        self
    }
}

impl Default for SandboxOptions {
    fn default() -> Self {
        SandboxOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            dir: None,
            require_token: false,
            token_lifetime: Duration::from_secs(3600),
            users: Users::default(),
            hash_algo: "sha512".to_owned(),
            stores: vec!["fast".to_owned(), "slow".to_owned()],
            sequential_stores: Vec::new(),
            http_store: Some("web".to_owned()),
            allowed_hosts: Vec::new(),
            quota: Quota::default(),
            image_size_cap: None,
            accept_any_format: false,
            discard: false,
        }
    }
}

impl SandboxOptions {
    /// Sets the address to listen on.
    #[must_use]
    pub fn with_listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Sets the directory for images.
    #[must_use]
    pub fn with_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Requires a token and sets its lifetime.
    #[must_use]
    pub fn with_tokens(mut self, lifetime: Duration) -> Self {
        self.require_token = true;
        self.token_lifetime = lifetime;
        self
    }

    /// Sets the users. It takes effect only with tokens.
    #[must_use]
    pub fn with_users(mut self, users: Users) -> Self {
        self.users = users;
        self
    }

    /// Sets the name of the secure hash.
    #[must_use]
    pub fn with_hash_algo(mut self, name: impl Into<String>) -> Self {
        self.hash_algo = name.into();
        self
    }

    /// Sets the stores, the default one first. With an empty list it behaves like a Glance without
    /// multi-store.
    #[must_use]
    pub fn with_stores(mut self, stores: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.stores = stores.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the stores without random reads.
    #[must_use]
    pub fn with_sequential_stores(
        mut self,
        stores: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.sequential_stores = stores.into_iter().map(Into::into).collect();
        self
    }

    /// Sets or removes the read-only store for data on web servers.
    #[must_use]
    pub fn with_http_store(mut self, store: Option<String>) -> Self {
        self.http_store = store;
        self
    }

    /// Sets the hosts other than this machine from which imports and locations may fetch data.
    #[must_use]
    pub fn with_allowed_hosts(
        mut self,
        hosts: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.allowed_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the quotas.
    #[must_use]
    pub fn with_quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// Sets the maximum number of bytes of an image. A larger upload is refused while it runs, as by Glance.
    #[must_use]
    pub fn with_image_size_cap(mut self, bytes: u64) -> Self {
        self.image_size_cap = Some(bytes);
        self
    }

    /// Accepts data whatever its format is.
    #[must_use]
    pub fn with_any_format(mut self) -> Self {
        self.accept_any_format = true;
        self
    }

    /// Discards data without hashing it.
    #[must_use]
    pub fn with_discard(mut self) -> Self {
        self.discard = true;
        self
    }

    /// The store for data that names none.
    pub(crate) fn default_store(&self) -> Option<&str> {
        self.stores.first().map(String::as_str)
    }

    /// All stores including the read-only one; none without multi-store.
    pub(crate) fn all_stores(&self) -> Vec<&str> {
        let http = self.http_store.iter().filter(|_| !self.stores.is_empty());
        self.stores.iter().chain(http).map(String::as_str).collect()
    }

    /// Whether the store has no random reads.
    pub(crate) fn is_sequential(&self, store: &str) -> bool {
        let is_http = self.http_store.as_deref() == Some(store);
        is_http || self.sequential_stores.iter().any(|known| known == store)
    }

    /// Sorts names in Glance's order: by the weights of the stores.
    pub(crate) fn in_order(&self, mut stores: Vec<String>) -> Vec<String> {
        let all = self.all_stores();
        stores.sort_by_key(|store| all.iter().position(|known| known == store));
        stores
    }
}
