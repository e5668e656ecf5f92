//! State of an image service that all pushes to it share: its capabilities, its quotas, and its traffic.
//!
//! A push without a batch has its own [`Service`]; a batch shares one between all targets of the same
//! project.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use imgpush_client::{Error as ClientError, ImageClient, ImageSchema, Store, Usage};
use tokio::sync::OnceCell;

use crate::error::chain;
use crate::push::error::PushFailure;
use crate::push::preflight;
use crate::push::quota::{Quotas, Share};
use crate::push::report::{Note, NoteId};
use crate::retry::RetryOptions;
use crate::transfer::traffic::Traffic;

/// The cached responses of a service. A request that failed is repeated by the next caller.
#[derive(Debug, Default)]
pub(crate) struct Service {
    schema: OnceCell<Queried<ImageSchema>>,
    stores: OnceCell<Queried<Vec<Store>>>,
    imports: OnceCell<Queried<Vec<String>>>,
    quotas: OnceCell<Queried<Option<Arc<Quotas>>>>,
    pub(crate) traffic: Traffic,
    /// The names of images that these pushes look for or create.
    names: Mutex<HashSet<String>>,
}

/// The response to a request that only helps to refuse an upload early. Without it the service decides.
#[derive(Debug)]
pub(crate) enum Queried<T> {
    Known(T),
    /// The service answered, and the answer says nothing; the reason.
    Unusable(String),
}

impl<T> Queried<T> {
    /// Returns the response. If it is unusable, a note says that `what` was not checked.
    pub(crate) fn or_note(&self, what: &str, notes: &mut Vec<Note>) -> Option<&T> {
        match self {
            Queried::Known(response) => Some(response),
            Queried::Unusable(reason) => {
                let text = format!("{what} not checked before the upload: {reason}");
                notes.push(Note { id: NoteId::PreflightIncomplete, text });
                None
            }
        }
    }
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
    /// Returns the formats that the service accepts. It is the first request to the service, so one without an
    /// answer, or a 404, is an error: the address is probably wrong.
    pub(crate) async fn schema(&self) -> Result<&Queried<ImageSchema>, PushFailure> {
        let ask = || async {
            let asked = self.call("the request for formats", || self.client.schema()).await;
            usable(asked, |error| error.answer().is_some())
        };
        self.service.schema.get_or_try_init(ask).await.map_err(preflight::failed)
    }

    /// Returns the stores; empty for a service with a single store, which has no list.
    pub(crate) async fn stores(&self) -> Result<&Queried<Vec<Store>>, PushFailure> {
        let ask = || async {
            match self.call("the request for stores", || self.client.stores()).await {
                Err(ClientError::NotFound(_)) => Ok(Queried::Known(Vec::new())),
                asked => usable(asked, is_of_request),
            }
        };
        self.service.stores.get_or_try_init(ask).await.map_err(preflight::failed)
    }

    pub(crate) async fn imports(&self) -> Result<&Queried<Vec<String>>, PushFailure> {
        let ask = || async {
            let asked = self.call("the request for imports", || self.client.import_info()).await;
            usable(asked, is_of_request)
        };
        self.service.imports.get_or_try_init(ask).await.map_err(preflight::failed)
    }

    /// Reserves quota for an image of this size; `None` if the service has no quotas, or does not say.
    pub(crate) async fn reserve_quota(
        &self,
        size: Option<u64>,
        notes: &mut Vec<Note>,
    ) -> Result<Option<Share>, PushFailure> {
        let quotas = self.quotas().await.map_err(preflight::failed)?;
        let quotas = quotas.or_note("quotas were", notes).and_then(Option::as_ref);
        quotas.map(|quotas| quotas.share(size)).transpose()
    }

    /// Returns the number of concurrent uploads that the quota allows; `None` without a limit.
    pub(crate) async fn uploads(&self) -> Result<Option<usize>, ClientError> {
        Ok(match self.quotas().await? {
            Queried::Known(quotas) => quotas.as_ref().and_then(|quotas| quotas.uploads()),
            Queried::Unusable(_) => None,
        })
    }

    async fn quotas(&self) -> Result<&Queried<Option<Arc<Quotas>>>, ClientError> {
        let ask = || async {
            let asked = self.call("the request for quotas", || usage(self.client)).await;
            usable(asked.map(|usage| usage.map(Quotas::new).map(Arc::new)), is_of_request)
        };
        self.service.quotas.get_or_try_init(ask).await
    }

    /// Makes a request, and repeats it at most once and soon: the upload does not depend on it.
    async fn call<T, F: Future<Output = Result<T, ClientError>>>(
        &self,
        what: &'static str,
        call: impl FnMut() -> F,
    ) -> Result<T, ClientError> {
        let retry = RetryOptions { retries: self.retry.retries.min(1), ..self.retry.clone() };
        let is_soon =
            |error: &ClientError| error.retry_after().is_none_or(|it| it <= LONGEST_PAUSE);
        retry.call(what, |error| error.is_overload() && is_soon(error), call).await
    }
}

/// The longest `Retry-After` that a request which is not needed waits for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Turns an error that concerns only this request into [`Queried::Unusable`]. A 401 may be one: an application
/// credential can have rules that allow only some requests. A 404 is not: the service has no such resource.
fn usable<T>(
    asked: Result<T, ClientError>,
    is_of_request: impl Fn(&ClientError) -> bool,
) -> Result<Queried<T>, ClientError> {
    match asked {
        Ok(response) => Ok(Queried::Known(response)),
        Err(error @ ClientError::NotFound(_)) => Err(error),
        Err(error) if is_of_request(&error) || matches!(error, ClientError::Decode { .. }) => {
            let reason = chain(&error);
            tracing::warn!(reason, "continuing without an optional response of the service");
            Ok(Queried::Unusable(reason))
        }
        Err(error) => Err(error),
    }
}

/// Whether an error concerns the request alone: it was answered, or got no answer although an earlier one did.
fn is_of_request(error: &ClientError) -> bool {
    error.answer().is_some()
        || matches!(error, ClientError::Transport { .. } | ClientError::TimedOut { .. })
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
