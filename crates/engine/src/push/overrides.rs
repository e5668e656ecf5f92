//! What an image is to be in one target, where that differs from the other targets of its push.

use std::collections::BTreeSet;

use imgpush_client::Visibility;

use super::if_exists::IfExists;
use super::options::PushOptions;

/// What an image is to be in one target, where that differs from the [`PushOptions`] of its push.
///
/// The stores and the upload method are set on the [`Target`](crate::Target) itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushOverrides {
    /// The name in place of [`PushOptions::name`].
    pub name: Option<String>,
    /// The format in place of [`PushOptions::disk_format`].
    pub disk_format: Option<String>,
    /// Properties in addition to [`PushOptions::properties`]; they replace the values of the same keys.
    pub properties: Vec<(String, String)>,
    /// Tags in addition to [`PushOptions::tags`].
    pub tags: BTreeSet<String>,
    /// The visibility in place of [`PushOptions::visibility`].
    pub visibility: Option<Visibility>,
    /// The policy in place of [`PushOptions::if_exists`].
    pub if_exists: Option<IfExists>,
}

impl PushOverrides {
    /// Sets the name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the `disk_format`.
    #[must_use]
    pub fn with_disk_format(mut self, disk_format: impl Into<String>) -> Self {
        self.disk_format = Some(disk_format.into());
        self
    }

    /// Adds a property, or replaces its value.
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

    /// Sets the visibility.
    #[must_use]
    pub fn with_visibility(mut self, visibility: Visibility) -> Self {
        self.visibility = Some(visibility);
        self
    }

    /// Sets the policy for existing images.
    #[must_use]
    pub fn with_if_exists(mut self, if_exists: IfExists) -> Self {
        self.if_exists = Some(if_exists);
        self
    }

    /// The options of the push for this target.
    pub(crate) fn applied_to(&self, options: &PushOptions) -> PushOptions {
        let PushOverrides { name, disk_format, properties, tags, visibility, if_exists } = self;
        let mut options = options.clone();
        options.name = name.clone().or(options.name);
        options.disk_format = disk_format.clone().or(options.disk_format);
        options.properties.extend_from_slice(properties);
        options.tags.extend(tags.iter().cloned());
        options.visibility = visibility.clone().or(options.visibility);
        options.if_exists = if_exists.unwrap_or(options.if_exists);
        options
    }
}
