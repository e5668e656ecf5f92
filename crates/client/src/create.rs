//! A record to create.

use serde_json::{Map, Value};

use crate::accessors::{getters, setters};
use crate::attribute::Access;
use crate::attribute_table::with_attributes;
use crate::image::set_property;
use crate::record::Record;
use crate::{Attribute, InvalidAttribute};

/// The attributes and properties for `POST /v2/images`: only those that are set are sent.
///
/// It has the same attributes as [`Image`](crate::Image), with the same names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewImage {
    record: Record,
}

with_attributes!(getters NewImage);
with_attributes!(setters NewImage);

impl NewImage {
    /// A record with this name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        let mut image = NewImage::default();
        image.set_name(name);
        image
    }

    /// Sets the disk format and the container format.
    #[must_use]
    pub fn with_formats(
        mut self,
        disk_format: impl Into<String>,
        container_format: impl Into<String>,
    ) -> Self {
        self.set_disk_format(disk_format);
        self.set_container_format(container_format);
        self
    }

    /// The id, if one was set; otherwise the server generates one.
    ///
    /// On the wire `id`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.record.text("id")
    }

    /// Sets [`id`](NewImage::id), a UUID; the server answers 409 if it is in use.
    pub fn set_id(&mut self, id: impl Into<String>) {
        self.record.set("id", id.into().into());
    }

    /// The attribute or property with this name in openstacksdk or on the wire.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.record.get(Attribute::named(name).map_or(name, |attribute| attribute.key))
    }

    /// All values that are set, by key on the wire.
    #[must_use]
    pub fn record(&self) -> &Map<String, Value> {
        &self.record.0
    }

    /// Sets an attribute or a property by its name in openstacksdk or on the wire. Booleans and numbers of
    /// properties become text, their form on the wire.
    ///
    /// # Errors
    ///
    /// [`InvalidAttribute`] for attributes that only the service sets, and for a value of another type.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) -> Result<(), InvalidAttribute> {
        let Some(attribute) = Attribute::named(name) else {
            return self.set_property(name, value);
        };
        if attribute.access == Access::Service {
            return Err(InvalidAttribute::ReadOnly(attribute.key.to_owned()));
        }
        let value = attribute.to_wire(value.into())?;
        self.record.set(attribute.key, value);
        Ok(())
    }

    /// Sets an extra property by its key on the wire; booleans and numbers become text.
    ///
    /// # Errors
    ///
    /// [`InvalidAttribute`] for a key of a base attribute or of the service, and for lists and objects.
    pub fn set_property(
        &mut self,
        key: &str,
        value: impl Into<Value>,
    ) -> Result<(), InvalidAttribute> {
        set_property(&mut self.record, key, value.into())
    }

    fn change(&mut self) -> &mut Record {
        &mut self.record
    }

    pub(crate) fn to_json(&self) -> Value {
        Value::Object(self.record.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Visibility;

    #[test]
    fn only_set_values_are_sent_and_properties_are_root_keys() {
        let mut image = NewImage::named("n").with_formats("qcow2", "bare");
        image.set_visibility(Visibility::Private);
        image.set_hw_cpu_cores(4);
        image.set("is_protected", true).unwrap();
        image.set("needs_secure_boot", "required").unwrap();
        image.set_property("my_flag", true).unwrap();
        assert_eq!(
            image.to_json(),
            json!({"name": "n", "disk_format": "qcow2", "container_format": "bare",
                "visibility": "private", "hw_cpu_cores": "4", "protected": true,
                "os_secure_boot": "required", "my_flag": "true"})
        );
    }

    #[test]
    fn keys_the_server_would_refuse_are_refused() {
        let mut image = NewImage::default();
        for (key, error) in [
            ("min_disk", InvalidAttribute::BaseAttribute("min_disk".into())),
            ("checksum", InvalidAttribute::ReadOnly("checksum".into())),
            ("os_glance_x", InvalidAttribute::ReadOnly("os_glance_x".into())),
            ("stores", InvalidAttribute::ReadOnly("stores".into())),
            ("", InvalidAttribute::Length),
        ] {
            assert_eq!(image.set_property(key, "v"), Err(error));
        }
        assert_eq!(image.set_property(&"x".repeat(256), "v"), Err(InvalidAttribute::Length));
        assert!(image.set("id", "not-a-uuid").is_err());
        assert!(image.record().is_empty());
    }
}
