//! The stores that do not support range requests.
//!
//! [`fetch`](super::fetch) sends one request to such a store, and remembers the rejection for all downloads
//! of a batch.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use imgpush_client::{Error as ClientError, Image, ImageClient};

/// The stores that are known not to support random reads, from the responses to earlier requests. Clones
/// share this knowledge.
///
/// Glance rejects a `Range` request with 400 if the store of the image has no such capability. The stores
/// rbd, swift, s3, vmware and http have none, file has it (`StoreRandomGetNotSupported` in glance_store).
#[derive(Clone, Debug, Default)]
pub(crate) struct SequentialStores(Arc<Mutex<HashSet<String>>>);

impl SequentialStores {
    /// Returns the entry for the stores of this image. If the service does not list its stores, the entry is
    /// for the service.
    pub(super) fn of(&self, client: &ImageClient, image: &Image) -> RandomReads {
        let key = format!("{} {}", client.base(), image.stores().join(","));
        RandomReads { known: self.clone(), key }
    }
}

/// Whether an image supports random reads.
#[derive(Debug)]
pub(crate) struct RandomReads {
    known: SequentialStores,
    key: String,
}

impl RandomReads {
    /// Returns whether the service has rejected a random read.
    pub(super) fn are_refused(&self) -> bool {
        self.known.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.key)
    }

    /// Returns whether the error is such a rejection, and remembers it.
    pub(super) fn is_refusal(&self, error: &ClientError) -> bool {
        let ClientError::BadRequest(answer) = error else { return false };
        let is_refusal = answer.message.to_lowercase().contains("randomly from this store");
        if is_refusal {
            let mut known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(self.key.clone());
        }
        is_refusal
    }
}
