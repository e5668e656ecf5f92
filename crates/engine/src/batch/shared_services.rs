//! What the pushes of a batch to one project of one service share: what the service answered, the quotas,
//! and the limit of uploads at a time.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use imgpush_client::{ImageClient, Project};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use super::options::BatchOptions;
use crate::push::service::{CapabilityQuery, Service};
use crate::push::target::Target;
use crate::retry::RetryOptions;

/// The services that the targets of a batch are projects of.
///
/// Two targets share when they have the same base URL and the same project. Where a login does not say which
/// project it is in, the name of the target stands for it.
pub(super) struct SharedServices {
    services: Mutex<BTreeMap<ServiceKey, Arc<SharedService>>>,
    uploads_per_target: Option<NonZeroUsize>,
    /// A job that is alone waits for no other.
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

/// Lets a number of uploads at a time into a service.
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

    /// Gives each target of a task what it shares with others, and waits until there is capacity for all its
    /// uploads.
    ///
    /// All tasks wait in the order of the keys, and for all uploads to one service at once, so that no two of
    /// them wait for each other. A task with more targets at one service than its limit waits until it is
    /// alone there.
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
                permits.push(permit.await.expect("it is never closed"));
            }
        }
        permits
    }

    fn shared(&self, key: ServiceKey) -> Arc<SharedService> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(services.entry(key).or_default())
    }

    /// The limit that the quotas of the project leave, or that the batch sets, whichever is lower.
    async fn gate(&self, service: &Service, client: &ImageClient) -> Option<Gate> {
        // Where asking for quotas fails, so will the push, and reports it.
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
            // A login that fails now fails the push as well, which reports it.
            Ok(_) | Err(_) => Owner::Named(target.cloud.clone()),
        };
        ServiceKey { base: target.client.base().to_string(), owner }
    }
}
