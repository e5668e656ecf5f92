//! State that the pushes of a batch to the same project of the same service share: responses, quotas, and the
//! limit of concurrent uploads.
//!
//! [`pushes`](super::pushes) calls it before each push.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use imgpush_client::{ImageClient, Project};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use super::options::BatchOptions;
use crate::push::service::{CapabilityQuery, Service};
use crate::push::target::Target;
use crate::retry::RetryOptions;

/// The services of the targets of a batch.
///
/// Two targets share a service if they have the same base URL and the same project. If a login does not
/// contain its project, the name of the target is used instead.
pub(super) struct SharedServices {
    services: Mutex<BTreeMap<ServiceKey, Arc<SharedService>>>,
    uploads_per_target: Option<NonZeroUsize>,
    /// A single job never waits for others.
    is_limited: bool,
    retry: RetryOptions,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ServiceKey {
    base: String,
    owner: Owner,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Project(Option<String>),
    Named(String),
}

#[derive(Default)]
struct SharedService {
    service: Arc<Service>,
    gate: OnceCell<Option<Gate>>,
}

/// Limits the number of concurrent uploads to a service.
struct Gate {
    size: usize,
    permits: Arc<Semaphore>,
}

/// The targets of one task at one service.
struct Uploads {
    shared: Arc<SharedService>,
    client: ImageClient,
    count: usize,
}

impl SharedServices {
    pub(super) fn new(options: &BatchOptions) -> Self {
        SharedServices {
            services: Mutex::default(),
            uploads_per_target: options.uploads_per_target,
            is_limited: options.jobs.get() > 1,
            retry: options.retry.clone(),
        }
    }

    /// Connects each target of a task with its shared service, and waits until all its uploads may start.
    ///
    /// To avoid a deadlock, all tasks wait in the order of the keys, and for all uploads to one service at
    /// once. A task with more targets at one service than its limit waits until no other task uploads there.
    pub(super) async fn admit(&self, targets: &mut [Target]) -> Vec<OwnedSemaphorePermit> {
        let mut uploads = BTreeMap::new();
        for target in targets {
            let key = ServiceKey::of(target).await;
            let shared = self.shared(key.clone());
            target.service = Some(Arc::clone(&shared.service));
            let client = target.client.clone();
            uploads.entry(key).or_insert(Uploads { shared, client, count: 0 }).count += 1;
        }
        let mut permits = Vec::new();
        if !self.is_limited {
            return permits;
        }
        for Uploads { shared, client, count } in uploads.into_values() {
            let gate = shared.gate.get_or_init(|| self.gate(&shared.service, &client));
            if let Some(Gate { size, permits: semaphore }) = gate.await {
                let count = u32::try_from(count.min(*size)).unwrap_or(u32::MAX);
                let permit = Arc::clone(semaphore).acquire_many_owned(count);
                permits.push(permit.await.expect("the semaphore is never closed"));
            }
        }
        permits
    }

    fn shared(&self, key: ServiceKey) -> Arc<SharedService> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(services.entry(key).or_default())
    }

    /// Returns the lower of the limits of the quotas and of the batch.
    async fn gate(&self, service: &Service, client: &ImageClient) -> Option<Gate> {
        // If the request for the quotas fails, the push fails too and reports it.
        let quota = CapabilityQuery { service, client, retry: &self.retry }.uploads().await;
        let limits = [quota.ok().flatten(), self.uploads_per_target.map(NonZeroUsize::get)];
        let size = limits.into_iter().flatten().min()?.min(Semaphore::MAX_PERMITS);
        Some(Gate { size, permits: Arc::new(Semaphore::new(size)) })
    }
}

impl ServiceKey {
    async fn of(target: &Target) -> Self {
        let owner = match target.client.project().await {
            Ok(Project::Id(id)) => Owner::Project(Some(id)),
            Ok(Project::None) => Owner::Project(None),
            // If the login fails now, the push fails too and reports it.
            Ok(_) | Err(_) => Owner::Named(target.cloud.clone()),
        };
        ServiceKey { base: target.client.base().to_string(), owner }
    }
}
