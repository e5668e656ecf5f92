//! Options of a push: the attributes of the image, and the policies of the upload.

use std::collections::BTreeSet;
use std::time::Duration;

use imgpush_client::{NewImage, Visibility};
use imgpush_formats::ImageFormatSettings;

use super::error::PushFailure;
use super::if_exists::IfExists;
use crate::retry::RetryOptions;
use crate::setters::setters;
use crate::transfer::Slowest;

/// Options of a push: the attributes of the image, and the policies of the upload.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PushOptions {
    /// The image id; a random one by default.
    pub id: Option<String>,
    /// Whether the id is derived from project, name and digest, if [`id`](PushOptions::id) is not set. Of
    /// concurrent runs that push the same image, one then uploads it and the others find it. The digest is a
    /// published one if there is one, otherwise SHA-512, for which the source is read once more. If the
    /// source can be read only once, the id is random.
    ///
    /// The id is the UUID of version 5 in the name space `5d0c9a6e-2f0b-4f57-9d8e-6a0f6f3c7b21` of these
    /// lines, without a line end after the last one:
    ///
    /// 1. the id of the project, or an empty line;
    /// 2. `ALGORITHM:HEX`, followed by `:packed` if it is the digest of data that the source decompresses;
    /// 3. the number of ids that are already used, by images that were deleted or pushes that failed, from 0;
    /// 4. the name.
    pub derive_id: bool,
    /// The policy for existing images of the same name.
    pub if_exists: IfExists,
    /// How long to wait for another run that uploads the same image, while the image does not change. After
    /// this time, a record that is still `queued` is left and the next id is used; otherwise the push fails.
    pub wait_for_others: Duration,
    /// The name; by default the file name of the source without its extension.
    pub name: Option<String>,
    /// The `disk_format`; by default the detected one.
    pub disk_format: Option<String>,
    /// Whether to push data that does not match `disk_format`, is damaged, or would be rejected by the
    /// service. Data that refers to other files is always rejected.
    pub force_format: bool,
    /// The known settings of the section `[image_format]` of the service. The lists of formats that the
    /// service itself publishes take precedence.
    pub image_format: ImageFormatSettings,
    /// The `container_format`.
    pub container_format: String,
    /// Additional properties.
    pub properties: Vec<(String, String)>,
    /// The tags.
    pub tags: BTreeSet<String>,
    /// The visibility; the default of the server if it is `None`.
    pub visibility: Option<Visibility>,
    /// Whether the image is protected from deletion.
    pub protected: Option<bool>,
    /// Whether lists leave the image out.
    pub hidden: Option<bool>,
    /// The id of the project that owns the image, which needs an administrator. By default the project of the
    /// login.
    pub owner: Option<String>,
    /// The smallest disk that the image boots from, in GiB. By default the virtual size of the image, if that
    /// is known before the source is read.
    pub min_disk: Option<u64>,
    /// The minimum memory that the image boots with, in MiB.
    pub min_ram: Option<u64>,
    /// Whether an empty source may become an empty image.
    pub allow_empty: bool,
    /// Whether to keep the record of a failed push.
    pub keep_failed: bool,
    /// The time-out of a connection that accepts no data while there is data to send.
    pub idle_timeout: Duration,
    /// The time-out of the response after the last byte.
    pub finish_timeout: Duration,
    /// How long the server may take to notice the end of an upload before a retry. A record that stays
    /// `saving` for longer is replaced.
    pub settle_timeout: Duration,
    /// The time-out of an import, or of a copy to further stores.
    pub import_timeout: Duration,
    /// The retry policy.
    pub retry: RetryOptions,
    /// The policy for a target that slows down the others.
    pub slowest: Slowest,
}

impl Default for PushOptions {
    fn default() -> Self {
        PushOptions {
            id: None,
            derive_id: false,
            if_exists: IfExists::Add,
            wait_for_others: Duration::from_secs(3600),
            name: None,
            disk_format: None,
            force_format: false,
            image_format: ImageFormatSettings::default(),
            container_format: "bare".to_owned(),
            properties: Vec::new(),
            tags: BTreeSet::new(),
            visibility: None,
            protected: None,
            hidden: None,
            owner: None,
            min_disk: None,
            min_ram: None,
            allow_empty: false,
            keep_failed: false,
            idle_timeout: Duration::from_secs(60),
            finish_timeout: Duration::from_secs(600),
            settle_timeout: Duration::from_secs(60),
            import_timeout: Duration::from_secs(24 * 3600),
            retry: RetryOptions::default(),
            slowest: Slowest::Wait,
        }
    }
}

