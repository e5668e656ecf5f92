//! Attributes of an image that differ from target to target.
//!
//! [`push`](super::push) applies them before it creates the jobs.

use std::collections::BTreeSet;

use imgpush_client::Visibility;

use super::if_exists::IfExists;
use super::options::PushOptions;
use crate::setters::setters;

/// Attributes of an image in one target that differ from the [`PushOptions`] of the push.
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
    setters! {
        /// Sets the name.
        with_name(name: impl Into<String>) = Some(name.into());
        /// Sets the `disk_format`.
        with_disk_format(disk_format: impl Into<String>) = Some(disk_format.into());
        /// Sets the properties, in place of all before.
        with_properties(properties: impl IntoIterator<Item = (String, String)>) = properties.into_iter().collect();
        /// Sets the tags, in place of all before.
        with_tags(tags: impl IntoIterator<Item = impl Into<String>>) = tags.into_iter().map(Into::into).collect();
        /// Sets the visibility.
        with_visibility(visibility: Visibility) = Some(visibility);
        /// Sets the policy for existing images of the same name.
        with_if_exists(if_exists: IfExists) = Some(if_exists);
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

    /// Returns the options of the push for this target.
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
