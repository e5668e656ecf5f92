//! The record of an image.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::accessors::{getters, setters, values_by_name};
use crate::attribute::{Access, NULLABLE, Place, property_value};
use crate::attribute_table::with_attributes;
use crate::property_key::check_property_key;
use crate::record::Record;
use crate::{Attribute, InvalidAttribute, PatchOp, Status};

/// The id of an image, a UUID in its text form.
pub type ImageId = String;

/// An image record.
///
/// It keeps the record unchanged: reading and writing one loses nothing, neither keys of a newer service nor
/// values of an unexpected type. Methods with openstacksdk's names read the attributes; each states its name
/// on the wire. [`get`](Image::get) accepts either name. [`properties`](Image::properties) are all keys
/// without a method.
///
/// Setters change this copy only; [`ImageClient::commit`](crate::ImageClient::commit) sends the
/// [`changes`](Image::changes): the difference to the last record from the server.
///
/// ```
/// # let mut image: imgpush_client::Image = serde_json::from_str(
/// #     r#"{"id": "a7f0", "status": "active", "os_hidden": false, "hw_cpu_cores": "4"}"#).unwrap();
/// assert_eq!(image.hw_cpu_cores(), Some(4));
/// image.set_hidden(true);
/// image.set_property("owner_specified.build", "814").unwrap();
/// assert_eq!(image.changes().len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Image {
    pub(crate) record: Record,
    /// The last record from the server; set before the first change.
    seen: Option<Box<Record>>,
    import_methods: Vec<String>,
    store_ids: Vec<String>,
}

with_attributes!(getters Image);
with_attributes!(setters Image);
with_attributes!(values_by_name Image);

