//! The quotas of a project, shared by all pushes of a batch to it.
//!
//! [`CapabilityQuery`](super::service::CapabilityQuery) fetches the quotas and reserves a [`Share`] for each
//! image, so that an upload that would exceed them fails before it starts.

use std::sync::{Arc, Mutex, PoisonError};

use imgpush_client::Usage;

use crate::push::error::PushFailure;

/// The usage that Glance has reported, and what was reserved since.
#[derive(Debug)]
pub(crate) struct Quotas {
    usage: Usage,
    taken: Mutex<Taken>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    mib: i64,
    images: i64,
    uploads: i64,
}

/// The quota that is reserved for one image. It is released on drop, unless it is [kept](Share::keep).
#[derive(Debug)]
pub(crate) struct Share {
    quotas: Arc<Quotas>,
    mib: i64,
    is_kept: bool,
}

impl Quotas {
    pub(crate) fn new(usage: Usage) -> Self {
        Quotas { usage, taken: Mutex::default() }
    }

    /// The number of concurrent uploads that the quota allows, next to those of other clients. At least one,
    /// which then fails with the error of the quota.
    pub(crate) fn uploads(&self) -> Option<usize> {
        let quota = self.usage.quota("image_count_uploading")?;
        Some(usize::try_from(quota.limit.saturating_sub(quota.usage)).unwrap_or(0).max(1))
    }

    /// Reserves quota for an image of this size, if it is known.
    ///
    /// Counts as Glance does: in MiB, rounded down; an unknown size counts as 0.
    pub(crate) fn share(self: &Arc<Self>, size: Option<u64>) -> Result<Share, PushFailure> {
        let mib = size.map_or(0, |bytes| i64::try_from(bytes >> 20).unwrap_or(i64::MAX));
        let mut taken = self.lock();
        for (name, unit, taken, needed) in [
            ("image_size_total", "MiB", taken.mib, mib),
            ("image_count_total", "images", taken.images, 1),
            ("image_count_uploading", "images", taken.uploads, 1),
        ] {
            let Some(quota) = self.usage.quota(name) else { continue };
            let used = quota.usage.saturating_add(taken);
            if used.saturating_add(needed) > quota.limit {
                return Err(PushFailure::Quota { name, unit, limit: quota.limit, used, needed });
            }
        }
        taken.mib = taken.mib.saturating_add(mib);
        taken.images += 1;
        taken.uploads += 1;
        Ok(Share { quotas: Arc::clone(self), mib, is_kept: false })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Keeps the reservation, because the image exists.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.quotas.lock();
        taken.uploads -= 1;
        if !self.is_kept {
            taken.images -= 1;
            taken.mib = taken.mib.saturating_sub(self.mib);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn quotas(name: &str, limit: i64, usage: i64) -> Arc<Quotas> {
        let json = format!(r#"{{"usage": {{"{name}": {{"limit": {limit}, "usage": {usage}}}}}}}"#);
        Arc::new(Quotas::new(serde_json::from_str(&json).unwrap()))
    }

    #[test]
    fn the_size_quota_counts_mib_rounded_down() {
        let size = |limit, used| quotas("image_size_total", limit, used);
        assert!(size(2, 0).share(Some(3 * MIB - 1)).is_ok());
        let refused = size(2, 0).share(Some(3 * MIB)).unwrap_err();
        assert!(matches!(
            refused,
            PushFailure::Quota { name: "image_size_total", limit: 2, used: 0, needed: 3, .. }
        ));
        assert!(size(2, 1).share(Some(2 * MIB)).is_err());
        assert!(size(-1, 100).share(Some(900 * MIB)).is_ok());
        assert!(size(2, 2).share(None).is_ok());
    }

    #[test]
    fn reserved_quota_is_unavailable_until_it_is_released() {
        let quotas = quotas("image_size_total", 4, 1);
        let first = quotas.share(Some(2 * MIB)).unwrap();
        assert!(quotas.share(Some(2 * MIB)).is_err());
        drop(first);
        quotas.share(Some(2 * MIB)).unwrap().keep();
        let refused = quotas.share(Some(2 * MIB)).unwrap_err();
        assert!(matches!(refused, PushFailure::Quota { used: 3, needed: 2, .. }));
    }

    #[test]
    fn an_upload_counts_until_it_ends() {
        let quotas = quotas("image_count_uploading", 3, 1);
        assert_eq!(quotas.uploads(), Some(2));
        let shares = [quotas.share(None).unwrap(), quotas.share(None).unwrap()];
        assert!(quotas.share(None).is_err());
        shares.into_iter().for_each(Share::keep);
        assert!(quotas.share(None).is_ok());
    }
}
