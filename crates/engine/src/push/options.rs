//! What an image is to be, and how it is pushed.

use std::collections::BTreeSet;
use std::time::Duration;

use imgpush_client::{NewImage, Visibility};
use imgpush_formats::ImageFormatSettings;

use super::error::PushFailure;
use super::if_exists::IfExists;
use crate::retry::RetryOptions;
use crate::setters::setters;
use crate::transfer::Slowest;

/// What the image is to be, and how it is pushed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PushOptions {
    /// The id; one is made up when there is none.
    pub id: Option<String>,
    /// Have the id follow from project, name and digest, where there is no [`id`](PushOptions::id): the same
    /// pushed by several runs at once is made by one, and found by the others. The digest is a published one
    /// where there is one, else SHA-512, for which the source is read once more; of one that cannot be read
    /// twice the id is made up.
    ///
    /// It is the UUID of version 5 in the name space `5d0c9a6e-2f0b-4f57-9d8e-6a0f6f3c7b21` of these lines,
    /// without a line end behind the last: the id of the project, or nothing; `ALGORITHM:HEX`, with `:packed`
    /// behind it where it is of what the source takes apart; the number of images of these that have come and
    /// gone, from 0; the name.
    pub derive_id: bool,
    /// What is done when there are images of that name.
    pub if_exists: IfExists,
    /// How long an image of another run is waited for while it does not change. Then a record that is still
    /// `queued` is left and the next id used; otherwise the push fails.
    pub wait_for_others: Duration,
    /// The name; the source's file name without its ending when there is none.
    pub name: Option<String>,
    /// The `disk_format`; the one that the data shows when there is none.
    pub disk_format: Option<String>,
    /// Push the data even if it is not what `disk_format` says, is broken, or would be refused. Never
    /// what points to other files.
    pub force_format: bool,
    /// What is known of the service's section `[image_format]`. Its own lists of formats count more
    /// than those here.
    pub image_format: ImageFormatSettings,
    /// The `container_format`.
    pub container_format: String,
    /// Extra properties.
    pub properties: Vec<(String, String)>,
    /// Free words.
    pub tags: BTreeSet<String>,
    /// Who may see it; the server's default when none.
    pub visibility: Option<Visibility>,
    /// Whether deleting is refused.
    pub protected: Option<bool>,
    /// Whether lists leave it out.
    pub hidden: Option<bool>,
    /// The smallest disk it boots from, in GiB; when there is none, what the disk inside needs, as far
    /// as that is known before it is read.
    pub min_disk: Option<u64>,
    /// The least memory it boots with, in MiB.
    pub min_ram: Option<u64>,
    /// Let a source without bytes become an image without bytes.
    pub allow_empty: bool,
    /// Leave the record of a push that failed.
    pub keep_failed: bool,
    /// How long the connection may take nothing, while there is something to send.
    pub idle_timeout: Duration,
    /// How long the server may take to answer behind the last byte.
    pub finish_timeout: Duration,
    /// How long the server may take to notice that an upload is over, before a new try. A record that
    /// stays `saving` for longer is given up.
    pub settle_timeout: Duration,
    /// How long an import, or a copy into further stores, may take.
    pub import_timeout: Duration,
    /// What is tried again.
    pub retry: RetryOptions,
    /// What becomes of the target that the others wait for.
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
    /// The defaults for an image of that name.
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
        /// Sets whether data is uploaded that does not fit its `disk_format`.
        with_force_format(force_format: bool) = force_format;
        /// Sets what is known of the section `[image_format]` of the service.
        with_image_format(image_format: ImageFormatSettings) = image_format;
        /// Sets the `container_format`.
        with_container_format(container_format: impl Into<String>) = container_format.into();
        /// Sets the extra properties, in place of all before.
        with_properties(properties: impl IntoIterator<Item = (String, String)>) = properties.into_iter().collect();
        /// Sets the tags, in place of all before.
        with_tags(tags: impl IntoIterator<Item = impl Into<String>>) = tags.into_iter().map(Into::into).collect();
        /// Sets the visibility.
        with_visibility(visibility: Visibility) = Some(visibility);
        /// Sets whether deleting is refused.
        with_protected(protected: bool) = Some(protected);
        /// Sets whether lists leave the image out.
        with_hidden(hidden: bool) = Some(hidden);
        /// Sets the smallest disk that the image boots from, in GiB.
        with_min_disk(min_disk: u64) = Some(min_disk);
        /// Sets the least memory that the image boots with, in MiB.
        with_min_ram(min_ram: u64) = Some(min_ram);
        /// Sets whether a source without bytes becomes an image without bytes.
        with_allow_empty(allow_empty: bool) = allow_empty;
        /// Sets whether the record of a failed push is kept.
        with_keep_failed(keep_failed: bool) = keep_failed;
        /// Sets the time-out of a connection that accepts no data.
        with_idle_timeout(idle_timeout: Duration) = idle_timeout;
        /// Sets the time-out of the response after the last byte.
        with_finish_timeout(finish_timeout: Duration) = finish_timeout;
        /// Sets how long the server may take to notice the end of an upload, before a retry.
        with_settle_timeout(settle_timeout: Duration) = settle_timeout;
        /// Sets the time-out of an import or a copy into further stores.
        with_import_timeout(import_timeout: Duration) = import_timeout;
        /// Sets the retry policy.
        with_retry(retry: RetryOptions) = retry;
        /// Sets the policy for the target that the others wait for.
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

    /// The record to be, but for its id and what the data and the service say.
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
        // A protected image cannot be deleted, so this follows after verification.
        if self.protected == Some(false) {
            image.set_protected(false);
        }
        if let Some(hidden) = self.hidden {
            image.set_hidden(hidden);
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