impl PushOptions {
    /// Creates the default options for an image of that name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        PushOptions { name: Some(name.into()), ..PushOptions::default() }
    }

    setters! {
        /// Sets the id of the image.
        with_id(id: impl Into<String>) = Some(id.into());
        /// Sets whether the id is derived from project, name and digest.
        with_derive_id(derive_id: bool) = derive_id;
        /// Sets the policy for existing images of the same name.
        with_if_exists(if_exists: IfExists) = if_exists;
        /// Sets how long to wait for an image that another run uploads.
        with_wait_for_others(wait_for_others: Duration) = wait_for_others;
        /// Sets the name.
        with_name(name: impl Into<String>) = Some(name.into());
        /// Sets the `disk_format`.
        with_disk_format(disk_format: impl Into<String>) = Some(disk_format.into());
        /// Sets whether data is uploaded although it does not match its `disk_format`.
        with_force_format(force_format: bool) = force_format;
        /// Sets the known settings of the section `[image_format]` of the service.
        with_image_format(image_format: ImageFormatSettings) = image_format;
        /// Sets the `container_format`.
        with_container_format(container_format: impl Into<String>) = container_format.into();
        /// Sets the additional properties, in place of all before.
        with_properties(properties: impl IntoIterator<Item = (String, String)>) = properties.into_iter().collect();
        /// Sets the tags, in place of all before.
        with_tags(tags: impl IntoIterator<Item = impl Into<String>>) = tags.into_iter().map(Into::into).collect();
        /// Sets the visibility.
        with_visibility(visibility: Visibility) = Some(visibility);
        /// Sets whether the image is protected from deletion.
        with_protected(protected: bool) = Some(protected);
        /// Sets whether lists leave the image out.
        with_hidden(hidden: bool) = Some(hidden);
        /// Sets the id of the project that owns the image.
        with_owner(owner: impl Into<String>) = Some(owner.into());
        /// Sets the smallest disk that the image boots from, in GiB.
        with_min_disk(min_disk: u64) = Some(min_disk);
        /// Sets the minimum memory that the image boots with, in MiB.
        with_min_ram(min_ram: u64) = Some(min_ram);
        /// Sets whether an empty source may become an empty image.
        with_allow_empty(allow_empty: bool) = allow_empty;
        /// Sets whether the record of a failed push is kept.
        with_keep_failed(keep_failed: bool) = keep_failed;
        /// Sets the time-out of a connection that accepts no data.
        with_idle_timeout(idle_timeout: Duration) = idle_timeout;
        /// Sets the time-out of the response after the last byte.
        with_finish_timeout(finish_timeout: Duration) = finish_timeout;
        /// Sets how long the server may take to notice the end of an upload, before a retry.
        with_settle_timeout(settle_timeout: Duration) = settle_timeout;
        /// Sets the time-out of an import, or of a copy to further stores.
        with_import_timeout(import_timeout: Duration) = import_timeout;
        /// Sets the retry policy.
        with_retry(retry: RetryOptions) = retry;
        /// Sets the policy for a target that slows down the others.
        with_slowest(slowest: Slowest) = slowest;
    }

    /// Adds a property.
    #[must_use]
    pub fn with_property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((key.into(), value.into()));
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.insert(tag.into());
        self
    }

    /// Returns the new record without the attributes that depend on the data and on the service: its id, its
    /// `disk_format`, its `min_disk`.
    pub(super) fn record(&self, suggested_name: Option<String>) -> Result<NewImage, PushFailure> {
        let name = self.name.clone().or(suggested_name).ok_or(PushFailure::NoName)?;
        let mut image = NewImage::named(name);
        image.set_container_format(&self.container_format);
        if !self.tags.is_empty() {
            image.set_tags(&self.tags);
        }
        if let Some(visibility) = &self.visibility {
            image.set_visibility(visibility.clone());
        }
        // A protected image cannot be deleted, so it is protected after verification.
        if self.protected == Some(false) {
            image.set_protected(false);
        }
        if let Some(hidden) = self.hidden {
            image.set_hidden(hidden);
        }
        if let Some(owner) = &self.owner {
            image.set_owner(owner);
        }
        if let Some(mib) = self.min_ram {
            image.set_min_ram(mib);
        }
        for (key, value) in &self.properties {
            image
                .set_property(key, value.as_str())
                .map_err(|source| PushFailure::Property { key: key.clone(), source })?;
        }
        Ok(image)
    }
}
