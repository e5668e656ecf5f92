//! Where an image is to go, and on which way.

use std::sync::Arc;

use imgpush_client::{Cloud, Error as ClientError, ImageClient, Import, ImportMethod};

use crate::named_enum::named_enum;
use crate::progress::{NoProgress, Progress};
use crate::push::error::{PushError, PushFailure};
use crate::push::ledger::{Earlier, Records};
use crate::push::overrides::PushOverrides;
use crate::push::service::Service;
use crate::retry::RetryOptions;

/// One cloud, or region, or project, that an image is pushed to.
#[derive(Clone)]
pub struct Target {
    pub(crate) client: ImageClient,
    pub(crate) cloud: String,
    pub(crate) via: Via,
    pub(crate) stores: Stores,
    pub(crate) overrides: PushOverrides,
    pub(crate) all_stores_must_succeed: Option<bool>,
    pub(crate) progress: Arc<dyn Progress>,
    /// Shared with other pushes to it.
    pub(crate) service: Option<Arc<Service>>,
    pub(crate) earlier: Option<Earlier>,
    pub(crate) records: Option<Arc<dyn Records>>,
}

/// On which way the data gets into the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via {
    /// `PUT …/file`. Further stores get it by `copy-image` afterwards, which most services leave to
    /// administrators.
    #[default]
    Direct,
    /// `PUT …/stage`, and an import by `glance-direct`. A service that converts what is imported gives the
    /// image other hashes, so that it is not proved.
    Import,
    /// The service fetches the source itself, by `web-download`. It is read here as well, to be proved
    /// before and to be compared with afterwards; nothing is sent.
    WebDownload {
        /// The address, as the service is told. Who may see the image's tasks may see it.
        uri: String,
    },
}

/// The stores of the service that the image is to be in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stores {
    /// The service's default one.
    #[default]
    Default,
    /// These.
    These(Vec<String>),
    /// All there are.
    All,
}

named_enum! {
    /// How the data of an image was transferred: a [`Via`] without its settings, for reports.
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
    /// The project that `client` is logged in to.
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

    /// Logs in to a cloud, and is called as that is. An identity service that has no time is asked again.
    ///
    /// # Errors
    ///
    /// As [`ImageClient::connect`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is changed by a login.
    pub async fn connect(cloud: &Cloud, retry: &RetryOptions) -> Result<Self, ClientError> {
        let connect = || ImageClient::connect(cloud);
        let client = retry.call("the login", ClientError::is_overload, connect).await?;
        Ok(Target::new(client).on_cloud(cloud.name()))
    }

    /// What messages and the report call it; its host when nobody says.
    #[must_use]
    pub fn on_cloud(mut self, name: impl Into<String>) -> Self {
        self.cloud = name.into();
        self
    }

    /// On that way.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.via = via;
        self
    }

    /// Into these stores.
    #[must_use]
    pub fn into_stores(mut self, stores: Stores) -> Self {
        self.stores = stores;
        self
    }

    /// Sets what the image is to be in this target alone.
    #[must_use]
    pub fn with_overrides(mut self, overrides: PushOverrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// Whether one store that fails undoes an import, or fails a copy; the service says yes by default.
    #[must_use]
    pub fn all_stores_must_succeed(mut self, must: bool) -> Self {
        self.all_stores_must_succeed = Some(must);
        self
    }

    /// Who hears of this target while it runs.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Behind a run that is certainly gone, and had begun this for the image: it is taken over, or removed.
    #[must_use]
    pub fn after(mut self, earlier: Earlier) -> Self {
        self.earlier = Some(earlier);
        self
    }

    /// Who keeps account of the records that are made there.
    #[must_use]
    pub fn with_records(mut self, records: Arc<dyn Records>) -> Self {
        self.records = Some(records);
        self
    }

    /// The login.
    #[must_use]
    pub fn client(&self) -> &ImageClient {
        &self.client
    }

    /// What messages call it.
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

    /// The store that a `PUT` names.
    pub(crate) fn first_store(&self) -> Option<&str> {
        match (&self.via, &self.stores) {
            (Via::Direct, Stores::These(stores)) => stores.first().map(String::as_str),
            _ => None,
        }
    }

    /// The import by which the data gets there, or is taken over.
    pub(crate) fn import(&self) -> Option<Import> {
        let import = match &self.via {
            Via::Direct => return None,
            Via::Import => Import::staged(),
            Via::WebDownload { uri } => Import::from_web(uri),
        };
        Some(self.imported_into(import, 0))
    }

    /// The copies that follow, where there are any.
    pub(crate) fn copies(&self) -> Option<Import> {
        let has_more = match &self.stores {
            Stores::Default => false,
            Stores::These(stores) => stores.len() > 1,
            Stores::All => true,
        };
        let copy = || Import::by(ImportMethod::CopyImage);
        (self.via == Via::Direct && has_more).then(|| self.imported_into(copy(), 1))
    }

    /// With the stores but for the first ones.
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
