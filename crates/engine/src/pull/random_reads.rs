//! Which services have refused to read an image from its middle.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use imgpush_client::{Error as ClientError, Image, ImageClient};

/// The stores that give no random reads, as far as a request has shown. Clones share what is known.
///
/// Glance answers a `Range` with 400 where the store of the image has no capability to read from the middle:
/// rbd, swift, s3, vmware and http have none, file has it (`StoreRandomGetNotSupported` of glance_store).
#[derive(Clone, Debug, Default)]
pub(crate) struct SequentialStores(Arc<Mutex<HashSet<String>>>);

impl SequentialStores {
    /// What is known of the stores of this image. Where the service does not show them, of the service.
    pub(super) fn of(&self, client: &ImageClient, image: &Image) -> RandomReads {
        let key = format!("{} {}", client.base(), image.stores().join(","));
        RandomReads { known: self.clone(), key }
    }
}

/// Whether an image can be read from its middle.
#[derive(Debug)]
pub(crate) struct RandomReads {
    known: SequentialStores,
    key: String,
}

impl RandomReads {
    /// Whether a request has been refused for that.
    pub(super) fn are_refused(&self) -> bool {
        self.known.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.key)
    }

    /// Whether the error is such a refusal, which is remembered.
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