impl Image {
    pub(crate) fn new(record: Record) -> Result<Self, &'static str> {
        for key in ["id", "status"] {
            if record.text(key).is_none() {
                return Err("an image has an id and a status");
            }
        }
        Ok(Image { record, seen: None, import_methods: Vec::new(), store_ids: Vec::new() })
    }

    /// The id.
    ///
    /// On the wire `id`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.record.text("id").unwrap_or_default()
    }

    /// The name, or the id if the image has no name, for messages.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.name().unwrap_or(self.id())
    }

    /// The status of the image.
    ///
    /// On the wire `status`.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::from(self.record.text("status").unwrap_or_default())
    }

    /// The same as [`owner`](Image::owner), under openstacksdk's other name.
    #[must_use]
    pub fn owner_id(&self) -> Option<&str> {
        self.owner()
    }

    /// The unchanged value of the attribute or property with this name in openstacksdk or on the wire.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.record.get(Attribute::named(name).map_or(name, |attribute| attribute.key))
    }

    /// All keys and unchanged values.
    #[must_use]
    pub fn record(&self) -> &Map<String, Value> {
        &self.record.0
    }

    /// The properties that are not named attributes, like openstacksdk's `properties`.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Value)> {
        let pairs = self.record.0.iter().map(|(key, value)| (&**key, value));
        pairs.filter(|(key, _)| Attribute::of_key(key).is_none())
    }

    /// All keys that are not base attributes: [`properties`](Image::properties), and named attributes such as
    /// `os_distro`.
    pub fn extra_properties(&self) -> impl Iterator<Item = (&str, &Value)> {
        let pairs = self.record.0.iter().map(|(key, value)| (&**key, value));
        pairs.filter(|(key, _)| Attribute::of_key(key).is_none_or(|a| a.place == Place::Extra))
    }

    /// The extra property with this key on the wire, named or not.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&str> {
        self.record.text(key)
    }

    /// Stores that an import is still writing to.
    ///
    /// On the wire `os_glance_importing_to_stores`.
    #[must_use]
    pub fn importing_to_stores(&self) -> Vec<&str> {
        self.record.names("os_glance_importing_to_stores")
    }

    /// Stores that the last import failed to write to; this is a failure whatever the status.
    ///
    /// On the wire `os_glance_failed_import`.
    #[must_use]
    pub fn failed_import(&self) -> Vec<&str> {
        self.record.names("os_glance_failed_import")
    }

    /// The task of the running import; none once it is over.
    ///
    /// On the wire `os_glance_import_task`.
    #[must_use]
    pub fn import_task(&self) -> Option<&str> {
        self.record.text("os_glance_import_task")
    }

    /// The import methods that the service offered in the response to the creation; empty on other records.
    /// openstacksdk's `image_import_methods`.
    #[must_use]
    pub fn import_methods(&self) -> &[String] {
        &self.import_methods
    }

    /// The stores that the service offered in the response to the creation; the default store is not
    /// necessarily the first.
    #[must_use]
    pub fn store_ids(&self) -> &[String] {
        &self.store_ids
    }

    pub(crate) fn offered(mut self, import_methods: Vec<String>, store_ids: Vec<String>) -> Self {
        (self.import_methods, self.store_ids) = (import_methods, store_ids);
        self
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
        if attribute.access != Access::Update {
            return Err(InvalidAttribute::ReadOnly(attribute.key.to_owned()));
        }
        let value = attribute.to_wire(value.into())?;
        self.change().set(attribute.key, value);
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
        set_property(self.change(), key, value.into())
    }

    /// Sets a base attribute to null, if that is allowed, or removes a property. Returns whether it had a
    /// value. A property whose key is openstacksdk's name of an attribute, such as `is_hidden`, takes
    /// precedence over that attribute.
    ///
    /// # Errors
    ///
    /// [`InvalidAttribute::Needed`] and [`InvalidAttribute::ReadOnly`].
    pub fn unset(&mut self, name: &str) -> Result<bool, InvalidAttribute> {
        if Attribute::of_key(name).is_none() && self.record.get(name).is_some() {
            check_property_key(name)?;
            return Ok(self.change().0.remove(name).is_some());
        }
        let attribute = Attribute::named(name);
        let key = attribute.map_or(name, |attribute| attribute.key);
        match attribute {
            Some(Attribute { access: Access::Service | Access::Create, .. }) => {
                return Err(InvalidAttribute::ReadOnly(key.to_owned()));
            }
            Some(Attribute { place: Place::Base, .. }) if !NULLABLE.contains(&key) => {
                return Err(InvalidAttribute::Needed(key.to_owned()));
            }
            Some(Attribute { place: Place::Base, .. }) => {
                let was = self.record.get(key).is_some_and(|value| !value.is_null());
                self.change().set(key, Value::Null);
                return Ok(was);
            }
            _ => check_property_key(key)?,
        }
        Ok(self.change().0.remove(key).is_some())
    }

    /// The operations that turn the server's record into this one, by path.
    #[must_use]
    pub fn changes(&self) -> Vec<PatchOp> {
        match &self.seen {
            Some(seen) => PatchOp::between(seen, &self.record),
            None => Vec::new(),
        }
    }

    /// The record, for changes; the server's version is saved before the first change.
    fn change(&mut self) -> &mut Record {
        if self.seen.is_none() {
            self.seen = Some(Box::new(self.record.clone()));
        }
        &mut self.record
    }
}

/// Sets an extra property of a record.
pub(crate) fn set_property(
    record: &mut Record,
    key: &str,
    value: Value,
) -> Result<(), InvalidAttribute> {
    check_property_key(key)?;
    let value = property_value(value).ok_or_else(|| InvalidAttribute::Value {
        name: key.to_owned(),
        expected: "text, a number, true or false",
    })?;
    record.set(key, value);
    Ok(())
}

