//! The destination of a push: cloud, upload method, stores.
//!
//! Callers create a [`Target`] for each destination.

use std::sync::Arc;

use imgpush_client::{Cloud, Error as ClientError, ImageClient, Import, ImportMethod};

use crate::named_enum::named_enum;
use crate::progress::{NoProgress, Progress};
use crate::push::error::{PushError, PushFailure};
use crate::push::ledger::{Earlier, Records};
use crate::push::overrides::PushOverrides;
use crate::push::service::Service;
use crate::retry::RetryOptions;

/// A cloud, region or project that an image is pushed to.
#[derive(Clone)]
pub struct Target {
    pub(crate) client: ImageClient,
    pub(crate) cloud: String,
    pub(crate) via: Via,
    pub(crate) stores: Stores,
    pub(crate) overrides: PushOverrides,
    pub(crate) all_stores_must_succeed: Option<bool>,
    pub(crate) progress: Arc<dyn Progress>,
    /// State of the service, shared with other pushes to it.
    pub(crate) service: Option<Arc<Service>>,
    pub(crate) earlier: Option<Earlier>,
    pub(crate) records: Option<Arc<dyn Records>>,
}

/// The upload method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via {
    /// `PUT …/file`. Further stores get the image afterwards by `copy-image`, which most services allow only
    /// to administrators.
    #[default]
    Direct,
    /// `PUT …/stage`, then an import by `glance-direct`. If the service converts images on import, their
    /// hashes change and the image cannot be verified.
    Import,
    /// The service downloads the source itself, by `web-download`. It is also read here, to verify it before
    /// the import and to compare it afterwards; nothing is uploaded.
    WebDownload {
        /// The address that the service downloads. Everybody who may see the tasks of the image may see it.
        uri: String,
    },
}

/// The stores that the image is saved in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stores {
    /// The default store of the service.
    #[default]
    Default,
    /// These stores.
    These(Vec<String>),
    /// All stores of the service.
    All,
}

named_enum! {
    /// The upload method without its settings, for reports.
    pub enum UploadMethod {
        /// [`Via::Direct`].
        Direct = "direct",
        /// [`Via::Import`].
        Import = "import",
        /// [`Via::WebDownload`].
        WebDownload = "web-download",
    }
}

impl Via {
    /// Returns the method without its settings.
    #[must_use]
    pub fn method(&self) -> UploadMethod {
        match self {
            Via::Direct => UploadMethod::Direct,
            Via::Import => UploadMethod::Import,
            Via::WebDownload { .. } => UploadMethod::WebDownload,
        }
    }
}

impl Target {
    /// Creates a target for the project that `client` is logged in to.
    #[must_use]
    pub fn new(client: ImageClient) -> Self {
        let cloud = client.base().host_str().unwrap_or_default().to_owned();
        Target {
            client,
            cloud,
            via: Via::Direct,
            stores: Stores::Default,
            overrides: PushOverrides::default(),
            all_stores_must_succeed: None,
            progress: Arc::new(NoProgress),
            service: None,
            earlier: None,
            records: None,
        }
    }

    /// Logs in to a cloud, and uses its name. Retries while the identity service is overloaded.
    ///
    /// # Errors
    ///
    /// As [`ImageClient::connect`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a login changes nothing.
    pub async fn connect(cloud: &Cloud, retry: &RetryOptions) -> Result<Self, ClientError> {
        let connect = || ImageClient::connect(cloud);
        let client = retry.call("the login", ClientError::is_overload, connect).await?;
        Ok(Target::new(client).on_cloud(cloud.name()))
    }

    /// Sets the name of the cloud in messages and reports; the default is the host of the service.
    #[must_use]
    pub fn on_cloud(mut self, name: impl Into<String>) -> Self {
        self.cloud = name.into();
        self
    }

    /// Sets the upload method.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.via = via;
        self
    }

    /// Sets the stores.
    #[must_use]
    pub fn into_stores(mut self, stores: Stores) -> Self {
        self.stores = stores;
        self
    }

    /// Sets the attributes of the image in this target alone.
    #[must_use]
    pub fn with_overrides(mut self, overrides: PushOverrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// Sets whether one failed store fails the import or the copy; the default of the service is yes.
    #[must_use]
    pub fn all_stores_must_succeed(mut self, must: bool) -> Self {
        self.all_stores_must_succeed = Some(must);
        self
    }

    /// Sets the receiver of progress events of this target.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Sets the journal entry of an earlier run for the image. That run must be over; its record is taken
    /// over or deleted.
    #[must_use]
    pub fn after(mut self, earlier: Earlier) -> Self {
        self.earlier = Some(earlier);
        self
    }

    /// Sets the journal for the records that are created in this target.
    #[must_use]
    pub fn with_records(mut self, records: Arc<dyn Records>) -> Self {
        self.records = Some(records);
        self
    }

    /// Returns the client.
    #[must_use]
    pub fn client(&self) -> &ImageClient {
        &self.client
    }

    /// Returns the name of the cloud.
    #[must_use]
    pub fn cloud(&self) -> &str {
        &self.cloud
    }

    /// Ends a push that has sent no request to the service.
    pub(crate) fn not_started(&self, source_name: &str, failure: PushFailure) -> PushError {
        let error = PushError::not_started(source_name, &self.cloud, failure);
        self.progress.ended(Err(error.kind()));
        error
    }

    /// The store that the upload request names.
    pub(crate) fn first_store(&self) -> Option<&str> {
        match (&self.via, &self.stores) {
            (Via::Direct, Stores::These(stores)) => stores.first().map(String::as_str),
            _ => None,
        }
    }

    /// The import that follows the upload, or replaces it.
    pub(crate) fn import(&self) -> Option<Import> {
        let import = match &self.via {
            Via::Direct => return None,
            Via::Import => Import::staged(),
            Via::WebDownload { uri } => Import::from_web(uri),
        };
        Some(self.imported_into(import, 0))
    }

    /// The import that copies the image to further stores, if there are any.
    pub(crate) fn copies(&self) -> Option<Import> {
        let has_more = match &self.stores {
            Stores::Default => false,
            Stores::These(stores) => stores.len() > 1,
            Stores::All => true,
        };
        let copy = || Import::by(ImportMethod::CopyImage);
        (self.via == Via::Direct && has_more).then(|| self.imported_into(copy(), 1))
    }

    /// Adds the stores, without the first `but` ones.
    fn imported_into(&self, import: Import, but: usize) -> Import {
        let import = match &self.stores {
            Stores::Default => import,
            Stores::These(stores) => import.into_stores(&stores[but..]),
            Stores::All => import.into_all_stores(),
        };
        match self.all_stores_must_succeed {
            Some(must) => import.all_stores_must_succeed(must),
            None => import,
        }
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("cloud", &self.cloud)
            .field("via", &self.via)
            .field("stores", &self.stores)
            .field("overrides", &self.overrides)
            .finish_non_exhaustive()
    }
}
