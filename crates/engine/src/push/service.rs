//! State of an image service that all pushes to it share: its capabilities, its quotas, and its traffic.
//!
//! A push without a batch has its own [`Service`]; a batch shares one between all targets of the same
//! project.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use imgpush_client::{Error as ClientError, ImageClient, ImageSchema, Store, Usage};
use tokio::sync::OnceCell;

use crate::push::error::PushFailure;
use crate::push::preflight;
use crate::push::quota::{Quotas, Share};
use crate::retry::RetryOptions;
use crate::transfer::traffic::Traffic;

/// The cached responses of a service. A request that failed is repeated by the next caller.
#[derive(Debug, Default)]
pub(crate) struct Service {
    schema: OnceCell<ImageSchema>,
    stores: OnceCell<Vec<Store>>,
    imports: OnceCell<Vec<String>>,
    quotas: OnceCell<Option<Arc<Quotas>>>,
    pub(crate) traffic: Traffic,
    /// The names of images that these pushes look for or create.
    names: Mutex<HashSet<String>>,
}

impl Service {
    /// Reserves the name of an image for one push; `false` if another push of this process has it.
    pub(crate) fn reserve_name(&self, name: &str) -> bool {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned())
    }
}

/// Queries the capabilities of a service through one login. An unreachable address is not retried, because it
/// may be wrong.
#[derive(Clone, Copy)]
pub(crate) struct CapabilityQuery<'a> {
    pub(crate) service: &'a Service,
    pub(crate) client: &'a ImageClient,
    pub(crate) retry: &'a RetryOptions,
}

impl CapabilityQuery<'_> {
    pub(crate) async fn schema(&self) -> Result<&ImageSchema, PushFailure> {
        let ask = || self.call("the request for formats", || self.client.schema());
        self.service.schema.get_or_try_init(ask).await.map_err(preflight::failed)
    }

    /// Returns the stores; empty for a service with a single store, which has no list.
    pub(crate) async fn stores(&self) -> Result<&[Store], PushFailure> {
        let ask = || async {
            match self.call("the request for stores", || self.client.stores()).await {
                Err(ClientError::NotFound(_)) => Ok(Vec::new()),
                asked => asked,
            }
        };
        let asked = self.service.stores.get_or_try_init(ask).await;
        asked.map(Vec::as_slice).map_err(preflight::failed)
    }

    pub(crate) async fn imports(&self) -> Result<&[String], PushFailure> {
        let ask = || self.call("the request for imports", || self.client.import_info());
        let asked = self.service.imports.get_or_try_init(ask).await;
        asked.map(Vec::as_slice).map_err(preflight::failed)
    }

    /// Reserves quota for an image of this size; `None` if the service has no quotas.
    pub(crate) async fn reserve_quota(
        &self,
        size: Option<u64>,
    ) -> Result<Option<Share>, PushFailure> {
        let quotas = self.quotas().await.map_err(preflight::failed)?;
        quotas.map(|quotas| quotas.share(size)).transpose()
    }

    /// Returns the number of concurrent uploads that the quota allows; `None` without a limit.
    pub(crate) async fn uploads(&self) -> Result<Option<usize>, ClientError> {
        Ok(self.quotas().await?.and_then(|quotas| quotas.uploads()))
    }

    async fn quotas(&self) -> Result<Option<&Arc<Quotas>>, ClientError> {
        let ask = || async {
            let usage = self.call("the request for quotas", || usage(self.client)).await?;
            Ok::<_, ClientError>(usage.map(Quotas::new).map(Arc::new))
        };
        Ok(self.service.quotas.get_or_try_init(ask).await?.as_ref())
    }

    async fn call<T, F: Future<Output = Result<T, ClientError>>>(
        &self,
        what: &'static str,
        call: impl FnMut() -> F,
    ) -> Result<T, ClientError> {
        self.retry.call(what, ClientError::is_overload, call).await
    }
}

/// Fetches the usage of the quotas; `None` if the service does not offer it.
async fn usage(client: &ImageClient) -> Result<Option<Usage>, ClientError> {
    match client.usage().await {
        Ok(usage) => Ok(Some(usage)),
        // The call does not exist before API 2.13, and a policy may forbid it.
        Err(ClientError::NotFound(_) | ClientError::Forbidden(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