/// Compares the current values, including changes that were not sent.
impl PartialEq for Image {
    fn eq(&self, other: &Self) -> bool {
        // The server returns tags in varying order.
        let plain = |image: &Image| {
            let mut record = image.record.clone();
            if record.get("tags").is_some() {
                record.set("tags", image.tags().into_iter().collect());
            }
            record
        };
        plain(self) == plain(other)
    }
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.record.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Image::new(Record::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Visibility;

    fn image(json: Value) -> Image {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn unknown_and_invalid_values_are_kept() {
        let json = json!({"id": "x", "status": "melting", "visibility": "moonlit", "size": "much",
            "min_disk": "20", "hw_cpu_cores": "four", "os_shutdown_timeout": "60",
            "instance_type_rxtx_factor": "1.5", "tags": "none", "new_key": {"deep": [1]}});
        let image = image(json.clone());
        assert_eq!(image.status(), Status::Other("melting".into()));
        assert_eq!(image.visibility(), Some(Visibility::Other("moonlit".into())));
        assert_eq!((image.size(), image.get("size")), (None, Some(&json!("much"))));
        assert_eq!(image.min_disk(), Some(20));
        assert_eq!((image.hw_cpu_cores(), image.property("hw_cpu_cores")), (None, Some("four")));
        assert_eq!(image.os_shutdown_timeout(), Some(60));
        assert_eq!(image.instance_type_rxtx_factor(), Some(1.5));
        assert!(image.tags().is_empty());
        assert_eq!(serde_json::to_value(&image).unwrap(), json);
        assert!(serde_json::from_value::<Image>(json!({"status": "queued"})).is_err());
    }

    #[test]
    fn booleans_of_properties_are_parsed_as_by_nova() {
        for (text, flag) in [
            ("true", true),
            (" True ", true),
            ("1", true),
            ("y", true),
            ("on", true),
            ("False", false),
            ("no", false),
            ("perhaps", false),
        ] {
            let image = image(json!({"id": "x", "status": "active", "hw_boot_menu": text}));
            assert_eq!(image.is_hw_boot_menu_enabled(), Some(flag), "{text}");
        }
    }

    #[test]
    fn only_changes_are_sent() {
        let mut image =
            image(json!({"id": "x", "status": "active", "name": "a", "os_hidden": false,
            "tags": ["b", "a"], "disk_format": "raw", "os_distro": "debian", "old/key": "1"}));
        assert_eq!(image.changes(), []);
        image.set_name("a");
        image.set_tags(["a", "b"]);
        image.set("is_hidden", false).unwrap();
        assert_eq!(image.changes(), [], "nothing is different");

        image.set_hw_cpu_cores(4);
        image.set("os_hidden", "true").unwrap();
        image.set_tags(["a", "c"]);
        assert_eq!(image.unset("os_distro"), Ok(true));
        assert_eq!(image.unset("old/key"), Ok(true));
        assert_eq!(image.unset("never_there"), Ok(false));
        assert_eq!(image.unset("name"), Ok(true));
        assert_eq!(
            image.changes(),
            [
                PatchOp::Add("hw_cpu_cores".into(), json!("4")),
                PatchOp::Replace("name".into(), json!(null)),
                PatchOp::Remove("old/key".into()),
                PatchOp::Remove("os_distro".into()),
                PatchOp::Replace("os_hidden".into(), json!(true)),
                PatchOp::Replace("tags".into(), json!(["a", "c"])),
            ]
        );
    }

    /// A value for the setter of each type.
    macro_rules! sample {
        (text) => {
            "some text"
        };
        (flag) => {
            true
        };
        (boolean) => {
            true
        };
        (count) => {
            7
        };
        (integer) => {
            7
        };
        (float) => {
            1.5
        };
        (visibility) => {
            Visibility::Private
        };
        (tags) => {
            ["a", "b"]
        };
        (locations) => {
            &[crate::Location::at("http://h/i")]
        };
    }

    /// Every setter must have the same effect as setting by name, and be visible under both names.
    macro_rules! every_setter {
        ($($(#[$doc:meta])* $kind:ident $name:ident $(($setter:ident))? = $key:literal
            $place:ident $access:ident;)*) => {
            #[test]
            fn setters_and_names_agree() {
                let mut count = 0;
                $($(
                    let mut by_method = image(json!({"id": "x", "status": "active"}));
                    by_method.$setter(sample!($kind));
                    let attribute = Attribute::named(stringify!($name)).unwrap();
                    let value = by_method.attribute(attribute);
                    assert_eq!(value, json!(sample!($kind)), "{attribute:?}");
                    assert_eq!(by_method.record().len(), 3);
                    let wire = by_method.get($key).unwrap();
                    assert_eq!(wire.is_string(), attribute.place == Place::Extra || value.is_string());

                    let mut by_name = image(json!({"id": "x", "status": "active"}));
                    by_name.set(stringify!($name), value.clone()).unwrap();
                    assert_eq!(by_name, by_method, "{attribute:?}");
                    let mut by_key = image(json!({"id": "x", "status": "active"}));
                    by_key.set($key, value).unwrap();
                    assert_eq!(by_key, by_method, "{attribute:?}");
                    count += 1;
                )?)*
                assert!(count >= 45, "only {count} setters");
            }
        };
    }
    with_attributes!(every_setter);

    #[test]
    fn names_of_properties_are_case_sensitive() {
        let mut image = image(json!({"id": "x", "status": "active", "name": "n", "os_distro": "a",
            "OS_DISTRO": "b", "Name": "c", "Owner": "d"}));
        assert_eq!(image.get("OS_DISTRO"), Some(&json!("b")));
        assert_eq!(image.unset("OS_DISTRO"), Ok(true));
        assert_eq!(image.unset("Owner"), Ok(true));
        image.set("Name", "e").unwrap();
        image.set("Min_Disk", "1").unwrap();
        assert_eq!(
            image.changes(),
            [
                PatchOp::Add("Min_Disk".into(), json!("1")),
                PatchOp::Replace("Name".into(), json!("e")),
                PatchOp::Remove("OS_DISTRO".into()),
                PatchOp::Remove("Owner".into()),
            ]
        );
        assert_eq!((image.name(), image.os_distro()), (Some("n"), Some("a")));
    }

    #[test]
    fn a_property_with_a_name_of_openstacksdk_can_be_removed() {
        let json = json!({"id": "x", "status": "active", "os_hidden": true, "os_secure_boot": "required",
            "is_hidden": "true", "needs_secure_boot": "optional"});
        let mut literal = image(json.clone());
        assert_eq!(literal.unset("is_hidden"), Ok(true));
        assert_eq!(literal.unset("needs_secure_boot"), Ok(true));
        let removed = ["is_hidden", "needs_secure_boot"].map(|key| PatchOp::Remove(key.into()));
        assert_eq!(literal.changes(), removed);

        // Without such a property it is the attribute.
        assert_eq!(literal.unset("needs_secure_boot"), Ok(true));
        assert_eq!(literal.unset("is_hidden"), Err(InvalidAttribute::Needed("os_hidden".into())));
    }

    #[test]
    fn where_the_data_is_stored_is_read() {
        let image =
            image(json!({"id": "x", "status": "active", "store": "fast", "url": "http://h/i",
            "metadata": {"region": "a"}}));
        assert_eq!((image.store(), image.url()), (Some("fast"), Some("http://h/i")));
        assert_eq!(image.metadata().and_then(|metadata| metadata.get("region")), Some(&json!("a")));
        assert!(!format!("{image:?}").contains("http://h/i"), "an address may contain a password");
        assert_eq!(image.properties().count(), 0);
    }

    #[test]
    fn attributes_of_the_server_cannot_be_set() {
        let mut image = image(json!({"id": "x", "status": "active"}));
        for name in ["id", "status", "checksum", "hash_value", "os_glance_import_task", "store"] {
            let error = image.set(name, "v").unwrap_err();
            assert!(matches!(error, InvalidAttribute::ReadOnly(_)), "{name}: {error}");
        }
        assert_eq!(
            image.set_property("min_disk", "1"),
            Err(InvalidAttribute::BaseAttribute("min_disk".into()))
        );
        assert_eq!(image.unset("visibility"), Err(InvalidAttribute::Needed("visibility".into())));
        assert_eq!(image.changes(), []);
    }
}
