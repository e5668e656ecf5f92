//! What an image is to be, and how it is pushed.

use std::collections::BTreeSet;
use std::time::Duration;

use imgpush_client::{NewImage, Visibility};
use imgpush_formats::ImageFormatSettings;

use super::error::PushFailure;
use super::if_exists::IfExists;
use crate::retry::RetryOptions;
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
    /// How long an image that another run has begun is waited for.
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

    /// Under that `disk_format`.
    #[must_use]
    pub fn with_disk_format(mut self, disk_format: impl Into<String>) -> Self {
        self.disk_format = Some(disk_format.into());
        self
    }

    /// With one more property.
    #[must_use]
    pub fn with_property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((key.into(), value.into()));
        self
    }

    /// With one more tag.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.insert(tag.into());
        self
    }

    /// For those to see.
    #[must_use]
    pub fn with_visibility(mut self, visibility: Visibility) -> Self {
        self.visibility = Some(visibility);
        self
    }

    /// Doing that when there are images of its name.
    #[must_use]
    pub fn with_if_exists(mut self, if_exists: IfExists) -> Self {
        self.if_exists = if_exists;
        self
    }

    /// Tried again so.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryOptions) -> Self {
        self.retry = retry;
        self
    }

    /// With that policy for the target that the others wait for.
    #[must_use]
    pub fn with_slowest(mut self, slowest: Slowest) -> Self {
        self.slowest = slowest;
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
        if let Some(protected) = self.protected {
            image.set_protected(protected);
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
